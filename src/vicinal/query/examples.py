"""Searches that start from rows: one whose neighbours are requested, or positive and negative examples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, FloatMatrix, FloatVector
from ..errors import IdNotFound, InvalidArgument, Unsupported
from ..filters.within import is_within
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import Row, stored_id
from ..types import Id
from ..visible import shown
from .question import Examples, Question, check_dimension

__all__ = ["aimed", "row_to_start_from", "without"]

_WORD_BITS = 64


def row_to_start_from(reader: Reader, id_: Id, question: Question) -> tuple[Row, FloatVector]:
    """The row with this id, and its vector.

    Raises:
        IdNotFound: it does not exist, has expired, or is not visible to the handle.
        Unsupported: it has no vector.
    """
    row = reader.rows_by_id([stored_id(id_)]).get(stored_id(id_))
    if row is None or row.is_expired(question.now) or not is_within(row, question.within):
        raise IdNotFound(
            f"no row has the id {id_!r}",
            name="id",
            value=id_,
            remedy="Search by a text or a vector, or by the id of a stored row.",
        )
    vector = reader.vector(row)
    if vector is None:
        raise Unsupported(
            f"the row of id {id_!r} has no vector",
            name="id",
            value=id_,
            remedy="Search by a text or a vector, or give the row a vector.",
        )
    return row, vector


def without(candidates: Bitmap, slots: Sequence[int]) -> Bitmap:
    """The candidates without some slots.

    Raises:
        ChangedMeanwhile: a slot is newer than the candidates.
    """
    candidates = candidates.copy()
    for slot in slots:
        word, bit = divmod(slot, _WORD_BITS)
        if word >= len(candidates):
            raise ChangedMeanwhile
        candidates[word] &= ~(np.uint64(1) << np.uint64(bit))
    return candidates


def aimed(reader: Reader, examples: Examples, question: Question) -> tuple[list[Row], FloatMatrix]:
    """The rows among the examples, and the query vector that the examples define: float32, shape (1, dim).

    It is the mean of the positive ones, moved away from the mean of the negative ones by the distance between the two:
    Rocchio's feedback with weights of 2 and 1 (J. Rocchio, in "The SMART retrieval system", 1971). Under cosine, each
    example is normalized first.

    Raises:
        IdNotFound, Unsupported, DimensionMismatch: for an example.
        InvalidArgument: they cancel each other out.
    """
    rows: list[Row] = []

    def mean(given: Sequence[Id | FloatVector]) -> NDArray[np.float64]:
        vectors = []
        for one in given:
            if isinstance(one, np.ndarray):
                check_dimension(one[np.newaxis], reader.state)
                vectors.append(one.astype(np.float64))
                continue
            row, vector = row_to_start_from(reader, one, question)
            rows.append(row)
            vectors.append(vector.astype(np.float64))
        if reader.state.metric == "cosine":
            vectors = [vector / (np.linalg.norm(vector) or 1.0) for vector in vectors]
        return np.asarray(np.mean(vectors, axis=0))

    query = mean(examples.positive)
    if examples.negative:
        query = 2.0 * query - mean(examples.negative)
    found: FloatMatrix = query.astype(np.float32)[np.newaxis]
    if not np.isfinite(found).all() or (reader.state.metric == "cosine" and not found.any()):
        raise InvalidArgument(
            f"the examples cancel each other out: {shown(examples.positive)} and {shown(examples.negative)}",
            name="negative",
            value=examples.negative,
            remedy="Leave some of the negative examples out.",
        )
    return rows, found
