"""Distances: the native core, and its reference implementation in NumPy.

The only module that imports `vicinal._core`. `kernels()` returns the native core if it is installed, otherwise NumPy.
Two environment variables are read, once, at import:

    VICINAL_REQUIRE_NATIVE=1   a missing core is an error instead of a slower search
    VICINAL_SIMD=<level>       forces an instruction set: scalar, avx2, avx512, avx512vnni, neon or dotprod
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Final, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from .. import metadata
from ..contract import Bitmap, Checksums, FloatMatrix, FloatVector, Kernels, Metric, Slots
from ..errors import InvalidArgument, NativeMismatch, Unsupported
from ..store import checksum
from ..warn import warn_user

__all__ = ["Core", "NativeKernels", "NumpyKernels", "check_array", "check_metric", "kernels", "lane_sums"]

_LANES: Final = 8
_BLOCK_BYTES: Final = 8 << 20  # limits temporaries of the reference implementation, however large the matrix


class NumpyKernels:
    """The reference implementation: the contract, as simply as NumPy can express it."""

    name = "numpy"

    def scan(self, metric: Metric, vectors: FloatMatrix, query: FloatVector, out: FloatVector) -> None:
        """See `Kernels.scan`; beyond the range of float32 a value is infinite or NaN.

        Raises:
            ValueError: unknown metric, or arrays of another dtype, shape or layout.
        """
        check_metric(metric)
        _check_inputs(vectors, query)
        check_array("out", out, np.float32, (len(vectors),), writable=True)
        with np.errstate(over="ignore", invalid="ignore"):
            if metric in ("cosine", "ip"):
                np.matmul(vectors, query, out=out)
                return
            for rows in _blocks(vectors):
                difference = vectors[rows] - query
                terms = np.square(difference) if metric == "l2" else np.abs(difference)
                np.sum(terms, axis=1, out=out[rows])

    def score(self, metric: Metric, vectors: FloatMatrix, slots: Slots, query: FloatVector) -> FloatVector:
        """See `Kernels.score`; native/kernels/kernels.hpp has the formula.

        Raises:
            ValueError: unknown metric, or arrays of another dtype, shape or layout.
            IndexError: a slot that is not a row.
        """
        check_metric(metric)
        _check_inputs(vectors, query)
        check_array("slots", slots, np.uint32, (np.size(slots),))
        if len(slots) and slots.max() >= len(vectors):
            raise IndexError(f"slot {slots.max()} is not among the {len(vectors)} rows")
        a, b = vectors[slots].astype(np.float64), query.astype(np.float64)
        with np.errstate(over="ignore"):  # a score beyond float32 is infinite by definition
            return _SCORES[metric](a, b).astype(np.float32)

    def squared_norms(self, vectors: FloatMatrix) -> NDArray[np.float64]:
        """See `Kernels.squared_norms`.

        Raises:
            ValueError: an array of another dtype, shape or layout.
        """
        _check_vectors(vectors)
        norms = np.empty(len(vectors), np.float64)
        for rows in _blocks(vectors):
            norms[rows] = lane_sums(np.square(vectors[rows].astype(np.float64)))
        return norms


def lane_sums(terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of each row in the fixed order: eight interleaved lanes, then a tree.

    Written out, because the order of `np.sum` differs between machines.
    """
    lanes = np.zeros((len(terms), _LANES))
    for start in range(0, terms.shape[1], _LANES):
        block = terms[:, start : start + _LANES]
        lanes[:, : block.shape[1]] += block
    l0, l1, l2, l3, l4, l5, l6, l7 = lanes.T
    return ((l0 + l4) + (l2 + l6)) + ((l1 + l5) + (l3 + l7))


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    squared_norms = lane_sums(a * a) * lane_sums((b * b)[np.newaxis])
    dots = lane_sums(a * b)
    cosines = np.divide(dots, np.sqrt(squared_norms), out=np.zeros_like(dots), where=squared_norms > 0)
    return np.clip(cosines, -1.0, 1.0)


def _inner_product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return lane_sums(a * b)


