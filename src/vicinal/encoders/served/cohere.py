"""Embeddings by Cohere's protocol, version 2, which distinguishes queries from texts.

The protocol: docs.cohere.com/reference/embed.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .base import ServedEncoder

__all__ = ["CohereEncoder"]


class CohereEncoder(ServedEncoder):
    """`encoder="cohere:embed-v4.0"`; key and URL from COHERE_API_KEY or CO_API_KEY, and CO_API_URL."""

    protocol: ClassVar[str] = "cohere"
    default_url: ClassVar[str] = "https://api.cohere.com"
    url_variable: ClassVar[str] = "CO_API_URL"
    key_variables: ClassVar[tuple[str, ...]] = ("COHERE_API_KEY", "CO_API_KEY")
    texts_max: ClassVar[int] = 96
    chars_max: ClassVar[int] = 1_000_000
    query_differs = True

    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        chosen = {} if self._dimensions is None else {"output_dimension": self._dimensions}
        kind = "search_query" if is_query else "search_document"
        body = {"model": self.model, "texts": texts, "input_type": kind, "embedding_types": ["float"], **chosen}
        return "v2/embed", body

    def _vectors(self, answer: Any) -> list[Any]:
        vectors: list[Any] = answer["embeddings"]["float"]
        return vectors
