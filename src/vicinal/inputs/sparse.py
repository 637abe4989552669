"""Sparse vectors: a few of very many dimensions, each with a weight.

Given as `{dimension: weight}`, as a pair of dimensions and weights, or as a SciPy sparse matrix with one row. Stored as
the dimensions, ascending little-endian uint32, followed by their weights, little-endian float32; weights of 0 are
omitted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatVector
from ..errors import InvalidArgument, LimitExceeded
from .containers import is_sparse_matrix, sparse_rows, values_in

__all__ = ["DIMENSION_MAX", "check_sparse", "pack", "unpack"]

DIMENSION_MAX: Final = 2**32 - 2
ENTRIES_MAX: Final = 1 << 20
_REMEDY: Final = "Write {12: 0.5, 7031: 1.25}, or a pair of equally long lists of dimensions and weights."

Dimensions = NDArray[np.uint32]


def check_sparse(value: Any, place: str) -> tuple[Dimensions, FloatVector]:
    """Dimensions, ascending, and their weights, none of them 0.

    Raises:
        InvalidArgument: it is not a sparse vector, or a dimension or weight is not valid.
        LimitExceeded: more than 1,048,576 entries.
    """
    dimensions, weights = _entries(value, place)
    if len(dimensions) > ENTRIES_MAX:
        raise LimitExceeded(
            f"the sparse vector has {len(dimensions):,} entries, the limit is {ENTRIES_MAX:,}",
            name="sparse",
            value=len(dimensions),
            place=place,
            remedy="Keep its largest weights.",
        )
    for dimension in dimensions:
        _check_dimension(dimension, place)
    found = np.array([int(dimension) for dimension in dimensions], dtype=np.uint32)
    numbers = np.array([_weight(weight, place) for weight in weights], dtype=np.float32)
    if not np.isfinite(numbers).all():
        raise _refused(f"the weight {weights[int(np.argmin(np.isfinite(numbers)))]!r} is too large", value, place)
    order = np.argsort(found, kind="stable")
    found, numbers = found[order], numbers[order]
    if (found[1:] == found[:-1]).any():
        raise _refused(f"dimension {found[:-1][found[1:] == found[:-1]][0]} is given twice", value, place)
    kept = numbers != 0
    return found[kept], numbers[kept]


def pack(dimensions: Dimensions, weights: FloatVector) -> bytes:
    """The stored form."""
    return dimensions.astype("<u4").tobytes() + weights.astype("<f4").tobytes()


def unpack(packed: bytes) -> tuple[Dimensions, FloatVector]:
    """The inverse of `pack`."""
    half = len(packed) // 2
    dimensions = np.frombuffer(packed[:half], dtype="<u4").astype(np.uint32, copy=False)
    return dimensions, np.frombuffer(packed[half:], dtype="<f4").astype(np.float32, copy=False)


def _entries(value: Any, place: str) -> tuple[Sequence[Any], Sequence[Any]]:
    if is_sparse_matrix(value):  # a dictionary-of-keys matrix is a mapping too
        rows = sparse_rows(value)
        if len(rows) != 1:
            raise _refused(f"this {type(value).__name__} has {len(rows)} rows, a sparse vector is one", value, place)
        value = rows[0]
    if isinstance(value, Mapping):
        return list(value), list(value.values())
    is_pair = isinstance(value, (tuple, list)) and len(value) == 2
    if not is_pair or not all(hasattr(part, "__len__") and not isinstance(part, (str, bytes)) for part in value):
        raise _refused(f"a sparse vector must be a dict or a pair, not {type(value).__name__}", value, place)
    dimensions, weights = map(values_in, value)
    if len(dimensions) != len(weights):
        raise _refused(f"there are {len(dimensions)} dimensions and {len(weights)} weights", value, place)
    return dimensions, weights


def _check_dimension(dimension: Any, place: str) -> None:
    is_whole = isinstance(dimension, (int, np.integer)) and not isinstance(dimension, bool)
    if not is_whole or not 0 <= dimension <= DIMENSION_MAX:
        raise _refused(
            f"a dimension is a whole number from 0 to {DIMENSION_MAX:,}, not {dimension!r}", dimension, place
        )


def _weight(weight: Any, place: str) -> float:
    is_number = isinstance(weight, (int, float, np.number)) and not isinstance(weight, bool)
    if not is_number or not math.isfinite(weight):
        raise _refused(f"a weight is a finite number, not {weight!r}", weight, place)
    with np.errstate(over="ignore"):
        return float(np.float32(weight))


def _refused(wrong: str, value: Any, place: str) -> InvalidArgument:
    return InvalidArgument(wrong, name="sparse", value=value, place=place, remedy=_REMEDY)
