"""As in Chroma: models of Jina."""

from __future__ import annotations

from typing import ClassVar, TypedDict

from ...embedding import register_embedding_function
from .served import ListCodesProtocol, ServedFunction, key_of

__all__ = ["JinaEmbeddingFunction", "JinaQueryConfig"]


class JinaQueryConfig(TypedDict):
    """Request parameters for queries."""

    task: str


class _Jina(ListCodesProtocol):
    """The protocol: api.jina.ai/redoc."""

    protocol: ClassVar[str] = "jina"
    default_url: ClassVar[str] = "https://api.jina.ai"
    url_variable: ClassVar[str] = "JINA_API_URL"
    texts_max: ClassVar[int] = 512


@register_embedding_function
class JinaEmbeddingFunction(ServedFunction):
    """A model of Jina, or of a server at JINA_API_URL with the same protocol.

    Args:
        query_config: overrides the other arguments for queries, such as
            `{"task": "retrieval.query"}`.
    """

    _asked: ClassVar[tuple[str, ...]] = (
        "task",
        "late_chunking",
        "truncate",
        "dimensions",
        "embedding_type",
        "normalized",
    )
    arguments: ClassVar[tuple[str, ...]] = ("api_key_env_var", "model_name", *_asked, "query_config")

    def __init__(
        self,
        api_key: str | None = None,
        model_name: str = "jina-embeddings-v2-base-en",
        api_key_env_var: str = "CHROMA_JINA_API_KEY",
        task: str | None = None,
        late_chunking: bool | None = None,
        truncate: bool | None = None,
        dimensions: int | None = None,
        embedding_type: str | None = None,
        normalized: bool | None = None,
        query_config: JinaQueryConfig | None = None,
    ) -> None:
        key, self.api_key_env_var = key_of("Jina", api_key, api_key_env_var, "JINA_API_KEY")
        self.model_name = model_name
        self.task = task
        self.late_chunking = late_chunking
        self.truncate = truncate
        self.dimensions = dimensions
        self.embedding_type = embedding_type
        self.normalized = normalized
        self.query_config = query_config
        more = {name: getattr(self, name) for name in self._asked}
        self._encoder = _Jina(model_name, key, more=more, query=query_config)

    @staticmethod
    def name() -> str:
        """The name in a collection's configuration."""
        return "jina"
