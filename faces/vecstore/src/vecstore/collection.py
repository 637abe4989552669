"""A collection of a database."""

from __future__ import annotations

from typing import Any, Final

import vicinal
from vicinal.inputs.calls import for_users

from . import records
from .errors import doing
from .queries import Vector
from .results import SearchResult

_FULL: Final = 1_000_000  # the number of vectors at which `quota_utilization` is 1.0; there is no quota


@for_users
class Collection:
    """Vectors by id, in a `VecDatabase`. Thread-safe; every call that changes something is durable when it returns."""

    def __init__(self, name: str, rows: vicinal.Collection) -> None:
        self._name = name
        self._rows = rows

    def name(self) -> str:
        return self._name

    def upsert(self, id: str, vector: Vector, metadata: dict[str, Any]) -> None:
        """Stores a record, or replaces the one with this id. See `VecStore.upsert`."""
        with doing("Upsert failed: Error"):
            records.upsert(self._rows, id, vector, metadata)

    def query(self, vector: Vector, k: int, filter: str | None = None) -> list[SearchResult]:
        """Returns the `k` records nearest to `vector`, or all if there are fewer, best first. See `VecStore.query`."""
        where, count = records.filter_of(filter), records.count_of(k)
        with doing("Query failed: Error"):
            return records.search(self._rows, vector, count, where)

    def delete(self, id: str) -> bool:
        """Deletes a record; returns whether it existed."""
        with doing("Delete failed: Error"):
            return records.remove(self._rows, id)

    def count(self) -> int:
        with doing("Count failed: Error"):
            return self._rows.count()

    def stats(self) -> dict[str, Any]:
        """Returns `vector_count`, `active_count`, `deleted_count`, `dimension` and `quota_utilization`.

        Deleted records are gone immediately, so the first two are equal and the third is 0. The dimension is 0 before
        the first vector. The last is the number of vectors over a million, for programs that monitor it; there is no
        quota.
        """
        with doing("Stats failed: Error"):
            stats = self._rows.stats()
        return {
            "vector_count": stats.rows,
            "active_count": stats.rows,
            "deleted_count": 0,
            "dimension": stats.dimension or 0,
            "quota_utilization": stats.rows / _FULL,
        }

    def __repr__(self) -> str:
        try:
            return f"Collection(name={self._name!r}, vectors={self.count()})"
        except ValueError:
            return f"Collection(name={self._name!r}, deleted or closed)"
