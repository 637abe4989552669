"""As in Chroma: models of Cohere."""

from __future__ import annotations

from typing import Any, ClassVar

from .....encoders.served.cohere import CohereEncoder
from ...embedding import register_embedding_function
from .served import Protocol, ServedFunction, key_of

__all__ = ["CohereEmbeddingFunction"]

_SPACES = {
    "embed-english-v2.0": ["cosine"],
    "embed-english-light-v2.0": ["cosine"],
    "embed-multilingual-v2.0": ["ip"],
}


class _Cohere(Protocol, CohereEncoder):
    key_variables: ClassVar[tuple[str, ...]] = ()


@register_embedding_function
class CohereEmbeddingFunction(ServedFunction):
    """A model of Cohere, or of a server at CO_API_URL with the same protocol.

    Queries are encoded like documents, as in Chroma.
    """

    arguments: ClassVar[tuple[str, ...]] = ("api_key_env_var", "model_name")

    def __init__(
        self, api_key: str | None = None, model_name: str = "large", api_key_env_var: str = "CHROMA_COHERE_API_KEY"
    ) -> None:
        key, self.api_key_env_var = key_of("Cohere", api_key, api_key_env_var, "COHERE_API_KEY")
        self.model_name = model_name
        self._encoder = _Cohere(model_name, key)

    def embed_query(self, input: Any) -> Any:
        """The same as for documents."""
        return self(input)

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "cohere"

    def default_space(self) -> str:
        """The metric that Cohere recommends."""
        return self.supported_spaces()[0]

    def supported_spaces(self) -> list[str]:
        """The metrics that the model supports."""
        return list(_SPACES.get(self.model_name, ["cosine", "l2", "ip"]))
