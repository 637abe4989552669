"""Doing what a plan says: a ranking by one leg or several, then the rows of that same moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import starmap
from typing import Final, TypeVar

from ..contract import Metric
from ..deadline import check_deadline, in_a_hurry
from ..indexes.text import TextIndex
from ..indexes.text_query import Bm25
from ..indexes.threads import search_threads
from ..store.reading import Reader
from ..types import Hits
from .hits import Ranking, fetch
from .legs import DenseLeg, KeywordLeg, SparseLeg, admitted
from .plan import Plan
from .question import Question
from .threshold import BY_RANK, RANKED, Leg, fuse

__all__ = ["fused", "legs_of", "measure_of", "rank", "run", "words_of"]

T = TypeVar("T")

# Where there is a deadline, between two looks at the clock: a fraction of a second's work.
_COMPARED_AT_ONCE: Final = 1 << 24
_QUERIES_AT_ONCE: Final = 16  # so many share a pass over the rows


def run(plan: Plan, reader: Reader) -> list[Hits]:
    """The hits of each question of the plan.

    Raises:
        ChangedMeanwhile: an index or a row that was found has moved on since the plan's view was taken.
    """
    rankings = rank(plan)
    if plan.question.offset or plan.question.min_score is not None:
        rankings = [ranking.cut(plan.question.offset, plan.question.min_score) for ranking in rankings]
    plan.view.check_unmoved()
    measure = measure_of(plan.question, plan.metric)
    return fetch(reader, plan.view, rankings, *measure, plan.other_than, plan.question.select)


def rank(plan: Plan) -> list[Ranking]:
    """The best `k` rows of each question, those that are passed over and those that score too low among them."""
    mode = plan.question.mode
    if mode == "dense":
        return _by_vectors(plan)
    if mode == "keyword":
        return _by_words(plan)
    return [fused(plan, legs_of(plan, i)) for i in _in_time(range(len(plan)))]


def _by_vectors(plan: Plan) -> list[Ranking]:
    assert plan.queries is not None  # a dense question has them
    threads = search_threads(len(plan.queries), len(plan.vectors))
    assert plan.view.vectors is not None  # the view was asked for them
    question, search = plan.question, plan.view.vectors.search
    if not in_a_hurry():
        found = search(plan.queries, question.k, plan.candidates, question.accuracy, threads)
        return list(starmap(Ranking, found))
    rankings: list[Ranking] = []
    at_once = max(_QUERIES_AT_ONCE, _COMPARED_AT_ONCE // max(1, len(plan.vectors)))
    for start in _in_time(range(0, len(plan.queries), at_once)):
        queries = plan.queries[start : start + at_once]
        rankings += starmap(Ranking, search(queries, question.k, plan.candidates, question.accuracy, threads))
    return rankings


def _by_words(plan: Plan) -> list[Ranking]:
    question = plan.question
    assert question.words is not None  # a keyword question has them
    index = words_of(plan)
    legs = (KeywordLeg(index, words, question.scorer, plan.rows) for words in _in_time(question.words))
    return [Ranking(*leg.best(question.k)) for leg in legs]


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
        view, query, accuracy = plan.view, plan.queries[i], question.accuracy
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


def measure_of(question: Question, metric: Metric) -> tuple[str, float]:
    """What scores are, and the distance beside a score of 0."""
    if question.mode == "keyword":
        return ("bm25" if isinstance(question.scorer, Bm25) else "tfidf"), 0.0
    if question.mode == "hybrid":
        return question.fusion.method, 1.0
    return metric, 1.0 if metric == "cosine" else 0.0
