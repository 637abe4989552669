"""Exact search as long as that is fast on this machine, and a graph beyond that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from ..contract import Bitmap, FloatMatrix, Kernels, Metric
from ..filters.bitmap import unpack
from .graph import GraphIndex

__all__ = ["AutoIndex"]

_EXACT_ALWAYS: Final = 100_000  # vectors, below which exact search is always fast enough
_EXACT_SECONDS: Final = 0.005  # limit for exact search: the time saved below it is worth less than exact results
_TIMED: Final = 5  # searches, of which the fastest counts: other load on the machine only makes them slower
_AGAIN_FROM: Final = 1.25  # times as many vectors
_AGAIN_TO: Final = 4.0
_NEIGHBOURS: Final = 10


class AutoIndex(GraphIndex):
    """The index for `index="auto"`.

    Args:
        kernels, metric: see `contract.VectorIndex`.
    """

    name = "auto"

    def __init__(self, kernels: Kernels, metric: Metric, **more: Any) -> None:
        self._clock: Callable[[], float] = more.pop("clock", time.perf_counter)
        super().__init__(kernels, metric, **{"built_from": _EXACT_ALWAYS, **more})

    def _is_due(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        """Times exact searches; if they are fast, it records at which size to time them again."""
        if not super()._is_due(vectors, candidates):
            return False
        seconds = self._exact_seconds(vectors, candidates)
        if seconds > _EXACT_SECONDS:
            return True
        times = min(max(_EXACT_SECONDS / seconds, _AGAIN_FROM), _AGAIN_TO)
        self._built_from = int(len(vectors) * times)
        return False

    def _exact_seconds(self, vectors: FloatMatrix, candidates: Bitmap) -> float:
        known = np.flatnonzero(unpack(candidates, len(vectors)))
        quickest = float("inf")
        for slot in known[:: max(1, len(known) // _TIMED)][:_TIMED]:
            searcher, query = self._flat.searcher(vectors), np.ascontiguousarray(vectors[slot : slot + 1])
            start = self._clock()
            searcher.search(query, _NEIGHBOURS, candidates)
            quickest = min(quickest, self._clock() - start)
        return max(quickest, 1e-9)
