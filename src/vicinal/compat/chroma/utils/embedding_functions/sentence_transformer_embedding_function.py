"""As in Chroma: models of sentence-transformers."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from ...embedding import EmbeddingFunction, Vectors, register_embedding_function

__all__ = ["SentenceTransformerEmbeddingFunction"]


@register_embedding_function
class SentenceTransformerEmbeddingFunction(EmbeddingFunction[Any]):
    """A model of sentence-transformers, which must be installed."""

    def __init__(
        self,
        model_name: str = "all-MiniLM-L6-v2",
        device: str = "cpu",
        normalize_embeddings: bool = False,
        **kwargs: Any,
    ) -> None:
        try:
            sentence_transformers: Any = import_module("sentence_transformers")
        except ImportError:
            raise ValueError("sentence_transformers is not installed: pip install sentence_transformers") from None
        self._config = {
            "model_name": model_name,
            "device": device,
            "normalize_embeddings": normalize_embeddings,
            "kwargs": kwargs,
        }
        self._model = sentence_transformers.SentenceTransformer(model_name, device=device, **kwargs)

    def __call__(self, input: Any) -> Vectors:
        normalized = self._config["normalize_embeddings"]
        vectors = self._model.encode(list(input), convert_to_numpy=True, normalize_embeddings=normalized)
        return [np.asarray(vector, dtype=np.float32) for vector in vectors]

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "sentence_transformer"

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> SentenceTransformerEmbeddingFunction:
        """Recreates the function."""
        rest = {key: value for key, value in config.items() if key != "kwargs"}
        return SentenceTransformerEmbeddingFunction(**rest, **config.get("kwargs", {}))

    def get_config(self) -> dict[str, Any]:
        """The configuration of the model."""
        return dict(self._config)
