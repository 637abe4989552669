"""Validation of vectors: any 2-D array or list of lists, converted to float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Encoder, FloatMatrix, FloatVector, Metric
from ..errors import DimensionMismatch, InvalidVector, LimitExceeded, ZeroVector
from .containers import is_missing, is_real, is_unordered, numbers_in, one_vector, refuse_booleans
from .values import Places

DIMENSION_MAX = 65_536

_FLOAT32 = np.dtype(np.float32)
_PLAIN_ROWS = frozenset((list, tuple, np.ndarray))


@dataclass(frozen=True, slots=True)
class VectorRules:
    """What a collection accepts as a vector."""

    metric: Metric
    dimension: int | None
    zero_allowed: bool


def read_vectors(
    vectors: NDArray[Any] | list[Any] | None, count: int, rules: VectorRules, places: Places
) -> tuple[FloatMatrix | None, list[bool]]:
    """The vectors of `count` rows, and which rows have one.

    Args:
        vectors: as returned by `vectors_in`.

    Returns:
        float32, shape (count, dim), zero for rows without a vector; None if no row has one.
    """
    if vectors is None:
        return None, [False] * count
    if isinstance(vectors, np.ndarray):
        return check_block(vectors, rules, places), [True] * count
    rows = vectors
    has_vector = [type(row) in _PLAIN_ROWS or not is_missing(row) for row in rows]
    given = [i for i, there in enumerate(has_vector) if there]
    if not given:
        return None, has_vector
    present = [rows[i] for i in given]
    checked = check_block(_stack(present, rules, lambda i: places(given[i])), rules, lambda i: places(given[i]))
    if len(given) == count:
        return checked, has_vector
    block = np.zeros((count, checked.shape[1]), dtype=np.float32)
    block[given] = checked
    return block, has_vector


def check_block(block: NDArray[Any], rules: VectorRules, places: Places) -> FloatMatrix:
    """A 2-D array of real numbers as float32, every row of the right dimension, finite and not zero."""
    if not is_real(block.dtype):
        raise _not_numbers(block.dtype, places(0))
    if len(block) == 0:
        return np.empty((0, rules.dimension or 0), dtype=np.float32)
    _check_dimension(block.shape[1], rules, places(0))
    if block.dtype == np.float32:
        vectors = np.ascontiguousarray(block)
        if _is_plainly_right(vectors):
            return vectors
    with np.errstate(over="ignore"):  # numbers too large for float32 are detected as infinity below
        vectors = np.ascontiguousarray(block, dtype=np.float32)
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        worst = int(np.argmin(finite))
        raise _not_finite(block[worst], vectors[worst], places(worst))
    check_lengths(vectors, rules, places)
    return vectors


def _is_plainly_right(vectors: FloatMatrix) -> bool:
    """Whether one fast pass shows that all is finite and no row is zero; if not, the vectors may still be valid."""
    if len(vectors) == 1:
        return 0.0 < float(np.vdot(vectors, vectors)) < np.inf
    squares = np.einsum("ij,ij->i", vectors, vectors)
    return float(squares.min()) > 0.0 and float(squares.max()) < np.inf  # NaN is neither


def check_lengths(vectors: FloatMatrix, rules: VectorRules, places: Places) -> None:
    """Raises `ZeroVector` if a vector has length zero and the collection refuses it."""
    if rules.metric != "cosine" or rules.zero_allowed:
        return
    has_length = vectors.any(axis=1)
    if not has_length.all():
        row = int(np.argmin(has_length))
        raise ZeroVector(
            "the vector is zero, so its cosine to anything is undefined",
            name="vectors",
            value=vectors[row],
            place=places(row),
            remedy="Leave the vector out, or create the collection with zero_vectors='allow'.",
        )


def check_query(query: Any, rules: VectorRules, place: str = "query") -> FloatVector:
    """A single query vector, float32, shape (dim,)."""
    if is_plain_query(query, rules):
        plain: FloatVector = query
        return plain
    try:
        found_query = one_vector(query)
        vector = np.asarray(found_query)
        if vector.ndim == 1 and is_real(vector.dtype):
            refuse_booleans(found_query, vector)
    except InvalidVector as error:
        error.name, error.place = "query", error.place or place
        raise
    except ValueError:  # lists of different lengths
        raise _not_one_query(query, "these are lists of different lengths", place) from None
    if vector.ndim == 0 or is_unordered(query):
        raise InvalidVector(
            f"a query must be a text or one vector, not {type(query).__name__}",
            name="query",
            value=query,
            place=place,
            remedy="Pass a str, or a list or array of numbers.",
        )
    if vector.ndim > 1 or vector.dtype.kind in "US":
        found = "these are texts" if vector.dtype.kind in "US" else f"this has shape {vector.shape}"
        raise _not_one_query(query, found, place)
    if vector.dtype == object:
        vector = _read_vector(vector, place)
    checked: FloatVector = check_block(vector[None, :], rules, lambda _: place)[0]
    return checked


def is_plain_query(query: Any, rules: VectorRules) -> bool:
    """Whether it is already float32 and a fast check shows that it is valid; if not, it may still be."""
    return (
        type(query) is np.ndarray
        and query.shape == (rules.dimension,)
        and query.dtype == _FLOAT32
        and 0.0 < float(np.vdot(query, query)) < np.inf  # NaN is neither; unlike dot, vdot issues no warning
    )


def _not_one_query(query: Any, found: str, place: str) -> InvalidVector:
    return InvalidVector(
        f"a query must be one text or one vector, but {found}",
        name="query",
        value=query,
        place=place,
        remedy="Use search_many for several queries.",
    )


def _stack(rows: Sequence[Any], rules: VectorRules, places: Places) -> NDArray[Any]:
    """Rows as one array. Only if that fails is each row checked, to name the one that differs."""
    if {type(row) for row in rows} <= _PLAIN_ROWS:
        try:
            stacked = np.array(rows)
        except ValueError:
            stacked = np.empty(0, dtype=object)
        if stacked.ndim == 2 and is_real(stacked.dtype):
            _refuse_booleans(rows, stacked, places)
            return stacked
    wanted, read = rules.dimension, []
    for i, row in enumerate(rows):
        vector = _read_vector(row, places(i))
        wanted = len(vector) if wanted is None else wanted
        if len(vector) != wanted:
            raise _other_dimension(len(vector), wanted, places(i), known=rules.dimension is not None)
        read.append(vector)
    return np.array(read)


def _refuse_booleans(rows: Sequence[Any], stacked: NDArray[Any], places: Places) -> None:
    for i in np.flatnonzero(((stacked == 0) | (stacked == 1)).any(axis=1)).tolist():
        try:
            refuse_booleans(rows[i], stacked[i])
        except InvalidVector as error:
            error.place = places(i)
            raise


def _read_vector(row: Any, place: str) -> NDArray[Any]:
    """A single vector in any container, as a one-dimensional array of real numbers."""
    try:
        found = one_vector(row)
        if isinstance(found, str) or is_unordered(found):
            raise _not_flat(row, place)
        vector = np.asarray(found)
        if vector.dtype == object and vector.ndim == 1:
            vector = numbers_in(vector)
        elif vector.ndim == 1 and is_real(vector.dtype):
            refuse_booleans(found, vector)
    except InvalidVector as error:
        error.place = error.place or place
        raise
    except ValueError:
        raise _not_flat(row, place) from None
    if vector.ndim != 1:
        raise _not_flat(row, place)
    if not is_real(vector.dtype):
        raise _not_numbers(vector.dtype, place)
    return vector


def check_encoder_dimension(encoder: Encoder) -> None:
    """Raises LimitExceeded for an encoder whose vectors are too long for any collection."""
    if encoder.dim > DIMENSION_MAX:
        raise LimitExceeded(
            f"encoder {encoder.name!r} makes vectors of {encoder.dim:,} components, the limit is {DIMENSION_MAX:,}",
            name="encoder",
            value=encoder.dim,
            remedy="Use an encoder of fewer dimensions.",
        )


def _check_dimension(dimension: int, rules: VectorRules, place: str) -> None:
    if dimension == 0:
        raise InvalidVector("the vector is empty", name="vectors", place=place, remedy="Pass None for no vector.")
    if dimension > DIMENSION_MAX:
        raise LimitExceeded(
            f"a vector has {dimension:,} components, the limit is {DIMENSION_MAX:,}",
            name="vectors",
            value=dimension,
            place=place,
            remedy="Reduce its dimension first.",
        )
    if rules.dimension is not None and dimension != rules.dimension:
        raise _other_dimension(dimension, rules.dimension, place, known=True)


def _other_dimension(found: int, wanted: int, place: str, *, known: bool) -> DimensionMismatch:
    whose = "this collection's have" if known else "the first one has"
    return DimensionMismatch(
        f"the vector has {found} component{'' if found == 1 else 's'}, {whose} {wanted}",
        name="vectors",
        value=found,
        place=place,
        remedy=f"Pass vectors of dimension {wanted}, or use another collection.",
    )


def _not_flat(row: Any, place: str) -> InvalidVector:
    return InvalidVector(
        f"a vector must be a list or array of numbers, not {type(row).__name__}{_shape_of(row)}",
        name="vectors",
        value=row,
        place=place,
        remedy="Pass a list of lists or a 2-D array, shape (rows, dim).",
    )


def _shape_of(value: Any) -> str:
    return f" of shape {value.shape}" if isinstance(value, np.ndarray) else ""


def _not_numbers(dtype: np.dtype[Any], place: str) -> InvalidVector:
    return InvalidVector(
        f"a vector must hold real numbers, not {dtype}",
        name="vectors",
        value=dtype,
        place=place,
        remedy="Convert it to a float array.",
    )


def _not_finite(given: NDArray[Any], vector: FloatVector, place: str) -> InvalidVector:
    where = int(np.flatnonzero(~np.isfinite(vector))[0])
    if not isinstance(given[where], np.floating) or np.isfinite(given[where]):
        return InvalidVector(
            f"component {where} of the vector is {given[where]}, more than float32 holds",
            name="vectors",
            value=given,
            place=place,
            remedy="Scale the vectors: float32 ends at 3.4e38.",
        )
    return InvalidVector(
        f"component {where} of the vector is {vector[where]} as float32",
        name="vectors",
        value=vector,
        place=place,
        remedy="Find out where NaN or infinity comes from; such a row could never be found.",
    )
