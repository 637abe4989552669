"""Embeddings by OpenAI's protocol: OpenAI itself, vLLM, Ollama, llama.cpp, LM Studio and many more.

The protocol: platform.openai.com/docs/api-reference/embeddings.
"""

from __future__ import annotations

from typing import Any, ClassVar

from .base import ServedEncoder

__all__ = ["OpenAIEncoder"]


class OpenAIEncoder(ServedEncoder):
    """`encoder="openai:text-embedding-3-small"`; key and URL from OPENAI_API_KEY and OPENAI_BASE_URL."""

    protocol: ClassVar[str] = "openai"
    default_url: ClassVar[str] = "https://api.openai.com/v1"
    url_variable: ClassVar[str] = "OPENAI_BASE_URL"
    key_variables: ClassVar[tuple[str, ...]] = ("OPENAI_API_KEY",)
    texts_max: ClassVar[int] = 2048
    chars_max: ClassVar[int] = 300_000  # the limit in tokens, at most one per character

    def _request(self, texts: list[str], *, is_query: bool) -> tuple[str, dict[str, Any]]:
        chosen = {} if self._dimensions is None else {"dimensions": self._dimensions}
        return "embeddings", {"model": self.model, "input": texts, "encoding_format": "float", **chosen}

    def _vectors(self, answer: Any) -> list[Any]:
        return [one["embedding"] for one in sorted(answer["data"], key=lambda one: int(one["index"]))]
