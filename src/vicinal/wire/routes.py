"""Every call of a database, a collection and its notes: verb, path, models, and required role.

A call's path ends with its name; its arguments are the body, as JSON, and its result is the body of the response. How a
collection is opened (`arguments.Handle`) is in the query of each of its calls. `{collection}` is a name encoded by
`names`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from . import arguments, results
from .needed import msgspec

__all__ = [
    "API",
    "API_HEADER",
    "PREFIX",
    "REQUEST_HEADER",
    "ROUTES",
    "VERSION_HEADER",
    "WARNINGS_HEADER",
    "Noun",
    "Role",
    "Route",
    "route_of",
]

Noun = Literal["database", "collection", "notes"]
Role = Literal["read", "write", "admin"]
Verb = Literal["GET", "PUT", "POST", "PATCH", "DELETE"]

API: Final = 1  # changes when an older client or server could misunderstand
PREFIX: Final = f"/v{API}"
# In every response, so that a client knows the server.
API_HEADER: Final = "vicinal-api"
VERSION_HEADER: Final = "vicinal-version"
# The request's id in the server's log; a client may choose it.
REQUEST_HEADER: Final = "x-request-id"
# Warnings of the engine, as a JSON list of texts in ASCII.
WARNINGS_HEADER: Final = "vicinal-warnings"

_COLLECTION: Final = f"{PREFIX}/collections/{{collection}}"
_NOTES: Final = f"{_COLLECTION}/notes/{{owner}}"


@dataclass(frozen=True, slots=True)
class Route:
    """One call.

    Attributes:
        noun: the class of the method.
        call: the method's name.
        arguments: model of the body; None for a call without arguments.
        result: model of the response's body; for a stream, of each of its lines.
        role: the lowest role of a key. Creating a collection requires "write", whatever opening requires.
        repeatable: whether a request with an unknown result may be repeated.
        streamed: whether the response comes line by line, newline-delimited JSON.
    """

    noun: Noun
    call: str
    verb: Verb
    path: str
    arguments: type[msgspec.Struct] | None
    result: type[msgspec.Struct]
    role: Role
    repeatable: bool
    streamed: bool = False

    @property
    def held(self) -> bool:
        """Whether it is a call on an open collection, whose query says how that is opened."""
        return self.noun != "database"


def _database(
    call: str,
    verb: Verb,
    path: str,
    takes: type[msgspec.Struct] | None,
    gives: type[msgspec.Struct],
    role: Role,
    *,
    repeatable: bool = True,
) -> Route:
    return Route("database", call, verb, path, takes, gives, role, repeatable)


def _read(
    call: str, takes: type[msgspec.Struct] | None, gives: type[msgspec.Struct], *, streamed: bool = False
) -> Route:
    verb: Verb = "GET" if takes is None else "POST"
    return Route("collection", call, verb, f"{_COLLECTION}/{call}", takes, gives, "read", True, streamed)


def _write(
    call: str,
    takes: type[msgspec.Struct] | None,
    gives: type[msgspec.Struct],
    role: Role = "write",
    *,
    repeatable: bool = False,
) -> Route:
    return Route("collection", call, "POST", f"{_COLLECTION}/{call}", takes, gives, role, repeatable)


def _admin(call: str) -> Route:
    """Calls on the query log, which contains everybody's searches."""
    path = f"{_COLLECTION}/{call}"
    return Route("collection", call, "POST", path, arguments.Peek, results.LoggedQueries, "admin", True)


def _notes(
    call: str, verb: Verb, takes: type[msgspec.Struct] | None, gives: type[msgspec.Struct], role: Role = "write"
) -> Route:
    path = _NOTES if call == "read" else f"{_NOTES}/{call}"
    return Route("notes", call, verb, path, takes, gives, role, call != "remove")


ROUTES: Final[tuple[Route, ...]] = (
    _database("collections", "GET", f"{PREFIX}/collections", None, results.Names, "read"),
    _database("collection", "PUT", _COLLECTION, arguments.Open, results.Opened, "read"),
    _database("drop", "DELETE", _COLLECTION, None, results.Done, "admin", repeatable=False),
    _database("verify", "POST", f"{_COLLECTION}/verify", None, results.VerifyReport, "admin"),
    _database("repair", "POST", f"{_COLLECTION}/repair", None, results.RepairReport, "admin", repeatable=False),
    _database("verify_all", "POST", f"{PREFIX}/verify_all", None, results.VerifyReports, "admin"),
    _write("add", arguments.Rows, results.Ids),
    _write("upsert", arguments.Rows, results.Ids),
    _write("update", arguments.Update, results.Count),
    _write("delete", arguments.Delete, results.Count),
    _read("get", arguments.Get, results.Records),
    _read("scroll", arguments.Scroll, results.Page, streamed=True),
    _read("peek", arguments.Peek, results.Records),
    _read("ids", arguments.Where, results.Ids),
    _read("count", arguments.Where, results.Count),
    _read("facets", arguments.Field, results.Facets),
    _read("distinct", arguments.Field, results.Values),
    _read("min_max", arguments.Field, results.Range),
    _read("search", arguments.Search, results.Hits),
    _read("search_many", arguments.SearchMany, results.Answers),
    _read("search_range", arguments.SearchRange, results.Hits),
    _read("recommend", arguments.Recommend, results.Hits),
    _read("duplicates", arguments.Duplicates, results.Duplicates),
    _read("explain", arguments.Explain, results.Explanation),
    _read("why_not", arguments.WhyNot, results.WhyNot),
    _write("log_queries", arguments.LogQueries, results.Done, "admin", repeatable=True),
    _admin("logged_queries"),
    _admin("slow_queries"),
    _read("stats", None, results.Stats),
    _read("snapshots", None, results.Snapshots),
    _write("wait_indexed", arguments.Wait, results.Indexed, repeatable=True),
    _write("sync", None, results.Done, repeatable=True),
    _write("compact", None, results.Done, "admin", repeatable=True),
    _write("purge", arguments.Purge, results.PurgeReceipt, "admin"),
    _write("backup", arguments.Backup, results.Backup, "admin"),
    _write("snapshot", arguments.Name, results.Snapshot, "admin"),
    _write("restore", arguments.Name, results.Done, "admin"),
    _write("drop_snapshot", arguments.Name, results.Done, "admin"),
    _write("reembed", arguments.Reembed, results.Done, "admin"),
    _write("alter", arguments.Alter, results.Done, "admin"),
    _notes("read", "GET", None, results.Notes, "read"),
    _notes("update", "POST", arguments.NoteUpdate, results.Done),
    _notes("setdefault", "POST", arguments.NoteDefault, results.NoteValue),
    _notes("replace", "POST", arguments.NoteReplace, results.Changed),
    _notes("remove", "POST", arguments.NoteKey, results.Changed),
)

_BY_CALL: Final[Mapping[tuple[str, str], Route]] = {(route.noun, route.call): route for route in ROUTES}


def route_of(noun: Noun, call: str) -> Route:
    """Returns the route of a method."""
    return _BY_CALL[noun, call]
