"""`why_not`: what keeps one row out of the hits of a search, determined by the steps of that search.

First the reasons that exclude the row before ranking, then its rank among the true hits and among those of the index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ..contract import Accuracy, Slots
from ..explanation import FailedClause, MatchedTerm, Reason, WhyNot
from ..filters.tree import path_text
from ..filters.within import is_within
from ..indexes.derived import DerivedIndex, RowsAt, View
from ..indexes.text_query import Clause, TextQuery
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import Row, stored_id
from ..store.store import Store
from ..types import Id, LegScore
from ..visible import counted
from .arrange import arranged
from .clauses import PendingClauses, clauses_for_row
from .explain import asked_terms, leg_scores, matched_terms
from .hits import Ranking
from .legs import are_in
from .plan import Plan, plan
from .question import Grouping, Mmr, Question
from .rank import deeper_and_deeper, legs_of, rank, ranker, words_of
from .search import at_one_moment, view_for

__all__ = ["Verdict", "why_not"]

_FIRST_DEPTH: Final = 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """The reason, and the row that it is about.

    Attributes:
        row: None if it does not exist.
    """

    told: WhyNot
    row: Row | None


def why_not(store: Store[DerivedIndex], question: Question, id_: Id) -> Verdict:
    """Why the row with this id is not among the hits of a question, or that it is."""
    view_of = view_for(question)

    def take(index: DerivedIndex, reader: Reader) -> tuple[View, PendingClauses]:
        return view_of(index, reader), clauses_for_row(question.where, id_, index)

    return at_one_moment(store, take, lambda taken, reader: _Attempt(question, id_, *taken, reader).verdict())


class _Attempt:
    """One attempt, on one snapshot."""

    def __init__(self, question: Question, id_: Id, view: View, clauses: PendingClauses, reader: Reader) -> None:
        self._question = question
        self._id = id_
        self._view = view
        self._clauses = clauses
        self._reader = reader
        self._k = question.k - question.offset

    def verdict(self) -> Verdict:
        row = self._reader.rows_by_id([stored_id(self._id)]).get(stored_id(self._id))
        if row is None or not is_within(row, self._question.within):
            return Verdict(self._told("not_there", "no row has this id"), None)
        live = self._view.slots.live
        if row.change > self._view.change or row.slot >= len(live) or not live[row.slot]:
            raise ChangedMeanwhile
        if row.is_expired(self._question.now):
            return Verdict(self._told("expired", "the row is past its time to live"), row)
        failed = self._clauses.failed(row, RowsAt(self._reader, self._view.change))
        if failed:
            return Verdict(self._told("filter", "the filter excludes it", clauses=failed), row)
        self._view.catch_up(self._reader)
        told = self._ranked(plan(self._question, self._view, self._reader), row)
        self._view.check_unmoved()
        return Verdict(told, row)

    def _ranked(self, planned: Plan, row: Row) -> WhyNot:
        """For a row that exists and matches the filter."""
        excluded = self._excluded(planned, row)
        if excluded is not None:
            return excluded
        terms = matched_terms(planned, row.slot, asked_terms(planned))
        true = _exactly(planned)
        place, ranking = _place_of(true, row.slot)
        if place is None:
            return self._unmatched(planned)
        found: dict[str, Any] = {"rank": place + 1, "score": float(ranking.scores[place]) + 0.0, "terms": terms}
        found["legs"] = leg_scores(true, ranking, place, place + 1)
        if len(ranking.slots) >= self._question.k:
            found["last_score"] = float(ranking.scores[self._question.k - 1]) + 0.0
        return self._placed(planned, row.slot, found, ranking.slots[:place])

    def _excluded(self, planned: Plan, row: Row) -> WhyNot | None:
        """What excludes it from the ranking of a leg, or by required or excluded words."""
        question = self._question
        if question.mode == "dense":
            there = bool(are_in(planned.candidates, _slots(row))[0])
            why = "the row has no vector" + ("; its text was never encoded" if row.text else "")
            return None if there else self._told("no_vector", why)
        if question.words is None:
            return None
        query = question.words[0]
        for clause in query.clauses:
            having = self._has(planned, row, Clause(clause.text, "+", clause.phrase)) if clause.sign else True
            if clause.sign == "+" and not having:
                return self._told("required_word", f"its text does not have the required {clause.text!r}")
            if clause.sign == "-" and having:
                return self._told("excluded_word", f"its text has the excluded {clause.text!r}")
        if question.mode == "keyword" and not _is_in(words_of(planned).matches(query, planned.rows), row):
            return self._told("no_shared_word", _no_word(row))
        return None

    def _has(self, planned: Plan, row: Row, clause: Clause) -> bool:
        return _is_in(words_of(planned).matches(TextQuery((clause,)), planned.rows), row)

    def _unmatched(self, planned: Plan) -> WhyNot:
        """For a hybrid search in which the row matches no leg."""
        legs = " or ".join(_LACKS[leg.name] for leg in legs_of(planned, 0))
        only_words = self._question.words is not None and planned.queries is None and self._question.sparse is None
        return self._told("no_shared_word" if only_words else "no_match", f"the row has no {legs or 'match'}")

    def _placed(self, planned: Plan, slot: int, found: Mapping[str, Any], before: Slots) -> WhyNot:
        """For a row that the search ranks, but not among the hits."""
        question = self._question
        place, score = found["rank"], found["score"]
        if question.min_score is not None and score < question.min_score:
            return self._told("min_score", f"its score {score:.4f} is below {question.min_score:g}", **found)
        if question.arrangement is not None:
            return self._arranged(planned, slot, found, before)
        given = np.flatnonzero(rank(planned)[0].slots == slot)
        if len(given) and int(given[0]) < question.offset:
            text = f"it is number {int(given[0]) + 1:,} of the {question.offset:,} that were skipped"
            return self._told("offset", text, **found)
        if len(given):
            return self._told("found", f"it is number {int(given[0]) + 1:,}", **found)
        if place <= question.k:
            text = f"it is number {place:,} of the true ranking; the index did not look at it. Ask with exact=True"
            return self._told("missed_by_index", text, **found)
        text = f"it is number {place:,}, and {question.k:,} were asked for"
        return self._told("rank", text, **found)

    def _arranged(self, planned: Plan, slot: int, found: Mapping[str, Any], before: Slots) -> WhyNot:
        """The same if the ranking is rearranged."""
        question, place = self._question, found["rank"]
        whole = arranged(replace(planned, question=replace(question, offset=0))).slots
        at = np.flatnonzero(whole == slot)
        if len(at):
            is_kept = slot in arranged(planned).slots
            text = f"it is number {int(at[0]) + 1:,}" if is_kept else f"it is among the {question.offset:,} skipped"
            return self._told("found" if is_kept else "offset", text, **found)
        if isinstance(question.arrangement, Mmr) and place <= question.arrangement.pool:
            text = (
                f"it is number {place:,} of the {question.arrangement.pool:,} that mmr chooses from, which took others"
            )
            return self._told("diversity", text, **found)
        if isinstance(question.arrangement, Grouping) and planned.view.groups is not None:
            groups, size = planned.view.groups, question.arrangement.size
            better = int(np.count_nonzero(groups[before] == groups[slot]))
            if better >= size:
                name = path_text(question.arrangement.path)
                text = f"{counted(better, 'better row')} have the same {name}, and {size:,} were asked for"
                return self._told("group", text, **found)
        return self._told("rank", f"it is number {place:,}, and {question.k:,} were asked for", **found)

    def _told(
        self,
        reason: Reason,
        text: str,
        *,
        rank: int | None = None,
        score: float | None = None,
        last_score: float | None = None,
        clauses: tuple[FailedClause, ...] = (),
        legs: Mapping[str, LegScore] | None = None,
        terms: tuple[MatchedTerm, ...] = (),
    ) -> WhyNot:
        return WhyNot(self._id, reason, text, self._k, rank, score, last_score, clauses, legs or {}, terms)


_LACKS: Final = {"dense": "vector", "keyword": "word of the query", "sparse": "dimension of the sparse query"}


def _exactly(planned: Plan) -> Plan:
    """The same search without approximate indexes."""
    return replace(planned, question=replace(planned.question, accuracy=Accuracy(exact=True)))


def _place_of(planned: Plan, slot: int) -> tuple[int | None, Ranking]:
    """The position of a row in the complete ranking, from 0, or None; and the ranking up to it, at least `k` rows."""
    for ranking, _ in deeper_and_deeper(ranker(planned), max(planned.question.k, _FIRST_DEPTH)):
        at = np.flatnonzero(ranking.slots == slot)
        if len(at):
            return int(at[0]), ranking
    return None, ranking


def _slots(row: Row) -> Slots:
    return np.array([row.slot], dtype=np.uint32)


def _is_in(bitmap: Any, row: Row) -> bool:
    return bool(are_in(bitmap, _slots(row))[0])


def _no_word(row: Row) -> str:
    if row.text is None:
        return "the row has no text"
    return f"its text, {counted(len(row.text.split()), 'word')}, has no word of the query"
