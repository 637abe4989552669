"""Exact search over codes: those that a saved index brought, and those of the rows that came since."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, FloatMatrix, FloatVector, Kernels, Metric, Slots
from .codes import Codes, Scanner, coarse_stride, code_shape

__all__ = ["CodedSearch"]

_WORD_BITS: Final = 64
_ROWS_MIN: Final = 64
_ENCODED_AT_ONCE: Final = 8192
_PREPARED_AT_ONCE: Final = 32768
_SAVED: Final[dict[str, type]] = {
    "codes": np.uint8,
    "statistics": np.float32,
    "coarse": np.uint8,
    "coarse_statistics": np.float32,
}


@dataclass(frozen=True, slots=True)
class _Arrays:
    """What is kept of rows, one row a slot."""

    codes: Codes
    statistics: FloatMatrix
    coarse: Codes
    coarse_statistics: FloatMatrix

    def all(self) -> tuple[NDArray[Any], ...]:
        return self.codes, self.statistics, self.coarse, self.coarse_statistics

    def resized(self, count: int, room: int) -> _Arrays:
        """A copy of the first `count` rows, with room for `room`."""
        return _Arrays(*(_resized(array, count, room) for array in self.all()))


class Coded:
    """Codes of the slots from `start`, room for more behind them."""

    def __init__(self, start: int, arrays: _Arrays, count: int) -> None:
        self.start = start
        self.arrays = arrays
        self.count = count

    @property
    def end(self) -> int:
        return self.start + self.count

    def reserve(self, count: int) -> None:
        """Room for `count` rows. Searches that run keep the arrays that they have."""
        room = len(self.arrays.codes)
        if count > room:
            self.arrays = self.arrays.resized(self.count, max(count, 2 * room, _ROWS_MIN))

    def append(self, codes: Codes, statistics: FloatMatrix, coarse: Codes, coarse_statistics: FloatMatrix) -> None:
        end = self.count + len(codes)
        for kept, new in zip(self.arrays.all(), (codes, statistics, coarse, coarse_statistics), strict=True):
            kept[self.count : end] = new
        self.count = end


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
        saved: dict[str, NDArray[Any]] = {}
        for i, (name, dtype) in enumerate(_SAVED.items()):
            pieces = [part.arrays.all()[i][: end - part.start].reshape(-1) for part, end in zip(parts, ends)]
            saved[name] = _joined(pieces, dtype)
        return saved

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `ExactSearch.load`."""
        if any(name not in arrays or not len(arrays[name]) for name in _SAVED):
            return
        columns = code_shape(self._metric, 1)[1]
        rows = len(arrays["statistics"]) // columns
        self._parts = [Coded(0, _Arrays(*(arrays[name].reshape(rows, -1) for name in _SAVED)), rows)]

    def _search_part(
        self, part: Coded, vectors: FloatMatrix, queries: FloatMatrix, k: int, allowed: Bitmap, threads: int
    ) -> list[tuple[Slots, FloatVector]]:
        end = min(part.end, len(vectors))
        slots, scores, counts = self._scanner.search_many(
            self._metric,
            vectors[part.start : end],
            part.arrays.codes,
            part.arrays.statistics,
            queries,
            k,
            coarse=(part.arrays.coarse, part.arrays.coarse_statistics),
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
            return [Coded(part.start, part.arrays, part.count) for part in self._parts]

    def _forget_foreign(self, dim: int) -> None:
        """Codes of another shape are of no use: the dimension was not known when they were loaded."""
        if self._parts and self._parts[0].arrays.codes.shape[1] != code_shape(self._metric, dim)[0]:
            self._parts = []

    def _extend(self, vectors: FloatMatrix) -> None:
        tail = self._growing_part(vectors.shape[1])
        tail.reserve(len(vectors) - tail.start)
        while tail.end < len(vectors):
            end = min(tail.end + _ENCODED_AT_ONCE, len(vectors))
            coded = self._scanner.encode(self._metric, vectors[tail.end : end])
            tail.append(*coded, *self._scanner.coarsen(self._metric, vectors.shape[1], *coded))

    def _growing_part(self, dim: int) -> Coded:
        if self._parts and self._parts[-1].arrays.codes.flags.writeable:
            return self._parts[-1]
        start = self._parts[-1].end // _WORD_BITS * _WORD_BITS if self._parts else 0
        if self._parts:
            self._parts[-1].count = start  # the few rows behind it are encoded again
        stride, columns = code_shape(self._metric, dim)
        widths = zip(_SAVED.values(), (stride, columns, coarse_stride(stride), columns), strict=True)
        tail = Coded(start, _Arrays(*(np.empty((0, width), dtype) for dtype, width in widths)), 0)
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
