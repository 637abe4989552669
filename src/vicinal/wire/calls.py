"""A call as the server runs it: a route and its arguments, on a database, a collection or notes of this process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from ..contract import Notes
from . import arguments as models
from . import results
from .needed import msgspec
from .routes import Route

__all__ = ["call"]

_PAGE_ROWS: Final = 1000


def call(route: Route, target: Any, arguments: msgspec.Struct | None, **more: Any) -> msgspec.Struct | Iterator[Any]:
    """Returns the result of the call as a model; for a stream its lines, each produced on demand.

    Args:
        target: a `Database`, a `Collection`, or its `Notes`.
        arguments: of the route's argument type.
        more: arguments that do not come from the body, such as the name of a collection.

    Raises:
        VicinalError: as the engine does.
    """
    given = arguments.given() if isinstance(arguments, models.Arguments) else {}
    if route.noun == "notes":
        return _of_notes(route, target, given)
    value = getattr(target, route.call)(**given, **more)
    if route.result not in (results.Records, results.Page):
        made: msgspec.Struct = route.result.of(value)  # type: ignore[attr-defined]  # each model of a result has it
        return made
    as_numbers = getattr(arguments, "vectors", False) is True
    if route.streamed:
        return _pages(value, as_numbers)
    return results.Records.of(value, as_numbers=as_numbers)


def _pages(records: Iterator[Any], as_numbers: bool) -> Iterator[results.Page]:
    while page := list(islice(records, _PAGE_ROWS)):
        yield results.Page.of(page, as_numbers=as_numbers)
    yield results.Page(end=True)


def _of_notes(route: Route, notes: Notes, given: dict[str, Any]) -> msgspec.Struct:
    if route.call == "read":
        return results.Notes.of(dict(notes))
    if route.call == "update":
        notes.update(given["notes"])
        return results.Done.of()
    if route.call == "setdefault":
        return results.NoteValue.of(notes.setdefault(given["key"], given["default"]))
    if route.call == "replace":
        return results.Changed.of(notes.replace(given["key"], given["before"], given["value"]))
    try:
        del notes[given["key"]]
    except KeyError:
        return results.Changed.of(False)
    return results.Changed.of(True)
