"""What exact search stores for rows beside their vectors: codes, coarse codes, and the errors of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix, Metric
from .codes import SPAN_STRIDE, Coarse, Codes, Scanner, coarse_stride, code_shape

__all__ = ["CodedRows", "sections"]

_ROWS_MIN: Final = 64
_LINE: Final = 64  # bytes of a cache line
# The names under which an index is saved: codes of a PCA projection are not upper halves.
_HALVES: Final = ("codes", "statistics", "coarse", "coarse_statistics")
_LEADING: Final = ("codes", "statistics", "leading", "leading_statistics", "further", "further_statistics")

_EXACT: Final = 2  # arrays that are bit-identical on every machine: codes of a PCA projection are not
_ROUNDINGS: Final = 1e-3  # relative to the length of the vector; machines differ by less


@dataclass(frozen=True, slots=True)
class _Arrays:
    """One row per slot."""

    codes: Codes
    statistics: FloatMatrix
    coarse: Codes
    coarse_statistics: FloatMatrix
    further: Codes | None = None  # with a PCA projection
    further_statistics: FloatMatrix | None = None

    def all(self) -> list[NDArray[Any]]:
        held = self.codes, self.statistics, self.coarse, self.coarse_statistics, self.further, self.further_statistics
        return [array for array in held if array is not None]


class CodedRows:
    """Codes of the slots from `start`, with room for more after them.

    Attributes:
        start: the first slot.
        count: the number of rows.
        arrays: never shorter than `count`. Searches keep the arrays that they have: once replaced, they are not
            written again.
        directions: the PCA projection of the coarse codes, float32, shape (`DIRECTIONS`, dim); None: the coarse codes
            are the upper halves of codes.
        coarse: the coarse part of the arrays, in the form for a scanner.
    """

    def __init__(self, start: int, arrays: _Arrays, count: int, directions: FloatMatrix | None) -> None:
        self.start = start
        self.count = count
        self._hold(arrays, directions)

    @staticmethod
    def empty(start: int, scanner: Scanner, metric: Metric, dim: int, directions: FloatMatrix | None) -> CodedRows:
        none = np.empty((0, dim), np.float32)
        return CodedRows(start, _encoded(scanner, metric, none, directions), 0, directions)

    @staticmethod
    def saved(
        metric: Metric, saved: Mapping[str, NDArray[Any]], directions: FloatMatrix | None, count_max: int
    ) -> CodedRows | None:
        """Rows from the arrays of `sections`; None if there are none, or not in the format of this version."""
        names = _HALVES if directions is None else _LEADING
        columns = code_shape(metric, 1)[1]
        if not columns or any(name not in saved for name in names):
            return None
        count = len(saved["statistics"]) // columns
        if not 0 < count <= count_max:
            return None
        widths = _widths(len(saved["codes"]) // count, columns, directions is not None)
        dtypes = [np.float32 if name.endswith("statistics") else np.uint8 for name in names]
        for name, width, dtype in zip(names, widths, dtypes, strict=True):
            if saved[name].dtype != dtype or not width or len(saved[name]) != count * width:
                return None
        return CodedRows(0, _Arrays(*(saved[name].reshape(count, -1) for name in names)), count, directions)

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def grows(self) -> bool:
        """Whether rows can be added, which is impossible in a mapped file."""
        return bool(self.arrays.codes.flags.writeable)

    @property
    def stride(self) -> int:
        return int(self.arrays.codes.shape[1])

    def now(self) -> CodedRows:
        """These rows in their current state, whatever is added later."""
        return CodedRows(self.start, self.arrays, self.count, self.directions)

    def reserve(self, count: int) -> None:
        """Makes room for `count` rows."""
        room = len(self.arrays.codes)
        if count > room:
            room = max(count, 2 * room, _ROWS_MIN)
            self._hold(_Arrays(*(_resized(array, self.count, room) for array in self.arrays.all())), self.directions)

    def append(self, scanner: Scanner, metric: Metric, vectors: FloatMatrix) -> None:
        """Adds codes of further rows, for which there must be room."""
        encoded = _encoded(scanner, metric, vectors, self.directions)
        end = self.count + len(vectors)
        for kept, new in zip(self.arrays.all(), encoded.all(), strict=True):
            kept[self.count : end] = new
        self.count = end

    def lead(self, scanner: Scanner, metric: Metric, vectors: FloatMatrix, directions: FloatMatrix) -> None:
        """Replaces the coarse codes by those of a PCA projection. `vectors`: of all its rows."""
        made = scanner.lead(metric, vectors, directions)
        held = made.codes, made.statistics, made.further, made.further_statistics
        room = len(self.arrays.codes)
        coarse = [_resized(array, self.count, room) for array in held if array is not None]
        self._hold(_Arrays(self.arrays.codes, self.arrays.statistics, *coarse), directions)

    def differing(
        self, scanner: Scanner, metric: Metric, rows: NDArray[np.integer[Any]], vectors: FloatMatrix
    ) -> NDArray[np.bool_]:
        """Which of these rows have codes that differ from those of their vectors."""
        made = _encoded(scanner, metric, vectors, self.directions).all()
        held = [array[rows] for array in self.arrays.all()]
        exact = len(made) if self.directions is None else _EXACT
        apart = np.zeros(len(rows), np.bool_)
        for new, old in zip(made[:exact], held[:exact], strict=True):
            apart |= (new != old).any(axis=1)
        for i in range(exact, len(made), 2):
            apart |= ~_near(metric, vectors, made[i : i + 2], held[i : i + 2])
        return apart

    def _hold(self, arrays: _Arrays, directions: FloatMatrix | None) -> None:
        self.arrays = arrays
        self.directions = directions
        further = arrays.further, arrays.further_statistics
        self.coarse = Coarse(arrays.coarse, arrays.coarse_statistics, directions, *further)


def sections(parts: Sequence[CodedRows], count: int, directions: FloatMatrix | None) -> dict[str, NDArray[Any]]:
    """The first `count` rows of consecutive parts, flattened, by the names of an index's sections."""
    ends = [*(part.start for part in parts[1:]), count]  # rows past the start of the next part are in that part
    saved: dict[str, NDArray[Any]] = {}
    for i, name in enumerate(_HALVES if directions is None else _LEADING):
        pieces = [part.arrays.all()[i][: end - part.start].reshape(-1) for part, end in zip(parts, ends, strict=True)]
        saved[name] = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
    if directions is not None:
        saved["directions"] = directions.reshape(-1)
    return saved


