"""A server that speaks OpenAI's protocol: OpenAI itself, vLLM, Ollama, llama.cpp, LM Studio and many more.

The protocol: platform.openai.com/docs/api-reference, "chat completions" and "embeddings".
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

from ..errors import InvalidArgument
from ..services.json_service import JsonService
from ..settings import Secret
from .messages import Messages, as_dicts
from .sampling import Completion, Sampling

_CHAT: Final = "chat/completions"
DEFAULT_URL: Final = "https://api.openai.com/v1"


class OpenAIServer:
    """A language model, and an embedding model, behind a server. Thread-safe.

    Args:
        model: its name on the server, for `generate`.
        url: URL of the server, up to and including "/v1".
        embedding_model: for `embed`; by default `model`.
        api_key: if the server requires one; it is sent to this server alone, and never shown.
        timeout: seconds to wait for a response.
        retries: how often a request is repeated after a refused connection, a timeout or a busy server.
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
        """URL of the server."""
        return self._service.url

    def generate(self, prompt: str) -> str:
        """Returns the model's answer to one message of a user; may be empty.

        Raises:
            ModelUnavailable: the server cannot be reached, times out, returns an error, or sends an unexpected
                response.
        """
        return self.chat([("user", _text("prompt", prompt))]).text

    def chat(self, messages: Messages, sampling: Sampling | None = None) -> Completion:
        """Returns the next turn of a conversation.

        Args:
            messages: role ("system", "user" or "assistant") and content of each.
            sampling: overrides the `options` of the same names, which are used by default. The protocol has no top_k
                and no
                repeat_penalty: if the server has them, pass them in `options`, by its own names.

        Raises:
            ModelUnavailable: as `generate`.
        """
        began = time.perf_counter()
        answer = self._service.ask(_CHAT, self._request(messages, sampling))
        try:
            choice = answer["choices"][0]
            content = choice["message"]["content"]
            usage = answer.get("usage") or {}
            prompt, generated = int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))
            reason = "length" if choice.get("finish_reason") == "length" else "end"
        except (LookupError, TypeError, AttributeError, ValueError):
            raise self._service.unusual(_CHAT, answer) from None
        if content is not None and not isinstance(content, str):
            raise self._service.unusual(_CHAT, answer)
        return Completion(content or "", prompt, generated, time.perf_counter() - began, reason)

    def stream(self, messages: Messages, sampling: Sampling | None = None) -> Iterator[str]:
        """Yields the same in pieces, as they arrive; closing the iterator disconnects, which makes servers stop.

        Raises:
            ModelUnavailable: as `generate`, at any piece.
        """
        return self._pieces({**self._request(messages, sampling), "stream": True})

    def _pieces(self, request: dict[str, Any]) -> Iterator[str]:
        for piece in self._service.stream(_CHAT, request):
            try:
                choices = piece["choices"]
                content = choices[0]["delta"].get("content") if choices else None
            except (LookupError, TypeError, AttributeError):
                raise self._service.unusual(_CHAT, piece) from None
            if content:
                yield str(content)

    def _request(self, messages: Messages, sampling: Sampling | None) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        if sampling is not None:
            chosen = {"max_tokens": sampling.max_tokens, "temperature": sampling.temperature, "top_p": sampling.top_p}
            if sampling.stop:
                chosen["stop"] = list(sampling.stop)
            if sampling.seed is not None:
                chosen["seed"] = sampling.seed
        return {"model": self.model, "messages": as_dicts(messages), **self._options, **chosen}

    def embed(self, text: str) -> list[float]:
        """Returns the vector of a text.

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
