"""The candidates for a query: indices that share buckets with it, and their cosines."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..numbers import checked_number, checked_size
from ..storage.base import Storage
from ..utils.norm import l2_norm

__all__ = ["candidates", "check_top_k", "check_top_p", "reranked"]

VectorFetch = Callable[[list[int]], Any]


def candidates(storage: Storage, signatures: Sequence[bytes]) -> list[int]:
    """Returns indices that share a bucket with the query: those in most bands first, ties by index."""
    found: Counter[int] = Counter()
    for bucket in storage.get_buckets(list(enumerate(signatures))):
        found.update(bucket)
    return sorted(found, key=lambda index: (-found[index], index))


def check_top_k(top_k: int | None) -> None:
    if top_k is not None:
        checked_size("top_k", top_k, largest=None)


def check_top_p(top_p: float) -> None:
    if not 0 < checked_number("top_p", top_p) <= 1:
        raise ValueError(f"top_p must be within (0, 1], got {top_p}")


def reranked(
    query: Any, found: list[int], fetch: VectorFetch, top_p: float, top_k: int | None
) -> list[tuple[int, float]]:
    """Returns the share `top_p` of the candidates, at least one and at most `top_k`, by descending cosine.

    Ties keep the order of the candidates. A zero vector from `fetch` has similarity 0.

    Raises:
        ValueError: `fetch` returned another number of vectors or another dimension.
    """
    wanted = len(np.ravel(query))
    matrix = np.asarray(fetch(list(found)), np.float32)
    if matrix.ndim != 2 or matrix.shape != (len(found), wanted):
        raise ValueError(
            f"vector_fetch_fn gave an array of shape {matrix.shape} for {len(found)} indices, "
            f"expected ({len(found)}, {wanted})"
        )
    cosines = np.zeros(len(found))
    some = matrix.any(axis=1)
    if some.any():
        cosines[some] = np.clip(l2_norm(matrix[some]).astype(np.float64) @ l2_norm(np.ravel(query)), -1, 1)
    best = np.argsort(-cosines, kind="stable")[: max(1, math.ceil(top_p * len(found)))][:top_k]
    return [(found[position], float(np.float32(cosines[position]))) for position in best]
