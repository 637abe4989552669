"""As in Chroma: the class of collections whose calls are awaited."""

from ...aio import AsyncCollection

__all__ = ["AsyncCollection"]
