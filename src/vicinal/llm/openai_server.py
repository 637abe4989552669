"""A server that speaks OpenAI's protocol: OpenAI itself, vLLM, Ollama, llama.cpp, LM Studio and many more.

The protocol: platform.openai.com/docs/api-reference, "chat completions" and "embeddings".
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from ..errors import InvalidArgument, MissingExtra, ModelUnavailable
from ..locks import new_lock
from ..settings import Secret

if TYPE_CHECKING:
    import httpx

DEFAULT_URL: Final = "https://api.openai.com/v1"
# Worth another try: the server is busy, starting, or behind a gateway that is.
_RETRIED: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FIRST_PAUSE_SECONDS: Final = 0.5
_PAUSE_SECONDS_MAX: Final = 20.0
_SHOWN_CHARS_MAX: Final = 200


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
        self._httpx = _httpx()
        self.model = _text("model", model)
        self.url = _checked_url(url)
        self.embedding_model = _text("embedding_model", model if embedding_model is None else embedding_model)
        self._key = _checked_key(api_key)
        self.timeout = _checked_seconds(timeout)
        self.retries = _checked_retries(retries)
        self._options = {"temperature": 0, **(options or {})}
        self._client: httpx.Client | None = None
        self._lock = new_lock()

    def generate(self, prompt: str) -> str:
        """The model's answer to one message of a user; empty where it says nothing.

        Raises:
            ModelUnavailable: the server cannot be reached, is late, refuses, or answers something else.
        """
        message = {"role": "user", "content": _text("prompt", prompt)}
        answer = self._ask("chat/completions", {"model": self.model, "messages": [message], **self._options})
        try:
            content = answer["choices"][0]["message"]["content"]
        except (LookupError, TypeError):
            raise self._unusual("chat/completions", answer) from None
        if content is not None and not isinstance(content, str):
            raise self._unusual("chat/completions", answer)
        return content or ""

    def embed(self, text: str) -> list[float]:
        """The vector of a text.

        Raises:
            ModelUnavailable: as `generate`.
        """
        given = {"model": self.embedding_model, "input": _text("text", text), "encoding_format": "float"}
        answer = self._ask("embeddings", given)
        try:
            return [float(number) for number in answer["data"][0]["embedding"]]
        except (LookupError, TypeError, ValueError):
            raise self._unusual("embeddings", answer) from None

    def close(self) -> None:
        """Closes the connections. The next call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"OpenAIServer({self.model!r}, {self.url!r})"

    def _ask(self, path: str, request: Mapping[str, Any]) -> Any:
        """The answer as JSON, after as many tries as it takes and are allowed."""
        for tried in range(self.retries + 1):
            last = tried == self.retries
            try:
                response = self._connected().post(f"{self.url}/{path}", json=request)
            except self._httpx.TimeoutException as error:
                if last:
                    raise self._unavailable(path, f"did not answer within {self.timeout:g} seconds") from error
            except self._httpx.RequestError as error:
                if last:
                    raise self._unavailable(path, f"cannot be reached: {type(error).__name__}: {error}") from error
            else:
                if response.status_code == 200:
                    return self._json(path, response)
                if last or response.status_code not in _RETRIED:
                    raise self._refused(path, response)
                _pause(tried, response.headers.get("retry-after"))
                continue
            _pause(tried, None)
        raise AssertionError("the last try returns or raises")

    def _connected(self) -> httpx.Client:
        with self._lock:
            client = self._client
            if client is None:
                headers = {} if self._key is None else {"Authorization": f"Bearer {self._key.reveal()}"}
                client = self._httpx.Client(headers=headers, timeout=self.timeout, follow_redirects=False)
                self._client = client
            return client

    def _json(self, path: str, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            raise self._unusual(path, response.text) from None

    def _refused(self, path: str, response: httpx.Response) -> ModelUnavailable:
        said = " ".join(response.text[: 4 * _SHOWN_CHARS_MAX].split())[:_SHOWN_CHARS_MAX]
        if self._key is not None:
            said = said.replace(self._key.reveal(), "***")
        remedy = "Check api_key." if response.status_code in (401, 403) else "Check the model's name and the url."
        return self._unavailable(path, f"refused with status {response.status_code}: {said!r}", remedy)

    def _unusual(self, path: str, answer: Any) -> ModelUnavailable:
        return self._unavailable(
            path, f"answered something else than the protocol says: {answer!r:.{_SHOWN_CHARS_MAX}}"
        )

    def _unavailable(self, path: str, what: str, remedy: str = "Check that it runs, and the url.") -> ModelUnavailable:
        return ModelUnavailable(
            f"the server {what}", name="url", value=self.url, place=f"{self.url}/{path}", remedy=remedy
        )


def _httpx() -> Any:
    try:
        import httpx
    except ImportError:
        raise MissingExtra("httpx", "llm", "a server of language models") from None
    return httpx


def _pause(tried: int, asked: str | None) -> None:
    """Waits before the next try, as long as the server asks for, within reason."""
    seconds = _FIRST_PAUSE_SECONDS * 2**tried
    try:
        wished = math.nan if asked is None else float(asked)
    except ValueError:  # a date
        wished = math.nan
    time.sleep(min(_PAUSE_SECONDS_MAX, wished if wished >= 0 else seconds))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not (value or name in ("prompt", "text")):
        raise InvalidArgument(f"{name} must be a text, not {value!r:.80}", name=name, value=value)
    return value


def _checked_url(url: Any) -> str:
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise InvalidArgument(
            f"url must begin with http:// or https://, not {url!r:.80}",
            name="url",
            value=url,
            remedy="Write 'http://localhost:11434/v1' or the like.",
        )
    return url.rstrip("/")


def _checked_key(key: Any) -> Secret | None:
    if key is None or isinstance(key, Secret):
        return key
    if not isinstance(key, str) or not key.isascii() or not key.isprintable():
        raise InvalidArgument(f"api_key must be printable ASCII text, not {type(key).__name__}", name="api_key")
    return Secret(key)


def _checked_seconds(timeout: Any) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < math.inf:
        raise InvalidArgument(
            f"timeout must be a number of seconds above 0, not {timeout!r:.80}", name="timeout", value=timeout
        )
    return float(timeout)


def _checked_retries(retries: Any) -> int:
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise InvalidArgument(
            f"retries must be a whole number of at least 0, not {retries!r:.80}", name="retries", value=retries
        )
    return retries
