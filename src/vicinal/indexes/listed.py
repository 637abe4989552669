"""Codes in the order of lists: searching a few lists reads contiguous memory. Needs the native core."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..contract import Bitmap, FloatMatrix, FloatVector, Metric, Slots
from .buckets import NO_BUCKET, Keys
from .codes import NativeScanner
from .kernels import NativeKernels

__all__ = ["ListCodes"]

_ENCODED_AT_ONCE: Final = 8192


class ListCodes:
    """Codes of the first slots, ordered by list. Immutable; many threads may search it.

    Args:
        kernels, metric: not l1, which has no codes.
        vectors: float32, shape (>= len(keys), dim).
        keys: the list of each slot, or NO_BUCKET.
        centroids: float32, shape (lists, dim): the centers of the lists.
    """

    def __init__(
        self, kernels: NativeKernels, metric: Metric, vectors: FloatMatrix, keys: Keys, centroids: FloatMatrix
    ) -> None:
        self.count = len(keys)
        self.lists = len(centroids)
        order = np.argsort(keys, kind="stable")
        slots = order[: int(np.count_nonzero(keys != NO_BUCKET))].astype(np.uint32)
        scanner, codes, statistics = NativeScanner(kernels.core), [], []
        for start in range(0, max(len(slots), 1), _ENCODED_AT_ONCE):
            rows = np.ascontiguousarray(vectors[slots[start : start + _ENCODED_AT_ONCE]])
            coded = scanner.encode(metric, rows)
            codes.append(coded[0])
            statistics.append(coded[1])
        starts = np.searchsorted(keys[slots], np.arange(self.lists + 1)).astype(np.uint32)
        own, dim = np.concatenate(codes), vectors.shape[1]
        around = scanner.encode(metric, np.ascontiguousarray(centroids))
        self._lists = kernels.core.Lists(metric, own, np.concatenate(statistics), slots, starts, *around, dim)

    def search(
        self, vectors: FloatMatrix, query: FloatVector, k: int, candidates: Bitmap, least: int, wanted: int
    ) -> tuple[Slots, FloatVector]:
        """The best candidates in the `least` lists with the best centroids, and in more until `wanted` were seen.

        Returns:
            Slots and scores, best first, equal scores by slot.
        """
        slots, scores = np.empty(k, np.uint32), np.empty(k, np.float32)
        _, found = self._lists.search(vectors, candidates, least, wanted, query, slots, scores)
        return slots[:found], scores[:found]
