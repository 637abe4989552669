"""Normalized vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["l2_norm"]


def l2_norm(vectors: ArrayLike) -> NDArray[np.float32]:
    """Returns the vector, or each row of a matrix, divided by its Euclidean length; float32.

    Raises:
        ValueError: a zero vector, a component that is not finite, or more than two dimensions.
    """
    array = np.asarray(vectors, np.float32)
    if array.ndim not in (1, 2):
        raise ValueError(f"vectors must have one or two dimensions, got shape {array.shape}")
    rows = np.atleast_2d(array).astype(np.float64)
    if not np.isfinite(rows).all():
        raise ValueError("cannot normalise a vector with a component that is not finite")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not lengths.all():
        raise ValueError(f"cannot normalise a zero vector (row {int(np.argmin(lengths))})")
    return np.asarray((rows / lengths).astype(np.float32).reshape(array.shape))
