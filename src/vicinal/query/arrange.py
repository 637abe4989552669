"""Rearranging a ranking before rows are read: the most diverse of the best, or the best of each group."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix, FloatVector, Kernels, Metric, Slots
from ..filters.bitmap import unpack
from .hits import Ranking
from .mmr import choose
from .plan import Plan
from .question import Grouping, Mmr
from .rank import Ranker, deeper_and_deeper, matching, ranker
from .threshold import nearness, similarity_of

__all__ = ["arranged", "by_group", "relevance_of_vectors", "similarity_among"]

FloatArray = NDArray[np.float64]

_LOOKED_AT_FIRST: Final = 4  # times as many rows as a grouping can return


def arranged(plan: Plan, ranked: Ranker | None = None) -> Ranking:
    """The rows of a question with an arrangement, without skipped rows and those with too low a score.

    Args:
        ranked: ranks the question, for callers that observe the ranking.
    """
    arrangement = plan.question.arrangement
    ranked = ranked or ranker(plan)
    if isinstance(arrangement, Mmr):
        return _diverse(plan, arrangement, ranked)
    assert isinstance(arrangement, Grouping)  # there are two kinds
    return _grouped(plan, arrangement, ranked)


def _diverse(plan: Plan, mmr: Mmr, ranked: Ranker) -> Ranking:
    question = plan.question
    pool = ranked(max(mmr.pool, question.k)).cut(0, question.min_score)
    order = choose(_relevance(plan, pool), _similarity(plan, pool), mmr.weight, question.k)
    return pool.taken(order[question.offset :])


def _relevance(plan: Plan, pool: Ranking) -> FloatArray:
    """On the same scale as the similarity of rows: the similarity to the query, or the score over the best score."""
    if plan.question.mode == "dense":
        return relevance_of_vectors(pool.scores, plan.metric)
    scores = pool.scores.astype(np.float64)
    best = float(scores[0]) if len(scores) else 0.0
    return scores / best if best > 0 else scores


def _similarity(plan: Plan, pool: Ranking) -> Callable[[int], FloatArray]:
    """The similarity of rows by the collection's metric; by cosine if relevance is by keywords. 0 without a vector."""
    metric = plan.metric if plan.question.mode == "dense" else "cosine"
    there = plan.view.slots.searchable[pool.slots] & (pool.slots < len(plan.vectors))
    return similarity_among(plan.vectors, pool.slots, there, metric, plan.view.kernels)


def relevance_of_vectors(scores: FloatVector, metric: Metric) -> FloatArray:
    """The relevance of rows that were ranked by vectors: float64, shape (rows,)."""
    return nearness(scores) if metric in ("l2", "l1") else scores.astype(np.float64)


def similarity_among(
    vectors: FloatMatrix, slots: Slots, there: NDArray[np.bool_], metric: Metric, kernels: Kernels
) -> Callable[[int], FloatArray]:
    """A function of a row's position that returns the similarity of all rows to it.

    Args:
        vectors: float32, one row per slot.
        slots: of the rows, in their order.
        there: which of them have a vector; the similarity to the others is 0.
    """
    similar = similarity_of(metric) if metric in ("l2", "l1") else lambda scores: scores.astype(np.float64)
    known = np.ascontiguousarray(slots[there])

    def to(place: int) -> FloatArray:
        found = np.zeros(len(slots))
        if there[place]:
            found[there] = similar(kernels.score(metric, vectors, known, vectors[int(slots[place])]))
        return found

    return to


def _grouped(plan: Plan, grouping: Grouping, ranked: Ranker) -> Ranking:
    """Groups in the order of their best row, each with its best rows, without those that `offset` skips."""
    question, groups = plan.question, plan.view.groups
    assert groups is not None  # the view was requested with them
    rows = np.flatnonzero(unpack(matching(plan), len(groups)))
    sizes = np.bincount(groups[rows] + 1)  # rows without a value form a group too
    wanted = min(question.k, int(np.count_nonzero(sizes)))
    for ranking, is_all in deeper_and_deeper(ranked, _LOOKED_AT_FIRST * question.k * grouping.size):
        found = ranking.cut(0, question.min_score)
        is_all = is_all or len(found.slots) < len(ranking.slots)  # all further rows have too low a score
        numbers = groups[found.slots] + 1
        order, counts = by_group(numbers, question.k, grouping.size)
        has_all = len(counts) == wanted and all(
            count == min(grouping.size, int(sizes[number])) for number, count in counts.items()
        )
        if has_all or is_all:
            break
    passed = sum(list(counts.values())[: question.offset])
    return found.taken(np.array(order[passed:], dtype=np.intp))


def by_group(numbers: NDArray[np.int64], k: int, size: int) -> tuple[list[int], dict[int, int]]:
    """Positions of the best rows of the first `k` groups, by group, and the number in each group, in this order."""
    places: dict[int, list[int]] = {}
    for place, number in enumerate(numbers.tolist()):
        mine = places.get(number)
        if mine is None:
            if len(places) == k:
                continue
            mine = places[number] = []
        if len(mine) < size:
            mine.append(place)
    return [place for mine in places.values() for place in mine], {number: len(mine) for number, mine in places.items()}
