"""The index that compares every candidate: codes that a saved index brought, and those of the rows that came since."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import (
    AS_USUAL,
    Accuracy,
    Approach,
    Bitmap,
    Delta,
    FloatMatrix,
    FloatVector,
    Kernels,
    Metric,
    SavedVectors,
    Slots,
    VectorIndex,
)
from .coded_rows import CodedRows, sections
from .codes import NativeScanner, Scanner, code_shape
from .directions import DIRECTIONS, LEARNED_FROM, are_orthonormal, leading_directions
from .kernels import NativeKernels
from .scanned import ScannedIndex

__all__ = ["FlatIndex", "FlatSearcher", "flat_index"]

_WORD_BITS: Final = 64
_ENCODED_AT_ONCE: Final = 8192
_BUILT_AT_ONCE: Final = 32768
_LEARNED_AGAIN: Final = 4  # times the rows of which nothing could be learned


def flat_index(kernels: Kernels, metric: Metric) -> VectorIndex:
    """Every candidate is compared: by codes where the native core is, else in NumPy. The answers are the same."""
    if isinstance(kernels, NativeKernels):
        return FlatIndex(NativeScanner(kernels.core), kernels, metric)
    return ScannedIndex(kernels, metric)


class FlatIndex:
    """Codes of all vectors, made once a process or mapped from a saved index. See `contract.VectorIndex`.

    Mapped codes are never copied: rows that came after them have arrays of their own, which begin at a
    multiple of 64 slots, so that a bitmap can be cut there.
    """

    name = "flat"

    def __init__(self, scanner: Scanner, kernels: Kernels, metric: Metric) -> None:
        self._scanner = scanner
        self._kernels = kernels
        self._metric = metric
        self.change = 0
        self._lock = threading.Lock()
        self._parts: list[CodedRows] = []
        self._directions: FloatMatrix | None = None
        self._learned_from = 0  # rows
        self._covered: tuple[tuple[int, ...], list[CodedRows]] = ((), [])  # a shape, and the parts that cover it

    @property
    def covered(self) -> int:
        """See `VectorIndex.covered`."""
        parts = self._parts
        return parts[-1].end if parts else 0

    def apply(self, delta: Delta) -> None:
        """See `VectorIndex.apply`."""
        self.change = delta.change

    def searcher(self, vectors: FloatMatrix) -> FlatSearcher:
        """See `VectorIndex.searcher`."""
        return FlatSearcher(self._scanner, self._metric, vectors, self._covering)

    def build(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        """See `VectorIndex.build`."""
        done = self.covered
        self._covering(vectors[: done + _BUILT_AT_ONCE])
        return done + _BUILT_AT_ONCE < len(vectors)

    def save(self) -> SavedVectors:
        """See `VectorIndex.save`."""
        with self._lock:
            parts = [part.now() for part in self._parts]
        if not parts:
            return SavedVectors(self.change, 0, {})
        return SavedVectors(self.change, parts[-1].end, sections(parts, parts[-1].end, parts[0].directions))

    def load(self, saved: SavedVectors, dim: int) -> None:
        """See `VectorIndex.load`; what the other implementation saved is passed over."""
        rows = CodedRows.saved(self._metric, saved.arrays, _directions_in(saved.arrays), saved.slot_count)
        if rows is not None:
            self._parts, self._directions, self._covered = [rows], rows.directions, ((), [])
        self.change = saved.change

    def _covering(self, vectors: FloatMatrix) -> list[CodedRows]:
        """Parts that together hold the codes of all these vectors, as they are now."""
        shape, parts = self._covered
        if shape == vectors.shape:  # nothing was written since the last search: vectors of a slot never change
            return parts
        with self._lock:
            self._forget_foreign(vectors.shape[1])
            if not self._parts or self._parts[-1].end < len(vectors):
                self._learn(vectors)
                self._extend(vectors)
            parts = [part.now() for part in self._parts]
            self._covered = vectors.shape, parts
            return parts

    def _forget_foreign(self, dim: int) -> None:
        """Codes of another shape are of no use: the dimension was not known when they were loaded."""
        shape = code_shape(self._metric, dim)[0]
        other_directions = self._directions is not None and self._directions.shape[1] != dim
        if self._parts and (self._parts[0].stride != shape or other_directions):
            self._parts, self._directions, self._learned_from = [], None, 0

    def _learn(self, vectors: FloatMatrix) -> None:
        """Directions, once there are rows enough to learn them from. They stay: bounds hold for any rows."""
        if self._directions is not None or len(vectors) < max(LEARNED_FROM, _LEARNED_AGAIN * self._learned_from):
            return
        self._learned_from = len(vectors)
        self._directions = leading_directions(vectors, self._metric)
        if self._directions is not None:
            for part in self._parts:
                part.lead(self._scanner, self._metric, vectors[part.start : part.end], self._directions)

    def _extend(self, vectors: FloatMatrix) -> None:
        tail = self._growing_part(vectors.shape[1])
        tail.reserve(len(vectors) - tail.start)
        while tail.end < len(vectors):
            tail.append(self._scanner, self._metric, vectors[tail.end : tail.end + _ENCODED_AT_ONCE])

    def _growing_part(self, dim: int) -> CodedRows:
        if self._parts and self._parts[-1].grows:
            return self._parts[-1]
        start = self._parts[-1].end // _WORD_BITS * _WORD_BITS if self._parts else 0
        if self._parts:
            self._parts[-1].count = start  # the few rows behind it are encoded again
        tail = CodedRows.empty(start, self._scanner, self._metric, dim, self._directions)
        self._parts.append(tail)
        return tail


class FlatSearcher:
    """Every candidate's code is compared, and the vectors of those that may be among the best.

    See `contract.VectorSearcher`.
    """

    __slots__ = ("_covering", "_metric", "_scanner", "_vectors")

    def __init__(
        self,
        scanner: Scanner,
        metric: Metric,
        vectors: FloatMatrix,
        covering: Callable[[FloatMatrix], list[CodedRows]],
    ) -> None:
        self._scanner = scanner
        self._metric = metric
        self._vectors = vectors
        self._covering = covering

    def search(
        self, queries: FloatMatrix, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """See `VectorSearcher.search`."""
        vectors = self._vectors
        parts = self._covering(vectors)
        if len(parts) == 1 and len(vectors):
            return self._search_part(parts[0], queries, k, candidates, threads)
        answers = [
            self._search_part(part, queries, k, candidates, threads) for part in parts if part.start < len(vectors)
        ]
        return [_merged(found, k) for found in zip(*answers, strict=True)] if answers else [_NOTHING] * len(queries)

    def approach(self, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL) -> Approach:
        """See `VectorSearcher.approach`."""
        return Approach(True, "every candidate's code is compared, with bounds that certify the answer")

    def _search_part(
        self, part: CodedRows, queries: FloatMatrix, k: int, candidates: Bitmap, threads: int
    ) -> list[tuple[Slots, FloatVector]]:
        vectors, start = self._vectors, part.start
        end = min(part.end, len(vectors))
        if start:
            vectors, candidates = vectors[start:end], candidates[start // _WORD_BITS :]
        slots, scores, counts = self._scanner.search_many(
            self._metric,
            vectors,
            part.arrays.codes,
            part.arrays.statistics,
            queries,
            k,
            coarse=part.coarse,
            allowed=candidates,
            count=end - start,
            threads=threads,
        )
        if start:
            slots += np.uint32(start)
        found = []
        for i, count in enumerate(counts.tolist()):
            found.append((slots[i, :count], scores[i, :count]))
        return found


_NOTHING: Final = (np.empty(0, np.uint32), np.empty(0, np.float32))


def _merged(found: tuple[tuple[Slots, FloatVector], ...], k: int) -> tuple[Slots, FloatVector]:
    slots = np.concatenate([slots for slots, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    best = np.lexsort((slots, -scores))[:k]
    return slots[best], scores[best]


def _directions_in(arrays: Mapping[str, NDArray[Any]]) -> FloatMatrix | None:
    """Those that an index was saved with. On bounds of others no search may rely."""
    saved = arrays.get("directions")
    if saved is None or saved.dtype != np.float32 or not len(saved) or len(saved) % DIRECTIONS:
        return None
    directions = saved.reshape(DIRECTIONS, -1)
    return directions if np.isfinite(directions).all() and are_orthonormal(directions) else None
