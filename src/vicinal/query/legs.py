"""The legs of a hybrid search; see `threshold.Leg`."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..contract import AS_USUAL, Accuracy, Bitmap, FloatMatrix, FloatVector, Kernels, Metric, Slots, VectorSearcher
from ..filters.bitmap import BoolArray
from ..indexes.sparse import SparseIndex, SparseQuery
from ..indexes.text import TextIndex
from ..indexes.text_query import POSITIVE, Clause, Scorer, TextQuery
from .threshold import positive, similarity_of

FloatArray = NDArray[np.float64]

_WORD_BITS = np.uint32(64)


class DenseLeg:
    """Ranks by nearness of vectors: every row with a vector matches."""

    name = "dense"

    def __init__(
        self,
        searcher: VectorSearcher,
        kernels: Kernels,
        metric: Metric,
        vectors: FloatMatrix,
        query: FloatVector,
        candidates: Bitmap,
        accuracy: Accuracy = AS_USUAL,
    ) -> None:
        self._searcher = searcher
        self._kernels = kernels
        self._metric: Metric = metric
        self._vectors = vectors
        self._query = query
        self._candidates = candidates
        self._accuracy = accuracy
        self._similarity = similarity_of(metric)

    def best(self, m: int) -> tuple[Slots, FloatVector]:
        """See `Leg.best`."""
        return self._searcher.search(self._query[np.newaxis], m, self._candidates, self._accuracy)[0]

    def score(self, slots: Slots) -> FloatVector:
        """See `Leg.score`."""
        there = are_in(self._candidates, slots) & (slots < len(self._vectors))
        if there.all():  # the usual case
            return self._kernels.score(self._metric, self._vectors, np.ascontiguousarray(slots), self._query)
        scores = np.full(len(slots), np.nan, dtype=np.float32)
        known = np.ascontiguousarray(slots[there])
        scores[there] = self._kernels.score(self._metric, self._vectors, known, self._query)
        return scores

    def similarity(self, scores: FloatVector) -> FloatArray:
        """See `Leg.similarity`."""
        return self._similarity(scores)


class KeywordLeg:
    """Ranks by keywords: a row matches if it contains one of the words."""

    name = "keyword"

    def __init__(self, index: TextIndex, query: TextQuery, scorer: Scorer, allowed: Bitmap) -> None:
        self._index = index
        self._query = query
        self._scorer = scorer
        self._allowed = allowed

    @cached_property
    def _matches(self) -> Bitmap:
        return self._index.matches(self._query, self._allowed)

    def best(self, m: int) -> tuple[Slots, FloatVector]:
        """See `Leg.best`."""
        return self._index.search(self._query, m, self._allowed, scorer=self._scorer)

    def score(self, slots: Slots) -> FloatVector:
        """See `Leg.score`."""
        scores = self._index.score(self._query, slots, scorer=self._scorer)
        if self._scorer.idf in POSITIVE:  # faster: every row that contains a word has a score
            scores[(scores == 0) | ~are_in(self._allowed, slots)] = np.nan
        else:
            scores[~are_in(self._matches, slots)] = np.nan
        return scores

    def similarity(self, scores: FloatVector) -> FloatArray:
        """See `Leg.similarity`."""
        return positive(scores)


class SparseLeg:
    """Ranks by the inner product of sparse vectors: a row matches if it shares a dimension with the query."""

    name = "sparse"

    def __init__(self, index: SparseIndex, query: SparseQuery, allowed: Bitmap) -> None:
        self._index = index
        self._query = query
        self._allowed = allowed

    @cached_property
    def _matches(self) -> Bitmap:
        return self._index.matches(self._query, self._allowed)

    def best(self, m: int) -> tuple[Slots, FloatVector]:
        """See `Leg.best`."""
        return self._index.search(self._query, m, self._allowed)

    def score(self, slots: Slots) -> FloatVector:
        """See `Leg.score`."""
        scores = self._index.score(self._query, slots)
        scores[~are_in(self._matches, slots)] = np.nan
        return scores

    def similarity(self, scores: FloatVector) -> FloatArray:
        """See `Leg.similarity`."""
        return positive(scores)


def admitted(index: TextIndex, query: TextQuery, allowed: Bitmap) -> Bitmap:
    """The allowed rows that contain all that the query requires and nothing that it excludes, whatever other words."""
    required = tuple(clause for clause in query.clauses if clause.sign == "+")
    if required:
        allowed = allowed & _as_long(index.matches(TextQuery(required), allowed), allowed)
    for clause in query.clauses:
        if clause.sign == "-":
            having = index.matches(TextQuery((Clause(clause.text, "+", clause.phrase),)), allowed)
            allowed = allowed & ~_as_long(having, allowed)
    return allowed


def are_in(bitmap: Bitmap, slots: Slots) -> BoolArray:
    """For each slot, whether its bit is on."""
    words = slots // _WORD_BITS
    if len(words) and words.max() >= len(bitmap):
        inside = words < len(bitmap)
        bits = np.zeros(len(slots), dtype=np.bool_)
        bits[inside] = are_in(bitmap, slots[inside])
        return bits
    return np.asarray((bitmap[words] >> (slots % _WORD_BITS)) & np.uint64(1) != 0)


def _as_long(bitmap: Bitmap, as_: Bitmap) -> Bitmap:
    found = np.zeros_like(as_)
    count = min(len(bitmap), len(found))
    found[:count] = bitmap[:count]
    return found
