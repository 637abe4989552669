"""`explain`: the steps of a search, each observed; the numbers are those of the steps themselves.

It runs the same code as `search`: view, plan, legs, fusion and rows. The search code does not know about it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ..explanation import (
    ExplainedFilter,
    ExplainedHit,
    ExplainedStep,
    Explanation,
    MatchedTerm,
    QueryTerm,
)
from ..filters.bitmap import popcount
from ..filters.pending import PendingFilter
from ..indexes.derived import DerivedIndex, RowsAt, View
from ..indexes.text import MatchableTerm
from ..store.reading import Reader
from ..store.store import Store
from ..types import Hit, Hits, LegScore
from .arrange import arranged
from .clauses import PendingClauses, clauses_of_several
from .hits import Ranking, fetch
from .plan import Plan, plan
from .question import Mmr, Question
from .rank import fused, legs_of, rank, words_of
from .run import kept, measure_of
from .search import at_one_moment, view_for
from .stopwatch import Stopwatch, TimedLeg

__all__ = ["explain", "leg_scores", "matched_terms"]

_AGAIN = ("filter", "catch up", "plan", "dense", "keyword", "sparse", "fusion", "mmr", "group", "rows")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The state of the indexes that an explanation needs.

    Attributes:
        there: the rows visible to the handle; None for all.
    """

    view: View
    clauses: PendingClauses
    there: PendingFilter | None


def explain(store: Store[DerivedIndex], question: Question, watch: Stopwatch) -> Explanation:
    """How a search with one question arrives at its hits.

    Args:
        watch: contains the times of the preceding steps.
    """
    view_of = view_for(question)

    def take(index: DerivedIndex, reader: Reader) -> _Snapshot:
        watch.forget(*_AGAIN)
        with watch.step("filter"):
            view = view_of(index, reader)
        within = question.within
        there = None if within is None else index.columns.pending(within, len(view.slots.live))
        return _Snapshot(view, clauses_of_several(question.where, within, index), there)

    return at_one_moment(store, take, lambda taken, reader: _Explaining(question, taken, reader, watch).explanation())


