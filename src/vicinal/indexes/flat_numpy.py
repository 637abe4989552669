"""Exact search without codes: a fast float32 scan, then the true scores of the rows within the error bound."""

from __future__ import annotations

import math

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
)
from ..filters.bitmap import BoolArray, unpack

__all__ = ["Norms", "NumpyFlatIndex", "NumpyFlatSearcher"]

FloatArray = NDArray[np.float64]

_EPSILON = 2.0**-23
_TINY = 2.0**-126  # below it, a product may underflow
_SCORE_MAX = float(np.finfo(np.float32).max)  # beyond it, scores are infinite
_SCORE_STEP = 2.0**-149  # between the smallest scores
_NO_NORMS = np.empty(0, dtype=np.float64)
_SLACK_TERMS = 8  # roundings other than the sum's: the query, the row's norm, the score itself


class Norms:
    """Squared norms by slot, computed on first use; a slot's vector never changes.

    Args:
        first: the slot of the first one.
    """

    def __init__(self, kernels: Kernels, squared: FloatArray | None = None, first: int = 0) -> None:
        self.kernels = kernels
        self.first = first
        self.known: FloatArray = _NO_NORMS if squared is None else squared

    @property
    def end(self) -> int:
        return self.first + len(self.known)

    def squared(self, vectors: FloatMatrix, first: int = 0) -> FloatArray:
        """For the slots from `first` on, float64. Threads may compute the same norms twice; the results are equal."""
        known = self.known
        missing = vectors[self.first + len(known) :]
        if len(missing):
            known = np.concatenate([known, self.kernels.squared_norms(missing)])
            self.known = known
        return known[first - self.first : len(vectors) - self.first]


class NumpyFlatIndex:
    """Compares every vector for each query; caches their norms. See `contract.VectorIndex`."""

    name = "flat"

    def __init__(self, kernels: Kernels, metric: Metric) -> None:
        self._kernels = kernels
        self._metric: Metric = metric
        self._norms = Norms(kernels)
        self.change = 0

    @property
    def covered(self) -> int:
        """See `VectorIndex.covered`."""
        return self._norms.end

    def apply(self, delta: Delta) -> None:
        """See `VectorIndex.apply`."""
        self.change = delta.change

    def searcher(self, vectors: FloatMatrix) -> NumpyFlatSearcher:
        """See `VectorIndex.searcher`."""
        return NumpyFlatSearcher(self._kernels, self._metric, self._norms, vectors)

    def build(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        """See `VectorIndex.build`; computing norms takes negligible time."""
        self._norms.squared(vectors)
        return False

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
        norms = self._norms.known
        return SavedIndex(self.change, len(norms), {"norms": norms})

    def load(self, saved: SavedIndex, dim: int) -> None:
        """See `VectorIndex.load`; codes of the native core are ignored."""
        norms = saved.arrays.get("norms", _NO_NORMS)
        if norms.dtype != np.float64 or len(norms) > saved.slot_count or not (norms >= 0).all():
            raise ValueError("norms of another kind")
        self._norms = Norms(self._kernels, norms)
        self.change = saved.change

    def differing(self, slots: Slots, vectors: FloatMatrix) -> Slots:
        """See `VectorIndex.differing`."""
        known = self._norms.known
        covered = slots[slots < len(known)]
        apart: BoolArray = known[covered] != self._kernels.squared_norms(vectors[: len(covered)])
        return covered[apart]


class NumpyFlatSearcher:
    """The nearest of some vectors, each compared as float32. See `contract.VectorSearcher`.

    Args:
        first: slots below it are left out.
    """

    def __init__(self, kernels: Kernels, metric: Metric, norms: Norms, vectors: FloatMatrix, first: int = 0) -> None:
        self._kernels = kernels
        self._metric: Metric = metric
        self._norms = norms
        self._vectors = vectors
        self._first = first

    def search(
        self, queries: FloatMatrix, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """See `VectorSearcher.search`; NumPy decides on threads."""
        chosen = unpack(candidates, len(self._vectors))[self._first :]
        return [self._search_one(query, k, chosen) for query in queries]

    def approach(self, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL) -> Approach:
        """See `VectorSearcher.approach`."""
        return Approach(True, "every vector is compared as float32, without the native core")

    def _search_one(self, query: FloatVector, k: int, allowed: BoolArray) -> tuple[Slots, FloatVector]:
        count = int(np.count_nonzero(allowed))
        if count == 0 or k <= 0:
            return np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.float32)
        if k < count:
            norms = self._norms.squared(self._vectors, self._first) if self._metric in ("cosine", "ip") else _NO_NORMS
            value, bound = _bounded(self._metric, self._kernels, self._vectors[self._first :], norms, query)
            allowed = _survivors(value, bound, allowed, k)
        slots = (self._first + np.flatnonzero(allowed)).astype(np.uint32)
        scores = self._kernels.score(self._metric, self._vectors, slots, query)
        best = np.lexsort((slots, -scores))[:k]
        return slots[best], scores[best]


def _bounded(
    metric: Metric, kernels: Kernels, vectors: FloatMatrix, norms: FloatArray, query: FloatVector
) -> tuple[FloatArray, FloatArray]:
    """For each row, a value with the order of the score, and its maximum error.

    The bound is the standard one for sums (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
    section 3.1), with `dim` terms although the kernels sum in lanes, so it is generous.
    """
    dim = vectors.shape[1]
    relative = (dim + _SLACK_TERMS) * _EPSILON
    raw = np.empty(len(vectors), dtype=np.float32)
    if metric in ("l2", "l1"):
        kernels.scan(metric, vectors, query, raw)
        far = raw.astype(np.float64)
        return -far, relative * far + dim * _TINY
    length = float(np.sqrt(np.dot(query.astype(np.float64), query.astype(np.float64))))
    unit = (query.astype(np.float64) / length).astype(np.float32) if length > 0 else query
    kernels.scan(metric, vectors, unit, raw)
    value = raw.astype(np.float64)
    row_length = np.sqrt(norms)
    bound = relative * row_length + dim * _TINY
    if metric == "ip":
        if length > 0:  # rows with infinite scores tie, and so do those that round to the same tiny score
            most = _SCORE_MAX / length
            np.clip(value, -most, most, out=value, where=np.isfinite(value))
            bound += _SCORE_STEP / length
        return value, bound
    with np.errstate(divide="ignore", invalid="ignore"):  # a zero row scores 0: NaN here, always kept
        return value / row_length, bound / row_length


def _survivors(value: FloatArray, bound: FloatArray, allowed: BoolArray, k: int) -> BoolArray:
    """Rows whose true score may reach the k-th best. If a value overflowed, it proves nothing, and its row is kept."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(value) & np.isfinite(bound) & allowed
        low = np.where(known, value - bound, -np.inf)
        kth = np.partition(low, len(low) - k)[len(low) - k]
        survives: BoolArray = allowed & (~known | (value + bound >= kth))
    return survives
