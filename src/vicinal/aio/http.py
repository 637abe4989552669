"""A database behind a server, for an event loop: its calls are requests over asyncio connections."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from ..contract import REMOTE
from ..errors import Closed
from ..remote.attempts import Attempts
from ..remote.collection import handle_closed, narrowed, place_of, shown_as
from ..remote.database import check_place, opening
from ..remote.server import Server, response_of
from ..wire.outgoing import model_of
from ..wire.requests import (
    Lines,
    Place,
    Request,
    Response,
    answer_of,
    begun,
    cut_off,
    page_of,
    request_of,
    steps,
)
from ..wire.results import Opened
from ..wire.routes import Noun, Route, route_of

if TYPE_CHECKING:
    import httpx

__all__ = ["OverHttp"]

_WRITES: Final = frozenset({"add", "upsert", "update"})  # packing their rows takes long: done in a thread


class Connections:
    """The connections shared by all handles of one database."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self.handles: weakref.WeakSet[OverHttp] = weakref.WeakSet()

    @property
    def is_closed(self) -> bool:
        return self._closed

    def client(self) -> httpx.AsyncClient:
        """The client of the running loop; a program that runs several loops in turn gets one for each."""
        if self._closed:
            raise Closed("the database is closed", name="database", remedy="Call connect() again.")
        loop = asyncio.get_running_loop()
        client = self._client
        if client is None or self._loop is not loop:
            client = self._client = self.server.httpx.AsyncClient(**self.server.client_options())
            self._loop = loop
        return client

    async def answer(self, request: Request) -> Response:
        return response_of(await self.tried(request, lambda client, asked: client.send(asked)))

    async def tried(
        self,
        request: Request,
        send: Callable[[httpx.AsyncClient, httpx.Request], Awaitable[httpx.Response]],
    ) -> httpx.Response:
        attempts = Attempts(self.server, request)
        while True:
            client = self.client()
            try:
                answer = await send(client, self.server.asked(client, request))
            except self.server.httpx.TransportError as error:
                pause: float | None = attempts.after_error(error)
            else:
                pause = attempts.after(answer.status_code, answer.headers)
                if pause is None:
                    return answer
                await answer.aclose()
            assert pause is not None
            await asyncio.sleep(pause)

    async def close(self) -> None:
        client, self._client, self._closed = self._client, None, True
        if client is not None:
            await client.aclose()


class OverHttp:
    """A database, or an opened collection."""

    def __init__(
        self, connections: Connections, place: Place, opened: Opened | None = None, of: OverHttp | None = None
    ) -> None:
        self._of = of
        self._connections = connections
        self._place = place
        self._opened = opened
        self._closed = False

    @classmethod
    def of_database(cls, server: Server) -> Self:
        return cls(Connections(server), Place())

    async def call(self, call: str, given: Mapping[str, Any]) -> Any:
        noun: Noun = "database" if self._opened is None or call == "verify" else "collection"
        place = check_place(given) if self._opened is None else self._place
        return await self._ask(route_of(noun, call), place, given)

    async def rows(self, call: str, given: Mapping[str, Any]) -> AsyncIterator[Any]:
        self._check_open()
        place, connections = self._place, self._connections
        route = route_of("collection", call)
        request = request_of(route, place, model_of(route, given))
        answer = await connections.tried(request, lambda client, asked: client.send(asked, stream=True))
        try:
            if answer.status_code != 200:
                await answer.aread()
                answer_of(route, place, response_of(answer))
            begun(Response(answer.status_code, answer.headers, b""))
            async for row in _rows(place, answer):
                yield row
        except connections.server.httpx.TransportError as error:
            raise cut_off(place) from error
        finally:
            await answer.aclose()

    async def notes(self, call: str, owner: str, given: Mapping[str, Any]) -> Any:
        return await self._ask(route_of("notes", call), replace(self._place, owner=owner), given)

    async def collection(self, given: Mapping[str, Any]) -> OverHttp:
        sent = opening(**given)
        opened = await self._ask(route_of("database", "collection"), Place(given["name"]), sent)
        made = OverHttp(self._connections, place_of(opened, given["durability"], given["timeout"]), opened)
        self._connections.handles.add(made)
        return made

    def within(self, where: Any) -> OverHttp:
        made = OverHttp(self._connections, narrowed(self._place, where), self._opened, of=self)
        self._connections.handles.add(made)
        return made

    def known(self, name: str) -> Any:
        if name == "capabilities":
            return REMOTE
        if self._opened is None:
            server = self._connections.server
            return f"Database({server.url!r}{', closed' if self._connections.is_closed else ''})"
        if name == "__repr__":
            return shown_as(self._opened, is_open=not (self._closed or self._connections.is_closed))
        return UUID(self._opened.uuid) if name == "uuid" else getattr(self._opened, name)

    async def close(self) -> None:
        self._closed = True
        if self._of is not None:
            await self._of.close()
        if self._opened is None:
            for handle in list(self._connections.handles):
                await handle.close()
            await self._connections.close()

    async def _ask(self, route: Route, place: Place, given: Mapping[str, Any]) -> Any:
        """Drives the requests of a call. Packing many rows, or reading a generator, is done in a thread."""
        self._check_open()
        asking, response = steps(route, place, given), None
        while True:
            request = (
                await asyncio.to_thread(_next, asking, response) if route.call in _WRITES else _next(asking, response)
            )
            if not isinstance(request, Request):
                [value] = request
                return value
            response = await self._connections.answer(request)

    def _check_open(self) -> None:
        if self._of is not None:
            self._of._check_open()
        if self._closed and self._opened is not None:
            raise handle_closed(self._opened.name)


def _next(asking: Any, response: Response | None) -> Request | tuple[Any]:
    """The next request; or the result of the call, in a tuple, because `StopIteration` cannot cross threads."""
    try:
        request: Request = asking.send(response)
    except StopIteration as done:
        return (done.value,)
    return request


async def _rows(place: Place, answer: httpx.Response) -> AsyncIterator[Any]:
    lines = Lines()
    async for piece in answer.aiter_bytes():
        for line in lines.add(piece):
            page = page_of(place, line)
            if page is None:
                return
            for row in page:
                yield row
    raise cut_off(place)
