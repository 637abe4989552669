"""As in Chroma: embedding functions, and batches."""

from ..modules import loaded_when_asked

__getattr__ = loaded_when_asked(__name__, "batch_utils", "embedding_functions")
