"""Points of collections in Milvus. See `distributed.engine` for the contract of each call."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ...contract import Accuracy, FloatMatrix, Metric
from ..conditions import Condition
from ..engine import Point
from ..lacking import capabilities_of
from ..pages import pages
from .calls import Calls, TooLong
from .filters import expression_of, has_key
from .nearest import Search
from .places import Place, make_ready, named
from .queries import Queries
from .registry import Registry
from .rows import columns_of, point_of, row_of, schema_of

__all__ = ["Milvus"]

_PAGE_ROWS: Final = 1000
_PAGE_BYTES: Final = 4 << 20  # a server accepts 64 MiB per message by default


class Milvus:
    """A Milvus, over the network or in this process."""

    name = "Milvus"

    def __init__(self, calls: Calls, place: str, *, local: bool) -> None:
        self.place = place
        self.capabilities = capabilities_of("milvus", local=local, durable=True)
        self._local = local
        self._calls = calls
        self._queries = Queries(calls, local=local)
        self._registry = Registry(calls, self._queries, local=local)
        self._places: dict[str, Place] = {}
        self._mixed: set[str] = set()  # places that contain points without a vector

    # -- what is remembered of collections

    def remembered(self, name: str) -> Mapping[str, Any] | None:
        return self._registry.remembered(name)

    def all_remembered(self) -> Iterator[Mapping[str, Any]]:
        return self._registry.all()

    def remember(self, name: str, what: Mapping[str, Any]) -> None:
        self._registry.remember(name, what)

    def forget(self, name: str) -> None:
        self._registry.forget(name)

    # -- points

    def make(self, points: str, dimension: int | None, metric: Metric) -> None:
        make_ready(self._calls, named(points), schema_of(dimension), metric, local=self._local)

    def drop(self, points: str) -> None:
        self._calls.write("drop_collection", named(points))
        self._places.pop(points, None)

    def put(self, points: str, rows: Sequence[Point]) -> None:
        place = self._place(points)
        latest = {row.key: row for row in rows}  # of two points with one key the engine would keep the first
        # All are checked before any is sent.
        written = {key: row_of(row, place.width) for key, row in latest.items()}
        for page in pages(list(latest.values()), _PAGE_ROWS, _PAGE_BYTES):
            try:
                self._calls.write("upsert", named(points), data=[written[row.key] for row in page])
            except TooLong as error:
                raise self._calls.too_long(error) from error

    def change(self, points: str, rows: Sequence[Point]) -> None:
        """Rewrites the rows: the engine only writes whole rows."""
        self.put(points, rows)

    def remove(self, points: str, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _PAGE_ROWS):
            self._calls.write("delete", named(points), filter=has_key(keys[start : start + _PAGE_ROWS]))

    def at(self, points: str, keys: Sequence[str], parts: Sequence[str], *, vectors: bool) -> dict[str, Point]:
        found = {}
        for start in range(0, len(keys), _PAGE_ROWS):
            page = has_key(keys[start : start + _PAGE_ROWS])
            found.update({point.key: point for point in self._found(points, page, parts, vectors=vectors)})
        return found

    def passing(
        self, points: str, where: Condition, parts: Sequence[str], *, vectors: bool, first: int | None = None
    ) -> Iterator[Point]:
        expression = expression_of(where)
        if first is None:
            yield from self._found(points, expression, parts, vectors=vectors)
            return
        orders = self._queries.all(named(points), expression, ["key", "order"], small=True)  # it cannot sort by order
        keys = [row["key"] for row in heapq.nsmallest(first, orders, key=lambda row: row["order"])]
        found = self.at(points, keys, parts, vectors=vectors)
        yield from (found[key] for key in keys if key in found)

    def count(self, points: str, where: Condition) -> int:
        return self._queries.count(named(points), expression_of(where))

    def nearest(
        self, points: str, queries: FloatMatrix, k: int, where: Condition, parts: Sequence[str], accuracy: Accuracy
    ) -> list[list[Point]]:
        search = Search(
            self._calls, self._queries, named(points), self._place(points), self._mixed, where, parts, accuracy
        )
        return search.nearest(queries, k)

    def close(self) -> None:
        self._calls.close()

    def _found(self, points: str, expression: str, parts: Sequence[str], *, vectors: bool) -> Iterator[Point]:
        for row in self._queries.all(named(points), expression, columns_of(parts, vectors=vectors)):
            yield point_of(row, parts)

    def _place(self, points: str) -> Place:
        """Returns the properties of a set of points; for a given name they never change."""
        place = self._places.get(points)
        if place is None:
            place = self._places[points] = Place.of(self._calls, named(points))
        return place
