"""As in Chroma: models of Google's generative service."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from ...embedding import register_embedding_function
from .served import Protocol, ServedFunction, key_of

__all__ = ["GoogleGenerativeAiEmbeddingFunction"]


class _Google(Protocol):
    """The protocol: ai.google.dev/api/embeddings."""

    protocol: ClassVar[str] = "google"
    default_url: ClassVar[str] = "https://generativelanguage.googleapis.com"
    url_variable: ClassVar[str] = "GOOGLE_GEMINI_BASE_URL"
    texts_max: ClassVar[int] = 100
    chars_max: ClassVar[int] = 1_000_000
    key_header: ClassVar[str] = "x-goog-api-key"

    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        model = self.model if "/" in self.model else f"models/{self.model}"
        more = self._more[is_query]
        requests = [{"model": model, "content": {"parts": [{"text": text}]}, **more} for text in texts]
        return f"v1beta/{quote(model)}:batchEmbedContents", {"requests": requests}

    def _vectors(self, answer: Any) -> list[Any]:
        return [one["values"] for one in answer["embeddings"]]


@register_embedding_function
class GoogleGenerativeAiEmbeddingFunction(ServedFunction):
    """A model of Google, or of a server at GOOGLE_GEMINI_BASE_URL with the same protocol.

    Args:
        task_type: "RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY" and others; for documents and queries alike, as in Chroma.
        dimension: components of a vector, for models that let you choose.
    """

    arguments: ClassVar[tuple[str, ...]] = ("api_key_env_var", "model_name", "task_type", "dimension")
    required: ClassVar[tuple[str, ...]] = ("api_key_env_var", "model_name", "task_type")
    fixed: ClassVar[tuple[str, ...]] = ("model_name", "task_type", "dimension")

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "gemini-embedding-001",
        task_type: str = "RETRIEVAL_DOCUMENT",
        api_key_env_var: str = "GEMINI_API_KEY",
        dimension: int | None = None,
    ) -> None:
        key, self.api_key_env_var = key_of("Google", api_key, api_key_env_var, "GOOGLE_API_KEY")
        self.model_name = model_name
        self.task_type = task_type
        self.dimension = dimension
        self._encoder = _Google(model_name, key, more={"taskType": task_type, "outputDimensionality": dimension})

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "google_generative_ai"

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments without the key, and without the dimension if the model chooses it."""
        config = super().get_config()
        if self.dimension is None:
            del config["dimension"]
        return config
