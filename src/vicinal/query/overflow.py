"""Inner products that float32 does not hold: ranked by what they are, not all as equally infinite."""

from __future__ import annotations

from typing import Final, cast

import numpy as np

from ..contract import FloatVector
from .hits import Ranking
from .plan import Plan

__all__ = ["finite", "scaled_down"]

# The largest component of a scaled query is below 2 to this power. A vector has at most 2 ** 16 components, which are
# below 2 ** 128, so that its inner product with such a query stays below 2 ** (128 + 16 - 17).
_LARGEST_EXPONENT: Final = -17


def finite(plan: Plan, k: int, rankings: list[Ranking]) -> list[Ranking]:
    """The rankings, one a query of the plan, of which those with infinite scores are recomputed."""
    if plan.metric != "ip" or not any(np.isinf(ranking.scores).any() for ranking in rankings):
        return rankings
    assert plan.queries is not None  # they were ranked by it
    return [
        _exact(plan, k, query, ranking) if np.isinf(ranking.scores).any() else ranking
        for query, ranking in zip(plan.queries, rankings, strict=True)
    ]


def _exact(plan: Plan, k: int, query: FloatVector, ranking: Ranking) -> Ranking:
    """Infinite scores by a query that is scaled by a power of two, which changes neither order nor a bit of a fraction.

    Scores that float32 holds stay what and where they are: scaled, the smallest would all be 0. The others are floats
    of Python, with the precision of float32.
    """
    assert plan.view.vectors is not None  # as above
    scaled, exponent = scaled_down(query)
    [(slots, scores)] = plan.view.vectors.search(scaled[np.newaxis], k, plan.candidates, plan.accuracy)
    known = plan.view.kernels.score("ip", plan.vectors, np.ascontiguousarray(slots), query)
    beyond, within = np.isinf(known), np.isfinite(ranking.scores)
    found = np.concatenate([slots[beyond], ranking.slots[within]])
    infinite = np.ldexp(scores[beyond].astype(np.float64), -exponent)
    exact = np.concatenate([infinite, ranking.scores[within].astype(np.float64)])
    order = np.lexsort((found, -exact))[:k]
    return Ranking(found[order], cast(FloatVector, exact[order]))


def scaled_down(query: FloatVector) -> tuple[FloatVector, int]:
    """A query whose inner products float32 holds, and the exponent of two by which it was multiplied."""
    exponent = _LARGEST_EXPONENT - int(np.frexp(np.abs(query).max())[1])
    return np.ldexp(query, exponent).astype(np.float32), exponent
