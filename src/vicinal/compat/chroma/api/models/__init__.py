"""As in Chroma: the classes of collections, one module each."""

from ...modules import loaded_when_asked

__getattr__ = loaded_when_asked(__name__, "AsyncCollection", "Collection")
