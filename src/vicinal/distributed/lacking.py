"""Features that an engine lacks, checked before anything is sent: the call, the engine, and the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ..contract import Capabilities
from ..errors import Unsupported

__all__ = ["FEATURES", "LACKS", "Feature", "capabilities_of", "lacking"]

_EMBEDDED: Final = "Use a database in a folder or behind a server."


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of a database in a folder that an engine may lack.

    Attributes:
        asked_by: how a program uses it, as docs and messages write it.
        remedy: what to do without it.
        calls: methods of a collection that only serve this feature.
    """

    asked_by: str
    remedy: str
    calls: tuple[str, ...] = ()


# The names are those in `Capabilities.lacks`.
FEATURES: Final[Mapping[str, Feature]] = {
    "keyword search": Feature("search(mode='keyword'), search(mode='hybrid')", "Search by vectors."),
    "group_by": Feature("search(group_by=...)", "Group the hits of a larger k in your program."),
    "mmr": Feature("search(mmr=...)", "Choose among the hits of a larger k in your program."),
    "advice on filters": Feature(
        "a warning or error of a filter whose fields no row has", "Look at facets() of the field."
    ),
    "commit numbers": Feature("Stats.change, Hits.change", "They are 0: keep a field that counts."),
    "duplicates": Feature("duplicates()", _EMBEDDED, ("duplicates",)),
    "explain": Feature("explain(), why_not()", _EMBEDDED, ("explain", "why_not")),
    "query log": Feature("log_queries()", "Log in your program.", ("log_queries", "logged_queries", "slow_queries")),
    "notes": Feature("notes()", "Keep them in a collection of their own.", ("notes",)),
    "snapshots": Feature(
        "snapshot(), snapshots(), restore(), drop_snapshot()",
        "Take them with the engine's own tools.",
        ("snapshot", "snapshots", "restore", "drop_snapshot"),
    ),
    "backup": Feature("backup()", "Take one with the engine's own tools, or read all rows by scroll().", ("backup",)),
    "verify": Feature("verify(), repair()", "The engine checks its own files.", ("verify",)),
    "purge": Feature("purge()", "The engine erases what was deleted when it optimises its segments.", ("purge",)),
    "reembed": Feature("reembed()", "Make a new collection with the other encoder.", ("reembed",)),
    "alter": Feature("alter()", "Make a new collection with the other settings.", ("alter",)),
    "index": Feature("collection(index=...)", "Leave index= out: the engine has an index of its own."),
    "automatic integers": Feature("collection(auto_ids='integer')", "Leave auto_ids= out, or give ids yourself."),
    "Manhattan distance": Feature("collection(metric='l1')", "Choose another metric."),
    "durability": Feature("collection(durability='process')", "Leave durability= out."),
    "substrings": Feature("{'$contains': 'a text'}", "{'tags': 'gold'} finds an element of a list."),
    "regular expressions": Feature("{'$regex': ...}", "Store a field that says the same."),
    "distances in fields": Feature("filters by a circle", "Write ranges of both coordinates."),
    "numerals as numbers": Feature("filters that take texts for numbers", "Store numbers."),
    "long texts in order": Feature(
        "{'$gt': ...}, {'$startswith': ...} of a text longer than 47 bytes", "Compare with a shorter text."
    ),
    "order of row texts": Feature("{'$text': {'$gt': ...}}", "Store a field that says the same."),
}

_NO_ENGINE_HAS: Final = frozenset(
    {
        "advice on filters", "alter", "automatic integers", "backup", "commit numbers", "distances in fields",
        "duplicates", "durability", "explain", "index", "long texts in order", "notes", "numerals as numbers",
        "order of row texts", "purge", "query log", "reembed", "regular expressions", "snapshots", "substrings",
        "verify",
    }
)  # fmt: skip
# By the engine's name; docs/distributed.md has a column for each.
LACKS: Final[Mapping[str, frozenset[str]]] = {
    "Qdrant": _NO_ENGINE_HAS | {"keyword search"},
    "Milvus": _NO_ENGINE_HAS | {"Manhattan distance", "keyword search"},
}


def capabilities_of(kind: Literal["qdrant", "milvus"], *, local: bool, durable: bool) -> Capabilities:
    """Returns what a database on an engine can do.

    Args:
        local: the engine runs in this process.
    """
    return Capabilities(
        kind,
        durable=durable,
        shared=not local,
        snapshots=False,
        own_files=False,
        own_encoders=True,
        whole_writes=False,
        lacks=LACKS[kind.capitalize()],
    )


def lacking(engine: str, feature: str, name: str, value: Any = None) -> Unsupported:
    """Returns the error of a call that needs a feature that the engine lacks.

    Args:
        feature: a name of `FEATURES`.
        name: the call or the argument.
        value: the value of the argument.
    """
    found = FEATURES[feature]
    error = Unsupported(
        f"a collection on {engine} has no {feature}: {found.asked_by}", name=name, value=value, remedy=found.remedy
    )
    error.lacks = feature
    return error
