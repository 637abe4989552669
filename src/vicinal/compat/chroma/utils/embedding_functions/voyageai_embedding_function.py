"""As in Chroma: models of Voyage AI."""

from __future__ import annotations

from typing import ClassVar

from ...embedding import register_embedding_function
from .served import ListCodesProtocol, ServedFunction, key_of

__all__ = ["VoyageAIEmbeddingFunction"]


class _Voyage(ListCodesProtocol):
    """The protocol: docs.voyageai.com/reference/embeddings-api."""

    protocol: ClassVar[str] = "voyageai"
    default_url: ClassVar[str] = "https://api.voyageai.com"
    url_variable: ClassVar[str] = "VOYAGE_API_URL"
    texts_max: ClassVar[int] = 128
    chars_max: ClassVar[int] = 120_000  # the limit in tokens, at most one per character


@register_embedding_function
class VoyageAIEmbeddingFunction(ServedFunction):
    """A model of Voyage AI, or of a server at VOYAGE_API_URL with the same protocol.

    Args:
        input_type: "document", "query", or None; for documents and queries alike, as in Chroma.
        truncation: whether a text that is too long is truncated rather than rejected.
    """

    arguments: ClassVar[tuple[str, ...]] = ("api_key_env_var", "model_name", "input_type", "truncation")

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "voyage-large-2",
        api_key_env_var: str = "CHROMA_VOYAGE_API_KEY",
        input_type: str | None = None,
        truncation: bool = True,
    ) -> None:
        key, self.api_key_env_var = key_of("Voyage AI", api_key, api_key_env_var, "VOYAGE_API_KEY")
        self.model_name = model_name
        self.input_type = input_type
        self.truncation = True if truncation is None else truncation
        self._encoder = _Voyage(model_name, key, more={"input_type": input_type, "truncation": self.truncation})

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "voyageai"
