"""Cosines between a query and candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..numbers import checked_size
from .norm import l2_norm

__all__ = ["cosine_similarity", "top_k_cosine"]


def cosine_similarity(query: ArrayLike, candidates: ArrayLike | Sequence[ArrayLike]) -> NDArray[np.float32]:
    """Returns the cosine of the query with each candidate.

    Args:
        query: one vector (dim,).
        candidates: a matrix (n, dim) or a sequence of vectors; may be empty.

    Returns:
        float32 of shape (n,).

    Raises:
        ValueError: a zero vector, or vectors of different dimensions.
    """
    unit = l2_norm(np.ravel(np.asarray(query, np.float32)))
    matrix = np.asarray(candidates, np.float32)
    if matrix.size == 0 and matrix.shape[:1] == (0,):
        return np.empty(0, np.float32)
    matrix = np.atleast_2d(matrix)
    if matrix.ndim != 2 or matrix.shape[1] != len(unit):
        raise ValueError(f"candidates must have the shape (n, {len(unit)}), got {matrix.shape}")
    cosines = l2_norm(matrix).astype(np.float64) @ unit.astype(np.float64)
    return np.clip(cosines, -1, 1).astype(np.float32)


def top_k_cosine(query: ArrayLike, candidates: ArrayLike | Sequence[ArrayLike], k: int) -> list[tuple[int, float]]:
    """Returns the k candidates with the highest cosine: (position, cosine), best first, ties by position.

    Raises:
        ValueError: k is below 1, or there is a zero vector, or vectors have different dimensions.
        TypeError: k is not an integer.
    """
    checked_size("k", k, largest=None)
    cosines = cosine_similarity(query, candidates)
    best = np.argsort(-cosines, kind="stable")[:k]
    return [(int(position), float(cosines[position])) for position in best]
