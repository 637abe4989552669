"""The index that compares every candidate: by codes from a saved index, and codes of the rows added since."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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
    SavedIndex,
    Slots,
    VectorIndex,
)
from ..locks import new_lock
from .coded_rows import CodedRows, sections
from .codes import BoundRows, NativeScanner, Scanner, code_shape
from .flat_numpy import Norms, NumpyFlatIndex, NumpyFlatSearcher
from .kernels import NativeKernels
from .pca import DIRECTIONS, LEARNED_FROM, are_orthonormal, leading_directions

__all__ = ["FlatIndex", "FlatSearcher", "flat_index", "merged"]

_WORD_BITS: Final = 64
_ENCODED_AT_ONCE: Final = 2048
_FEW: Final = 64  # rows that a search encodes by itself
_BUILT_AT_ONCE: Final = 8192
_COARSE_FROM: Final = 12_288  # rows; the codes of fewer stay in the cache, so reading halves of them saves nothing
_LEARNED_AGAIN: Final = 4  # times the number of rows for which no useful projection was found


def flat_index(kernels: Kernels, metric: Metric) -> VectorIndex:
    """The index for these kernels: by codes with the native core, otherwise in NumPy. The results are the same."""
    if isinstance(kernels, NativeKernels):
        return FlatIndex(NativeScanner(kernels.core), kernels, metric)
    return NumpyFlatIndex(kernels, metric)


class FlatIndex:
    """Codes of all vectors, computed once per process or mapped from a saved index. See `contract.VectorIndex`.

    Mapped codes are never copied: later rows have separate arrays, which begin at a multiple of 64 slots, so that a
    bitmap can be cut there.
    """

    name = "flat"

    def __init__(self, scanner: Scanner, kernels: Kernels, metric: Metric) -> None:
        self._scanner = scanner
        self._kernels = kernels
        self._metric: Metric = metric
        self.change = 0
        self._building = new_lock()
        self._parts: list[CodedRows] = []  # guarded by the lock
        self._directions: FloatMatrix | None = None
        self._learned_from = 0  # rows
        self._ready: tuple[CodedRows, ...] = ()  # the parts as searchers see them: replaced, never changed
        self._uncoded = Norms(kernels)
        self._searcher: FlatSearcher | None = None  # for the newest vectors, until there are newer ones

    @property
    def covered(self) -> int:
        """See `VectorIndex.covered`."""
        return _end(self._ready)

    @property
    def coded(self) -> tuple[CodedRows, ...]:
        """Parts with the codes of the slots that are covered; their contents do not change."""
        return self._ready

    def apply(self, delta: Delta) -> None:
        """See `VectorIndex.apply`."""
        self.change = delta.change
        self._searcher = None

    def searcher(self, vectors: FloatMatrix) -> FlatSearcher:
        """See `VectorIndex.searcher`. The same one for the same vectors, since it caches bound rows."""
        known = self._searcher
        if known is None or known.vectors is not vectors:
            known = self._searcher = FlatSearcher(self, self._scanner, self._metric, vectors)
        return known

    def build(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        """See `VectorIndex.build`. First codes of all rows, which is fast; then the PCA projection."""
        with self._building:
            if self.covered < len(vectors):
                self._extend(vectors, self.covered + _BUILT_AT_ONCE)
            elif self.covered == len(vectors) and self._may_learn(len(vectors)):  # else a search encoded newer rows
                self._learn(vectors)
                self._extend(vectors, self.covered)
        return self.covered < len(vectors) or self._may_learn(len(vectors))

    def refine(self, vectors: FloatMatrix, candidates: Bitmap, *, awaited: bool = False) -> bool:
        """See `VectorIndex.refine`: nothing to do."""
        return False

    @property
    def tail_max(self) -> float:
        """See `VectorIndex.tail_max`."""
        return math.inf

    @property
    def unsaved(self) -> int:
        """See `VectorIndex.unsaved`."""
        return 0

    def save(self) -> SavedIndex:
        """See `VectorIndex.save`."""
        parts = self._ready
        change = self.change  # read last: no slot in the parts is newer
        if not parts:
            return SavedIndex(change, 0, {})
        return SavedIndex(change, _end(parts), sections(parts, _end(parts), parts[0].directions))

    def load(self, saved: SavedIndex, dim: int) -> None:
        """See `VectorIndex.load`; what another implementation saved is ignored."""
        rows = CodedRows.saved(self._metric, saved.arrays, _directions_in(saved.arrays), saved.slot_count)
        if rows is not None:
            if not _fits(rows, self._metric, dim) or rows.count > saved.slot_count:
                raise ValueError("codes of another shape")
            self._parts, self._directions, self._ready = [rows], rows.directions, (rows.now(),)
        self.change = saved.change

    def differing(self, slots: Slots, vectors: FloatMatrix) -> Slots:
        """See `VectorIndex.differing`."""
        found = [slots[:0]]
        for part in self._ready:
            first, end = np.searchsorted(slots, (part.start, part.end)).tolist()
            apart = part.differing(self._scanner, self._metric, slots[first:end] - part.start, vectors[first:end])
            found.append(slots[first:end][apart])
        return np.unique(np.concatenate(found))

    def ready(self, vectors: FloatMatrix) -> tuple[CodedRows, ...]:
        """Parts with the codes of most of these vectors.

        A few missing rows are encoded now, unless another thread is doing so: that is faster than comparing them
        without codes.
        """
        parts = self._ready
        if 0 < len(vectors) - _end(parts) <= _FEW and not self._building.locked():
            with self._building:
                self._extend(vectors, len(vectors))
            parts = self._ready
        return parts

    def uncoded(self, vectors: FloatMatrix, first: int) -> NumpyFlatSearcher:
        """A searcher for the slots from `first` on, which have no codes yet."""
        norms = self._uncoded
        if norms.first > first or norms.end < first:  # otherwise the known norms remain useful
            norms = self._uncoded = Norms(self._kernels, first=first)
        return NumpyFlatSearcher(self._kernels, self._metric, norms, vectors, first)

    def _extend(self, vectors: FloatMatrix, end: int) -> None:
        """Encodes these vectors up to the slot `end`."""
        end = min(end, len(vectors))
        if _end(self._parts) < end:
            tail = self._growing_part(vectors.shape[1])
            tail.reserve(len(vectors) - tail.start)
            while tail.end < end:
                tail.append(self._scanner, self._metric, vectors[tail.end : min(end, tail.end + _ENCODED_AT_ONCE)])
        self._ready = tuple(part.now() for part in self._parts)
        if self._searcher is not None:
            self._searcher.unbind()
        if self.covered >= len(vectors):
            self._uncoded = Norms(self._kernels, first=self.covered)

    def _may_learn(self, rows: int) -> bool:
        return self._directions is None and rows >= max(LEARNED_FROM, _LEARNED_AGAIN * self._learned_from)

    def _learn(self, vectors: FloatMatrix) -> None:
        """Learns the PCA projection once there are enough rows. It is kept: the bounds are valid for any rows."""
        self._learned_from = len(vectors)
        directions = leading_directions(vectors, self._metric)
        if directions is not None:
            parts = [part.now() for part in self._parts]
            for part in parts:
                part.lead(self._scanner, self._metric, vectors[part.start : part.end], directions)
            self._parts, self._directions = parts, directions

    def _growing_part(self, dim: int) -> CodedRows:
        if self._parts and self._parts[-1].grows:
            return self._parts[-1]
        start = self._parts[-1].end // _WORD_BITS * _WORD_BITS if self._parts else 0
        if self._parts:
            self._parts[-1].count = start  # the few rows after it are encoded again
        tail = CodedRows.empty(start, self._scanner, self._metric, dim, self._directions)
        self._parts.append(tail)
        return tail


class FlatSearcher:
    """Compares every candidate's code, and the vectors of those that may be among the best.

    See `contract.VectorSearcher`.
    """

    __slots__ = ("_bound", "_index", "_metric", "_scanner", "vectors")

    def __init__(self, index: FlatIndex, scanner: Scanner, metric: Metric, vectors: FloatMatrix) -> None:
        self._index = index
        self._scanner = scanner
        self._metric: Metric = metric
        self.vectors = vectors
        # The last search: parts, their rows, and whether one part has all; one tuple, so threads see it consistently.
        self._bound: tuple[tuple[CodedRows, ...], list[BoundRows], bool] = (), [], False

    def search(
        self, queries: FloatMatrix, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """See `VectorSearcher.search`."""
        parts, bound, is_one = self._bound
        if parts is not self._index.coded or not (is_one or _end(parts) >= len(self.vectors)):
            parts, bound, is_one = self._bound = self._bind()
        if is_one:
            return _found(bound[0], queries, k, candidates, threads)
        vectors, end = self.vectors, _end(parts)
        answers = [
            _found(rows, queries, k, candidates, threads, part.start) for part, rows in zip(parts, bound, strict=False)
        ]
        if end < len(vectors):
            answers.append(self._index.uncoded(vectors, end).search(queries, k, candidates))
        return [merged(found, k) for found in zip(*answers, strict=True)] if answers else [_NOTHING] * len(queries)

    def unbind(self) -> None:
        """Drops bound codes that have been superseded."""
        self._bound = (), [], False

    def _bind(self) -> tuple[tuple[CodedRows, ...], list[BoundRows], bool]:
        vectors, parts, known = self.vectors, self._index.ready(self.vectors), self._bound
        if parts is known[0]:
            return known
        bound = [self._rows(part) for part in parts if part.start < len(vectors)]
        return parts, bound, len(bound) == 1 and 0 < len(vectors) <= _end(parts)

    def approach(self, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL) -> Approach:
        """See `VectorSearcher.approach`."""
        return Approach(True, "every candidate's code is compared, with bounds that certify the answer")

    def _rows(self, part: CodedRows) -> BoundRows:
        start, end = part.start, min(part.end, len(self.vectors))
        return self._scanner.bound(
            self._metric,
            self.vectors[start:end],
            part.arrays.codes,
            part.arrays.statistics,
            coarse=part.coarse if end - start >= _COARSE_FROM else None,
            count=end - start,
        )


def _found(
    rows: BoundRows, queries: FloatMatrix, k: int, candidates: Bitmap, threads: int, start: int = 0
) -> list[tuple[Slots, FloatVector]]:
    """Args: start: the slot of the first of the rows, a multiple of 64."""
    slots, scores, counts = rows.search(queries, k, candidates[start // _WORD_BITS :] if start else candidates, threads)
    if start:
        slots += np.uint32(start)
    return [(slots[i, :count], scores[i, :count]) for i, count in enumerate(counts.tolist())]


def _end(parts: Sequence[CodedRows]) -> int:
    """The first slot that they do not contain."""
    return parts[-1].end if parts else 0


def _fits(rows: CodedRows, metric: Metric, dim: int) -> bool:
    directions = rows.directions
    return rows.stride == code_shape(metric, dim)[0] and (directions is None or directions.shape[1] == dim)


_NOTHING: Final = (np.empty(0, np.uint32), np.empty(0, np.float32))


def merged(found: Sequence[tuple[Slots, FloatVector]], k: int) -> tuple[Slots, FloatVector]:
    """The best k of several rankings of different slots."""
    slots = np.concatenate([slots for slots, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    best = np.lexsort((slots, -scores))[:k]
    return slots[best], scores[best]


def _directions_in(arrays: Mapping[str, NDArray[Any]]) -> FloatMatrix | None:
    """The PCA projection that an index was saved with. A search must not rely on bounds of another one."""
    saved = arrays.get("directions")
    if saved is None or saved.dtype != np.float32 or not len(saved) or len(saved) % DIRECTIONS:
        return None
    directions = saved.reshape(DIRECTIONS, -1)
    return directions if np.isfinite(directions).all() and are_orthonormal(directions) else None
