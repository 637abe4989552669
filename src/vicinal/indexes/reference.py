"""The reference implementation of every vector index: scores each candidate and sorts. It stores nothing."""

from __future__ import annotations

import math

import numpy as np

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
    VectorSearcher,
)
from ..filters.bitmap import unpack

__all__ = ["ReferenceIndex"]


class ReferenceIndex:
    """See `contract.VectorIndex`."""

    name = "plain"

    def __init__(self, kernels: Kernels, metric: Metric) -> None:
        self._kernels = kernels
        self._metric: Metric = metric
        self.change = 0
        self.covered = 0

    def apply(self, delta: Delta) -> None:
        self.change, self.covered = delta.change, delta.slot_count

    def searcher(self, vectors: FloatMatrix) -> VectorSearcher:
        return _ReferenceSearcher(self._kernels, self._metric, vectors)

    def build(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        return False

    def refine(self, vectors: FloatMatrix, candidates: Bitmap, *, awaited: bool = False) -> bool:
        return False

    @property
    def tail_max(self) -> float:
        return math.inf

    @property
    def unsaved(self) -> int:
        return 0

    def save(self) -> SavedIndex:
        return SavedIndex(self.change, self.covered, {})

    def load(self, saved: SavedIndex, dim: int) -> None:
        self.change, self.covered = saved.change, saved.slot_count

    def differing(self, slots: Slots, vectors: FloatMatrix) -> Slots:
        return slots[:0]  # nothing is stored


class _ReferenceSearcher:
    def __init__(self, kernels: Kernels, metric: Metric, vectors: FloatMatrix) -> None:
        self._kernels = kernels
        self._metric: Metric = metric
        self._vectors = vectors

    def search(
        self, queries: FloatMatrix, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """See `VectorSearcher.search`."""
        slots = np.flatnonzero(unpack(candidates, len(self._vectors))).astype(np.uint32)
        found = []
        for query in queries:
            scores = self._kernels.score(self._metric, self._vectors, slots, query)
            best = np.lexsort((slots, -scores))[:k]
            found.append((slots[best], scores[best]))
        return found

    def approach(self, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL) -> Approach:
        return Approach(True, "every candidate is scored")