def _encoded(scanner: Scanner, metric: Metric, vectors: FloatMatrix, directions: FloatMatrix | None) -> _Arrays:
    codes, statistics = scanner.encode(metric, vectors)
    if directions is None:
        coarse = scanner.coarsen(metric, vectors.shape[1], codes, statistics)
    else:
        coarse = scanner.lead(metric, vectors, directions)
    return _Arrays(codes, statistics, coarse.codes, coarse.statistics, coarse.further, coarse.further_statistics)


def _widths(stride: int, columns: int, leads: bool) -> list[int]:
    """The number of values per row in each array."""
    coarse = [SPAN_STRIDE, columns, SPAN_STRIDE, columns] if leads else [coarse_stride(stride), columns]
    return [stride, columns, *coarse]


def _resized(array: NDArray[Any], count: int, room: int) -> NDArray[Any]:
    """A copy of the first `count` rows, with room for `room`."""
    grown = _aligned((room, array.shape[1]), array.dtype)
    grown[:count] = array[:count]
    return grown


def _aligned(shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Uninitialized values aligned to a cache line, so that a row of codes is in as few lines as possible."""
    size = shape[0] * shape[1] * dtype.itemsize
    octets = np.empty(size + _LINE, np.uint8)
    start = -octets.ctypes.data % _LINE
    return octets[start : start + size].view(dtype).reshape(shape)


def _near(metric: Metric, vectors: FloatMatrix, made: Sequence[Any], held: Sequence[Any]) -> NDArray[np.bool_]:
    """Whether codes of a PCA projection, and their statistics, represent about the same.

    If a component is in the middle between two codes, either is correct.
    """
    sizes = np.ones(len(vectors)) if metric == "cosine" else np.linalg.norm(vectors.astype(np.float64), axis=1)
    slack = _ROUNDINGS * sizes[:, np.newaxis]
    statistics, theirs = (pair[1].astype(np.float64) for pair in (made, held))
    room = np.repeat(slack, statistics.shape[1], axis=1)
    if metric == "l2":
        room[:, 2] *= sizes  # half of a squared length, whereas the others are lengths
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(_decoded(*made) - _decoded(*held))
        is_near = (apart <= 1.1 * statistics[:, :1] + slack).all(axis=1)
        is_near &= ((statistics == theirs) | (np.abs(statistics - theirs) <= room)).all(axis=1)
    return np.asarray(is_near)


def _decoded(codes: Codes, statistics: FloatMatrix) -> NDArray[np.float64]:
    """Components in the projection of a span."""
    halves = np.hstack([codes & 15, codes >> 4]).astype(np.float64) - 8
    return np.asarray(statistics[:, :1].astype(np.float64) * halves)
