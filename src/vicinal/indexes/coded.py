"""Exact search over codes: those that a saved index brought, and those of the rows that came since."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, FloatMatrix, FloatVector, Kernels, Metric, Slots
from .codes import Codes, Scanner, code_shape

__all__ = ["CodedSearch"]

_WORD_BITS: Final = 64
_ROWS_MIN: Final = 64
_ENCODED_AT_ONCE: Final = 8192
_PREPARED_AT_ONCE: Final = 32768


class Coded:
    """Codes and statistics of the slots from `start`, room for more behind them."""

    def __init__(self, start: int, codes: Codes, statistics: FloatMatrix, count: int) -> None:
        self.start = start
        self.codes = codes
        self.statistics = statistics
        self.count = count

    @property
    def end(self) -> int:
        return self.start + self.count

    def reserve(self, count: int) -> None:
        """Room for `count` rows. Searches that run keep the arrays that they have."""
        if count <= len(self.codes):
            return
        room = max(count, 2 * len(self.codes), _ROWS_MIN)
        self.codes = _resized(self.codes, self.count, room)
        self.statistics = _resized(self.statistics, self.count, room)


class CodedSearch:
    """Codes are made when a search first needs them, once a process, or mapped from a saved index.

    Mapped codes are never copied: rows that came after them have arrays of their own, which begin at a
    multiple of 64 slots, so that a bitmap can be cut there.
    """

    def __init__(self, scanner: Scanner, kernels: Kernels, metric: Metric) -> None:
        self._scanner = scanner
        self._kernels = kernels
        self._metric = metric
        self._lock = threading.Lock()
        self._parts: list[Coded] = []

    def search(
        self, vectors: FloatMatrix, queries: FloatMatrix, k: int, allowed: Bitmap, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """See `ExactSearch.search`."""
        answers = [
            self._search_part(part, vectors, queries, k, allowed, threads)
            for part in self._covering(vectors)
            if part.start < len(vectors)
        ]
        if len(answers) == 1:
            return answers[0]
        return [_merged(found, k) for found in zip(*answers, strict=True)] if answers else [_NOTHING] * len(queries)

    def score(self, vectors: FloatMatrix, slots: Slots, query: FloatVector) -> FloatVector:
        """See `ExactSearch.score`."""
        return self._kernels.score(self._metric, vectors, slots, query)

    def prepare(self, vectors: FloatMatrix) -> bool:
        """See `ExactSearch.prepare`."""
        done = self._parts[-1].end if self._parts else 0
        self._covering(vectors[: done + _PREPARED_AT_ONCE])
        return done + _PREPARED_AT_ONCE < len(vectors)

    def save(self, vectors: FloatMatrix) -> dict[str, NDArray[Any]]:
        """See `ExactSearch.save`."""
        parts = self._covering(vectors)
        ends = [*(part.start for part in parts[1:]), len(vectors)]  # the next part has what lies behind its start
        codes = [part.codes[: end - part.start].reshape(-1) for part, end in zip(parts, ends)]
        statistics = [part.statistics[: end - part.start].reshape(-1) for part, end in zip(parts, ends)]
        return {"codes": _joined(codes, np.uint8), "statistics": _joined(statistics, np.float32)}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `ExactSearch.load`."""
        codes, statistics = arrays.get("codes"), arrays.get("statistics")
        if codes is None or statistics is None or not len(codes):
            return
        columns = code_shape(self._metric, 1)[1]
        rows = len(statistics) // columns
        self._parts = [Coded(0, codes.reshape(rows, -1), statistics.reshape(rows, columns), rows)]

    def _search_part(
        self, part: Coded, vectors: FloatMatrix, queries: FloatMatrix, k: int, allowed: Bitmap, threads: int
    ) -> list[tuple[Slots, FloatVector]]:
        end = min(part.end, len(vectors))
        slots, scores, counts = self._scanner.search_many(
            self._metric,
            vectors[part.start : end],
            part.codes,
            part.statistics,
            queries,
            k,
            allowed=allowed[part.start // _WORD_BITS :],
            count=end - part.start,
            threads=threads,
        )
        if part.start:
            slots += np.uint32(part.start)
        return [(slots[i, :count], scores[i, :count]) for i, count in enumerate(counts.tolist())]

    def _covering(self, vectors: FloatMatrix) -> list[Coded]:
        """Parts that together hold the codes of all these vectors, as they are now."""
        with self._lock:
            self._forget_foreign(vectors.shape[1])
            if not self._parts or self._parts[-1].end < len(vectors):
                self._extend(vectors)
            return [Coded(part.start, part.codes, part.statistics, part.count) for part in self._parts]

    def _forget_foreign(self, dim: int) -> None:
        """Codes of another shape are of no use: the dimension was not known when they were loaded."""
        if self._parts and self._parts[0].codes.shape[1] != code_shape(self._metric, dim)[0]:
            self._parts = []

    def _extend(self, vectors: FloatMatrix) -> None:
        tail = self._growing_part(vectors.shape[1])
        tail.reserve(len(vectors) - tail.start)
        while tail.end < len(vectors):
            end = min(tail.end + _ENCODED_AT_ONCE, len(vectors))
            codes, statistics = self._scanner.encode(self._metric, vectors[tail.end : end])
            tail.codes[tail.count : end - tail.start] = codes
            tail.statistics[tail.count : end - tail.start] = statistics
            tail.count = end - tail.start

    def _growing_part(self, dim: int) -> Coded:
        if self._parts and self._parts[-1].codes.flags.writeable:
            return self._parts[-1]
        start = self._parts[-1].end // _WORD_BITS * _WORD_BITS if self._parts else 0
        stride, columns = code_shape(self._metric, dim)
        if self._parts:
            self._parts[-1].count = start  # the few rows behind it are encoded again
        tail = Coded(start, np.empty((0, stride), np.uint8), np.empty((0, columns), np.float32), 0)
        self._parts.append(tail)
        return tail


_NOTHING: Final = (np.empty(0, np.uint32), np.empty(0, np.float32))


def _merged(found: tuple[tuple[Slots, FloatVector], ...], k: int) -> tuple[Slots, FloatVector]:
    slots = np.concatenate([slots for slots, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    best = np.lexsort((slots, -scores))[:k]
    return slots[best], scores[best]


def _joined(parts: list[NDArray[Any]], dtype: type) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def _resized(array: NDArray[Any], count: int, room: int) -> NDArray[Any]:
    """A copy of the first `count` rows, with room for `room`."""
    grown = np.empty((room, array.shape[1]), array.dtype)
    grown[:count] = array[:count]
    return grown
