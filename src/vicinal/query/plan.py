"""What a search will do, and why: decided once the view is taken, before anything is looked for.

`plan` decides and computes nothing that takes time; `run.run` does it; whoever explains a search describes the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contract import Approach, Bitmap, FloatMatrix, FloatVector, Metric
from ..errors import Damaged, IdNotFound, Unsupported
from ..filters.bitmap import popcount, unpack
from ..filters.within import is_within
from ..indexes.derived import View
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import Row, StoredId, stored_id
from ..store.state import EncoderChanged
from .question import Question, check_dimension

__all__ = ["Plan", "Step", "plan"]

_WORD_BITS = 64
_NO_VECTORS = np.empty((0, 0), dtype=np.float32)


@dataclass(slots=True)  # every search makes one, and a frozen one takes longer
class Plan:
    """One call's search, ready to run.

    Attributes:
        question: what was asked.
        view: the moment that is searched.
        metric: the collection's.
        vectors: by slot; empty where no leg compares vectors.
        queries: float32, shape (questions, dim), or None.
        rows: rows that may be found; to a dense search only the candidates matter.
        candidates: those of them that have a vector.
        other_than: an id that no hit may have.
    """

    question: Question
    view: View
    metric: Metric
    vectors: FloatMatrix
    queries: FloatMatrix | None
    rows: Bitmap
    candidates: Bitmap
    other_than: StoredId | None = None

    def __len__(self) -> int:
        """How many rankings it makes."""
        return 1 if self.question.like is not None else len(self.question)

    def steps(self) -> list[Step]:
        """What each question goes through, in order. For people: running it does not need them."""
        question = self.question
        found: list[Step] = []
        if self.queries is not None:
            approach = self.approach()
            found.append(Step("dense", popcount(self.candidates), approach.exact, approach.why))
        if question.words is not None:
            found.append(Step("keyword", popcount(self.rows), True, "postings of the words, as far as rows can win"))
        if question.sparse is not None:
            found.append(Step("sparse", popcount(self.rows), True, "every row that shares a dimension"))
        if question.mode == "hybrid":
            found.append(Step("fusion", popcount(self.rows), True, f"{question.fusion.method} of these rankings"))
        return found

    def approach(self) -> Approach:
        """How the nearest vectors are found."""
        assert self.view.vectors is not None  # the view was asked for them
        return self.view.vectors.approach(self.question.k, self.candidates, self.question.accuracy)


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a plan.

    Attributes:
        name: "dense", "keyword", "sparse" or "fusion".
        rows: how many rows it may find.
        exact: whether what it finds is certain to be the true answer.
        why: how it goes about it, and for what reason.
    """

    name: str
    rows: int
    exact: bool
    why: str


def plan(question: Question, view: View, reader: Reader) -> Plan:
    """What to do for this question at this moment.

    Raises:
        EncoderChanged: the question was asked of another encoder or metric.
        ChangedMeanwhile: a row that the question names is newer than the view.
        DimensionMismatch, IdNotFound, Unsupported: it cannot be answered.
        Damaged: vectors are missing.
    """
    state = reader.state
    if question.encoder is not None and question.encoder != state.encoder:
        raise EncoderChanged
    if question.metric is not None and question.metric != state.metric:
        raise EncoderChanged  # another process altered it: check the vectors again
    candidates, queries, other_than = view.candidates(question.now), question.vectors, None
    if question.like is not None:
        row, vector = _row_to_start_from(reader, question)
        candidates, queries, other_than = _without(candidates, row.slot), vector[np.newaxis], row.id
    rows = candidates if question.mode == "dense" else view.rows(question.now)
    vectors = _NO_VECTORS
    if queries is not None:
        check_dimension(queries, state)
        vectors = _vectors_of(reader, view, candidates)
    return Plan(question, view, state.metric, vectors, queries, rows, candidates, other_than)


def _vectors_of(reader: Reader, view: View, candidates: Bitmap) -> FloatMatrix:
    """By slot; the file may end earlier where the last rows have none."""
    count = len(view.slots.live)
    vectors = reader.matrix(count)
    if len(vectors) < count:
        lost = int(np.count_nonzero(unpack(candidates, count)[len(vectors) :]))
        if lost:
            raise Damaged(
                f"{lost} rows have lost their vectors: the file is too short",
                name="vectors",
                place=f"vectors.f32 ends after slot {len(vectors) - 1}",
                remedy="Restore a backup.",
            )
    return vectors


def _without(candidates: Bitmap, slot: int) -> Bitmap:
    word, bit = divmod(slot, _WORD_BITS)
    if word >= len(candidates):
        raise ChangedMeanwhile
    candidates = candidates.copy()
    candidates[word] &= ~(np.uint64(1) << np.uint64(bit))
    return candidates


def _row_to_start_from(reader: Reader, question: Question) -> tuple[Row, FloatVector]:
    assert question.like is not None  # our caller looked
    row = reader.rows_by_id([stored_id(question.like)]).get(stored_id(question.like))
    if row is None or row.is_expired(question.now) or not is_within(row, question.within):
        raise IdNotFound(
            f"no row has the id {question.like!r}",
            name="id",
            value=question.like,
            remedy="Search by a text or a vector, or by the id of a stored row.",
        )
    vector = reader.vector(row)
    if vector is None:
        raise Unsupported(
            f"the row of id {question.like!r} has no vector",
            name="id",
            value=question.like,
            remedy="Search by a text or a vector, or give the row a vector.",
        )
    return row, vector
