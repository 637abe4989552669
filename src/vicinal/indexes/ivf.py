"""Inverted lists around the centroids of k-means: a search compares the rows of the lists with the nearest centroids.

The idea: Sivic and Zisserman, "Video Google", ICCV 2003; k-means: Lloyd, "Least squares quantization in PCM", 1982.
"""

from __future__ import annotations

import math
import threading
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix, FloatVector, Kernels, Metric
from ..filters.bitmap import BoolArray
from .bucketed import BucketedIndex, Partition, State, Training
from .buckets import Keys
from .kernels import NativeKernels
from .listed import ListCodes

__all__ = ["IvfIndex"]

_SAMPLES_A_LIST: Final = 40
_ROUNDS: Final = 8
_LISTS_MAX: Final = 1 << 16
_SEED: Final = 5
_ROUNDINGS: Final = 1e-4  # of squared distances, relative to the values they are computed from
_LISTED_AGAIN: Final = 4096  # minimum number of rows that are in no list


class IvfIndex(BucketedIndex):
    """The index for `index="ivf"`.

    Args:
        kernels, metric: see `contract.VectorIndex`.
        lists: inverted lists; by default, four times the square root of the number of vectors at training.
        nprobe: lists to search; by default, as many as find 0.95 of the ten nearest, measured on stored vectors.
        train_from: the number of vectors at which lists are made, 2,000 by default.

    Raises:
        ValueError: a number below 1.
    """

    name = "ivf"

    def __init__(
        self,
        kernels: Kernels,
        metric: Metric,
        lists: int | None = None,
        nprobe: int | None = None,
        train_from: int | None = None,
        **more: Any,
    ) -> None:
        for name, value in (("lists", lists), ("nprobe", nprobe)):
            if value is not None and (type(value) is not int or not 1 <= value <= _LISTS_MAX):
                raise ValueError(f"{name} must be a whole number from 1 to {_LISTS_MAX}, not {value!r}")
        super().__init__(kernels, metric, nprobe, train_from, **more)
        self._kernels = kernels
        self._lists = lists
        self._lock = threading.Lock()
        self._coded: tuple[Partition, ListCodes] | None = None

    def _list_count(self, count: int) -> int:
        return min(self._lists or min(_LISTS_MAX, round(4 * math.sqrt(count))), count)

    def _sample_size(self, count: int) -> int:
        return _SAMPLES_A_LIST * self._list_count(count)

    def _train(self, vectors: FloatMatrix, count: int) -> Training:
        return _KMeans(_prepared(self._metric, vectors), min(self._list_count(count), len(vectors)), self._metric)

    def _listed(self, state: State, vectors: FloatMatrix) -> ListCodes | None:
        """Created by the first search that needs it, and again once an eighth of the rows were added since."""
        if not isinstance(self._kernels, NativeKernels) or self._metric == "l1":
            return None
        coded = self._coded
        if coded is None or coded[0] is not state.partition or _is_old(coded[1], state, vectors):
            with self._lock:
                coded = self._coded
                if coded is None or coded[0] is not state.partition or _is_old(coded[1], state, vectors):
                    assert isinstance(state.partition, _Lists)  # this index has no other partitions
                    keys, centroids = state.buckets.keys[: len(vectors), 0], state.partition.centroids
                    listed = ListCodes(self._kernels, self._metric, vectors, keys, centroids)
                    self._coded = coded = state.partition, listed
        return coded[1]

    def _restore(self, arrays: dict[str, NDArray[np.float32]], dim: int) -> Partition:
        flat = arrays["centroids"]
        lists = len(flat) // dim
        if flat.dtype != np.float32 or not 0 < lists <= _LISTS_MAX or len(flat) != lists * dim:
            raise ValueError("centroids of another shape")
        if not np.isfinite(flat).all():
            raise ValueError("centroids that are not finite")
        return _Lists(flat.reshape(lists, dim), self._metric)


