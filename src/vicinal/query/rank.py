"""Rankings: by one leg, or by several fused; and the rows that a ranking may contain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import starmap
from typing import Final, TypeVar

import numpy as np

from ..contract import Bitmap
from ..deadline import check_deadline, in_a_hurry
from ..indexes.text import TextIndex
from ..indexes.threads import search_threads
from .hits import Ranking
from .legs import DenseLeg, KeywordLeg, SparseLeg, admitted
from .overflow import finite
from .plan import Plan
from .threshold import BY_RANK, RANKED, Leg, fuse

__all__ = ["Ranker", "deeper_and_deeper", "fused", "legs_of", "matching", "rank", "ranker", "words_of"]

T = TypeVar("T")

# With a deadline, between two checks of the clock: a fraction of a second of work.
_COMPARED_AT_ONCE: Final = 1 << 24
_QUERIES_AT_ONCE: Final = 16  # this many share a scan of the rows
_GROWTH: Final = 4
_ROWS_MAX: Final = 1 << 32  # more than a collection can have; native code accepts no more


Ranker = Callable[[int], Ranking]  # depth to the ranking of one question


def ranker(plan: Plan) -> Ranker:
    """A function that ranks the single question of a plan."""
    return lambda depth: rank(plan, depth)[0]


def rank(plan: Plan, depth: int | None = None) -> list[Ranking]:
    """The best rows of each question, including those that are skipped or have too low a score.

    Args:
        depth: how many rows, instead of the question's `k`; it does not change their scores.
    """
    mode = plan.question.mode
    if mode == "dense":
        return _by_vectors(plan, depth)
    if mode == "keyword":
        return _by_words(plan, depth)
    return [fused(plan, legs_of(plan, i), depth) for i in _in_time(range(len(plan)))]


def deeper_and_deeper(ranked: Ranker, depth: int) -> Iterator[tuple[Ranking, bool]]:
    """Rankings of one question, each with more rows than the one before, and whether it is complete.

    Args:
        depth: of the first one.
    """
    while True:
        check_deadline()
        depth = min(depth, _ROWS_MAX)
        ranking = ranked(depth)
        is_all = len(ranking.slots) < depth or depth == _ROWS_MAX
        yield ranking, is_all
        if is_all:
            return
        depth *= _GROWTH


def matching(plan: Plan) -> Bitmap:
    """The rows that the ranking of one question contains, if it is long enough."""
    question = plan.question
    if question.mode == "dense":
        return plan.candidates
    rows = plan.rows
    if question.words is not None:
        rows = admitted(words_of(plan), question.words[0], rows)
    found = np.zeros_like(rows)
    if plan.queries is not None:
        found |= plan.candidates & rows
    if question.words is not None:
        _add(found, words_of(plan).matches(question.words[0], rows))
    if question.sparse is not None:
        assert plan.view.sparse is not None  # the view was requested with it
        _add(found, plan.view.sparse.index.matches(question.sparse[0], rows))
    return found


def _add(found: Bitmap, more: Bitmap) -> None:
    count = min(len(found), len(more))
    found[:count] |= more[:count]


def _by_vectors(plan: Plan, depth: int | None) -> list[Ranking]:
    assert plan.queries is not None  # a dense question has them
    threads = search_threads(len(plan.queries), len(plan.vectors))
    assert plan.view.vectors is not None  # the view was requested with them
    question, search = plan.question, plan.view.vectors.search
    k = question.k if depth is None else depth
    if not in_a_hurry():
        return finite(plan, k, list(starmap(Ranking, search(plan.queries, k, plan.candidates, plan.accuracy, threads))))
    rankings: list[Ranking] = []
    at_once = max(_QUERIES_AT_ONCE, _COMPARED_AT_ONCE // max(1, len(plan.vectors)))
    for start in _in_time(range(0, len(plan.queries), at_once)):
        queries = plan.queries[start : start + at_once]
        rankings += starmap(Ranking, search(queries, k, plan.candidates, plan.accuracy, threads))
    return finite(plan, k, rankings)


def _by_words(plan: Plan, depth: int | None) -> list[Ranking]:
    question = plan.question
    assert question.words is not None  # a keyword question has them
    index, k = words_of(plan), question.k if depth is None else depth
    legs = (KeywordLeg(index, words, question.scorer, plan.rows) for words in _in_time(question.words))
    return [Ranking(*leg.best(k)) for leg in legs]


def _in_time(parts: Iterable[T]) -> Iterator[T]:
    """The parts, until the deadline."""
    for part in parts:
        check_deadline()
        yield part


def fused(plan: Plan, legs: list[Leg], depth: int | None = None) -> Ranking:
    """The fused ranking of the legs.

    Args:
        depth: how many rows, instead of the question's `k`; it does not change their scores.
    """
    fusion, k = plan.question.fusion, plan.question.k
    weights = [fusion.weights.get(leg.name, 1.0) for leg in legs]
    ranked = max(RANKED, k) if fusion.method in BY_RANK else RANKED
    found = fuse(
        legs,
        k if depth is None else depth,
        fusion.method,
        weights=weights if any(weights) else None,
        ranked=ranked,
    )
    return Ranking(found.slots, found.scores, found.legs)


def legs_of(plan: Plan, i: int) -> list[Leg]:
    """The legs of the i-th question: those that have something to search for."""
    question = plan.question
    rows, candidates = plan.rows, plan.candidates
    words = None if question.words is None else question.words[i]
    if words is not None:
        rows = admitted(words_of(plan), words, rows)
        candidates = candidates & rows
    legs: list[Leg] = []
    if plan.queries is not None:
        view, query, accuracy = plan.view, plan.queries[i], plan.accuracy
        assert view.vectors is not None  # the view was requested with them
        legs.append(DenseLeg(view.vectors, view.kernels, plan.metric, plan.vectors, query, candidates, accuracy))
    if words is not None:
        legs.append(KeywordLeg(words_of(plan), words, question.scorer, rows))
    if question.sparse is not None:
        assert plan.view.sparse is not None  # the view was requested with it
        legs.append(SparseLeg(plan.view.sparse.index, question.sparse[i], rows))
    return legs


def words_of(plan: Plan) -> TextIndex:
    """The text index as of the plan's view."""
    assert plan.view.words is not None  # the view was requested with it
    return plan.view.words.index
