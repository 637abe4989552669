"""As in Chroma: the class of collections."""

from ...collection import Collection

__all__ = ["Collection"]
