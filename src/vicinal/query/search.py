"""A search: one view of the indexes, a plan for it, and the plan run."""

from __future__ import annotations

from ..indexes.derived import DerivedIndex, viewing
from ..store.reading import ChangedMeanwhile
from ..store.store import Store
from ..types import Hits
from .plan import plan
from .question import Question
from .run import run


def search(store: Store[DerivedIndex], question: Question) -> list[Hits]:
    """Exactly min(k, matches) hits for each question, as of one moment between call and return.

    First without holding anybody up. If a row that was found has changed before it was read, once more with
    indexes and rows at one moment.
    """
    words, sparse = question.words is not None, question.sparse is not None
    view_of = viewing(question.where, vectors=question.has_vectors, words=words, sparse=sparse)
    if words or sparse:
        _catch_up(store, words=words, sparse=sparse)
    try:
        with store.snapshot(view_of) as (view, reader):
            return run(plan(question, view, reader), reader)
    except ChangedMeanwhile:
        return store.at_moment(view_of, lambda view, reader: run(plan(question, view, reader), reader))


def _catch_up(store: Store[DerivedIndex], *, words: bool, sparse: bool) -> None:
    """Texts that were never searched before, in parts: searches of other threads come in between."""
    more = True
    while more:
        more = store.part(lambda index, reader: index.step(reader, words=words, sparse=sparse))
