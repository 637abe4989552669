"""The correct result of an exact search, in plain float64 NumPy and Python."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

METRICS = ("cosine", "ip", "l2", "l1")


def score(metric: str, row: NDArray[np.float32], query: NDArray[np.float32]) -> np.float32 | float:
    """Returns sums without rounding error (math.fsum), rounded once to float32 at the end.

    An inner product that exceeds the range of float32 still has its precision.
    """
    a, b = row.astype(np.float64), query.astype(np.float64)
    with np.errstate(over="ignore"):
        if metric == "cosine":
            norms = math.fsum(a * a) * math.fsum(b * b)
            value = max(-1.0, min(1.0, math.fsum(a * b) / math.sqrt(norms))) if norms > 0 else 0.0
        elif metric == "ip":
            value = math.fsum(a * b)
            if math.isinf(np.float32(value)):
                fraction, exponent = math.frexp(value)
                return math.ldexp(float(np.float32(fraction)), exponent)
        elif metric == "l2":
            value = -math.sqrt(math.fsum((a - b) ** 2))
        else:
            value = -math.fsum(np.abs(a - b))
        return np.float32(value) + np.float32(0)  # no minus zero


def ranking(
    metric: str, rows: Mapping[Hashable, NDArray[np.float32]], query: Any, k: int
) -> list[tuple[Hashable, float]]:
    """(id, score) best first, ties in the order of `rows`."""
    wanted = np.asarray(query, dtype=np.float32)
    scored = [(id_, float(score(metric, vector, wanted))) for id_, vector in rows.items()]
    return sorted(scored, key=lambda pair: -pair[1])[:k]
