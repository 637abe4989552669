"""The most common search: the rows nearest to one vector, without further processing.

On small collections it takes less time than building a plan, so this does what `plan` and `run` would do, and leaves
all other cases to them.
"""

from __future__ import annotations

from ..deadline import in_a_hurry
from ..indexes.derived import View
from ..indexes.threads import search_threads
from ..store.reading import Reader
from ..types import Hits, hits_later
from .hits import FoundRows
from .plan import accuracy_of
from .question import Question

__all__ = ["is_plain", "plain_answer"]


def is_plain(question: Question) -> bool:
    """Whether `plain_answer` may be able to answer the question."""
    return (
        question.mode == "dense"
        and question.arrangement is None
        and question.vectors is not None
        and len(question.vectors) == 1
        and not question.offset
        and question.min_score is None
        and not in_a_hurry()
    )


def plain_answer(question: Question, view: View, reader: Reader) -> Hits | None:
    """The hits, or None if the question needs a plan.

    Raises:
        ChangedMeanwhile: a row that was found has changed since the view was taken.
    """
    state, queries, searcher, slots = reader.state, question.vectors, view.vectors, view.slots
    assert queries is not None  # a plain question has them
    assert searcher is not None  # and its view has an index for them
    count = len(slots.live)
    if (
        view.vector_count < slots.vector_end  # the file is too short, unless the last rows have no vectors
        or queries.shape[1] != state.dimension
        or question.metric != state.metric
        or (question.encoder is not None and question.encoder != state.encoder)
    ):
        return None
    if view.filters:
        candidates, accuracy = view.candidates(question.now), accuracy_of(question, view)
    else:
        candidates, accuracy = slots.candidates(question.now), question.accuracy
    [(best, scores)] = searcher.search(queries, question.k, candidates, accuracy, search_threads(1, count))
    found = scores.tolist()
    if state.metric == "ip" and _INFINITE & set(found):
        return None
    distance_at_0 = 1.0 if state.metric == "cosine" else 0.0
    rows = reader.rows_of_hits(best.tolist())
    return hits_later(FoundRows(rows, found, distance_at_0, question.select), state.metric, slots.change)


_INFINITE = {float("inf"), float("-inf")}
