"""A server that speaks OpenAI's protocol: OpenAI itself, vLLM, Ollama, llama.cpp, LM Studio and many more.

The protocol: platform.openai.com/docs/api-reference, "chat completions" and "embeddings".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from ..errors import InvalidArgument
from ..services.json_service import JsonService
from ..settings import Secret

DEFAULT_URL: Final = "https://api.openai.com/v1"


class OpenAIServer:
    """A language model, and a model of embeddings, behind a server. Thread-safe.

    Args:
        model: the name that the server knows it by, for `generate`.
        url: of the server, up to and with "/v1".
        embedding_model: for `embed`; left out, `model`.
        api_key: where the server wants one; it is sent to this server alone, and shown nowhere.
        timeout: seconds to wait for an answer.
        retries: how often a request is made again after a refused connection, a late answer or a busy server.
        options: more members of each chat request, such as {"max_tokens": 200}. "temperature" is 0 unless given here.

    Raises:
        MissingExtra: httpx is not installed.
    """

    def __init__(
        self,
        model: str,
        url: str = DEFAULT_URL,
        *,
        embedding_model: str | None = None,
        api_key: str | Secret | None = None,
        timeout: float = 60.0,
        retries: int = 2,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._service = JsonService(url, api_key, timeout, retries, example="http://localhost:11434/v1")
        self.model = _text("model", model)
        self.embedding_model = _text("embedding_model", model if embedding_model is None else embedding_model)
        self._options = {"temperature": 0, **(options or {})}

    @property
    def url(self) -> str:
        """Of the server."""
        return self._service.url

    def generate(self, prompt: str) -> str:
        """The model's answer to one message of a user; empty where it says nothing.

        Raises:
            ModelUnavailable: the server cannot be reached, is late, refuses, or answers something else.
        """
        message = {"role": "user", "content": _text("prompt", prompt)}
        answer = self._service.ask("chat/completions", {"model": self.model, "messages": [message], **self._options})
        try:
            content = answer["choices"][0]["message"]["content"]
        except (LookupError, TypeError):
            raise self._service.unusual("chat/completions", answer) from None
        if content is not None and not isinstance(content, str):
            raise self._service.unusual("chat/completions", answer)
        return content or ""

    def embed(self, text: str) -> list[float]:
        """The vector of a text.

        Raises:
            ModelUnavailable: as `generate`.
        """
        given = {"model": self.embedding_model, "input": _text("text", text), "encoding_format": "float"}
        answer = self._service.ask("embeddings", given)
        try:
            return [float(number) for number in answer["data"][0]["embedding"]]
        except (LookupError, TypeError, ValueError):
            raise self._service.unusual("embeddings", answer) from None

    def close(self) -> None:
        """Closes the connections. The next call opens new ones."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"OpenAIServer({self.model!r}, {self.url!r})"


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not (value or name in ("prompt", "text")):
        raise InvalidArgument(f"{name} must be a text, not {value!r:.80}", name=name, value=value)
    return value
