"""What a search will do, and why: decided once the view is taken, before the search begins.

`plan` only decides, and computes nothing expensive; `run.run` executes the plan; `explain` describes it.
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


@dataclass(slots=True)  # every search creates one, and creating a frozen one takes longer
class Plan:
    """One call's search, ready to run.

    Attributes:
        question: the question to answer.
        view: the snapshot that is searched.
        metric: the collection's.
        vectors: by slot; empty if no leg compares vectors.
        queries: float32, shape (questions, dim), or None.
        rows: the rows that may be found; a dense search uses only `candidates`.
        candidates: those rows that have a vector.
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
        """The number of rankings that it produces."""
        question = self.question
        return 1 if question.like is not None or question.examples is not None else len(question)

    def steps(self) -> list[Step]:
        """The steps for each question, in order. For display only: running the plan does not use them."""
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
        """How exact the nearest vectors must be."""
        return accuracy_of(self.question, self.view)

    def approach(self) -> Approach:
        """How the nearest vectors are found."""
        assert self.view.vectors is not None  # the view was requested with them
        return self.view.vectors.approach(self.question.k, self.candidates, self.accuracy)


def accuracy_of(question: Question, view: View) -> Accuracy:
    """How exact the nearest vectors for a question must be."""
    asked = question.accuracy
    if view.matching is None:
        return asked
    return _FILTERED if asked is AS_USUAL else replace(asked, filtered=True)


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a plan.

    Attributes:
        name: "dense", "keyword", "sparse", "fusion", "mmr" or "group".
        rows: how many rows it may find.
        exact: whether what it finds is guaranteed to be exact.
        why: how it is carried out, and for what reason.
    """

    name: str
    rows: int
    exact: bool
    why: str


def plan(question: Question, view: View, reader: Reader) -> Plan:
    """The plan for this question on this view.

    Raises:
        EncoderChanged: the question was prepared for another encoder or metric.
        ChangedMeanwhile: a row that the question names is newer than the view.
        DimensionMismatch, IdNotFound, Unsupported: the question cannot be answered.
        Damaged: vectors are missing.
    """
    state = reader.state
    if question.encoder is not None and question.encoder != state.encoder:
        raise EncoderChanged
    if question.metric is not None and question.metric != state.metric:
        raise EncoderChanged  # another process altered it, so the vectors must be checked again
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
    """The vectors by slot; the file may end earlier if the last rows have none."""
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
