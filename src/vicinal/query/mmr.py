"""Maximal marginal relevance: rows that are relevant and unlike those chosen before them.

Source: J. Carbonell and J. Goldstein, "The use of MMR, diversity-based reranking for reordering documents and producing
summaries", SIGIR 1998. The next row is the one that maximizes

    weight * relevance(row) - (1 - weight) * (greatest similarity(row, chosen) of all that are chosen)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["choose"]

FloatArray = NDArray[np.float64]


def choose(relevance: FloatArray, similarity: Callable[[int], FloatArray], weight: float, k: int) -> NDArray[np.intp]:
    """The positions of min(k, rows) rows, in the order in which they are chosen; ties go to the first.

    With no row chosen yet, the similarity is 0, so the first choice is by relevance alone; with a weight of 0 it is
    the first row.

    Args:
        relevance: float64, shape (rows,).
        similarity: returns the similarity of all rows to the one at a position: float64, shape (rows,).
        weight: of relevance, from 0 to 1.
        k: the number of rows to choose.
    """
    count = min(k, len(relevance))
    chosen = np.empty(count, dtype=np.intp)
    left = np.ones(len(relevance), dtype=np.bool_)
    nearest = np.zeros(len(relevance))
    for i in range(count):
        worth = np.where(left, weight * relevance - (1.0 - weight) * nearest, -np.inf)
        best = int(np.argmax(worth))
        chosen[i] = best
        left[best] = False
        own = similarity(best)
        nearest = own if i == 0 else np.maximum(nearest, own)
    return chosen
