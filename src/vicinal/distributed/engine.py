"""What an engine owes a collection on it. Rows are points: a key, a vector or none, and a document of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..contract import Accuracy, Capabilities, FloatMatrix, FloatVector, Metric
from .conditions import Condition

__all__ = ["Engine", "NoSuchPoints", "Point"]


@dataclass(frozen=True, slots=True)
class Point:
    """A row as an engine keeps it.

    Attributes:
        key: a UUID as text, see `payloads.key_of`.
        payload: see `payloads`.
        vector: float32, shape (dim,), as the engine compares it; None for a row without, or where it was not asked for.
        score: of a search, higher is better.
    """

    key: str
    payload: Mapping[str, Any]
    vector: FloatVector | None = None
    score: float = 0.0


class NoSuchPoints(Exception):
    """There are no points of this name: they were dropped, or have moved. Never seen by users."""


class Engine(Protocol):
    """A database of points, thread-safe. Writes are read by every later call, of this program at least.

    Every call may raise Unreachable, ServerBusy, ServerFailed or KeyRefused, and those on points `NoSuchPoints`.
    """

    name: str
    place: str
    capabilities: Capabilities

    def remembered(self, name: str) -> Mapping[str, Any] | None:
        """What `remember` was last given for a collection."""
        ...

    def all_remembered(self) -> Iterator[Mapping[str, Any]]:
        """The same of all collections."""
        ...

    def remember(self, name: str, what: Mapping[str, Any]) -> None: ...

    def forget(self, name: str) -> None: ...

    def make(self, points: str, dimension: int | None, metric: Metric) -> None:
        """Makes an empty place for points; without a dimension, for points without a vector."""
        ...

    def drop(self, points: str) -> None:
        """Deletes them all; nothing where there are none."""
        ...

    def put(self, points: str, rows: Sequence[Point]) -> None:
        """Writes points, in the place of those that have the same key."""
        ...

    def change(self, points: str, rows: Sequence[Point]) -> None:
        """Gives points that exist another payload; their vectors stay."""
        ...

    def remove(self, points: str, keys: Sequence[str]) -> None: ...

    def at(self, points: str, keys: Sequence[str], parts: Sequence[str], *, vectors: bool) -> dict[str, Point]:
        """Points by key, those that exist."""
        ...

    def passing(
        self, points: str, where: Condition, parts: Sequence[str], *, vectors: bool, first: int | None = None
    ) -> Iterator[Point]:
        """Points that match, in no order; with `first` so many of those whose `order` is least, by that."""
        ...

    def count(self, points: str, where: Condition) -> int: ...

    def nearest(
        self, points: str, queries: FloatMatrix, k: int, where: Condition, parts: Sequence[str], accuracy: Accuracy
    ) -> list[list[Point]]:
        """For each query the `k` best points that match, best first, with vectors; the true ones where it is exact."""
        ...

    def close(self) -> None: ...
