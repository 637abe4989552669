"""Dense search: nearest vectors, then their rows, as of one moment between call and return."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..contract import Bitmap, FloatMatrix, FloatVector
from ..errors import Damaged, DimensionMismatch, IdNotFound, Unsupported
from ..filters.bitmap import unpack
from ..filters.tree import Node
from ..indexes.derived import DerivedIndex, View, viewing
from ..indexes.exact import thread_count
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import Row, stored_id
from ..store.state import EncoderChanged, State
from ..store.store import Store
from ..types import Hits, Id
from .hits import fetch


@dataclass(frozen=True, slots=True)
class DenseQuery:
    """One question or many of the same kind, checked.

    Attributes:
        vectors: float32, shape (questions, dim), or None where `like` names the row to start from.
        like: the row whose neighbours are asked for; it is not its own neighbour.
        encoder: the encoder that made the vectors of texts, as the collection's state wrote it; else None.
        now: microseconds since 1970; rows that expire by then are not seen.
        where: rows must pass it; None for no filter.
    """

    vectors: FloatMatrix | None
    like: Id | None
    k: int
    now: int
    encoder: str | None = None
    where: Node | None = None


def search_dense(store: Store[DerivedIndex], query: DenseQuery) -> list[Hits]:
    """Exactly min(k, matches) hits for each question.

    First without holding anybody up. If a row that was found has changed before it was read, once more with
    index and rows at one moment.
    """
    view_of = viewing(query.where)
    try:
        with store.snapshot(view_of) as (view, reader):
            return _search(view, reader, query)
    except ChangedMeanwhile:
        with store.moment(view_of) as (view, reader):
            return _search(view, reader, query)


def _search(view: View, reader: Reader, query: DenseQuery) -> list[Hits]:
    if query.encoder is not None and query.encoder != reader.state.encoder:
        raise EncoderChanged
    metric = reader.state.metric
    allowed = view.candidates(query.now)
    queries = query.vectors
    if query.like is not None:
        row, vector = _row_to_start_from(reader, query)
        allowed, queries = _without(allowed, row.slot), vector[np.newaxis]
    assert queries is not None  # DenseQuery has one of the two
    check_dimension(queries, reader.state)
    vectors = _vectors_of(reader, view, allowed)
    found = view.flat.exact.search(vectors, queries, query.k, allowed, thread_count() if len(queries) > 1 else 1)
    return [Hits(fetch(reader, slots, scores, metric, query.like), metric, view.change) for slots, scores in found]


def _vectors_of(reader: Reader, view: View, allowed: Bitmap) -> FloatMatrix:
    """By slot; the file may end earlier where the last rows have none."""
    count = len(view.flat.live)
    vectors = reader.matrix(count)
    if len(vectors) < count:
        lost = int(np.count_nonzero(unpack(allowed, count)[len(vectors) :]))
        if lost:
            raise Damaged(
                f"{lost} rows have lost their vectors: the file is too short",
                name="vectors",
                place=f"vectors.f32 ends after slot {len(vectors) - 1}",
                remedy="Restore a backup.",
            )
    return vectors


def _without(allowed: Bitmap, slot: int) -> Bitmap:
    word, bit = divmod(slot, 64)
    if word >= len(allowed):
        raise ChangedMeanwhile
    allowed = allowed.copy()
    allowed[word] &= ~(np.uint64(1) << np.uint64(bit))
    return allowed


def check_dimension(queries: FloatMatrix, state: State) -> None:
    """The dimension may have been fixed, by another process too, since the query was checked."""
    if state.dimension is not None and queries.shape[1] != state.dimension:
        raise DimensionMismatch(
            f"the vector has {queries.shape[1]} components, this collection's have {state.dimension}",
            name="query",
            value=queries.shape[1],
            place="query",
            remedy=f"Pass a vector of dimension {state.dimension}.",
        )


def _row_to_start_from(reader: Reader, query: DenseQuery) -> tuple[Row, FloatVector]:
    assert query.like is not None
    row = reader.rows_by_id([stored_id(query.like)]).get(stored_id(query.like))
    if row is None or row.is_expired(query.now):
        raise IdNotFound(
            f"no row has the id {query.like!r}",
            name="id",
            value=query.like,
            remedy="Search by a text or a vector, or by the id of a stored row.",
        )
    vector = reader.vector(row)
    if vector is None:
        raise Unsupported(
            f"the row of id {query.like!r} has no vector",
            name="id",
            value=query.like,
            remedy="Search by a text or a vector, or give the row a vector.",
        )
    return row, vector
