"""A search: takes one view of the indexes, plans on it, and runs the plan."""

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

_TRIES = 3  # attempts before other calls are blocked

S = TypeVar("S")
T = TypeVar("T")


def search(store: Store[DerivedIndex], question: Question) -> list[Hits]:
    """Exactly min(k, matches) hits per question, as of one point in time between call and return."""
    hits = plain_search(store, question) if is_plain(question) else None
    if hits is not None:
        return [hits]

    def answer(view: View, reader: Reader) -> list[Hits]:
        _ = view.matching  # before indexes catch up and rows are compared, since a filter may be invalid
        view.catch_up(reader)
        return run(plan(question, view, reader), reader)

    return at_one_moment(store, view_for(question), answer)


def plain_search(store: Store[DerivedIndex], question: Question) -> Hits | None:
    """The hits of a single question that `is_plain`; None if it needs a plan or another attempt."""
    try:
        with store.snapshot(view_for(question)) as (view, reader):
            return plain_answer(question, view, reader)
    except ChangedMeanwhile:
        return None


def view_for(question: Question) -> Callable[[DerivedIndex, Reader], View]:
    """A function that takes the view a question needs from the indexes."""
    if question.mode == "dense" and question.where is None and question.within is None and not question.arrangement:
        return DerivedIndex.vectors_view  # enough for most questions
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
    """The result of `answer` for the view that `take` takes from the indexes.

    The first attempts block no other call. If a row that was found changed before it was read, or the text index has
    moved on, it is tried again; the last attempt holds indexes and rows at one point in time.
    """
    for _ in range(_TRIES):
        try:
            with store.snapshot(take) as (taken, reader):
                return answer(taken, reader)
        except ChangedMeanwhile:
            continue
    return store.at_moment(take, answer)
