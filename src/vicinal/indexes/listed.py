"""Codes in the order of lists: a search of a few lists reads memory in one go. Needs the native core."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..contract import Bitmap, FloatMatrix, FloatVector, Metric, Slots
from .buckets import NO_BUCKET, Keys
from .codes import NativeScanner
from .kernels import NativeKernels

__all__ = ["ListedCodes"]

_ENCODED_AT_ONCE: Final = 8192


class ListedCodes:
    """Codes of the first slots, each list's one after the other. It never changes; many threads may search it.

    Args:
        kernels, metric: not l1, which has no codes.
        vectors: float32, shape (>= len(keys), dim).
        keys: the list of each slot, or NO_BUCKET.
        lists: how many there are.
    """

    def __init__(self, kernels: NativeKernels, metric: Metric, vectors: FloatMatrix, keys: Keys, lists: int) -> None:
        self.count = len(keys)
        self.lists = lists
        order = np.argsort(keys, kind="stable")
        slots = order[: int(np.count_nonzero(keys != NO_BUCKET))].astype(np.uint32)
        scanner, codes, statistics = NativeScanner(kernels.core), [], []
        for start in range(0, max(len(slots), 1), _ENCODED_AT_ONCE):
            rows = np.ascontiguousarray(vectors[slots[start : start + _ENCODED_AT_ONCE]])
            coded = scanner.encode(metric, rows)
            codes.append(coded[0])
            statistics.append(coded[1])
        starts = np.searchsorted(keys[slots], np.arange(lists + 1)).astype(np.uint32)
        dim = vectors.shape[1]
        self._lists = kernels.core.Lists(metric, np.concatenate(codes), np.concatenate(statistics), slots, starts, dim)

    def search(
        self, vectors: FloatMatrix, query: FloatVector, k: int, candidates: Bitmap, order: Keys, least: int, wanted: int
    ) -> tuple[int, Slots, FloatVector]:
        """The best candidates in the first `least` lists of `order`, and in more of them until `wanted` were seen.

        Returns:
            How many candidates were seen; slots and scores, best first, equal scores by slot.
        """
        slots, scores = np.empty(k, np.uint32), np.empty(k, np.float32)
        seen, found = self._lists.search(vectors, candidates, order, least, wanted, query, slots, scores)
        return seen, slots[:found], scores[:found]
