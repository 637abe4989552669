"""What a search will do, and why: decided once the view is taken, before anything is looked for.

`plan` decides and computes nothing that takes time; `run.run` does it; whoever explains a search describes the plan.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace

import numpy as np

from ..contract import AS_USUAL, Accuracy, Approach, Bitmap, FloatMatrix, Metric
from ..errors import Damaged
from ..filters.bitmap import popcount, unpack
from ..filters.tree import path_text
from ..indexes.derived import View
from ..store.reading import Reader
from ..store.rows import StoredId
from ..store.state import EncoderChanged
from .examples import aimed, row_to_start_from, without
from .question import Grouping, Mmr, Question, check_dimension

__all__ = ["Plan", "Step", "accuracy_of", "plan"]

_FILTERED = Accuracy(filtered=True)
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
        other_than: ids that no hit may have.
    """

    question: Question
    view: View
    metric: Metric
    vectors: FloatMatrix
    queries: FloatMatrix | None
    rows: Bitmap
    candidates: Bitmap
    other_than: Set[StoredId] = frozenset()

    def __len__(self) -> int:
        """How many rankings it makes."""
        question = self.question
        return 1 if question.like is not None or question.examples is not None else len(question)

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
        if isinstance(question.arrangement, Mmr):
            why = f"the best {question.arrangement.pool:,}, of which each is compared with those chosen before it"
            found.append(Step("mmr", question.arrangement.pool, True, why))
        if isinstance(question.arrangement, Grouping):
            why = f"the best {question.arrangement.size:,} of each value of {path_text(question.arrangement.path)}"
            found.append(Step("group", popcount(self.rows), True, why))
        return found

    @property
    def accuracy(self) -> Accuracy:
        """What the nearest vectors must be."""
        return accuracy_of(self.question, self.view)

    def approach(self) -> Approach:
        """How the nearest vectors are found."""
        assert self.view.vectors is not None  # the view was asked for them
        return self.view.vectors.approach(self.question.k, self.candidates, self.accuracy)


def accuracy_of(question: Question, view: View) -> Accuracy:
    """What the nearest vectors must be that a question asks for."""
    asked = question.accuracy
    if view.matching is None:
        return asked
    return _FILTERED if asked is AS_USUAL else replace(asked, filtered=True)


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a plan.

    Attributes:
        name: "dense", "keyword", "sparse", "fusion", "mmr" or "group".
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
    candidates, queries = view.candidates(question.now), question.vectors
    other_than: Set[StoredId] = frozenset()
    if question.like is not None:
        row, vector = row_to_start_from(reader, question.like, question)
        candidates, queries, other_than = without(candidates, [row.slot]), vector[np.newaxis], {row.id}
    elif question.examples is not None:
        examples, queries = aimed(reader, question.examples, question)
        candidates, other_than = without(candidates, [one.slot for one in examples]), {one.id for one in examples}
    rows = candidates if question.mode == "dense" else view.rows(question.now)
    vectors = _NO_VECTORS
    if queries is not None:
        check_dimension(queries, state)
        vectors = _vectors_of(reader, view, candidates)
    elif isinstance(question.arrangement, Mmr) and state.dimension is not None:
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
