"""One request and its response: its key, its deadline, and what is sent, counted and logged."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

import msgspec

from ..deadline import Deadline
from ..errors import DeadlineExceeded, InvalidArgument, LimitExceeded, VicinalError
from ..version import __version__
from ..wire.errors import Failure, status_of
from ..wire.routes import API, API_HEADER, REQUEST_HEADER, VERSION_HEADER, WARNINGS_HEADER
from . import metrics
from .headers import Headers
from .keys import Key
from .logs import log
from .settings import ServerSettings
from .watch import Watch, Watched

__all__ = ["JSON", "TIMEOUT_HEADER", "WHOLE", "Exchange", "LateBody", "Message", "Scope"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON: Final = b"application/json"
TIMEOUT_HEADER: Final = "vicinal-timeout"
WHOLE: Final = "vicinal.whole"  # in the scope of a request whose body has been received completely

_REQUEST_HEADER: Final = REQUEST_HEADER.encode()
_TIMEOUT_HEADER: Final = TIMEOUT_HEADER.encode()
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._\-]{1,64}")
_WARNINGS_MAX: Final = 10
_ASKED_CHARS_MAX: Final = 500
_CLIENT_CLOSED: Final = 499  # as in nginx
_SERVER_FAULT: Final = 500
_COMMON_HEADERS: Final = (
    (API_HEADER.encode(), str(API).encode()),
    (VERSION_HEADER.encode(), __version__.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
# After these the rest of the request's body is not read, so the connection cannot be reused.
_ENDS_CONNECTION: Final = frozenset((400, 401, 403, 408, 413, 503))

_encode = msgspec.json.Encoder().encode


class LateBody(Exception):
    """A client did not send its request in time; it may be gone."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.error = DeadlineExceeded(
            message,
            name="body_seconds",
            value=seconds,
            place="request",
            remedy="Send less at a time, or raise body_seconds of the server.",
        )


