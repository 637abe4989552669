"""Exact search among all vectors of a collection, and what it keeps to be quick.

    CodedSearch    over 8-bit codes, natively
    ScannedSearch  over the float32 vectors, in NumPy, where the native core is not installed

Both give the same slots and, to the bit, the same scores.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol

from numpy.typing import NDArray

from ..contract import Bitmap, FloatMatrix, FloatVector, Kernels, Metric, Slots
from .coded import CodedSearch
from .codes import NativeScanner
from .kernels import NativeKernels
from .scanned import ScannedSearch

__all__ = ["ExactSearch", "exact_search", "thread_count"]


class ExactSearch(Protocol):
    """Keeps by slot what it computed from vectors, which never change. Thread-safe."""

    def search(
        self, vectors: FloatMatrix, queries: FloatMatrix, k: int, allowed: Bitmap, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """For each query the best min(k, allowed) slots and their scores, best first, equal scores by slot.

        Args:
            vectors: shape (n, dim), by slot.
            queries: float32, shape (m, dim).
            allowed: a bit for each slot, of which those at and after `n` are ignored.
            threads: at most so many, the calling one included.
        """

    def score(self, vectors: FloatMatrix, slots: Slots, query: FloatVector) -> FloatVector:
        """Scores of given slots, float32, to the bit those of `search`."""

    def prepare(self, vectors: FloatMatrix) -> bool:
        """Computes a part of what `save` or the next search would have to; False where nothing is left."""

    def save(self, vectors: FloatMatrix) -> dict[str, NDArray[Any]]:
        """What it keeps of these vectors, as arrays of one dimension."""

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Takes over what `save` gave, of whichever implementation: what it cannot use it computes."""


def exact_search(kernels: Kernels, metric: Metric) -> ExactSearch:
    """The search that goes with these kernels."""
    if isinstance(kernels, NativeKernels):
        return CodedSearch(NativeScanner(kernels.core), kernels, metric)
    return ScannedSearch(kernels, metric)


def thread_count() -> int:
    """Threads that one call may use: VICINAL_THREADS where it is set, else the processors of this process."""
    asked = os.environ.get("VICINAL_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
