"""One connection: uvicorn's HTTP protocol, which a client that is slow or silent cannot hold open."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .settings import ServerSettings

__all__ = ["Connection", "ServerConfig"]

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 31\r\n"
    b"retry-after: 1\r\nconnection: close\r\n\r\nThis worker has no room for it."
)


class ServerConfig(Config):
    """uvicorn's, with our settings for the connections."""

    settings: ServerSettings


class Connection(HttpToolsProtocol):
    """Between a request's first byte and the end of its head, and while an answer waits for the client, a clock runs.

    What comes between these is the application's: it gives a body and the work a time of their own.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        assert isinstance(config, ServerConfig)  # `serve` made it
        self._settings = config.settings
        self._head_clock: asyncio.TimerHandle | None = None
        self._send_clock: asyncio.TimerHandle | None = None

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
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        if self._head_clock is None:  # the first one has had its clock since the connection was made
            self._head_clock = self._started(self._settings.header_seconds)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._head_clock is not None:
            self._head_clock.cancel()
            self._head_clock = None
        super().on_headers_complete()

    def pause_writing(self) -> None:
        if self._send_clock is None:
            self._send_clock = self._started(self._settings.send_seconds)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._send_clock is not None:
            self._send_clock.cancel()
            self._send_clock = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        self._give_up()

    def _started(self, seconds: float) -> asyncio.TimerHandle:
        return self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        """`close` would wait until the client has taken what is left."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()
