"""As in Chroma: models of Mistral."""

from __future__ import annotations

from typing import ClassVar

from ...embedding import register_embedding_function
from .served import ListCodesProtocol, ServedFunction, key_of

__all__ = ["MistralEmbeddingFunction"]


class _Mistral(ListCodesProtocol):
    """The protocol: docs.mistral.ai/api/endpoint/embeddings."""

    protocol: ClassVar[str] = "mistral"
    default_url: ClassVar[str] = "https://api.mistral.ai"
    url_variable: ClassVar[str] = "MISTRAL_API_URL"
    texts_max: ClassVar[int] = 512
    chars_max: ClassVar[int] = 16_000  # about the limit in tokens, at most one per character


@register_embedding_function
class MistralEmbeddingFunction(ServedFunction):
    """A model of Mistral, or of a server at MISTRAL_API_URL with the same protocol. The key is in the environment."""

    arguments: ClassVar[tuple[str, ...]] = ("model", "api_key_env_var")
    required: ClassVar[tuple[str, ...]] = arguments
    fixed: ClassVar[tuple[str, ...]] = ("model",)

    def __init__(self, model: str, api_key_env_var: str = "MISTRAL_API_KEY") -> None:
        key, self.api_key_env_var = key_of("Mistral", None, api_key_env_var, api_key_env_var)
        self.model = model
        self._encoder = _Mistral(model, key)

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "mistral"
