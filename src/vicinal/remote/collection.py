"""A collection behind a server, with the calls of `vicinal.Collection` as requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from ..collection import Collection, no_part
from ..collection import shown_as as shown_open
from ..errors import Closed
from ..filters.tree import Node
from ..inputs.calls import for_users
from ..types import Record, VerifyReport
from ..wire.filters import to_filter
from ..wire.needed import msgspec
from ..wire.requests import Place
from ..wire.results import Opened
from ..wire.routes import Route, route_of
from .calls import answered_by_server
from .notes import RemoteNotes
from .transport import Transport

__all__ = ["RemoteCollection", "handle_closed", "narrowed", "place_of", "shown_as"]

_VERIFY: Final = route_of("database", "verify")


@for_users
@answered_by_server("collection", but=("scroll",))
class RemoteCollection(Collection):
    """A collection behind a server, returned by `connect("http://...").collection(name)`. Thread-safe."""

    def __init__(self, transport: Transport, opened: Opened, place: Place, of: RemoteCollection | None = None) -> None:
        self._made_from = of
        self._transport = transport
        self._opened = opened
        self._place = place
        self._closed = False

    @property
    def name(self) -> str:
        return self._opened.name

    @property
    def uuid(self) -> UUID:
        return UUID(self._opened.uuid)

    def scroll(
        self,
        where: Mapping[str, Any] | None = None,
        order_by: str | None = None,
        *,
        descending: bool = False,
        vectors: bool = False,
    ) -> Iterator[Record]:
        """See `Collection.scroll`. The rows come over one connection, which is held until the iterator ends."""
        given = {"where": where, "order_by": order_by, "descending": descending, "vectors": vectors}
        return self._stream(route_of("collection", "scroll"), given)

    def verify(self) -> VerifyReport:
        """Checks every file of the collection while others read and write. Changes nothing."""
        report: VerifyReport = self._ask(_VERIFY, {})
        return report

    def notes(self, owner: str) -> RemoteNotes:
        """See `Collection.notes`."""
        return RemoteNotes(self._transport, self._place, owner, self._check_open)

    def within(self, where: Mapping[str, Any] | Node) -> RemoteCollection:
        """See `Collection.within`."""
        return RemoteCollection(self._transport, self._opened, narrowed(self._place, where), of=self)

    def close(self) -> None:
        """Closes the handle, and the one that it was derived from."""
        self._closed = True
        if self._made_from is not None:
            self._made_from.close()

    def _ask(self, route: Route, given: Mapping[str, Any]) -> Any:
        self._check_open()
        return self._transport.call(route, self._place, given)

    def _stream(self, route: Route, given: Mapping[str, Any]) -> Iterator[Record]:
        self._check_open()
        return self._transport.stream(route, self._place, given)

    def _check_open(self) -> None:
        if self._made_from is not None:
            self._made_from._check_open()
        if self._closed:
            raise handle_closed(self.name)
        self._transport.check_open()

    def __repr__(self) -> str:
        return shown_as(self._opened, is_open=not (self._closed or self._transport.is_closed))


def narrowed(place: Place, where: Mapping[str, Any] | Node) -> Place:
    """Returns a place that contains only the rows that match a filter.

    Raises:
        InvalidArgument: it is not a filter.
    """
    json = to_filter(where)
    if json is None:
        raise no_part()
    before = msgspec.json.decode(place.query.get("within", "[]"), type=list[Any])
    within = msgspec.json.encode([*before, json]).decode()
    return replace(place, query={**place.query, "within": within})


def handle_closed(name: str) -> Closed:
    """Returns the error of a call on a closed handle."""
    return Closed(
        "the handle is closed",
        name="collection",
        place=f"collection {name!r}",
        remedy="Open the collection again.",
    )


def shown_as(opened: Opened, *, is_open: bool) -> str:
    """Describes a collection as it was when it was opened, without a request."""
    if not is_open:
        return f"Collection({opened.name!r}, closed)"
    return shown_open(opened.name, opened.dimension, opened.metric, opened.encoder)


def place_of(opened: Opened, durability: str, timeout: float) -> Place:
    """Returns the place of an opened collection."""
    query = {"uuid": opened.uuid}
    if durability != "full":
        query["durability"] = str(durability)
    if timeout != _TIMEOUT_SECONDS:
        query["timeout"] = repr(float(timeout))
    return Place(opened.name, query=query)


_TIMEOUT_SECONDS: Final = 30.0
