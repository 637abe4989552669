"""Queries as values, which `query` and `hybrid_query` accept in place of their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = Sequence[float] | NDArray[np.floating] | NDArray[np.integer]


@dataclass(eq=False)
class Query:
    """The `k` records nearest to a vector.

    Attributes:
        vector: shape (dim,).
        k: at most this many.
        filter: an expression such as "year >= 2024", or None for all records.
    """

    vector: Vector
    k: int
    filter: str | None = None


@dataclass(eq=False)
class HybridQuery:
    """The `k` best records by vector and by keywords.

    Attributes:
        vector: shape (dim,).
        keywords: words to look for in indexed texts.
        k: at most this many.
        alpha: the weight of the vector, from 0 to 1; the rest is that of the keywords.
        filter: an expression, or None for all records.
    """

    vector: Vector
    keywords: str
    k: int
    alpha: float
    filter: str | None = None
