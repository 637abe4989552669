"""A search: one view of the indexes, a ranking by one leg or several, then the rows of that same moment."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap

import numpy as np

from ..contract import Bitmap, FloatMatrix, FloatVector, Metric
from ..errors import Damaged, IdNotFound, Unsupported
from ..filters.bitmap import unpack
from ..indexes.derived import DerivedIndex, View, viewing
from ..indexes.exact import thread_count
from ..indexes.text import TextIndex
from ..indexes.text_query import Bm25
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import Row, stored_id
from ..store.state import EncoderChanged
from ..store.store import Store
from ..types import Hits
from .hits import Ranking, fetch
from .legs import DenseLeg, KeywordLeg, SparseLeg, admitted
from .question import Question, check_dimension
from .threshold import BY_RANK, RANKED, SHOWN_RANKS, Leg, fuse

_WORD_BITS = 64


def search(store: Store[DerivedIndex], question: Question) -> list[Hits]:
    """Exactly min(k, matches) hits for each question, as of one moment between call and return.

    First without holding anybody up. If a row that was found has changed before it was read, once more with
    indexes and rows at one moment.
    """
    words, sparse = question.words is not None, question.sparse is not None
    view_of = viewing(question.where, words=words, sparse=sparse)
    if words or sparse:
        _catch_up(store, words=words, sparse=sparse)
    try:
        with store.snapshot(view_of) as (view, reader):
            return _answer(view, reader, question)
    except ChangedMeanwhile:
        with store.moment(view_of) as (view, reader):
            return _answer(view, reader, question)


def _catch_up(store: Store[DerivedIndex], *, words: bool, sparse: bool) -> None:
    """Texts that were never searched before, in parts: searches of other threads come in between."""
    more = True
    while more:
        with store.snapshot(lambda index, reader: index.step(reader, words=words, sparse=sparse)) as (more, _):
            pass


def _answer(view: View, reader: Reader, question: Question) -> list[Hits]:
    if question.encoder is not None and question.encoder != reader.state.encoder:
        raise EncoderChanged
    if question.metric is not None and question.metric != reader.state.metric:
        raise EncoderChanged  # another process altered it: check the vectors again
    source = _source_of(view, reader, question)
    if question.mode == "dense":
        rankings = _by_vectors(source)
    elif question.mode == "keyword":
        rankings = _by_words(source)
    else:
        rankings = [_fused(source, i) for i in range(len(question))]
    view.check_unmoved()
    other_than = None if question.like is None else stored_id(question.like)
    return fetch(reader, view, rankings, *_measure(question, reader.state.metric), other_than)


@dataclass(slots=True)  # every search makes one, and a frozen one takes longer
class _Source:
    """Where one call looks.

    Attributes:
        vectors: by slot.
        queries: float32, shape (questions, dim), or None.
        rows: rows that may be found; to a dense search only the candidates matter.
        candidates: those of them that have a vector.
    """

    view: View
    question: Question
    metric: Metric
    vectors: FloatMatrix
    queries: FloatMatrix | None
    rows: Bitmap
    candidates: Bitmap


def _source_of(view: View, reader: Reader, question: Question) -> _Source:
    candidates, queries = view.candidates(question.now), question.vectors
    if question.like is not None:
        row, vector = _row_to_start_from(reader, question)
        candidates, queries = _without(candidates, row.slot), vector[np.newaxis]
    rows = candidates if question.mode == "dense" else view.rows(question.now)
    if queries is None:
        vectors = np.empty((0, 0), dtype=np.float32)
    else:
        check_dimension(queries, reader.state)
        vectors = _vectors_of(reader, view, candidates)
    return _Source(view, question, reader.state.metric, vectors, queries, rows, candidates)


def _by_vectors(source: _Source) -> list[Ranking]:
    assert source.queries is not None  # a dense question has them
    threads = thread_count() if len(source.queries) > 1 else 1
    exact = source.view.flat.exact
    found = exact.search(source.vectors, source.queries, source.question.k, source.candidates, threads)
    return list(starmap(Ranking, found))


def _by_words(source: _Source) -> list[Ranking]:
    question = source.question
    assert question.words is not None  # a keyword question has them
    index = _words_of(source)
    return [
        Ranking(*KeywordLeg(index, words, question.scorer, source.rows).best(question.k)) for words in question.words
    ]


def _fused(source: _Source, i: int) -> Ranking:
    legs = _legs(source, i)
    fusion = source.question.fusion
    weights = [fusion.weights.get(leg.name, 1.0) for leg in legs]
    ranked = RANKED if fusion.method in BY_RANK else SHOWN_RANKS
    fused = fuse(legs, source.question.k, fusion.method, weights=weights if any(weights) else None, ranked=ranked)
    return Ranking(fused.slots, fused.scores, fused.legs)


def _legs(source: _Source, i: int) -> list[Leg]:
    """The legs of the i-th question: those for which it has something to look for."""
    question = source.question
    rows, candidates = source.rows, source.candidates
    words = None if question.words is None else question.words[i]
    if words is not None:
        rows = admitted(_words_of(source), words, rows)
        candidates = candidates & rows
    legs: list[Leg] = []
    if source.queries is not None:
        exact = source.view.flat.exact
        legs.append(DenseLeg(exact, source.metric, source.vectors, source.queries[i], candidates))
    if words is not None:
        legs.append(KeywordLeg(_words_of(source), words, question.scorer, rows))
    if question.sparse is not None:
        assert source.view.sparse is not None  # the view was asked for it
        legs.append(SparseLeg(source.view.sparse.index, question.sparse[i], rows))
    return legs


def _words_of(source: _Source) -> TextIndex:
    assert source.view.words is not None  # the view was asked for them
    return source.view.words.index


def _measure(question: Question, metric: Metric) -> tuple[str, float]:
    """What scores are, and the distance beside a score of 0."""
    if question.mode == "keyword":
        return ("bm25" if isinstance(question.scorer, Bm25) else "tfidf"), 0.0
    if question.mode == "hybrid":
        return question.fusion.method, 1.0
    return metric, 1.0 if metric == "cosine" else 0.0


def _vectors_of(reader: Reader, view: View, candidates: Bitmap) -> FloatMatrix:
    """By slot; the file may end earlier where the last rows have none."""
    count = len(view.flat.live)
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
    if row is None or row.is_expired(question.now):
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
