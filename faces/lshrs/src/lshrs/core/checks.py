"""Validation of vectors and indices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..numbers import checked_integer

__all__ = [
    "check_index_max",
    "check_projections",
    "check_storage",
    "checked_index",
    "checked_indices",
    "checked_matrix",
    "checked_vector",
]

_ZERO: Final = 1e-8
_PROJECTIONS_MAX: Final = 4 << 30  # bytes


def checked_vector(vector: Any, dim: int) -> NDArray[np.float32]:
    """Returns one vector as float32 of shape (1, dim).

    Raises:
        ValueError: another dimension, a zero vector, or a component that is not finite.
    """
    array = np.asarray(vector, np.float32)
    if max(array.shape, default=0) != array.size:
        raise ValueError(f"one vector of dimension {dim} was expected, got an array of shape {array.shape}")
    flat = array.ravel()
    if len(flat) != dim:
        raise ValueError(f"Vector has dimension {len(flat)}, expected dimension {dim}")
    _check_values(flat[np.newaxis], "the vector")
    return flat[np.newaxis]


def checked_matrix(vectors: Any, count: int, dim: int) -> NDArray[np.float32]:
    """Returns vectors as float32 of shape (count, dim).

    Raises:
        ValueError: another shape or count, a zero vector, or a component that is not finite.
    """
    matrix = np.asarray(vectors, np.float32)
    if matrix.ndim != 2 or matrix.shape[1] != dim:
        raise ValueError(f"vectors must have the shape (n, {dim}), got shape {matrix.shape}")
    if len(matrix) != count:
        raise ValueError(f"the number of vectors, {len(matrix)}, does not match that of indices, {count}")
    _check_values(matrix, "vector {row}")
    return matrix


def _check_values(matrix: NDArray[np.float32], name: str) -> None:
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        raise ValueError(f"{name.format(row=int(np.argmin(finite)))} has a component that is not finite")
    zero = (np.abs(matrix) <= _ZERO).all(axis=1)
    if zero.any():
        raise ValueError(f"Cannot index zero vector: {name.format(row=int(np.argmax(zero)))} has no direction to hash")


def check_projections(bands: int, rows: int, dim: int) -> None:
    """Rejects matrices that would take gigabytes."""
    needed = 4 * bands * rows * dim
    if needed > _PROJECTIONS_MAX:
        raise ValueError(
            f"{bands} bands of {rows} rows in {dim} dimensions need projections of {needed / 2**30:,.0f} GiB; "
            f"at most {_PROJECTIONS_MAX >> 30} GiB are allowed: choose fewer bits"
        )


def check_storage(storage: Any) -> None:
    """Rejects an object that lacks a method of storages."""
    wanted = ("batch_add", "get_bucket", "remove_indices", "clear", "close")
    missing = [name for name in wanted if not callable(getattr(storage, name, None))]
    if storage is not None and missing:
        raise TypeError(f"storage must be a lshrs.Storage; {type(storage).__name__} lacks {', '.join(missing)}")


def checked_index(index: Any) -> int:
    """Returns an index as int.

    Raises:
        ValueError: it is negative.
        TypeError: it is not an integer.
    """
    number = checked_integer("index", index)
    if number < 0:
        raise ValueError(f"index must be non-negative, got {number}")
    return number


def check_index_max(indices: Iterable[int], storage: Any) -> None:
    """Rejects indices that the storage cannot keep: they would be sent again and again."""
    limit = getattr(storage, "index_max", None)
    largest = max(indices, default=0)
    if limit is not None and largest > limit:
        raise ValueError(f"index must be at most {limit:,} in {type(storage).__name__}, got {largest:,}")


def checked_indices(indices: Any) -> list[int]:
    """Returns one index, or a sequence or array of them, as a list; errors as in `checked_index`."""
    if isinstance(indices, np.ndarray):
        if indices.dtype.kind in "iu":
            numbers: list[int] = indices.ravel().tolist()
            if indices.size and indices.min() < 0:
                raise ValueError(f"index must be non-negative, got {indices.min()}")
            return numbers
        indices = indices.ravel().tolist()
    if not isinstance(indices, Iterable) or isinstance(indices, (str, bytes)):
        return [checked_index(indices)]
    return [checked_index(index) for index in indices]
