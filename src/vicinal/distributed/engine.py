"""The interface of engines. Rows are stored as points: a key, an optional vector, and a JSON document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..contract import Accuracy, Capabilities, FloatMatrix, FloatVector, Metric
from .conditions import Condition

__all__ = ["Engine", "NoSuchPoints", "Point"]


@dataclass(frozen=True, slots=True)
class Point:
    """A row as an engine stores it.

    Attributes:
        key: a UUID as text, see `payloads.key_of`.
        payload: see `payloads`.
        vector: float32, shape (dim,), as the engine compares it; None for a row without one, or if it was not
            requested.
        score: of a search, higher is better.
    """

    key: str
    payload: Mapping[str, Any]
    vector: FloatVector | None = None
    score: float = 0.0


class NoSuchPoints(Exception):
    """No points have this name: they were dropped, or have moved. Never raised to users."""


class Engine(Protocol):
    """A database of points, thread-safe. Writes are visible to every later call, at least of this program.

    Every call may raise Unreachable, ServerBusy, ServerFailed or KeyRefused, and those on points `NoSuchPoints`.
    """

    name: str
    place: str
    capabilities: Capabilities

    def remembered(self, name: str) -> Mapping[str, Any] | None:
        """Returns what `remember` last stored for a collection."""
        ...

    def all_remembered(self) -> Iterator[Mapping[str, Any]]:
        """Yields the same for all collections."""
        ...

    def remember(self, name: str, what: Mapping[str, Any]) -> None: ...

    def forget(self, name: str) -> None: ...

    def make(self, points: str, dimension: int | None, metric: Metric) -> None:
        """Creates an empty set of points; without a dimension, for points without a vector."""
        ...

    def drop(self, points: str) -> None:
        """Deletes the set; does nothing if it does not exist."""
        ...

    def put(self, points: str, rows: Sequence[Point]) -> None:
        """Writes points, replacing those that have the same key."""
        ...

    def change(self, points: str, rows: Sequence[Point]) -> None:
        """Replaces the payload of existing points; their vectors are kept."""
        ...

    def remove(self, points: str, keys: Sequence[str]) -> None: ...

    def at(self, points: str, keys: Sequence[str], parts: Sequence[str], *, vectors: bool) -> dict[str, Point]:
        """Returns the existing points by key."""
        ...

    def passing(
        self, points: str, where: Condition, parts: Sequence[str], *, vectors: bool, first: int | None = None
    ) -> Iterator[Point]:
        """Points that match, unordered; with `first` this many of those with the smallest `order`, in that order."""
        ...

    def count(self, points: str, where: Condition) -> int: ...

    def nearest(
        self, points: str, queries: FloatMatrix, k: int, where: Condition, parts: Sequence[str], accuracy: Accuracy
    ) -> list[list[Point]]:
        """The `k` best points that match each query, best first, with vectors; the true ones if accuracy is exact."""
        ...

    def close(self) -> None: ...
