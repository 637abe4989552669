"""A search: one view of the indexes, a plan for it, and the plan run."""

from __future__ import annotations

import contextlib

from ..indexes.derived import DerivedIndex, View, viewing
from ..store.reading import ChangedMeanwhile, Reader
from ..store.store import Store
from ..types import Hits
from .plan import plan
from .question import Question
from .run import run

_TRIES = 3  # before everybody else is held up


def search(store: Store[DerivedIndex], question: Question) -> list[Hits]:
    """Exactly min(k, matches) hits for each question, as of one moment between call and return.

    First without holding anybody up. If a row that was found has changed before it was read, or words have moved on,
    again; in the end with indexes and rows at one moment.
    """
    words, sparse = question.words is not None, question.sparse is not None
    view_of = viewing(question.where, vectors=question.has_vectors, words=words, sparse=sparse)

    def answer(view: View, reader: Reader) -> list[Hits]:
        view.catch_up(reader)
        return run(plan(question, view, reader), reader)

    for _ in range(_TRIES):
        with contextlib.suppress(ChangedMeanwhile), store.snapshot(view_of) as (view, reader):
            return answer(view, reader)
    return store.at_moment(view_of, answer)
