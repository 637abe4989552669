"""As in Chroma: the names of types."""

from ..embedding import DefaultEmbeddingFunction as DefaultEmbeddingFunction
from ..types import *  # noqa: F403
