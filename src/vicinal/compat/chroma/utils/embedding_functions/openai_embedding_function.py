"""As in Chroma: models of OpenAI."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import numpy as np

from ...embedding import EmbeddingFunction, Vectors, register_embedding_function

__all__ = ["OpenAIEmbeddingFunction"]


@register_embedding_function
class OpenAIEmbeddingFunction(EmbeddingFunction[Any]):
    """A model of OpenAI, or of a server with the same protocol, through the package openai.

    Args:
        api_key: by default that of the environment, under `api_key_env_var`. The name is stored, the key never.
    """

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "text-embedding-ada-002",
        organization_id: str | None = None,
        api_base: str | None = None,
        default_headers: dict[str, str] | None = None,
        dimensions: int | None = None,
        api_key_env_var: str = "CHROMA_OPENAI_API_KEY",
    ) -> None:
        try:
            openai: Any = import_module("openai")
        except ImportError:
            raise ValueError("openai is not installed: pip install openai") from None
        key = api_key or os.environ.get(api_key_env_var) or os.environ.get("OPENAI_API_KEY")
        if not key:
            raise ValueError(f"no key of OpenAI: pass api_key=, or set {api_key_env_var}")
        self._config = {
            "api_key_env_var": api_key_env_var,
            "model_name": model_name,
            "organization_id": organization_id,
            "api_base": api_base,
            "default_headers": default_headers,
            "dimensions": dimensions,
        }
        self._client = openai.OpenAI(
            api_key=key, base_url=api_base, organization=organization_id, default_headers=default_headers
        )

    def __call__(self, input: Any) -> Vectors:
        more = {} if self._config["dimensions"] is None else {"dimensions": self._config["dimensions"]}
        found = self._client.embeddings.create(model=self._config["model_name"], input=list(input), **more)
        return [np.asarray(one.embedding, dtype=np.float32) for one in found.data]

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "openai"

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> OpenAIEmbeddingFunction:
        """Recreates the function, with the current key of the environment."""
        return OpenAIEmbeddingFunction(**config)

    def get_config(self) -> dict[str, Any]:
        """The configuration of the model."""
        return dict(self._config)

    def default_space(self) -> str:
        """The metric that OpenAI recommends."""
        return "cosine"
