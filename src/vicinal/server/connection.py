"""One connection: uvicorn's HTTP protocol, protected against silent clients and endless request heads."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final

import msgspec
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ..errors import LimitExceeded
from ..wire.errors import Failure
from ..wire.routes import API, API_HEADER
from .exchange import WHOLE
from .settings import ServerSettings

__all__ = ["Connection", "ServerConfig"]

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 31\r\n"
    b"retry-after: 1\r\nconnection: close\r\n\r\nThis worker has no room for it."
)


_HEAD_BYTES_MAX: Final = 64 << 10
_URL_BYTES_MAX: Final = 32 << 10
_HEADERS_MAX: Final = 100
_PIPELINED_MAX: Final = 8  # read while another is being answered, so that a closed connection is noticed
_PIECE_BYTES: Final = 16 << 10  # the head is checked after each such piece


class ServerConfig(Config):
    """uvicorn's configuration, with our settings for the connections."""

    settings: ServerSettings


class _TooMuch(Exception):
    """Raised in a callback of the parser to stop reading a head."""


class Connection(HttpToolsProtocol):
    """Limits the time between a request's first byte and the end of its head, and the time for sending a response.

    Everything in between is up to the application: it limits the time for bodies and for work. The size of a head, and
    of the headers that may follow a body, is limited before a key is checked.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, ServerConfig)  # created by `serve`
        self._settings = config.settings
        self._head_clock: asyncio.TimerHandle | None = None
        self._send_clock: asyncio.TimerHandle | None = None
        self._unparsed = 0  # bytes since the parser last completed an element: it buffers them all
        self._refusal: tuple[int, LimitExceeded] | None = None
        self._answering: RequestResponseCycle | None = None  # `cycle` is the last request, which may be queued

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        if len(self.connections) > self._settings.connections_max:
            transport.write(_FULL)
            transport.close()
            return
        self._head_clock = self._started(self._settings.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        for clock in (self._head_clock, self._send_clock):
            if clock is not None:
                clock.cancel()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE_BYTES):
            if self._refusal is not None or self.transport.is_closing():
                return  # read and discarded, so that the client gets to read the response
            piece = data[start : start + _PIECE_BYTES]
            self._unparsed += len(piece)
            super().data_received(piece)
            if self._unparsed > _HEAD_BYTES_MAX and self._refusal is None:
                self._refuse(_head_too_long())

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > _URL_BYTES_MAX:
            self._stop(HTTPStatus.REQUEST_URI_TOO_LONG, _too_much("URL", "bytes", _URL_BYTES_MAX))

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > _HEADERS_MAX:
            self._stop(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _too_much("head", "headers", _HEADERS_MAX))

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unparsed = 0
        self.scope[WHOLE] = True  # type: ignore[typeddict-unknown-key]  # of ours
        super().on_message_complete()

    def on_message_begin(self) -> None:
        if self._head_clock is None:  # the clock of the first one has run since the connection was made
            self._head_clock = self._started(self._settings.header_seconds)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._unparsed = 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > _HEAD_BYTES_MAX:
            self._stop(*_head_too_long())
        if self._head_clock is not None:
            self._head_clock.cancel()
            self._head_clock = None
        super().on_headers_complete()
        if 0 < len(self.pipeline) <= _PIPELINED_MAX:  # uvicorn pauses reading until the previous request is answered
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def pause_writing(self) -> None:
        if self._send_clock is None:
            self._send_clock = self._started(self._settings.send_seconds)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._send_clock is not None:
            self._send_clock.cancel()
            self._send_clock = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        if self._refusal is None:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    def _stop(self, status: int, error: LimitExceeded) -> None:
        """Called in a callback: stops the parser, and `send_400_response` comes next."""
        self._refusal = status, error
        raise _TooMuch

    def _refuse(self, refusal: tuple[int, LimitExceeded]) -> None:
        """Sends the error and reads on for as long as a head may take: closing at once may discard the response."""
        self._refusal = refusal
        cycle = self.cycle
        is_under_way = cycle is not None and not cycle.response_complete
        is_answering = is_under_way and (cycle.response_started or self.pipeline)
        if not is_answering:
            self.transport.write(_refused(*refusal))
        if is_answering or not self.transport.can_write_eof():
            self.transport.close()
            return
        if is_under_way:  # it is waiting for the rest of its body
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write_eof()
        if self._head_clock is None:
            self._head_clock = self._started(self._settings.header_seconds)

    def timeout_keep_alive_handler(self) -> None:
        self._give_up()

    def _started(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        """Aborts, because `close` would wait until the client has read everything."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()


def _too_much(what: str, of: str, most: int) -> LimitExceeded:
    return LimitExceeded(
        f"the {what} of the request has more than {most:,} {of}, and this server reads no more",
        name=what.lower(),
        value=most,
        place="request",
        remedy="Arguments of a call are sent in its body.",
    )


def _head_too_long() -> tuple[int, LimitExceeded]:
    return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, _too_much("head", "bytes", _HEAD_BYTES_MAX)


def _refused(status: int, error: LimitExceeded) -> bytes:
    body = msgspec.json.encode(Failure.of(error))
    head = f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
    head += f"{API_HEADER}: {API}\r\n"
    return f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
