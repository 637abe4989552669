"""Embedding functions of Chroma that are not supported: they can be imported, but raise an error when created."""

from __future__ import annotations

from typing import Any, Final

from ...embedding import EmbeddingFunction, known_embedding_functions

__all__ = ["LEFT_OUT"]

_NAMES: Final = (
    "AmazonBedrockEmbeddingFunction",
    "BasetenEmbeddingFunction",
    "Bm25EmbeddingFunction",
    "ChromaBm25EmbeddingFunction",
    "ChromaCloudQwenEmbeddingFunction",
    "ChromaCloudSpladeEmbeddingFunction",
    "CloudflareWorkersAIEmbeddingFunction",
    "FastembedSparseEmbeddingFunction",
    "GoogleGeminiEmbeddingFunction",
    "GoogleGenaiEmbeddingFunction",
    "GooglePalmEmbeddingFunction",
    "GoogleVertexEmbeddingFunction",
    "HuggingFaceSparseEmbeddingFunction",
    "InstructorEmbeddingFunction",
    "MorphEmbeddingFunction",
    "NomicEmbeddingFunction",
    "OpenCLIPEmbeddingFunction",
    "PerplexityEmbeddingFunction",
    "RoboflowEmbeddingFunction",
    "Text2VecEmbeddingFunction",
    "TogetherAIEmbeddingFunction",
)


class _LeftOut(EmbeddingFunction[Any]):
    """Not supported."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        there = sorted({one.__name__ for one in known_embedding_functions.values()})
        raise ValueError(
            f"{type(self).__name__} is not here. There are {', '.join(there)}; any other model is a class of your own "
            "that is derived from EmbeddingFunction, or one of LangChain's by create_langchain_embedding."
        )


LEFT_OUT: Final[dict[str, type[EmbeddingFunction[Any]]]] = {
    name: type(name, (_LeftOut,), {"__module__": __name__}) for name in _NAMES
}
