"""The best hits in another order: that of a reranker, which reads their texts. No lock is held meanwhile."""

from __future__ import annotations

import numpy as np

from ..contract import FloatVector, Reranker
from ..query.asking import Asked
from ..rerankers.choose import scores_of
from ..types import Hit, Hits, LegScore
from .parts import with_parts

__all__ = ["reranked", "reranked_order"]


def reranked(hits: Hits, reranker: Reranker, asked: Asked) -> Hits:
    """The hits that a call asks for, of those that a search of its pool gave; equal scores stay in their order.

    Raises:
        InvalidArgument: the reranker gave something else than a number a text.
    """
    scores = scores_of(reranker, asked.queries[0], [hit.text or "" for hit in hits])
    found = [_hit(hits[place], float(scores[place]) + 0.0, place + 1) for place in reranked_order(scores, asked)]
    return with_parts(Hits(found, reranker.name, hits.change), asked.select)


def reranked_order(scores: FloatVector, asked: Asked) -> list[int]:
    """Places of the hits that a call asks for, by scores."""
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    if asked.min_score is not None:
        order = order[scores[order] >= np.float64(asked.min_score)]
    chosen: list[int] = order[int(asked.offset) :][: int(asked.k)].tolist()
    return chosen


def _hit(hit: Hit, score: float, place: int) -> Hit:
    """With the reranker's score; what the search said of it is one of its legs."""
    legs = {"search": LegScore(place, hit.score), **hit.legs}
    return Hit(hit.id, score, 0.0 - score, hit.text, hit.metadata_json, legs)
