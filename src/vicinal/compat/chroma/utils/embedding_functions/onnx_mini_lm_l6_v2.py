"""As in Chroma: MiniLM."""

from ...embedding import ONNXMiniLM_L6_V2

__all__ = ["ONNXMiniLM_L6_V2"]
