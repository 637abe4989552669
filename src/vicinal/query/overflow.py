"""Inner products beyond float32: ranked by their actual value instead of all being equally infinite."""

from __future__ import annotations

from typing import Final, cast

import numpy as np

from ..contract import FloatVector
from .hits import Ranking
from .plan import Plan

__all__ = ["finite", "scaled_down"]

# The largest component of a scaled query is below 2 to this power. A vector has at most 2 ** 16 components, which are
# below 2 ** 128, so its inner product with such a query stays below 2 ** (128 + 16 - 17).
_LARGEST_EXPONENT: Final = -17


def finite(plan: Plan, k: int, rankings: list[Ranking]) -> list[Ranking]:
    """The rankings, one per query of the plan, with those that have infinite scores recomputed."""
    if plan.metric != "ip" or not any(np.isinf(ranking.scores).any() for ranking in rankings):
        return rankings
    assert plan.queries is not None  # the ranking used them
    return [
        _exact(plan, k, query, ranking) if np.isinf(ranking.scores).any() else ranking
        for query, ranking in zip(plan.queries, rankings, strict=True)
    ]


def _exact(plan: Plan, k: int, query: FloatVector, ranking: Ranking) -> Ranking:
    """Recomputes infinite scores by a query scaled by a power of two, which changes neither order nor mantissas.

    Scores that fit float32 keep their values and positions: scaled, the smallest would all be 0. The others are Python
    floats with the precision of float32.
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
    """A query whose inner products fit float32, and the exponent of the power of two by which it was scaled."""
    exponent = _LARGEST_EXPONENT - int(np.frexp(np.abs(query).max())[1])
    return np.ldexp(query, exponent).astype(np.float32), exponent