class _Explaining:
    """A single attempt, on one snapshot."""

    def __init__(self, question: Question, taken: _Snapshot, reader: Reader, watch: Stopwatch) -> None:
        self._question = question
        self._view = taken.view
        self._taken = taken
        self._reader = reader
        self._watch = watch
        self._depths: dict[str, int] = {}

    def explanation(self) -> Explanation:
        question, view, watch = self._question, self._view, self._watch
        with watch.step("filter"):
            view.candidates(question.now)
        if question.words is not None or question.sparse is not None:
            with watch.step("catch up"):
                view.catch_up(self._reader)
        with watch.step("plan"):
            planned = plan(question, view, self._reader)
        ranking = kept(question, self._ranking(planned))
        measure = measure_of(question, planned.metric)
        with watch.step("rows"):
            hits = fetch(self._reader, view, [ranking], *measure, planned.other_than, question.select)[0]
        terms = asked_terms(planned)
        explained = tuple(self._hit(planned, ranking, i, hit, terms) for i, hit in enumerate(hits))
        filter_, steps = self._filter(), self._steps(planned, hits)
        shown = tuple(QueryTerm(one.term, one.field, one.having, one.texts, one.weight) for one in terms)
        view.check_unmoved()
        k = question.k - question.offset
        return Explanation(question.mode, k, hits.metric, filter_, steps, shown, explained, view.change)

    def _ranking(self, planned: Plan) -> Ranking:
        arrangement, watch = self._question.arrangement, self._watch
        if arrangement is None:
            return self._ranked(planned, self._question.k)
        with watch.step("mmr" if isinstance(arrangement, Mmr) else "group"):
            return arranged(planned, partial(self._ranked, planned))

    def _ranked(self, planned: Plan, depth: int) -> Ranking:
        mode, watch = self._question.mode, self._watch
        if mode != "hybrid":
            with watch.step(mode):
                return rank(planned, depth)[0]
        with watch.step("fusion"):
            legs = [TimedLeg(leg, watch) for leg in legs_of(planned, 0)]
            found = fused(planned, [*legs], depth)
        self._depths = {leg.name: leg.depth for leg in legs}
        return found

    def _filter(self) -> ExplainedFilter:
        question, taken = self._question, self._taken
        records = RowsAt(self._reader, self._view.change)
        every = taken.view.slots.visible(question.now)
        if taken.there is not None:
            every = every & taken.there.bitmap(records)
        text = "" if question.where is None else repr(question.where)
        rows = popcount(self._view.rows(question.now))
        return ExplainedFilter(text, rows, popcount(every), taken.clauses.counted(records))

    def _steps(self, planned: Plan, hits: Hits) -> tuple[ExplainedStep, ...]:
        """The steps of the plan, and the steps around them, in the order of execution."""
        question = self._question
        weights: Mapping[str, float] = question.fusion.weights if question.mode == "hybrid" else {}
        told = {step.name: step for step in planned.steps()}
        steps = []
        for name, seconds in self._in_order():
            step = told.get(name)
            if step is not None:
                weight, depth = weights.get(name), self._depths.get(name)
                steps.append(ExplainedStep(name, seconds, step.rows, step.exact, step.why, weight, depth))
            elif name == "rows":
                steps.append(ExplainedStep(name, seconds, len(hits), why="texts and metadata of the hits"))
            else:
                steps.append(ExplainedStep(name, seconds, why=_WHY.get(name, "")))
        return tuple(steps)

    def _in_order(self) -> list[tuple[str, float]]:
        """A fusion begins before its legs, which it calls, and ends after them."""
        steps = list(self._watch.seconds.items())
        return sorted(steps, key=lambda step: _LATE.index(step[0]) if step[0] in _LATE else -1)

    def _hit(self, planned: Plan, ranking: Ranking, i: int, hit: Hit, terms: Sequence[MatchableTerm]) -> ExplainedHit:
        place, slot = self._question.offset + i + 1, int(ranking.slots[i])
        legs = leg_scores(planned, ranking, i, place)
        return ExplainedHit(place, hit.id, hit.score, hit.text, legs, matched_terms(planned, slot, terms))


_LATE = ("fusion", "mmr", "group", "rows")
_WHY = {
    "encode": "the arguments checked, texts made vectors",
    "catch up": "indexes of words and sparse vectors take in what was written since they were last asked",
    "plan": "vectors of the moment, candidates",
}


def leg_scores(planned: Plan, ranking: Ranking, i: int, place: int) -> Mapping[str, LegScore]:
    """Rank and score of the i-th row of a ranking in each leg; with a single leg, its own rank and score."""
    if ranking.legs is not None:
        return dict(ranking.legs(i))
    if ranking.places is not None:
        place = int(ranking.places[i]) + 1
    return {planned.question.mode: LegScore(place, float(ranking.scores[i]) + 0.0)}


def asked_terms(planned: Plan) -> list[MatchableTerm]:
    """Terms of the question's words; none if there is no keyword leg."""
    question = planned.question
    return [] if question.words is None else words_of(planned).terms(question.words[0], scorer=question.scorer)


def matched_terms(planned: Plan, slot: int, terms: Sequence[MatchableTerm]) -> tuple[MatchedTerm, ...]:
    """The terms in the row at `slot`; a term that also occurs in a phrase has the score of both."""
    question = planned.question
    if question.words is None:
        return ()
    having = {(one.field, one.term): one.having for one in terms}
    found: dict[tuple[str, str], MatchedTerm] = {}
    for part in words_of(planned).explain(question.words[0], slot, scorer=question.scorer):
        key = part.field, part.term
        weight, score = part.weight, part.score
        if key in found:
            weight, score = weight + found[key].weight, score + found[key].score
        found[key] = MatchedTerm(part.term, part.field, part.count, having.get(key, 0), weight, score)
    return tuple(found.values())
