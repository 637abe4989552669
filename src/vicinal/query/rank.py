"""Rankings: by one leg, or by several made one; and which rows a ranking may have at all."""

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

# Where there is a deadline, between two looks at the clock: a fraction of a second's work.
_COMPARED_AT_ONCE: Final = 1 << 24
_QUERIES_AT_ONCE: Final = 16  # so many share a scan of the rows
_GROWTH: Final = 4
_ROWS_MAX: Final = 1 << 32  # more than a collection can have; native code takes no more


Ranker = Callable[[int], Ranking]  # depth to the ranking of one question


def ranker(plan: Plan) -> Ranker:
    """Ranks the one question of a plan."""
    return lambda depth: rank(plan, depth)[0]


def rank(plan: Plan, depth: int | None = None) -> list[Ranking]:
    """The best rows of each question, those that are skipped and those that score too low among them.

    Args:
        depth: how many rows, in place of the question's `k`, whose scores it does not change.
    """
    mode = plan.question.mode
    if mode == "dense":
        return _by_vectors(plan, depth)
    if mode == "keyword":
        return _by_words(plan, depth)
    return [fused(plan, legs_of(plan, i), depth) for i in _in_time(range(len(plan)))]


def deeper_and_deeper(ranked: Ranker, depth: int) -> Iterator[tuple[Ranking, bool]]:
    """Rankings of one question, each of more rows than the one before, and whether it has all.

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
    """Rows that the ranking of one question has, if it is long enough."""
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
        assert plan.view.sparse is not None  # the view was asked for it
        _add(found, plan.view.sparse.index.matches(question.sparse[0], rows))
    return found


def _add(found: Bitmap, more: Bitmap) -> None:
    count = min(len(found), len(more))
    found[:count] |= more[:count]


def _by_vectors(plan: Plan, depth: int | None) -> list[Ranking]:
    assert plan.queries is not None  # a dense question has them
    threads = search_threads(len(plan.queries), len(plan.vectors))
    assert plan.view.vectors is not None  # the view was asked for them
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
    """The parts, as long as there is time."""
    for part in parts:
        check_deadline()
        yield part


def fused(plan: Plan, legs: list[Leg], depth: int | None = None) -> Ranking:
    """One ranking of those of the legs.

    Args:
        depth: how many rows, in place of the question's `k`, whose scores it does not change.
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
    """The legs of the i-th question: those for which it has something to look for."""
    question = plan.question
    rows, candidates = plan.rows, plan.candidates
    words = None if question.words is None else question.words[i]
    if words is not None:
        rows = admitted(words_of(plan), words, rows)
        candidates = candidates & rows
    legs: list[Leg] = []
    if plan.queries is not None:
        view, query, accuracy = plan.view, plan.queries[i], plan.accuracy
        assert view.vectors is not None  # the view was asked for them
        legs.append(DenseLeg(view.vectors, view.kernels, plan.metric, plan.vectors, query, candidates, accuracy))
    if words is not None:
        legs.append(KeywordLeg(words_of(plan), words, question.scorer, rows))
    if question.sparse is not None:
        assert plan.view.sparse is not None  # the view was asked for it
        legs.append(SparseLeg(plan.view.sparse.index, question.sparse[i], rows))
    return legs


def words_of(plan: Plan) -> TextIndex:
    """The index of words at the plan's moment."""
    assert plan.view.words is not None  # the view was asked for them
    return plan.view.words.index
