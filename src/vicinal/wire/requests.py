"""A call as a client makes it, without I/O: converts Python values to requests, and responses to values or errors.

`steps` is a generator: it yields one request after the other, is sent the response to each, and returns the result of
the call. Its driver does the I/O, in threads or in an event loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from operator import length_hint
from typing import Any, Final, TypeVar

from ..errors import CollectionDropped, CollectionNotFound, InvalidText, Unreachable, VicinalError
from ..inputs.columns import Batch, batches
from ..inputs.unicode import check_unicode
from ..progress import progress
from ..version import __version__
from ..warn import warn_user
from . import arguments as models
from . import outgoing, results
from .errors import Failure
from .names import name_in_path
from .needed import msgspec
from .reading import decoder
from .routes import API, API_HEADER, VERSION_HEADER, WARNINGS_HEADER, Route

__all__ = [
    "Lines",
    "Place",
    "Request",
    "Response",
    "Steps",
    "answer_of",
    "begun",
    "check_server",
    "cut_off",
    "page_of",
    "request_of",
    "steps",
]

_ROW: Final = re.compile(r"row (\d+)")
_SHOWN_CHARS_MAX: Final = 200
_PART_BYTES: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """The target of a call.

    Attributes:
        collection: its name; None for a call of the database.
        owner: of notes.
        query: how the collection is opened, see `arguments.Handle`.
    """

    collection: str | None = None
    owner: str | None = None
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """A request to send.

    Attributes:
        path: percent-encoded, to be appended to the server's URL.
        repeatable: whether it may be repeated if its result is unknown.
    """

    route: Route
    path: str
    query: Mapping[str, str]
    body: bytes
    repeatable: bool


@dataclass(frozen=True, slots=True)
class Response:
    """A response. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


T = TypeVar("T")
Steps = Generator[Request, Response, T]


def steps(route: Route, place: Place, given: Mapping[str, Any]) -> Steps[Any]:
    """Yields the requests of a call, and returns its result.

    Args:
        given: all arguments of the call by name, including defaults.

    Raises:
        InvalidInput: arguments that are invalid for every collection; nothing was sent.
        VicinalError: the server's error.
    """
    if route.arguments is models.Rows:
        return (yield from _insert(route, place, given))
    if route.arguments is models.Update:
        return (yield from _update(route, place, given))
    response = yield request_of(route, place, outgoing.model_of(route, given))
    return answer_of(route, place, response)


def request_of(
    route: Route, place: Place, arguments: msgspec.Struct | None, *, repeatable: bool | None = None
) -> Request:
    """Returns the request of a route."""
    parts = {}
    if place.collection is not None:
        parts["collection"] = name_in_path(place.collection)
    if place.owner is not None:
        parts["owner"] = name_in_path(place.owner)
    try:
        body = b"" if arguments is None else msgspec.json.encode(arguments)
    except UnicodeEncodeError:  # in what only the server can check, such as the name of an encoder
        for name, text in _texts(msgspec.to_builtins(arguments)):
            check_unicode(text, f"{name}=", name, route.call, error=InvalidText)
        raise
    query = place.query if route.held else {}
    return Request(
        route, route.path.format(**parts), query, body, route.repeatable if repeatable is None else repeatable
    )


def _texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yields all texts to be sent, each with the argument that it belongs to."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inside in value.items():
            yield name or key, key
            yield from _texts(inside, name or key)
    elif isinstance(value, list):
        for inside in value:
            yield from _texts(inside, name)


def answer_of(route: Route, place: Place, response: Response) -> Any:
    """Returns the server's result, or raises its error. Its warnings are issued at the caller's line.

    Raises:
        Unreachable: the response is not from a Vicinal server, or from one with another version of the API.
    """
    begun(response)
    if response.status >= 400:
        raise _error(place, response)
    try:
        return decoder(route.result).decode(response.body).value()  # type: ignore[attr-defined]  # all results have it
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unusual(response, str(error)) from None


def begun(response: Response) -> None:
    """Handles the head of every response, including streams: checks the server and issues the engine's warnings.

    Raises:
        Unreachable: see `check_server`.
    """
    check_server(response)
    for warning in _warnings(response):
        warn_user(warning)