def _is_old(listed: ListCodes, state: State, vectors: FloatMatrix) -> bool:
    return min(len(state.buckets), len(vectors)) > listed.count + max(_LISTED_AGAIN, listed.count // 8)


def _prepared(metric: Metric, vectors: FloatMatrix) -> FloatMatrix:
    """Vectors normalized under cosine; otherwise clipped so that squared lengths stay within float32."""
    if metric != "cosine":
        return np.clip(vectors, -1e15, 1e15)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    unit: FloatMatrix = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0, casting="same_kind")
    return unit


class _KMeans:
    """Lloyd's algorithm, one round per step, starting from random vectors."""

    def __init__(self, vectors: FloatMatrix, lists: int, metric: Metric) -> None:
        self._vectors = vectors
        self._metric: Metric = metric
        self._random = np.random.default_rng(_SEED)
        self._centroids = vectors[np.sort(self._random.choice(len(vectors), lists, replace=False))].copy()
        self._rounds = 0

    def step(self) -> Partition | None:
        self._rounds += 1
        nearest = _nearest(self._vectors, self._centroids)
        order = np.argsort(nearest, kind="stable")
        counts = np.bincount(nearest, minlength=len(self._centroids))
        starts = np.cumsum(counts) - counts
        filled = counts > 0
        sums = np.add.reduceat(self._vectors[order], starts[filled], axis=0, dtype=np.float64)
        self._centroids[filled] = sums / counts[filled, np.newaxis]
        if self._metric == "cosine":
            self._centroids = _prepared("cosine", self._centroids)
        empty = np.flatnonzero(~filled)
        if len(empty):  # they restart from vectors of the fullest lists
            fullest = np.argsort(-counts, kind="stable")[: min(len(empty), int(filled.sum()))]
            crowded = order[starts[fullest]]
            self._centroids[empty[: len(crowded)]] = self._vectors[crowded]
        return _Lists(self._centroids, self._metric) if self._rounds == _ROUNDS else None


def _nearest(vectors: FloatMatrix, centroids: FloatMatrix) -> NDArray[np.intp]:
    """The nearest centroid by Euclidean distance: the maximum of a.c - |c|^2 / 2."""
    half = np.einsum("ij,ij->i", centroids, centroids) / 2
    found = np.empty(len(vectors), np.intp)
    for start in range(0, len(vectors), 4096):
        products = vectors[start : start + 4096] @ centroids.T
        products -= half
        found[start : start + 4096] = products.argmax(axis=1)
    return found


class _Lists:
    """See `bucketed.Partition`: a table whose keys are the numbers of centroids."""

    tables = 1

    def __init__(self, centroids: FloatMatrix, metric: Metric) -> None:
        self.centroids = centroids
        self._metric: Metric = metric
        self._half = np.einsum("ij,ij->i", centroids, centroids) / 2
        self._one_table = np.zeros(len(centroids), np.intp)
        self.key_limit = len(centroids)

    def keys(self, vectors: FloatMatrix) -> Keys:
        return _nearest(_prepared(self._metric, vectors), self.centroids).astype(np.uint32)[:, np.newaxis]

    def probes(self, query: FloatVector) -> tuple[NDArray[np.intp], Keys]:
        with np.errstate(over="ignore", invalid="ignore"):
            if self._metric == "l1":
                promise = -np.abs(self.centroids - query).sum(axis=1)
            else:
                promise = self.centroids @ query
                if self._metric == "l2":
                    promise = promise - self._half
        return self._one_table, (-promise).argsort().astype(np.uint32)

    def misplaced(self, vectors: FloatMatrix, keys: Keys) -> BoolArray:
        """A list whose centroid is as near as the nearest is correct too: rounding decides between them."""
        prepared = _prepared(self._metric, vectors)
        wide, nearest = prepared.astype(np.float64), _nearest(prepared, self.centroids)
        centroids = self.centroids.astype(np.float64)
        theirs, best = centroids[keys[:, 0]], centroids[nearest]
        lengths = np.linalg.norm(wide, axis=1) + np.linalg.norm(theirs, axis=1) + np.linalg.norm(best, axis=1)
        further = np.square(wide - theirs).sum(axis=1) - np.square(wide - best).sum(axis=1)
        return np.asarray(further > _ROUNDINGS * np.square(lengths))

    def save(self) -> dict[str, NDArray[np.float32]]:
        return {"centroids": self.centroids.ravel()}
