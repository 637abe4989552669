"""As in Chroma: embedding functions, one module per service."""

from __future__ import annotations

from typing import Any

from ...embedding import (
    DefaultEmbeddingFunction,
    EmbeddingFunction,
    ONNXMiniLM_L6_V2,
    config_to_embedding_function,
    known_embedding_functions,
    register_embedding_function,
)
from .chroma_langchain_embedding_function import ChromaLangchainEmbeddingFunction, create_langchain_embedding
from .cohere_embedding_function import CohereEmbeddingFunction
from .google_embedding_function import GoogleGenerativeAiEmbeddingFunction
from .huggingface_embedding_function import HuggingFaceEmbeddingFunction, HuggingFaceEmbeddingServer
from .jina_embedding_function import JinaEmbeddingFunction, JinaQueryConfig
from .mistral_embedding_function import MistralEmbeddingFunction
from .ollama_embedding_function import OllamaEmbeddingFunction
from .openai_embedding_function import OpenAIEmbeddingFunction
from .sentence_transformer_embedding_function import SentenceTransformerEmbeddingFunction
from .unsupported import LEFT_OUT
from .voyageai_embedding_function import VoyageAIEmbeddingFunction

__all__ = [
    "ChromaLangchainEmbeddingFunction",
    "CohereEmbeddingFunction",
    "DefaultEmbeddingFunction",
    "EmbeddingFunction",
    "GoogleGenerativeAiEmbeddingFunction",
    "HuggingFaceEmbeddingFunction",
    "HuggingFaceEmbeddingServer",
    "JinaEmbeddingFunction",
    "JinaQueryConfig",
    "MistralEmbeddingFunction",
    "ONNXMiniLM_L6_V2",
    "OllamaEmbeddingFunction",
    "OpenAIEmbeddingFunction",
    "SentenceTransformerEmbeddingFunction",
    "VoyageAIEmbeddingFunction",
    "config_to_embedding_function",
    "create_langchain_embedding",
    "get_builtins",
    "known_embedding_functions",
    "register_embedding_function",
]


def __getattr__(name: str) -> Any:
    if name in LEFT_OUT:
        return LEFT_OUT[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_builtins() -> set[str]:
    """Names of the available classes."""
    return {name for name in __all__ if name.endswith(("EmbeddingFunction", "Server", "V2"))} - {"EmbeddingFunction"}
