"""As in Chroma: models of Hugging Face, in their service or behind your own server."""

from __future__ import annotations

import os
from typing import Any, ClassVar, Final
from urllib.parse import quote

from .....inputs.services import checked_url
from ...embedding import register_embedding_function
from .served import Protocol, ServedFunction, key_of, warn_of_key

__all__ = ["HuggingFaceEmbeddingFunction", "HuggingFaceEmbeddingServer"]

_KEY: Final = "HUGGINGFACE_API_KEY"


class _HuggingFace(Protocol):
    """The protocol: huggingface.co/docs/inference-providers/tasks/feature-extraction."""

    protocol: ClassVar[str] = "huggingface"
    default_url: ClassVar[str] = "https://router.huggingface.co/hf-inference"
    url_variable: ClassVar[str] = "HF_INFERENCE_ENDPOINT"
    texts_max: ClassVar[int] = 32  # the default limit of their server
    chars_max: ClassVar[int] = 1_000_000

    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        return f"models/{quote(self.model)}/pipeline/feature-extraction", {"inputs": texts}

    def _vectors(self, answer: Any) -> list[Any]:
        vectors: list[Any] = answer
        return vectors


class _Server(_HuggingFace):
    """A server with one model, at a path given by the program.

    The protocol: github.com/huggingface/text-embeddings-inference.
    """

    def __init__(self, url: str, api_key: str | None) -> None:
        whole = checked_url(url, example="http://localhost:8080/embed")
        has_path = "/" in whole.partition("://")[2]
        base, _, path = whole.rpartition("/") if has_path else (whole, "", "")
        self._path: str = path
        super().__init__("server", api_key, url=base)

    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        return self._path, {"inputs": texts}


@register_embedding_function
class HuggingFaceEmbeddingFunction(ServedFunction):
    """A model in the service of Hugging Face, or of a server at HF_INFERENCE_ENDPOINT with the same protocol."""

    arguments: ClassVar[tuple[str, ...]] = ("api_key_env_var", "model_name")

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "sentence-transformers/all-MiniLM-L6-v2",
        api_key_env_var: str = "CHROMA_HUGGINGFACE_API_KEY",
    ) -> None:
        key, self.api_key_env_var = key_of("Hugging Face", api_key, api_key_env_var, _KEY)
        self.model_name = model_name
        self._encoder = _HuggingFace(model_name, key)

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "huggingface"


@register_embedding_function
class HuggingFaceEmbeddingServer(ServedFunction):
    """A model behind your own server.

    Args:
        url: with the path, such as "http://localhost:8080/embed".
    """

    arguments: ClassVar[tuple[str, ...]] = ("url", "api_key_env_var")
    required: ClassVar[tuple[str, ...]] = ("url",)

    def __init__(self, url: str, api_key_env_var: str | None = None, api_key: str | None = None) -> None:
        if api_key is not None:
            warn_of_key()
        self.url = url
        self.api_key_env_var = _KEY if os.environ.get(_KEY) is not None else api_key_env_var
        found = None if self.api_key_env_var is None else os.environ.get(self.api_key_env_var)
        self._encoder = _Server(url, api_key or found or None)

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "huggingface_server"

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Rejects a change of the URL.

        Raises:
            ValueError: the URL differs.
        """
        if new_config.get("url", self.url) != self.url:
            raise ValueError("url cannot be changed: vectors of two models cannot be compared")
