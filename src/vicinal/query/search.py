"""A search: one view of the indexes, a plan for it, and the plan run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..indexes.derived import DerivedIndex, View, viewing
from ..store.reading import ChangedMeanwhile, Reader
from ..store.store import Store
from ..types import Hits
from .plain import is_plain, plain_answer
from .plan import plan
from .question import Grouping, Question
from .run import run

__all__ = ["at_one_moment", "plain_search", "search", "view_for"]

_TRIES = 3  # before everybody else is held up

S = TypeVar("S")
T = TypeVar("T")


def search(store: Store[DerivedIndex], question: Question) -> list[Hits]:
    """Exactly min(k, matches) hits for each question, as of one point in time between call and return."""
    hits = plain_search(store, question) if is_plain(question) else None
    if hits is not None:
        return [hits]

    def answer(view: View, reader: Reader) -> list[Hits]:
        _ = view.matching  # before indexes are caught up and rows compared: a filter may be wrong
        view.catch_up(reader)
        return run(plan(question, view, reader), reader)

    return at_one_moment(store, view_for(question), answer)


def plain_search(store: Store[DerivedIndex], question: Question) -> Hits | None:
    """The hits of one question that `is_plain`; None where it is to be planned, or to be looked at again."""
    try:
        with store.snapshot(view_for(question)) as (view, reader):
            return plain_answer(question, view, reader)
    except ChangedMeanwhile:
        return None


def view_for(question: Question) -> Callable[[DerivedIndex, Reader], View]:
    """What a question needs of the indexes."""
    if question.mode == "dense" and question.where is None and question.within is None and not question.arrangement:
        return DerivedIndex.vectors_view  # most ask for no more
    words, sparse = question.words is not None, question.sparse is not None
    arrangement, group_by = question.arrangement, None
    if arrangement is not None and isinstance(arrangement, Grouping):
        group_by = arrangement.path
    return viewing(
        question.where,
        within=question.within,
        vectors=question.has_vectors,
        words=words,
        sparse=sparse,
        group_by=group_by,
    )


def at_one_moment(
    store: Store[DerivedIndex], take: Callable[[DerivedIndex, Reader], S], answer: Callable[[S, Reader], T]
) -> T:
    """What `answer` makes of what `take` took off the indexes.

    First without holding anybody up. If a row that was found has changed before it was read, or words have moved on,
    again; in the end with indexes and rows at one point in time.
    """
    for _ in range(_TRIES):
        try:
            with store.snapshot(take) as (taken, reader):
                return answer(taken, reader)
        except ChangedMeanwhile:
            continue
    return store.at_moment(take, answer)
