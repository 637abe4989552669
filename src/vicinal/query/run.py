"""Executes a plan: a ranking, the part of it that is kept, then the rows as of the same moment."""

from __future__ import annotations

from ..contract import Metric
from ..indexes.text_query import Bm25
from ..store.reading import Reader
from ..types import Hits
from .arrange import arranged
from .hits import Ranking, fetch
from .plan import Plan
from .question import Question
from .rank import rank

__all__ = ["kept", "measure_of", "run"]


def run(plan: Plan, reader: Reader) -> list[Hits]:
    """The hits of each question of the plan.

    Raises:
        ChangedMeanwhile: an index or a row that was found has changed since the plan's view was taken.
    """
    question = plan.question
    rankings = rank(plan) if question.arrangement is None else [arranged(plan)]
    if question.offset or question.min_score is not None:
        rankings = [kept(question, ranking) for ranking in rankings]
    plan.view.check_unmoved()
    measure = measure_of(question, plan.metric)
    return fetch(reader, plan.view, rankings, *measure, plan.other_than, question.select)


def kept(question: Question, ranking: Ranking) -> Ranking:
    """The ranking without skipped rows and those with too low a score; an arrangement has already removed both."""
    if question.arrangement is not None:
        return ranking
    return ranking.cut(question.offset, question.min_score)


def measure_of(question: Question, metric: Metric) -> tuple[str, float]:
    """What scores are, and the distance that corresponds to a score of 0."""
    if question.mode == "keyword":
        return ("bm25" if isinstance(question.scorer, Bm25) else "tfidf"), 0.0
    if question.mode == "hybrid":
        return question.fusion.method, 1.0
    return metric, 1.0 if metric == "cosine" else 0.0
