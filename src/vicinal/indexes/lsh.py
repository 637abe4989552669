"""Hash tables of the signs of random projections: a search uses the query's buckets, then their neighbours.

The order of neighbouring buckets is that of Lv et al., "Multi-probe LSH", VLDB 2007, section 4: the nearer a query is
to a border, the sooner the bucket beyond it.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix, FloatVector, Kernels, Metric
from ..filters.bitmap import BoolArray
from .bucketed import BucketedIndex, Partition, Training
from .buckets import Keys
from .sign_hashing import SignHasher

__all__ = ["LshIndex"]

_TABLES: Final = 16
_BITS_MAX: Final = 24
_ROWS_A_BUCKET: Final = 32  # approximate target when bits are chosen
_FLIPPED_MAX: Final = 2  # maximum number of bits in which a searched bucket may differ
_SAMPLE: Final = 20_000


class LshIndex(BucketedIndex):
    """The index for `index="lsh"`. Designed for cosine; for other metrics, vectors are hashed around their mean.

    Args:
        kernels, metric: see `contract.VectorIndex`.
        tables: the number of hash tables.
        bits: the bits of a key; by default, as many as leave about 32 vectors per bucket.
        probes: buckets to search; by default, as many as find 0.95 of the ten nearest, measured on stored vectors.
        seed: the seed of the projections.
        train_from: the number of vectors at which tables are built, 2,000 by default.

    Raises:
        ValueError: a number out of range.
    """

    name = "lsh"

    def __init__(
        self,
        kernels: Kernels,
        metric: Metric,
        tables: int = _TABLES,
        bits: int | None = None,
        probes: int | None = None,
        seed: int = 42,
        train_from: int | None = None,
        **more: Any,
    ) -> None:
        limits = {"tables": (tables, 256), "bits": (bits, _BITS_MAX), "probes": (probes, 1 << 20)}
        for name, (value, most) in limits.items():
            if value is not None and (type(value) is not int or not 1 <= value <= most):
                raise ValueError(f"{name} must be a whole number from 1 to {most}, not {value!r}")
        if type(seed) is not int or not 0 <= seed < 1 << 32:
            raise ValueError(f"seed must be a whole number from 0 to {(1 << 32) - 1}, not {seed!r}")
        super().__init__(kernels, metric, probes, train_from, **more)
        self._tables, self._bits, self._seed = tables, bits, seed

    def _sample_size(self, count: int) -> int:
        return _SAMPLE

    def _train(self, vectors: FloatMatrix, count: int) -> Training:
        bits = self._bits or min(max(round(math.log2(count / _ROWS_A_BUCKET)), 4), _BITS_MAX)
        centre = np.zeros(vectors.shape[1]) if self._metric == "cosine" else vectors.mean(axis=0, dtype=np.float64)
        return _Ready(_Tables(self._tables, bits, self._seed, centre.astype(np.float32)))

    def _restore(self, arrays: dict[str, NDArray[np.float32]], dim: int) -> Partition:
        centre, shape = arrays["centre"], arrays["shape"]
        if centre.dtype != np.float32 or len(centre) != dim or not np.isfinite(centre).all():
            raise ValueError("a centre of another shape")
        if shape.dtype != np.float32 or shape.tolist() not in (
            [self._tables, bits] for bits in range(1, _BITS_MAX + 1)
        ):
            raise ValueError("tables of another shape")
        if self._bits not in (None, int(shape[1])):
            raise ValueError("keys of other lengths")
        return _Tables(self._tables, int(shape[1]), self._seed, centre)


class _Ready:
    """Training that takes no time."""

    def __init__(self, partition: Partition) -> None:
        self._partition = partition

    def step(self) -> Partition:
        return self._partition


class _Tables:
    """See `bucketed.Partition`."""

    def __init__(self, tables: int, bits: int, seed: int, centre: FloatVector) -> None:
        self.tables = tables
        self.key_limit = 1 << bits
        self._bits = bits
        self._centre = centre
        self._hasher = SignHasher.seeded(tables, bits, len(centre), seed)
        self._columns = self._hasher.projections.reshape(tables * bits, -1)
        flips = [chosen for many in range(_FLIPPED_MAX + 1) for chosen in itertools.combinations(range(bits), many)]
        self._flips = np.zeros((len(flips), bits), np.float32)
        for row, chosen in enumerate(flips):
            self._flips[row, list(chosen)] = 1
        self._masks = (self._flips.astype(np.uint32) << np.arange(bits, dtype=np.uint32)).sum(axis=1, dtype=np.uint32)
        self._table_of = np.repeat(np.arange(tables), len(flips))

    def keys(self, vectors: FloatMatrix) -> Keys:
        signatures = self._hasher.signatures(np.ascontiguousarray(vectors - self._centre))
        wide = np.zeros((len(vectors), self.tables, 4), np.uint8)
        wide[:, :, : signatures.shape[2]] = signatures
        return wide.view("<u4")[:, :, 0].astype(np.uint32)

    def probes(self, query: FloatVector) -> tuple[NDArray[np.intp], Keys]:
        own = self.keys(query[np.newaxis])[0]
        with np.errstate(over="ignore", invalid="ignore"):
            margins = (self._columns @ (query - self._centre)).reshape(self.tables, self._bits)
            costs = np.square(margins) @ self._flips.T  # (tables, flips): the distance of the query from that bucket
        keys = own[:, np.newaxis] ^ self._masks
        order = np.argsort(costs.ravel(), kind="stable")
        return self._table_of[order], keys.ravel()[order]

    def misplaced(self, vectors: FloatMatrix, keys: Keys) -> BoolArray:
        return np.asarray((self.keys(vectors) != keys).any(axis=1))  # signs are exact

    def save(self) -> dict[str, NDArray[np.float32]]:
        return {"centre": self._centre, "shape": np.array([self.tables, self._bits], np.float32)}
