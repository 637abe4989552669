"""Reorders the best hits by a reranker, which reads their texts. No lock is held meanwhile."""

from __future__ import annotations

import numpy as np

from ..contract import FloatVector, Reranker
from ..query.arguments import SearchArguments
from ..rerankers.registry import scores_of
from ..types import Hit, Hits, LegScore
from .parts import with_parts

__all__ = ["reranked", "reranked_order"]


def reranked(hits: Hits, reranker: Reranker, arguments: SearchArguments) -> Hits:
    """The requested hits, from those of a search for the pool; hits with equal scores keep their order.

    Raises:
        InvalidArgument: the reranker returned something other than one number per text.
    """
    scores = scores_of(reranker, arguments.queries[0], [hit.text or "" for hit in hits])
    found = [_hit(hits[place], float(scores[place]) + 0.0, place + 1) for place in reranked_order(scores, arguments)]
    return with_parts(Hits(found, reranker.name, hits.change), arguments.select)


def reranked_order(scores: FloatVector, arguments: SearchArguments) -> list[int]:
    """Positions of the requested hits, ordered by scores."""
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    if arguments.min_score is not None:
        order = order[scores[order] >= np.float64(arguments.min_score)]
    chosen: list[int] = order[int(arguments.offset) :][: int(arguments.k)].tolist()
    return chosen


def _hit(hit: Hit, score: float, place: int) -> Hit:
    """The hit with the reranker's score; the rank and score of the search become one of its legs."""
    legs = {"search": LegScore(place, hit.score), **hit.legs}
    return Hit(hit.id, score, 0.0 - score, hit.text, hit.metadata_json, legs)