class Exchange:
    """See the module.

    Attributes:
        id: its id in the log.
        route: its route in metrics; empty until it is known.
        collection: name of a collection that exists; else empty.
        key: the key that it was made with.
        warnings: warnings of the engine.
        asked: arguments, for the log of slow requests.
        failure: makes the body of an error response from the error, the request's id and the status. Protocols other
            than ours have their own.
        has_left: whether the client closed the connection while it was watched.
    """

    __slots__ = (
        "_body_read",
        "_is_whole",
        "_receive",
        "_send",
        "_settings",
        "_started",
        "_time",
        "_watch",
        "asked",
        "body_bytes",
        "collection",
        "failure",
        "has_left",
        "headers",
        "id",
        "key",
        "method",
        "path",
        "route",
        "status",
        "warnings",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, settings: ServerSettings, watch: Watch) -> None:
        self._started = time.perf_counter()
        self._receive, self._send, self._settings, self._watch = receive, send, settings, watch
        self._is_whole = WHOLE in scope
        self._body_read = self.has_left = False
        self._time: Deadline | None = None
        self.headers = Headers(scope["headers"])
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        given = self.headers.first(_REQUEST_HEADER)
        self.id = given.decode() if given and _REQUEST_ID.fullmatch(given) else os.urandom(8).hex()
        self.route = self.collection = ""
        self.key: Key | None = None
        self.warnings: list[str] = []
        self.asked: Any = None
        self.failure: Callable[[VicinalError, str, int], bytes] = _failure
        self.status = self.body_bytes = 0

    def deadline(self, seconds: float) -> Deadline:
        """Returns the deadline of the work: what the server allows, or less if the request says so."""
        asked = self.headers.first(_TIMEOUT_HEADER).decode("latin-1")
        if asked:
            try:
                wanted = float(asked)
            except ValueError:
                wanted = -1.0
            if not 0 < wanted < float("inf"):
                raise InvalidArgument(
                    f"the header {TIMEOUT_HEADER} must be a number of seconds above 0",
                    name=TIMEOUT_HEADER,
                    value=asked,
                    place="request",
                )
            seconds = min(seconds, wanted)
        self._time = Deadline(seconds)
        if self.has_left:
            self._time.cancel()
        return self._time

    def watched(self) -> Watched:
        """Within the block, a client that disconnects ends work that was given a deadline. Use after the body."""
        return self._watch.over(self._receive, self._leave)

    def _leave(self) -> None:
        self.has_left = True
        if self._time is not None:
            self._time.cancel()

    def count_left(self) -> None:
        """Counts the request instead of responding, because the client has disconnected."""
        self._count(_CLIENT_CLOSED)

    async def body(self) -> bytes:
        """Reads the whole body, with limits for its size and time.

        Raises:
            LimitExceeded, InvalidArgument, LateBody.
        """
        most = self._settings.body_bytes_max
        if self.headers.first(b"content-encoding") not in (b"", b"identity"):
            raise InvalidArgument("a body is sent as it is, not compressed", name="content-encoding", place="request")
        length = self.headers.first(b"content-length")
        if length.isdigit() and int(length) > most:
            raise self._too_long(int(length))
        message = await self._next_part(self._settings.body_seconds)
        body: bytes = message.get("body", b"")
        if message.get("more_body", False):
            body = await self._rest(body)
        self.body_bytes = len(body)
        if self.body_bytes > most:
            raise self._too_long(self.body_bytes)
        self._body_read = True
        return body

    async def send_model(self, model: Any) -> None:
        await self.send_json(_encode(model))

    async def send_json(self, body: bytes, status: int = 200, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
        await self.send_bytes(body, JSON, status, more)

    async def send_bytes(
        self, body: bytes, kind: bytes, status: int = 200, more: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Sends the whole response, which is counted before it is sent."""
        self._count(status)
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *self._headers(), *more]
        await self._send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})

    async def begin_stream(self, kind: bytes) -> None:
        """Sends the head of a response whose body comes in parts."""
        self.status = 200
        headers = [(b"content-type", kind), *self._headers()]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def send_part(self, body: bytes, *, is_last: bool = False) -> None:
        if is_last:
            self._count(200)
        await self._send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def send_error(
        self, error: VicinalError, status: int | None = None, headers: Iterable[tuple[bytes, bytes]] = ()
    ) -> None:
        """Sends an error in the form that the client will raise."""
        status = status_of(error) if status is None else status
        body = self.failure(error, self.id, status)
        more = list(headers)
        if status == 401:
            more.append((b"www-authenticate", b"Bearer"))
        if status in (429, 503):
            more.append((b"retry-after", b"1"))
        if status in _ENDS_CONNECTION and not self._body_read:
            more.append((b"connection", b"close"))
        if status in (401, 403) or status >= _SERVER_FAULT:
            self.log("refused" if status < _SERVER_FAULT else "failed", status, error=str(error))
        await self.send_json(body, status, more)

    def log(self, event: str, status: int, **more: Any) -> None:
        """Logs a line about this request."""
        fields = {
            "request": self.id,
            "method": self.method,
            "path": self.path,
            "route": self.route,
            "collection": self.collection,
            "key": None if self.key is None else self.key.id,
            "status": status,
            "seconds": round(time.perf_counter() - self._started, 6),
            "body_bytes": self.body_bytes,
        }
        level = log.warning if event in ("refused", "slow") else log.error if event == "failed" else log.info
        level(event, extra={"fields": {**fields, **more}})

    def _count(self, status: int) -> None:
        self.status = status
        seconds = time.perf_counter() - self._started
        metrics.count_request(self.route, self.collection, status, seconds)
        if seconds > self._settings.slow_seconds:
            self.log("slow", status, asked=_described(self.asked))
        elif self._settings.log_requests:
            self.log("request", status)

    def _headers(self) -> list[tuple[bytes, bytes]]:
        headers = [(_REQUEST_HEADER, self.id.encode()), *_COMMON_HEADERS]
        if self.warnings:
            told = list(dict.fromkeys(self.warnings))[:_WARNINGS_MAX]
            headers.append((WARNINGS_HEADER.encode(), _ascii_json(told)))
        return headers

    async def _rest(self, first: bytes) -> bytes:
        parts, size, most = [first], len(first), self._settings.body_bytes_max
        ends = time.monotonic() + self._settings.body_seconds
        while True:
            message = await self._next_part(ends - time.monotonic())
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most:
                raise self._too_long(size)
            if not message.get("more_body", False):
                return b"".join(parts)

    async def _next_part(self, seconds: float) -> Message:
        if self._is_whole:  # there is nothing to wait for
            message = await self._receive()
        else:
            try:
                async with asyncio.timeout(max(0.0, seconds)):
                    message = await self._receive()
            except TimeoutError:
                raise LateBody("the request did not come in time", self._settings.body_seconds) from None
        if message["type"] == "http.disconnect":
            raise LateBody("the client has gone", self._settings.body_seconds)
        return message

    def _too_long(self, size: int) -> LimitExceeded:
        return LimitExceeded(
            f"the body has {size:,} bytes or more, and this server takes at most {self._settings.body_bytes_max:,}",
            name="body",
            value=size,
            place="request",
            remedy="Send fewer rows at a time, or raise body_mib_max of the server.",
        )


def _failure(error: VicinalError, request: str, status: int) -> bytes:
    return _encode(Failure.of(error, request))


def _ascii_json(texts: list[str]) -> bytes:
    return json.dumps(texts).encode("ascii")


def _described(asked: Any) -> Any:
    """Arguments without texts and vectors: the parameters of a search, but not its query."""
    if asked is None:
        return None
    shown: dict[str, Any] = {}
    for name in asked.__struct_fields__:
        value = getattr(asked, name)
        if value is msgspec.UNSET or value is None:
            continue
        if isinstance(value, (bool, int, float)) or name in ("mode", "fusion", "syntax", "field", "order_by"):
            shown[name] = value
        elif isinstance(value, list):
            shown[name] = f"{len(value):,} values"
        elif name == "where":
            shown[name] = repr(value)[:_ASKED_CHARS_MAX]
        else:
            shown[name] = type(value).__name__
    return shown
