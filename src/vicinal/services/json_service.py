"""A server that is asked in JSON: retries, time limits, and errors that name it and never the key."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..errors import MissingExtra, ModelUnavailable
from ..inputs.services import checked_key, checked_retries, checked_seconds, checked_url
from ..locks import new_lock
from ..settings import Secret

if TYPE_CHECKING:
    import httpx

__all__ = ["JsonService"]

# Worth another try: the server is busy, starting, or behind a gateway that is.
_RETRIED: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_FIRST_PAUSE_SECONDS: Final = 0.5
_PAUSE_SECONDS_MAX: Final = 20.0
_SHOWN_CHARS_MAX: Final = 200
_AUTHORIZATION: Final = "Authorization"


class JsonService:
    """Thread-safe.

    Args:
        url: of the server, and the path that its own paths follow.
        api_key: where the server wants one; it is sent to this server alone, and shown nowhere.
        timeout: seconds to wait for an answer.
        retries: how often a request is made again after a refused connection, a late answer or a busy server.
        example: of a URL, for messages.
        key_header: where the key goes, for a server that has a header of its own for it.

    Raises:
        MissingExtra: httpx is not installed.
    """

    def __init__(
        self,
        url: str,
        api_key: str | Secret | None,
        timeout: float,
        retries: int,
        *,
        example: str,
        key_header: str = _AUTHORIZATION,
    ) -> None:
        self._httpx = _httpx()
        self.url = checked_url(url, example=example)
        self._key = checked_key(api_key)
        self._key_header = key_header
        self.timeout = checked_seconds(timeout)
        self.retries = checked_retries(retries)
        self._client: httpx.Client | None = None
        self._lock = new_lock()

    def ask(self, path: str, request: Mapping[str, Any]) -> Any:
        """The answer as JSON, after as many tries as it takes and are allowed.

        Raises:
            ModelUnavailable: the server cannot be reached, is late, refuses, or answers no JSON.
        """
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
        raise AssertionError("the last attempt returns or raises")

    def stream(self, path: str, request: Mapping[str, Any]) -> Iterator[Any]:
        """The pieces of an answer as JSON, as the server sends its events; closing it hangs up.

        It is asked once: what has begun cannot begin again.

        Raises:
            ModelUnavailable: as `ask`, at any piece.
        """
        url = f"{self.url}/{path}"
        try:
            with self._connected().stream("POST", url, json=request) as response:
                if response.status_code != 200:
                    response.read()
                    raise self._refused(path, response)
                for line in _lines(response.iter_bytes()):
                    if line.startswith(b"data:"):
                        data = line[5:].strip()
                        if data == b"[DONE]":
                            return
                        yield self._piece(path, data)
        except self._httpx.TimeoutException as error:
            raise self._unavailable(path, f"sent nothing for {self.timeout:g} seconds") from error
        except self._httpx.RequestError as error:
            raise self._unavailable(path, f"cannot be reached: {type(error).__name__}: {error}") from error

    def unusual(self, path: str, answer: Any) -> ModelUnavailable:
        """The error of an answer that is none."""
        return self._unavailable(path, f"sent a response that violates the protocol: {answer!r:.{_SHOWN_CHARS_MAX}}")

    def close(self) -> None:
        """Closes the connections. The next call opens new ones."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _connected(self) -> httpx.Client:
        with self._lock:
            client = self._client
            if client is None:
                client = self._httpx.Client(headers=self._headers(), timeout=self.timeout, follow_redirects=False)
                self._client = client
            return client

    def _headers(self) -> dict[str, str]:
        if self._key is None:
            return {}
        scheme = "Bearer " if self._key_header == _AUTHORIZATION else ""
        return {self._key_header: f"{scheme}{self._key.reveal()}"}

    def _json(self, path: str, response: httpx.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            raise self.unusual(path, response.text) from None

    def _piece(self, path: str, data: bytes) -> Any:
        try:
            piece = json.loads(data)
        except ValueError:
            raise self.unusual(path, data.decode(errors="replace")) from None
        if not isinstance(piece, dict) or "error" in piece:
            raise self.unusual(path, piece)
        return piece

    def _refused(self, path: str, response: httpx.Response) -> ModelUnavailable:
        said = " ".join(response.text[: 4 * _SHOWN_CHARS_MAX].split())[:_SHOWN_CHARS_MAX]
        if self._key is not None:
            said = said.replace(self._key.reveal(), "***")
        remedy = "Check api_key." if response.status_code in (401, 403) else "Check the model's name and the url."
        return self._unavailable(path, f"refused with status {response.status_code}: {said!r}", remedy)

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


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines as the protocol has them; `str.splitlines` would cut texts at other characters too."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    yield rest


def _pause(tried: int, asked: str | None) -> None:
    """Waits before the next try, as long as the server asks for, within reason."""
    seconds = _FIRST_PAUSE_SECONDS * 2**tried
    try:
        wished = math.nan if asked is None else float(asked)
    except ValueError:  # a date
        wished = math.nan
    time.sleep(min(_PAUSE_SECONDS_MAX, wished if wished >= 0 else seconds))
