"""As in Chroma: LangChain embeddings as an embedding function."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NoReturn

import numpy as np

from ...embedding import EmbeddingFunction, Vectors, known_embedding_functions

__all__ = ["ChromaLangchainEmbeddingFunction", "create_langchain_embedding"]

_ANEW = "LangChain's embeddings cannot be recreated from a configuration: pass create_langchain_embedding(...) again"


class ChromaLangchainEmbeddingFunction(EmbeddingFunction[Any]):
    """LangChain embeddings. They must be passed again to each `get_collection`.

    Args:
        embedding_function: an instance of a subclass of `langchain_core.embeddings.Embeddings`.
    """

    def __init__(self, embedding_function: Any) -> None:
        try:
            embeddings: Any = import_module("langchain_core.embeddings")
        except ImportError:
            raise ValueError("langchain_core is not installed: pip install langchain-core") from None
        if not isinstance(embedding_function, embeddings.Embeddings):
            raise ValueError(
                f"langchain_core.embeddings.Embeddings are wanted, and {type(embedding_function).__name__} is not."
            )
        self.embedding_function: Any = embedding_function

    def __call__(self, input: Any) -> Vectors:
        """Returns one vector for each text; for `("images", uris)`, from LangChain's loader, one for each picture."""
        if isinstance(input, tuple) and len(input) == 2 and input[0] == "images":
            vectors = self.embed_image(list(input[1]))
        else:
            vectors = self.embed_documents(input)
        return [np.asarray(vector, dtype=np.float32) for vector in vectors]

    def embed_documents(self, documents: Any) -> list[list[float]]:
        """The method that LangChain calls."""
        vectors: list[list[float]] = self.embedding_function.embed_documents(list(documents))
        return vectors

    def embed_query(self, input: Any = None, *, query: str | None = None) -> Any:
        """Returns the vector of one text, as for LangChain, or one for each of a list, as for a collection."""
        asked = query if query is not None else input
        if isinstance(asked, str):
            return self.embedding_function.embed_query(asked)
        return [np.asarray(self.embedding_function.embed_query(text), dtype=np.float32) for text in asked]

    def embed_image(self, uris: list[str]) -> list[list[float]]:
        """Returns one vector for each picture.

        Raises:
            ValueError: the embeddings do not support pictures.
        """
        if not hasattr(self.embedding_function, "embed_image"):
            raise ValueError(f"{type(self.embedding_function).__name__} makes no vectors of images")
        vectors: list[list[float]] = self.embedding_function.embed_image(uris)
        return vectors

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "langchain"

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> NoReturn:
        """Not supported.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(_ANEW)

    def get_config(self) -> dict[str, Any]:
        """Returns the name of the class."""
        return {"embedding_function_class": type(self.embedding_function).__name__, "note": _ANEW}

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> NoReturn:
        """Not supported.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(_ANEW)


def create_langchain_embedding(langchain_embedding_fn: Any) -> ChromaLangchainEmbeddingFunction:
    """Returns LangChain embeddings as an embedding function."""
    return ChromaLangchainEmbeddingFunction(embedding_function=langchain_embedding_fn)


known_embedding_functions["chroma_langchain"] = ChromaLangchainEmbeddingFunction  # Chroma's list and class differ