def _l2(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0 - np.sqrt(lane_sums(np.square(a - b)))  # not `-x`, which would give equal vectors a score of -0.0


def _l1(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return 0 - lane_sums(np.abs(a - b))


_Score = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
_SCORES: Final[dict[Metric, _Score]] = {"cosine": _cosine, "ip": _inner_product, "l2": _l2, "l1": _l1}


def _blocks(vectors: FloatMatrix) -> Iterator[slice]:
    step = max(1, _BLOCK_BYTES // max(1, vectors[:1].nbytes))
    for start in range(0, len(vectors), step):
        yield slice(start, start + step)


def check_metric(metric: str) -> None:
    if metric not in get_args(Metric):
        raise ValueError(f"metric must be cosine, ip, l2 or l1, got {metric!r}")


def _check_inputs(vectors: FloatMatrix, query: FloatVector) -> None:
    _check_vectors(vectors)
    check_array("query", query, np.float32, (vectors.shape[1],))


def _check_vectors(vectors: FloatMatrix) -> None:
    shape = np.shape(vectors) if np.ndim(vectors) == 2 else ("n", "dim")
    check_array("vectors", vectors, np.float32, shape)


def check_array(name: str, array: Any, dtype: type, shape: tuple[Any, ...], *, writable: bool = False) -> None:
    """Rejects what the native core rejects, so that code tested with the reference works with both."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        wanted = f"{np.dtype(dtype).name} of shape ({', '.join(map(str, shape))})"
        raise ValueError(f"{name} must be {wanted}, got {found}")
    if not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError(f"{name} must be C-contiguous and aligned")
    if writable and not array.flags.writeable:
        raise ValueError(f"{name} must be writable")


class CoreProgram(Protocol):
    """A query prepared for native postings."""


class CorePostings(Protocol):
    """Native postings; see native/bind_text.cpp. None stands for `Stale`."""

    @property
    def version(self) -> int: ...
    @property
    def numbering(self) -> int: ...
    @property
    def slot_count(self) -> int: ...
    @property
    def borrows(self) -> bool: ...
    def intern(self, fields: Sequence[int], terms: Sequence[str]) -> list[int]: ...
    def find(self, fields: Sequence[int], terms: Sequence[str]) -> tuple[int, int, int, list[int], list[int]]: ...
    def add(
        self,
        slots: Slots,
        words: NDArray[np.uint32],
        ends: NDArray[np.uint64],
        term_ends: NDArray[np.uint64],
        terms: NDArray[np.uint32],
        offsets: NDArray[np.uint32],
        widths: NDArray[np.uint32],
        slot_count: int,
    ) -> None: ...
    def remove(self, slots: Slots) -> None: ...
    def search(self, program: CoreProgram, k: int, allowed: Bitmap | None) -> tuple[Slots, FloatVector] | None: ...
    def score(self, program: CoreProgram, slots: Slots) -> FloatVector | None: ...
    def matches(self, program: CoreProgram, allowed: Bitmap | None) -> Bitmap | None: ...
    def occurrences(self, program: CoreProgram, slot: int) -> tuple[int, list[list[int]]] | None: ...
    def save(self) -> dict[str, NDArray[Any]] | None: ...
    def load(self, arrays: dict[str, NDArray[Any]]) -> None: ...


class CoreFlatRows(Protocol):
    """Vectors by slot and their codes, for exact search; see native/bind_vectors.cpp."""

    def search(
        self,
        allowed: Bitmap | None,
        queries: FloatMatrix,
        threads: int,
        slots: NDArray[np.uint32],
        scores: FloatMatrix,
        counts: NDArray[np.uint32],
    ) -> None: ...


class CoreLists(Protocol):
    """Codes in the order of lists; see native/bind_vectors.cpp."""

    def search(
        self,
        vectors: FloatMatrix,
        allowed: Bitmap | None,
        least: int,
        wanted: int,
        query: FloatVector,
        slots: Slots,
        scores: FloatVector,
    ) -> tuple[int, int]: ...


class CoreGraphRows(Protocol):
    """Vectors by slot and their codes, for a native graph."""


class CoreGraph(Protocol):
    """Nodes and edges; see native/bind_graph.cpp."""

    @property
    def degree(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def inserted(self) -> int: ...
    def load(self, lists: Slots, entries: Slots, inserted: int) -> None: ...
    def save(self, lists: Slots) -> None: ...
    def entries(self, out: Slots) -> int: ...
    def insert(
        self,
        rows: CoreGraphRows,
        candidates: Bitmap,
        end: int,
        width: int,
        alpha: float,
        threads: int,
        is_polite: bool,
    ) -> None: ...
    def search(
        self,
        rows: CoreGraphRows,
        allowed: Bitmap | None,
        queries: FloatMatrix,
        width: int,
        reach: float,
        threads: int,
        skipped: Slots | None,
        slots: Slots,
        scores: FloatMatrix,
        counts: Slots,
    ) -> int: ...


class Core(Checksums, Protocol):
    """The interface of `vicinal._core`; see native/bind.cpp."""

    @property
    def Graph(self) -> Callable[[int], CoreGraph]: ...
    @property
    def GraphRows(self) -> Callable[..., CoreGraphRows]: ...
    @property
    def FlatRows(self) -> Callable[..., CoreFlatRows]: ...
    @property
    def Lists(self) -> Callable[..., CoreLists]: ...
    @property
    def Postings(self) -> Callable[[int], CorePostings]: ...
    @property
    def Program(self) -> Callable[..., CoreProgram]: ...
    def build_id(self) -> str: ...
    def plain_json(self, metadata: Any) -> str | None: ...
    def levels(self) -> list[str]: ...
    def level(self) -> str: ...
    def use_level(self, name: str) -> None: ...
    def scan(self, metric: str, vectors: FloatMatrix, query: FloatVector, out: FloatVector) -> None: ...
    def score(self, metric: str, vectors: FloatMatrix, slots: Slots, query: FloatVector, out: FloatVector) -> None: ...
    def squared_norms(self, vectors: FloatMatrix, out: NDArray[np.float64]) -> None: ...
    def encode(self, metric: str, vectors: FloatMatrix, codes: NDArray[np.uint8], statistics: FloatMatrix) -> None: ...
    def coarsen(
        self,
        metric: str,
        dim: int,
        codes: NDArray[np.uint8],
        statistics: FloatMatrix,
        coarse: NDArray[np.uint8],
        coarse_statistics: FloatMatrix,
    ) -> None: ...
    def encode_leading(
        self,
        metric: str,
        vectors: FloatMatrix,
        directions: FloatMatrix,
        coarse: NDArray[np.uint8],
        coarse_statistics: FloatMatrix,
        further: NDArray[np.uint8],
        further_statistics: FloatMatrix,
    ) -> None: ...


class NativeKernels:
    """The native core: the same results as `NumpyKernels`, faster, without holding the GIL."""

    name = "native"

    def __init__(self, core: Core) -> None:
        self.core = core

    @property
    def level(self) -> str:
        """The SIMD level that `scan` and searches use, such as "avx2"."""
        return self.core.level()

    def levels(self) -> list[str]:
        """The SIMD levels that this machine can run, slowest first."""
        return self.core.levels()

    def use_level(self, name: str) -> None:
        """Makes all later scans and searches of this process use a level; ValueError if this machine lacks it."""
        self.core.use_level(name)

    def scan(self, metric: Metric, vectors: FloatMatrix, query: FloatVector, out: FloatVector) -> None:
        """See `NumpyKernels.scan`; raises the same errors."""
        self.core.scan(metric, vectors, query, out)

    def score(self, metric: Metric, vectors: FloatMatrix, slots: Slots, query: FloatVector) -> FloatVector:
        """See `NumpyKernels.score`; raises the same errors."""
        out = np.empty(np.size(slots), np.float32)
        self.core.score(metric, vectors, slots, query, out)
        return out

    def squared_norms(self, vectors: FloatMatrix) -> NDArray[np.float64]:
        """See `NumpyKernels.squared_norms`; raises the same errors."""
        out = np.empty(np.shape(vectors)[:1], np.float64)
        self.core.squared_norms(vectors, out)
        return out


_REMEDY = "Reinstall with a C++20 compiler: pip install --force-reinstall --no-deps vicinal"


def _load_native() -> tuple[NativeKernels | None, str]:
    """The native kernels, or None and the reason why there are none."""
    try:
        core = cast(Core, importlib.import_module("vicinal._core"))
    except ImportError as error:
        if os.environ.get("VICINAL_REQUIRE_NATIVE") == "1":
            raise Unsupported(
                f"VICINAL_REQUIRE_NATIVE=1, and the native core cannot be imported ({error})", remedy=_REMEDY
            ) from error
        return None, str(error)
    _check_build(core)
    native = NativeKernels(core)
    _force_level(native)
    return native, ""


def _check_build(core: Core) -> None:
    try:
        expected = importlib.import_module("vicinal._build").BUILD_ID
    except ImportError:
        expected = "none"
    if core.build_id() != expected:
        raise NativeMismatch(
            f"the native core has build id {core.build_id()}, the Python files beside it expect {expected}",
            name="vicinal._core",
            value=core.build_id(),
            remedy=_REMEDY,
        )


def _force_level(native: NativeKernels) -> None:
    forced = os.environ.get("VICINAL_SIMD")
    if not forced:
        return
    try:
        native.use_level(forced)
    except ValueError as error:
        raise InvalidArgument(
            f"VICINAL_SIMD={forced!r} is not a SIMD level of this machine",
            name="VICINAL_SIMD",
            value=forced,
            remedy=f"There are: {', '.join(native.levels())}",
        ) from error


_native, _why_not = _load_native()
if _native is not None:
    checksum.use(_native.core)
    metadata.use(_native.core.plain_json)


@cache  # hence one warning
def kernels() -> Kernels:
    """The native kernels if they are installed, otherwise the NumPy reference and, once, a RuntimeWarning."""
    if _native is not None:
        return _native
    warn_user(
        f"The native core is not installed ({_why_not}); NumPy is used instead, which is correct but slower. {_REMEDY}",
        RuntimeWarning,
    )
    return NumpyKernels()
