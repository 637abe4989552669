"""From one cell to one vector, and from a column to indices: shared by all sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numbers import checked_size

__all__ = ["as_indices", "as_matrix", "check_batch_size"]

_BRACKETS = {"[": "]", "{": "}", "(": ")"}


def check_batch_size(batch_size: int) -> None:
    checked_size("batch_size", batch_size, largest=None)


def as_indices(values: Sequence[Any], first_row: int) -> list[int]:
    """Returns the integers of a column.

    Raises:
        ValueError: a value is null or not a whole number; the message names the row.
    """
    indices = []
    for row, value in enumerate(values, first_row):
        if value is None:
            raise ValueError(f"row {row}: the index is null")
        try:
            index = int(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"row {row}: the index {str(value)[:50]!r} is no integer") from error
        if index != value and not isinstance(value, str):
            raise ValueError(f"row {row}: the index {value!r} is no integer")
        indices.append(index)
    return indices


def as_matrix(cells: Sequence[Any], first_row: int, dim: int | None) -> NDArray[np.float32]:
    """Returns the vectors of a column as float32 (n, dim).

    Args:
        cells: lists, arrays, pgvector's Vector, text such as "[1, 2]" or "{1,2}", or raw native float32 as bytes.
        first_row: the number of the first cell, for errors.
        dim: the required dimension, or None for that of the first vector.

    Raises:
        ValueError: a value is null, an empty vector, of another dimension, or not a vector; the message names the row.
    """
    vectors = []
    for row, cell in enumerate(cells, first_row):
        vector = _as_vector(cell, row)
        dim = len(vector) if dim is None else dim
        if len(vector) != dim:
            raise ValueError(f"row {row}: the vector has dimension {len(vector)}, those before it have {dim}")
        vectors.append(vector)
    return np.stack(vectors)


def _as_vector(cell: Any, row: int) -> NDArray[np.float32]:
    if cell is None:
        raise ValueError(f"row {row}: the vector is null")
    try:
        vector = _numbers(cell)
    except (TypeError, ValueError) as error:
        raise ValueError(f"row {row}: {str(cell)[:50]!r} is no vector: {error}") from error
    if not len(vector):
        raise ValueError(f"row {row}: the vector is empty")
    if not np.isfinite(vector).all():
        raise ValueError(f"row {row}: the vector has a component that is null or not finite")
    return vector


def _numbers(cell: Any) -> NDArray[np.float32]:
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return np.frombuffer(cell, np.float32)
    if isinstance(cell, str):
        text = cell.strip()
        if _BRACKETS.get(text[:1], text[:1]) != text[-1:] or text[:1] not in _BRACKETS:
            raise ValueError("text must be numbers in brackets")
        inner = text[1:-1].strip()
        return np.array([float(number) for number in inner.split(",")] if inner else [], np.float32)
    if hasattr(cell, "to_numpy"):
        cell = cell.to_numpy()
    return np.asarray(cell, np.float32).ravel()
