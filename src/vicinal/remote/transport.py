"""Requests over httpx, one connection per thread at a time, kept open between requests."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import Closed
from ..locks import new_lock
from ..wire.outgoing import model_of
from ..wire.requests import (
    Lines,
    Place,
    Request,
    Response,
    Steps,
    answer_of,
    begun,
    cut_off,
    page_of,
    request_of,
    steps,
)
from ..wire.routes import Route
from .attempts import Attempts
from .server import Server, response_of

if TYPE_CHECKING:
    import httpx

__all__ = ["Transport"]


class Transport:
    """The transport shared by all handles of one database. Thread-safe; a forked child makes its own connections.

    The connections are closed by `close`, or when the last handle is garbage-collected.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._lock = new_lock()
        self._client: httpx.Client | None = None
        self._pid = os.getpid()
        self._closed = False

    def call(self, route: Route, place: Place, given: Mapping[str, Any]) -> Any:
        """Returns the result of a call."""
        asking: Steps[Any] = steps(route, place, given)
        response: Any = None
        while True:
            try:
                request = asking.send(response)
            except StopIteration as done:
                return done.value
            response = self._answer(request)

    def stream(self, route: Route, place: Place, given: Mapping[str, Any]) -> Iterator[Any]:
        """Yields rows of a stream, which the server has begun when this returns; the rest is read on demand."""
        request = request_of(route, place, model_of(route, given))
        answer = self._tried(request, lambda asked: self._connected().send(asked, stream=True))
        try:
            if answer.status_code != 200:
                answer.read()
                answer_of(route, place, response_of(answer))
            begun(Response(answer.status_code, answer.headers, b""))
        except BaseException:
            answer.close()
            raise
        return _Rows(self, place, answer)

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            client, self._client, self._closed = self._client, None, True
        if client is not None:
            client.close()

    @property
    def is_closed(self) -> bool:
        return self._closed

    def check_open(self) -> None:
        """Raises Closed after `close`."""
        if self._closed:
            raise Closed("the database is closed", name="database", remedy="Call connect() again.")

    def _answer(self, request: Request) -> Response:
        return response_of(self._tried(request, lambda asked: self._connected().send(asked)))

    def _tried(self, request: Request, send: Callable[[httpx.Request], httpx.Response]) -> httpx.Response:
        attempts = Attempts(self.server, request)
        while True:
            try:
                answer = send(self.server.asked(self._connected(), request))
            except self.server.httpx.TransportError as error:
                pause: float | None = attempts.after_error(error)
            else:
                pause = attempts.after(answer.status_code, answer.headers)
                if pause is None:
                    return answer
                answer.close()
            assert pause is not None
            time.sleep(pause)

    def _connected(self) -> httpx.Client:
        """The client; a forked child makes its own, since two processes must not share a connection."""
        with self._lock:
            self.check_open()
            client = self._client
            if client is None or self._pid != os.getpid():
                client = self._client = self.server.httpx.Client(**self.server.client_options())
                self._pid = os.getpid()
                weakref.finalize(self, _close, client, self._pid)
            return client


def _close(client: httpx.Client, made_in: int) -> None:
    if os.getpid() == made_in:  # a forked child would close connections in its parent's name
        client.close()


class _Rows(Iterator[Any]):
    """Rows of a stream. The connection is held until their end, or until the iterator is closed."""

    def __init__(self, transport: Transport, place: Place, answer: httpx.Response) -> None:
        self._transport = transport  # closes the connections when no longer referenced
        self._answer = answer
        self._rows = self._read(transport.server, place)

    def __next__(self) -> Any:
        try:
            return next(self._rows)
        except BaseException:  # includes the end
            self.close()
            raise

    def close(self) -> None:
        """Releases the connection."""
        self._answer.close()

    __del__ = close

    def _read(self, server: Server, place: Place) -> Iterator[Any]:
        lines = Lines()
        try:
            for piece in self._answer.iter_bytes():
                for line in lines.add(piece):
                    page = page_of(place, line)
                    if page is None:
                        return
                    yield from page
        except server.httpx.TransportError as error:
            raise cut_off(place) from error
        raise cut_off(place)
