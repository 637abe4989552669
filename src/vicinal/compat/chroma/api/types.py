"""As in Chroma: the names of types."""

from ..embedding import DefaultEmbeddingFunction
from ..types import *  # noqa: F403
from ..types import __all__ as _names

__all__ = [*_names, "DefaultEmbeddingFunction"]  # noqa: PLE0604
