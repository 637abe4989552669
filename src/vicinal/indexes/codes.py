"""Exact search over codes: the native scanner, and its reference implementation in NumPy.

A code has a quarter of the size of its vector, and bounds the vector's score. A search reads codes, and vectors only of
rows whose bounds allow them to be among the best, so its result is that of a full scan. native/vectors/codes.hpp has
the bounds and their proof.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, FloatMatrix, FloatVector, Kernels, Metric, Slots
from .kernels import Core, CoreFlatRows, NativeKernels, NumpyKernels, check_array, check_metric, lane_sums
from .pca import DIRECTIONS, SPAN

__all__ = [
    "BoundRows",
    "Coarse",
    "Codes",
    "NativeScanner",
    "NumpyScanner",
    "Scanner",
    "coarse_stride",
    "code_shape",
    "scanner",
]

Codes = NDArray[np.uint8]
Counts = NDArray[np.uint32]

DIM_MAX: Final = 65536
SPAN_STRIDE: Final = SPAN // 2  # bytes
_STRIDE_UNIT: Final = 64
_CODE_MAX: Final = 255.0
_MIDDLE: Final = 7.5  # of the values that the upper half of a code may stand for
_BLOCK_VALUES: Final = 1 << 20  # limits the size of temporaries of the reference implementation
# As in native/vectors/codes.cpp.
_ROUNDING: Final = 2.0**-18
_FINE_ROUNDING: Final = 2.0**-40


class Coarse(NamedTuple):
    """Short codes, which a search for few queries reads first, reading full codes only for the rows that they keep.

    Attributes:
        codes: uint8, shape (rows, bytes).
        statistics: float32, shape (rows, 4).
        directions: float32, shape (`DIRECTIONS`, dim), the PCA projection, if `codes` encode the first dimensions of
            projected vectors; or None.
        further: codes in the other dimensions of the projection, read only for the rows that `codes` keep; or None.
        further_statistics: float32, shape (rows, 4); or None.
    """

    codes: Codes
    statistics: FloatMatrix
    directions: FloatMatrix | None = None
    further: Codes | None = None
    further_statistics: FloatMatrix | None = None


class BoundRows(Protocol):
    """Rows that a scanner has validated; see `Scanner.bound`."""

    def search(
        self, queries: FloatMatrix, k: int, allowed: Bitmap | None = None, threads: int = 1
    ) -> tuple[NDArray[np.uint32], FloatMatrix, Counts]:
        """See `Scanner.search_many`."""
        ...


class Scanner(ABC):
    """Codes of vectors, and exact search with them: native code and its NumPy reference.

    Every array is C-contiguous; `vectors`, `codes` and `statistics` are by slot, may be mapped and read-only,
    and may have more rows than the `count` that a call uses.
    """

    name: str

    @abstractmethod
    def encode(self, metric: Metric, vectors: FloatMatrix) -> tuple[Codes, FloatMatrix]:
        """Codes and statistics of each row, of the shape returned by `code_shape`.

        A row's code depends on that row alone and is the same in every implementation and on every machine.

        Raises:
            ValueError: unknown metric, or an array of another dtype, shape or layout.
        """

    @abstractmethod
    def coarsen(self, metric: Metric, dim: int, codes: Codes, statistics: FloatMatrix) -> Coarse:
        """The upper halves of codes as separate codes, which take half the memory, and their statistics.

        Shapes: (rows, bytes of code / 2 rounded up to a multiple of 64) and those of `statistics`.

        Raises:
            ValueError: unknown metric, or arrays of another dtype, shape or layout.
        """

    @abstractmethod
    def lead(self, metric: Metric, vectors: FloatMatrix, directions: FloatMatrix) -> Coarse:
        """4-bit codes of vectors under a PCA projection: as coarse, and shorter. Not for l1.

        Args:
            directions: float32, shape (`DIRECTIONS`, dim), orthonormal; see `leading_directions`.

        Returns:
            Codes of `SPAN_STRIDE` bytes in the first `SPAN` dimensions and in the others, with their statistics.

        Raises:
            ValueError: unknown metric or l1, or arrays of another dtype, shape or layout.
        """

    @abstractmethod
    def bound(
        self,
        metric: Metric,
        vectors: FloatMatrix,
        codes: Codes,
        statistics: FloatMatrix,
        *,
        coarse: Coarse | None = None,
        count: int | None = None,
    ) -> BoundRows:
        """These rows, validated once for repeated searches; see `search_many`. The arrays must not change.

        Raises:
            ValueError: unknown metric, or arrays of another dtype, shape or layout.
        """

    def search_many(
        self,
        metric: Metric,
        vectors: FloatMatrix,
        codes: Codes,
        statistics: FloatMatrix,
        queries: FloatMatrix,
        k: int,
        *,
        coarse: Coarse | None = None,
        allowed: Bitmap | None = None,
        count: int | None = None,
        threads: int = 1,
    ) -> tuple[NDArray[np.uint32], FloatMatrix, Counts]:
        """For each query, the best min(k, allowed) slots and their scores, best first, equal scores by slot.

        The same slots and, bit for bit, the same scores as `Kernels.score` of every allowed row, sorted.
        All queries share one pass over the codes.

        Args:
            vectors: float32, shape (>= count, dim).
            codes: as returned by `encode` for this metric, one row per slot.
            statistics: likewise.
            coarse: as returned by `coarsen` or `lead`, or None; the result is the same.
            queries: float32, shape (m, dim).
            k: 0 or more.
            allowed: bit `s % 64` of word `s // 64` allows slot `s`; None allows every slot. Slots without
                a vector must not be allowed. Bits at and after `count` are ignored.
            count: how many slots to search, by default all of `vectors`.
            threads: the maximum number, including the calling one.

        Returns:
            Slots and scores, shape (m, min(k, count)), and the number of valid entries per row: the rest is 0.

        Raises:
            ValueError: unknown metric, or arrays of another dtype, shape or layout.
        """
        rows = self.bound(metric, vectors, codes, statistics, coarse=coarse, count=count)
        return rows.search(queries, k, allowed, threads)

    def search(
        self,
        metric: Metric,
        vectors: FloatMatrix,
        codes: Codes,
        statistics: FloatMatrix,
        query: FloatVector,
        k: int,
        *,
        coarse: Coarse | None = None,
        allowed: Bitmap | None = None,
        count: int | None = None,
    ) -> tuple[Slots, FloatVector]:
        """The result of `search_many` for one query, without the padding."""
        slots, scores, counts = self.search_many(
            metric, vectors, codes, statistics, query[np.newaxis], k, coarse=coarse, allowed=allowed, count=count
        )
        return slots[0, : counts[0]], scores[0, : counts[0]]


def coarse_stride(stride: int) -> int:
    """Bytes of coarse code per row, for rows with `stride` bytes of code."""
    return -(-stride // (2 * _STRIDE_UNIT)) * _STRIDE_UNIT


def code_shape(metric: Metric, dim: int) -> tuple[int, int]:
    """Bytes of code and number of statistics per row.

    l1 has neither and scans float32.

    Raises:
        ValueError: more than `DIM_MAX` dimensions.
    """
    if dim > DIM_MAX:
        raise ValueError(f"vectors must have at most {DIM_MAX} components, got {dim}")
    return (0, 0) if metric == "l1" else (-(-dim // _STRIDE_UNIT) * _STRIDE_UNIT, 4)


class NumpyScanner(Scanner):
    """The reference implementation: the formulas of a code, and search by scoring every row."""

    name = "numpy"

    def __init__(self) -> None:
        self._kernels = NumpyKernels()

    def encode(self, metric: Metric, vectors: FloatMatrix) -> tuple[Codes, FloatMatrix]:
        """See `Scanner.encode`."""
        check_metric(metric)
        norms = self._kernels.squared_norms(vectors)
        dim = vectors.shape[1]
        stride, statistics = code_shape(metric, dim)
        codes = np.zeros((len(vectors), stride), np.uint8)
        found = np.zeros((len(vectors), statistics), np.float32)
        if stride == 0:
            return codes, found
        scales = _inverses(np.sqrt(norms)) if metric == "cosine" else np.ones(len(vectors))
        for start in range(0, len(vectors), _rows_per_block(dim)):
            rows = slice(start, start + _rows_per_block(dim))
            codes[rows, :dim], found[rows] = _encode(metric, vectors[rows], scales[rows])
        return codes, found

    def bound(
        self,
        metric: Metric,
        vectors: FloatMatrix,
        codes: Codes,
        statistics: FloatMatrix,
        *,
        coarse: Coarse | None = None,
        count: int | None = None,
    ) -> BoundRows:
        """See `Scanner.bound`; codes are not used."""
        check_metric(metric)
        count = len(vectors) if count is None else count
        _check_rows(metric, vectors, codes, statistics, count)
        return NumpyRows(self._kernels, metric, vectors, count)

    def coarsen(self, metric: Metric, dim: int, codes: Codes, statistics: FloatMatrix) -> Coarse:
        """See `Scanner.coarsen`."""
        check_metric(metric)
        stride, columns = code_shape(metric, dim)
        check_array("codes", codes, np.uint8, (len(codes), stride))
        check_array("statistics", statistics, np.float32, (len(codes), columns))
        if stride == 0:
            return Coarse(np.zeros((len(codes), 0), np.uint8), np.zeros((len(codes), 0), np.float32))
        halves = (codes[:, :dim] >> 4).astype(np.uint8)
        found = _coarse_statistics(metric, codes[:, :dim], halves, statistics)
        return Coarse(_paired(halves, coarse_stride(stride)), found)

    def lead(self, metric: Metric, vectors: FloatMatrix, directions: FloatMatrix) -> Coarse:
        """See `Scanner.lead`; the bounds allow the same rounding errors as native/vectors/leading.cpp."""
        _check_leading(metric, vectors, directions)
        lengths = np.sqrt(self._kernels.squared_norms(vectors))
        sizes = (lengths > 0).astype(np.float64) if metric == "cosine" else lengths
        scaled = vectors.astype(np.float64) * (_inverses(lengths) * sizes)[:, np.newaxis]
        inside = scaled @ directions.T.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            first = _encode_leading(metric, inside, sizes, vectors.shape[1], SPAN)
            further = _encode_leading(metric, inside, sizes, vectors.shape[1], DIRECTIONS)
        return Coarse(*first, directions, *further)


class NumpyRows:
    """See `BoundRows`; everything is done in the calling thread."""

    def __init__(self, kernels: NumpyKernels, metric: Metric, vectors: FloatMatrix, count: int) -> None:
        self._kernels = kernels
        self._metric: Metric = metric
        self._vectors = vectors
        self._count = count

    def search(
        self, queries: FloatMatrix, k: int, allowed: Bitmap | None = None, threads: int = 1
    ) -> tuple[NDArray[np.uint32], FloatMatrix, Counts]:
        """See `Scanner.search_many`."""
        check_array("queries", queries, np.float32, (len(queries), self._vectors.shape[1]))
        candidates = _slots_of(allowed, self._count)
        slots, scores, counts = _room(len(queries), k, self._count)
        for i, query in enumerate(queries):
            found = self._scores(candidates, query)
            best = np.lexsort((candidates, -found))[: slots.shape[1]]
            counts[i] = len(best)
            slots[i, : len(best)], scores[i, : len(best)] = candidates[best], found[best]
        return slots, scores, counts

    def _scores(self, slots: Slots, query: FloatVector) -> FloatVector:
        scores = np.empty(len(slots), np.float32)
        for start in range(0, len(slots), _rows_per_block(len(query))):
            part = slice(start, start + _rows_per_block(len(query)))
            scores[part] = self._kernels.score(self._metric, self._vectors, slots[part], query)
        return scores


class NativeScanner(Scanner):
    """The native scanner: the same results as `NumpyScanner`, faster, without holding the GIL."""

    name = "native"

    def __init__(self, core: Core) -> None:
        self._core = core

    def encode(self, metric: Metric, vectors: FloatMatrix) -> tuple[Codes, FloatMatrix]:
        """See `Scanner.encode`."""
        rows, dim = np.shape(vectors) if np.ndim(vectors) == 2 else (0, 0)
        stride, statistics = code_shape(metric, dim)
        codes = np.empty((rows, stride), np.uint8)
        found = np.empty((rows, statistics), np.float32)
        self._core.encode(metric, vectors, codes, found)
        return codes, found

    def coarsen(self, metric: Metric, dim: int, codes: Codes, statistics: FloatMatrix) -> Coarse:
        """See `Scanner.coarsen`."""
        coarse = np.empty((len(codes), coarse_stride(code_shape(metric, dim)[0])), np.uint8)
        found = np.empty((len(codes), code_shape(metric, dim)[1]), np.float32)
        self._core.coarsen(metric, dim, codes, statistics, coarse, found)
        return Coarse(coarse, found)

    def lead(self, metric: Metric, vectors: FloatMatrix, directions: FloatMatrix) -> Coarse:
        """See `Scanner.lead`."""
        codes, further = (np.empty((len(vectors), SPAN_STRIDE), np.uint8) for _ in range(2))
        found, further_found = (np.empty((len(vectors), 4), np.float32) for _ in range(2))
        self._core.encode_leading(metric, vectors, directions, codes, found, further, further_found)
        return Coarse(codes, found, directions, further, further_found)

    def bound(
        self,
        metric: Metric,
        vectors: FloatMatrix,
        codes: Codes,
        statistics: FloatMatrix,
        *,
        coarse: Coarse | None = None,
        count: int | None = None,
    ) -> BoundRows:
        """See `Scanner.bound`."""
        count = len(vectors) if count is None else count
        found = (None, None, None, None, None) if coarse is None else coarse
        return NativeRows(self._core.FlatRows(metric, count, vectors, codes, statistics, *found), count)


class NativeRows:
    """See `BoundRows`."""

    __slots__ = ("_count", "_rows")

    def __init__(self, rows: CoreFlatRows, count: int) -> None:
        self._rows = rows
        self._count = count

    def search(
        self, queries: FloatMatrix, k: int, allowed: Bitmap | None = None, threads: int = 1
    ) -> tuple[NDArray[np.uint32], FloatMatrix, Counts]:
        """See `Scanner.search_many`."""
        slots, scores, counts = _room(len(queries), k, self._count)
        self._rows.search(allowed, queries, threads, slots, scores, counts)
        return slots, scores, counts


def scanner(kernels: Kernels) -> Scanner:
    """The scanner for these kernels."""
    return NativeScanner(kernels.core) if isinstance(kernels, NativeKernels) else NumpyScanner()


def _room(queries: int, k: int, count: int) -> tuple[NDArray[np.uint32], FloatMatrix, Counts]:
    """Arrays for the results; values past the counts are meaningless."""
    shape = queries, max(0, min(k, count))
    return np.empty(shape, np.uint32), np.empty(shape, np.float32), np.empty(queries, np.uint32)


def _check_rows(metric: Metric, vectors: FloatMatrix, codes: Codes, statistics: FloatMatrix, count: int) -> None:
    """Rejects what the native scanner rejects, so that code tested with the reference works with both."""

    def check(name: str, array: Any, dtype: type, columns: int) -> None:
        check_array(name, array, dtype, (max(len(array) if np.ndim(array) else 0, count), columns))

    dim = vectors.shape[1] if np.ndim(vectors) == 2 else 0
    check("vectors", vectors, np.float32, dim)
    stride, columns = code_shape(metric, dim)
    check("codes", codes, np.uint8, stride)
    check("statistics", statistics, np.float32, columns)


def _slots_of(allowed: Bitmap | None, count: int) -> Slots:
    """The slots in a bitmap, ascending."""
    if allowed is None:
        return np.arange(count, dtype=np.uint32)
    check_array("allowed", allowed, np.uint64, (max(len(allowed), -(-count // 64)),))
    bits = np.unpackbits(allowed.astype("<u8").view(np.uint8), bitorder="little")
    return np.flatnonzero(bits[:count]).astype(np.uint32)


def _rows_per_block(dim: int) -> int:
    return max(1, _BLOCK_VALUES // max(1, dim))


def _encode(metric: Metric, vectors: FloatMatrix, scales: NDArray[np.float64]) -> tuple[Codes, FloatMatrix]:
    """Codes without padding, and statistics, of rows that are first multiplied by `scales`."""
    values = vectors * scales[:, np.newaxis]
    step = ((values.max(axis=1) - values.min(axis=1)) / _CODE_MAX).astype(np.float32)
    lowest = values.min(axis=1).astype(np.float32) + np.float32(0)  # never -0: which zero is the minimum is undefined
    wide_step, wide_lowest = step.astype(np.float64)[:, np.newaxis], lowest.astype(np.float64)[:, np.newaxis]
    codes = (np.clip((values - wide_lowest) * _inverses(wide_step), 0.0, _CODE_MAX) + 0.5).astype(np.uint8)
    coded = wide_lowest + wide_step * codes
    squared_length = lane_sums(np.square(coded))
    magnitude = np.sqrt(np.float64(vectors.shape[1])) * (np.abs(wide_lowest) + _CODE_MAX * wide_step)[:, 0]
    error = np.sqrt(lane_sums(np.square(values - coded))) * (1 + _FINE_ROUNDING) + _FINE_ROUNDING * magnitude
    if metric == "l2":
        error = _rounded_up(error)
        half = (np.square(error.astype(np.float64)) - squared_length) / 2
        length = _rounded_up(half + _ROUNDING * magnitude * magnitude)
        length[magnitude * magnitude >= np.finfo(np.float32).max] = np.inf  # unknown
    else:
        error = _rounded_up(error + _ROUNDING * magnitude)
        length = _rounded_up(np.sqrt(squared_length))
    return codes, np.stack([step, lowest, length, error], axis=1)


def _paired(halves: Codes, stride: int) -> Codes:
    """Two halves per byte: that of a component and that of the component 64 after it."""
    wide = np.zeros((len(halves), 2 * stride), np.uint8)
    wide[:, : halves.shape[1]] = halves
    pairs = wide.reshape(len(halves), stride // _STRIDE_UNIT, 2, _STRIDE_UNIT)
    packed = (pairs[:, :, 0] | pairs[:, :, 1] << 4).reshape(len(halves), stride)
    return np.ascontiguousarray(packed, dtype=np.uint8)


def _coarse_statistics(metric: Metric, codes: Codes, halves: Codes, statistics: FloatMatrix) -> FloatMatrix:
    step, lowest, length, error = statistics.astype(np.float64).T
    with np.errstate(over="ignore", invalid="ignore"):
        coarse_step = (16 * statistics[:, 0]).astype(np.float32)
        coarse_lowest = (lowest + _MIDDLE * step).astype(np.float32)
        rough = coarse_lowest.astype(np.float64)[:, np.newaxis] + coarse_step.astype(np.float64)[:, np.newaxis] * halves
        fine = lowest[:, np.newaxis] + step[:, np.newaxis] * codes
        magnitude = np.sqrt(np.float64(codes.shape[1])) * (np.abs(lowest) + _CODE_MAX * step)
        rest = np.sqrt(lane_sums(np.square(fine - rough))) * (1 + _FINE_ROUNDING) + _FINE_ROUNDING * magnitude
        squared_length = lane_sums(np.square(rough))
        coarse_error = _rounded_up(error + rest)
        if metric == "l2":
            half = (np.square(coarse_error.astype(np.float64)) - squared_length) / 2
            coarse_length = _rounded_up(half + _ROUNDING * magnitude * magnitude)
            coarse_length[~(magnitude * magnitude < np.finfo(np.float32).max)] = np.inf
        else:
            coarse_length = _rounded_up(np.sqrt(squared_length))
    unknown = ~(np.isfinite(length) & np.isfinite(error) & np.isfinite(coarse_step))
    coarse_length[unknown] = coarse_error[unknown] = np.inf
    return np.stack([coarse_step, coarse_lowest, coarse_length, coarse_error], axis=1)


def _check_leading(metric: Metric, vectors: FloatMatrix, directions: FloatMatrix) -> None:
    check_metric(metric)
    if metric == "l1":
        raise ValueError("metric must be cosine, ip or l2, got 'l1'")
    dim = vectors.shape[1] if np.ndim(vectors) == 2 else 0
    check_array("vectors", vectors, np.float32, (len(vectors), dim))
    check_array("directions", directions, np.float32, (DIRECTIONS, dim))


def _encode_leading(
    metric: Metric, inside: NDArray[np.float64], sizes: NDArray[np.float64], dim: int, count: int
) -> tuple[Codes, FloatMatrix]:
    """Codes in the last span of the first `count` dimensions of the projection, and statistics over all of these.

    For rows of length `sizes` whose projection is `inside`. Each span has its own step size.
    """
    loss = np.sqrt(DIRECTIONS) * (dim // 4 + 8) * 2.0**-24 + 2.0**-15
    spans = inside[:, :count].reshape(len(inside), -1, SPAN)
    step = (np.abs(spans).max(axis=2) * 0.9 / 7.5).astype(np.float32)
    wide_step = step.astype(np.float64)[:, :, np.newaxis]
    steps = np.floor(np.clip(spans * _inverses(wide_step) + 8.5, 0, 15.5)) - 8
    coded = wide_step * steps
    squared_code, squared_size = np.square(coded).sum(axis=(1, 2)), np.square(sizes)
    squared_magnitude = 24**2 * SPAN * np.square(wide_step).sum(axis=(1, 2))
    rest = np.maximum(squared_size * (1 + 3 * loss) - np.square(spans).sum(axis=(1, 2)), 0)
    error = np.sqrt(np.square(spans - coded).sum(axis=(1, 2))) + 2 * loss * sizes
    if metric == "l2":
        stored = _rounded_up(error * (1 + _ROUNDING))
        squared_error = np.square(stored.astype(np.float64))
        slack = 4 * loss * squared_size + _ROUNDING * (squared_magnitude + squared_error + 2 * squared_size)
        length = _rounded_up((squared_error - squared_code - rest) / 2 + slack)
    else:
        magnitude = np.sqrt(squared_magnitude)
        stored = _rounded_up((error + _ROUNDING * magnitude) * (1 + _ROUNDING))
        length = _rounded_up((np.sqrt(squared_code) + _ROUNDING * magnitude) * (1 + _ROUNDING))
    residual = _rounded_up(np.sqrt(rest) * (1 + _ROUNDING))
    known = (squared_size < np.finfo(np.float32).max) & (squared_magnitude < np.finfo(np.float32).max)
    length[~known] = stored[~known] = np.inf
    halves = (steps[:, -1] + 8).astype(np.uint8)
    return _paired(halves, SPAN_STRIDE), np.stack([step[:, -1], residual, length, stored], axis=1)


def _inverses(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def _rounded_up(values: NDArray[np.float64]) -> FloatVector:
    with np.errstate(over="ignore"):
        nearest = values.astype(np.float32)
    return np.where(nearest < values, np.nextafter(nearest, np.float32(np.inf)), nearest)
