"""As in Chroma: models of Ollama."""

from __future__ import annotations

from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from ...embedding import register_embedding_function
from .served import Protocol, ServedFunction

__all__ = ["DEFAULT_MODEL_NAME", "OllamaEmbeddingFunction"]

DEFAULT_MODEL_NAME: Final = "chroma/all-minilm-l6-v2-f32"
_OLD_PATH: Final = "/api/embeddings"  # which programs used to pass


class _Ollama(Protocol):
    """The protocol: docs.ollama.com/api/embed."""

    protocol: ClassVar[str] = "ollama"
    default_url: ClassVar[str] = "http://localhost:11434"
    url_variable: ClassVar[str] = "OLLAMA_HOST"
    texts_max: ClassVar[int] = 512
    chars_max: ClassVar[int] = 1_000_000

    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        return "api/embed", {"model": self.model, "input": texts}

    def _vectors(self, answer: Any) -> list[Any]:
        vectors: list[Any] = answer["embeddings"]
        return vectors


@register_embedding_function
class OllamaEmbeddingFunction(ServedFunction):
    """A model that Ollama runs, on this machine or another.

    Args:
        timeout: seconds to wait for a response.
    """

    arguments: ClassVar[tuple[str, ...]] = ("url", "model_name", "timeout")
    required: ClassVar[tuple[str, ...]] = arguments

    def __init__(
        self, url: str = "http://localhost:11434", model_name: str = DEFAULT_MODEL_NAME, timeout: float = 60
    ) -> None:
        self.url = url
        self.model_name = model_name
        self.timeout = timeout
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}" if url.endswith(_OLD_PATH) else url
        self._encoder = _Ollama(model_name, None, url=base, timeout=timeout)

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "ollama"