class Lines:
    """Splits a stream into lines. JSON contains no line breaks, but characters that other libraries treat as such."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    def add(self, piece: bytes) -> list[bytes]:
        """Returns the lines that end in this piece."""
        first, *more = piece.split(b"\n")
        self._rest.append(first)
        if not more:
            return []
        lines = [b"".join(self._rest), *more[:-1]]
        self._rest = [more[-1]]
        return lines


def page_of(place: Place, line: bytes) -> list[Any] | None:
    """Returns the rows in a line of a stream; None at its end.

    Raises:
        VicinalError: the server's error, or `cut_off`.
    """
    try:
        page: results.Page = decoder(results.Page).decode(line)
        failure = None if page.error is None else decoder(Failure).decode(page.error)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise cut_off(place) from None
    if failure is not None:
        raise _dropped(place, failure.value())
    return None if page.end else page.value()


def cut_off(place: Place) -> Unreachable:
    """Returns the error of a stream that ended early."""
    return Unreachable(
        "the server stopped in the middle of its answer",
        name="server",
        place=f"collection {place.collection!r}",
        remedy="Call it again; nothing was changed.",
    )


def check_server(response: Response) -> None:
    """Raises Unreachable if this is not a Vicinal server, or has another version of the API."""
    api = response.headers.get(API_HEADER)
    if api == str(API):
        return
    if api is None:
        raise _unusual(response, "it does not say that it is Vicinal")
    theirs = response.headers.get(VERSION_HEADER, "of another version")
    older = "client" if api.isdigit() and int(api) > API else "server"
    raise Unreachable(
        f"the server is Vicinal {theirs} and speaks version {api} of the API, this is Vicinal {__version__} "
        f"and speaks version {API}",
        name="server",
        value=api,
        remedy=f"Upgrade the {older}.",
    )


def _unusual(response: Response, why: str) -> Unreachable:
    said = " ".join(response.body[: 4 * _SHOWN_CHARS_MAX].decode(errors="replace").split())[:_SHOWN_CHARS_MAX]
    return Unreachable(
        f"what answered with status {response.status} is not a Vicinal server, or something stands between: {why}; "
        f"it said {said!r}",
        name="server",
        value=response.status,
        remedy="Check the URL, and what proxies stand before the server.",
    )


def _warnings(response: Response) -> list[str]:
    said = response.headers.get(WARNINGS_HEADER)
    if said is None:
        return []
    try:
        return msgspec.json.decode(said, type=list[str])
    except msgspec.DecodeError:
        return [said]


def _error(place: Place, response: Response) -> VicinalError:
    try:
        return _dropped(place, decoder(Failure).decode(response.body).value())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _unusual(response, str(error))


def _dropped(place: Place, error: VicinalError) -> VicinalError:
    """For a handle of a dropped collection, returns the same error as for embedded handles."""
    if not isinstance(error, CollectionNotFound) or "uuid" not in place.query:
        return error
    return CollectionDropped(
        "the collection was dropped",
        name="collection",
        place=f"collection {place.collection!r}",
        remedy="Create it again if you need it.",
    )


# -- rows that are written


def _insert(route: Route, place: Place, given: Mapping[str, Any]) -> Steps[list[Any]]:
    """Yields one request for a list of rows; for a generator one per 8,192 rows, as the engine commits them."""
    columns, rows = outgoing.columns_of(given), given["rows"]
    source = rows if rows is not None else next((value for _, value in columns.given()), None)
    shown: AbstractContextManager[Callable[[int], None]] = (
        progress("Storing rows", length_hint(source, 0) or None) if given["progress"] else nullcontext(lambda _: None)
    )
    ids: list[Any] = []
    with shown as advance:
        for batch in _in_parts(batches(columns, rows, outgoing.any_vectors, outgoing.later_than_all), source):
            again = route.call == "upsert" and batch.ids is not None
            request = request_of(route, place, outgoing.rows_of(batch), repeatable=again)
            ids += yield from _batch(route, place, batch, request)
            advance(len(batch))
    return ids


def _in_parts(read: Iterator[Batch], source: object) -> Iterator[Batch]:
    """Splits batches of a stream into pieces that a server accepts; a list is one piece, as it is stored atomically."""
    for batch in read:
        parts = max(1, -(-outgoing.size_of(batch) // _PART_BYTES)) if isinstance(source, Iterator) else 1
        rows = -(-len(batch) // parts)
        for start in range(0, len(batch), max(1, rows)):
            yield batch if parts == 1 else batch.between(start, start + rows)


def _update(route: Route, place: Place, given: Mapping[str, Any]) -> Steps[int]:
    count: int = 0
    if given["rows"] is None or given["where"] is not None:
        batch, changes = outgoing.changes_of(given)
        if batch is not None and len(batch) == 0:
            return 0
        count += yield from _batch(route, place, batch, request_of(route, place, changes))
        return count
    columns = outgoing.columns_of(given)
    read = partial(batches, columns, given["rows"], outgoing.any_vectors, outgoing.later_than_all, changes=True)
    for batch in _in_parts(read(), given["rows"]):
        changes = outgoing.changed_rows_of(batch, given)
        count += yield from _batch(route, place, batch, request_of(route, place, changes))
    return count


def _batch(route: Route, place: Place, batch: Batch | None, request: Request) -> Steps[Any]:
    """Yields one request; in its errors rows are counted from the beginning of the stream."""
    response = yield request
    try:
        return answer_of(route, place, response)
    except VicinalError as error:
        first = 0 if batch is None else batch.first_row
        if first:
            error.place = _ROW.sub(lambda found: f"row {int(found[1]) + first}", error.place, count=1)
        raise
