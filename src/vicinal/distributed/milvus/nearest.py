"""The nearest points: by the engine's index, or by reading all of them if the index cannot find them."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ...contract import Accuracy, FloatMatrix, FloatVector
from ..conditions import All, Condition
from ..engine import Point
from .calls import Calls, TooLong
from .filters import expression_of, has_key
from .places import LISTS, Place
from .queries import STRONG, Queries
from .rows import columns_of, point_of

__all__ = ["Search"]

_RANKED_MAX: Final = 16_384  # the engine's limit
_QUERIES_MAX: Final = 16  # with more at once an index may compute distances as differences of large numbers
_LISTS_USUAL: Final = 64
_SQUARE_LOST: Final = 2.0**-148  # per component: what float32 may lose of its square
_KEYS_AT_ONCE: Final = 1000
_HAS_VECTOR: Final = "dimension > 0"
_EVERYTHING: Final = All(())


@dataclass(frozen=True, slots=True)
class Search:
    """A search, and the points that it covers.

    Attributes:
        mixed: names of collections known to contain points without a vector, for all searches of the engine.
        parts: requested parts of payloads.
    """

    calls: Calls
    queries: Queries
    name: str
    place: Place
    mixed: set[str]
    where: Condition
    parts: Sequence[str]
    accuracy: Accuracy

    def nearest(self, queries: FloatMatrix, k: int) -> list[list[Point]]:
        """For each query the `k` best points that match, best first.

        No index is exact unless it compares all vectors: segments that are still growing have an index of their own,
        which is approximate.
        """
        if k > _RANKED_MAX or (self.accuracy.exact and not self.place.flat):
            return self._by_reading(queries, k)
        answers: list[list[Point]] = []
        for start in range(0, len(queries), _QUERIES_MAX):
            answers += self._whole(queries[start : start + _QUERIES_MAX], k)
        return answers

    def _whole(self, queries: FloatMatrix, k: int) -> list[list[Point]]:
        """Returns as many points for each query as exist.

        An index that searches a few lists finds few points with a selective filter; and no index returns a point whose
        distance is beyond float32.
        """
        answers = self._by_index(queries, k, min(self.accuracy.effort or _LISTS_USUAL, LISTS))
        if all(len(answer) == k for answer in answers):
            return answers
        there = min(k, self.queries.count(self.name, self._expression(vectors_only=True)))
        if any(len(answer) < there for answer in answers) and not self.place.flat:
            answers = self._by_index(queries, k, LISTS)
        if any(len(answer) < there for answer in answers):
            return self._by_reading(queries, k)
        return answers

    # -- by the index

    def _by_index(self, queries: FloatMatrix, k: int, lists: int) -> list[list[Point]]:
        """Points without a vector count as zeros in the index, so if there are any, they are filtered out."""
        if self.name not in self.mixed:
            answers = self._asked(queries, k, lists, self._expression(vectors_only=False))
            if all(point.vector is not None for answer in answers for point in answer):
                return answers
            self.mixed.add(self.name)
        return self._asked(queries, k, lists, self._expression(vectors_only=True))

    def _asked(self, queries: FloatMatrix, k: int, lists: int, expression: str) -> list[list[Point]]:
        columns = columns_of(self.parts, vectors=True)
        try:
            found = self._hits(queries, k, lists, expression, columns)
        except TooLong:
            if len(queries) == 1:
                return [self._fetched(queries, k, lists, expression)]
            half = len(queries) // 2
            return [
                *self._asked(queries[:half], k, lists, expression),
                *self._asked(queries[half:], k, lists, expression),
            ]
        return [[self._point({**hit["entity"], "key": hit["key"]}, hit["distance"]) for hit in hits] for hits in found]

    def _fetched(self, query: FloatMatrix, k: int, lists: int, expression: str) -> list[Point]:
        """Handles a response that is longer than a message: gets the keys, and then the points."""
        [hits] = self._hits(query, k, lists, expression, ["key"])
        columns, keys, rows = columns_of(self.parts, vectors=True), [hit["key"] for hit in hits], {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            page = has_key(keys[start : start + _KEYS_AT_ONCE])
            rows.update({row["key"]: row for row in self.queries.all(self.name, page, columns)})
        return [self._point(rows[hit["key"]], hit["distance"]) for hit in hits if hit["key"] in rows]

    def _hits(self, queries: FloatMatrix, k: int, lists: int, expression: str, columns: list[str]) -> Any:
        room = self.place.width - queries.shape[1]
        return self.calls.read(
            "search",
            self.name,
            data=list(np.pad(queries, ((0, 0), (0, room)))),
            anns_field="vector",
            filter=expression,
            limit=k,
            output_fields=columns,
            search_params={"metric_type": self.place.metric, "params": {"nprobe": lists}},
            consistency_level=STRONG,
        )

    def _point(self, row: dict[str, Any], distance: float) -> Point:
        score = distance
        if self.place.metric == "L2":  # the engine returns it without the square root
            lost = _SQUARE_LOST * self.place.width
            score = float(np.sqrt(max(distance - lost, 0.0)))
        return point_of(row, self.parts, score)

    def _expression(self, *, vectors_only: bool) -> str:
        if self.where == _EVERYTHING:
            return _HAS_VECTOR if vectors_only else ""
        expression = expression_of(self.where)
        return f"{_HAS_VECTOR} and ({expression})" if vectors_only else expression

    # -- by reading

    def _by_reading(self, queries: FloatMatrix, k: int) -> list[list[Point]]:
        """Reads every point that matches and compares it here."""
        best: list[list[tuple[float, int, Point]]] = [[] for _ in queries]
        rows = self.queries.all(self.name, self._expression(vectors_only=True), columns_of(self.parts, vectors=True))
        for number, row in enumerate(rows):
            point = point_of(row, self.parts)
            assert point.vector is not None  # ensured by the expression
            for kept, far in zip(best, self._distances(queries, point.vector), strict=True):
                entry = -far, -number, point
                if len(kept) < k:
                    heapq.heappush(kept, entry)
                elif entry > kept[0]:
                    heapq.heapreplace(kept, entry)
        return [[self._scored(-far, point) for far, _, point in sorted(kept, reverse=True)] for kept in best]

    def _distances(self, queries: FloatMatrix, vector: FloatVector) -> list[float]:
        """Distances; lower is better."""
        wide = queries.astype(np.float64)
        if self.place.metric == "L2":
            return list(np.linalg.norm(wide - vector.astype(np.float64), axis=1).tolist())
        return list((-(wide @ vector.astype(np.float64))).tolist())

    def _scored(self, far: float, point: Point) -> Point:
        return replace(point, score=far if self.place.metric == "L2" else -far)
