"""Kinds of searches: what requests that differ only in their query have in common is parsed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from ..wire.arguments import Search
from ..wire.values import PackedVector
from .limits import check_limits
from .settings import ServerSettings

__all__ = ["Kind", "Kinds", "is_shareable"]

_KNOWN_MAX: Final = 1000
_SAID_BYTES_MAX: Final = 4096  # longer filters are parsed for each request

# Arguments that searches may share. A search with any other is answered alone.
_SHARED: Final = frozenset(
    ("query", "k", "where", "mode", "exact", "recall", "effort", "offset", "min_score", "select")
)
_NOT_SHARED: Final = tuple(name for name in Search.__struct_fields__ if name not in _SHARED)

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Kind:
    """Searches that one pass can answer.

    Attributes:
        said: the arguments without the query, as JSON.
        given: the same as arguments of the engine. Read-only, because requests share them.
    """

    said: bytes
    given: dict[str, Any]


class Kinds:
    """The most recent kinds of one worker. Used from its event loop."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._known: dict[bytes, Kind] = {}

    def of(self, arguments: Search) -> Kind | None:
        """None for a search that cannot share a pass; the caller then has to check its limits.

        Raises:
            LimitExceeded, Unsupported: see `check_limits`.
            InvalidArgument: the filter is invalid.
        """
        query = arguments.query
        if not isinstance(query, (PackedVector, list)):
            return None
        arguments.query = None
        said = _encode(arguments)
        arguments.query = query
        return self._known.get(said) or self._new(arguments, said)

    def _new(self, arguments: Search, said: bytes) -> Kind | None:
        if not is_shareable(arguments):
            return None
        check_limits(self._settings, arguments)
        given = arguments.given()
        del given["query"]
        kind = Kind(said, given)
        if len(said) <= _SAID_BYTES_MAX:
            if len(self._known) >= _KNOWN_MAX:
                del self._known[next(iter(self._known))]
            self._known[said] = kind
        return kind


def is_shareable(arguments: Search) -> bool:
    """Whether it searches for the nearest rows of a vector, with nothing that `search_many` does not accept."""
    return (
        isinstance(arguments.query, (PackedVector, list))
        and arguments.mode in (msgspec.UNSET, "dense")
        and all(
            (value := getattr(arguments, name)) is msgspec.UNSET or value is None or value is False
            for name in _NOT_SHARED
        )
    )
