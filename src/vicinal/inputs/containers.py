"""Converts containers of vectors and values to NumPy arrays and lists: the only module that knows container types.

In this order: NumPy arrays; Arrow's C data interface; the array interfaces (`__array_interface__`, `__array__`, the
buffer protocol, DLPack); then any ordered iterable. Nothing is guessed: bytes do not say which numbers they contain,
and a mask or a missing component means that there is no vector. All these are rejected with an explicit message.
"""

from __future__ import annotations

from array import array as PlainArray
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidVector
from . import arrow
from .arrow_values import values as arrow_values

__all__ = [
    "entries_in",
    "is_missing",
    "is_real",
    "is_sparse_matrix",
    "is_unordered",
    "numbers_in",
    "one_vector",
    "refuse_booleans",
    "sparse_rows",
    "values_in",
    "vectors_in",
]

_REAL_KINDS: Final = "fiu"
_BYTES: Final = ("B", "b", "c", "@B", "@b", "@c")
_BLOB_REMEDY: Final = "Say what the bytes are, such as np.frombuffer(blob, dtype=np.float32)."
_DENSE_COMPONENTS_MAX: Final = 65_536


def is_real(dtype: np.dtype[Any]) -> bool:
    """Whether it holds real numbers that float32 accepts: also bfloat16 and others of ml_dtypes, but no structures."""
    if dtype.kind in _REAL_KINDS:
        return True
    return dtype.kind == "V" and dtype.names is None and dtype.subdtype is None and np.can_cast(dtype, np.float32)


def is_missing(value: Any) -> bool:
    """Whether it means "no value" in some library: None, NaN, NaT, NA, fully masked, an Arrow null."""
    if value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, np.ma.MaskedArray):
        return bool(value.size) and bool(np.ma.getmaskarray(value).all())
    if getattr(value, "is_valid", True) is False:
        return True
    return isinstance(value, (float, np.floating)) and value != value


def is_unordered(value: object) -> bool:
    """Whether the order of its entries is undefined. The keys and values of a dict have an order."""
    return isinstance(value, (set, frozenset))


def vectors_in(given: Any) -> NDArray[Any] | list[Any]:
    """Many vectors: a two-dimensional array, or a list with one entry per row, None for a row without a vector.

    Raises:
        InvalidVector: it does not contain vectors, or their type is ambiguous.
    """
    if isinstance(given, np.ndarray):
        return _in_array(given)
    if type(given) in (list, tuple):
        return list(given)
    if is_sparse_matrix(given):  # a dictionary-of-keys matrix is a mapping too
        return _dense(given)
    if given is None or isinstance(given, (str, Mapping)):
        raise _not_vectors(given)
    _refuse_blob(given)
    if arrow.is_arrow(given):
        return arrow.vectors(given)
    if _is_array_like(given):
        return _in_array(_array_of(given))
    if not isinstance(given, Iterable):
        raise _not_vectors(given)
    return list(given)


def one_vector(given: Any) -> Any:
    """One vector: a one-dimensional array if it is one; anything else is returned unchanged, to be checked later."""
    if isinstance(given, np.ma.MaskedArray):
        _refuse_mask(given)
        return given.data
    if is_sparse_matrix(given):
        return _dense(given)[0] if len(given.shape) == 2 and given.shape[0] == 1 else _dense(given)
    if isinstance(given, np.ndarray) or given is None or isinstance(given, (str, Mapping)):
        return given
    _refuse_blob(given)
    if hasattr(given, "as_py") and hasattr(given, "values"):  # a list scalar of pyarrow
        given = given.values
    if arrow.is_arrow(given) and not arrow.columns_of(given):
        return arrow.numbers(given, "the vector")
    if _is_array_like(given):
        return _array_of(given)
    if isinstance(given, Sequence) or is_unordered(given) or not isinstance(given, Iterable):
        return given
    return list(given)


def values_in(given: Iterable[Any]) -> list[Any]:
    """Entries, one per row, as plain Python values; missing values become None."""
    if type(given) in (list, tuple):
        return list(given)
    if isinstance(given, np.ma.MaskedArray):
        return list(given.tolist())  # masked entries become None
    if isinstance(given, np.ndarray):
        return list(given.tolist())
    if is_sparse_matrix(given):
        return sparse_rows(given)
    if arrow.is_arrow(given):
        return arrow_values(given)
    if callable(getattr(given, "to_list", None)):  # a series, in which NaN and NA mean None
        return [None if is_missing(value) else value for value in cast(Any, given).to_list()]
    if _is_array_like(given) and not isinstance(given, Sequence):
        return list(_array_of(given).tolist())
    return list(given)


def entries_in(given: Any) -> list[Any] | None:
    """Texts, vectors or sparse vectors, one per entry; None if it is not a list."""
    if is_sparse_matrix(given):
        return list(_dense(given))
    if isinstance(given, (str, bytes, Mapping)):
        return None
    _refuse_blob(given)
    if arrow.is_arrow(given):
        is_block = bool(arrow.columns_of(given)) or arrow.is_list(arrow.chunked(given).type)
        return list(arrow.vectors(given)) if is_block else arrow_values(given)
    if not isinstance(given, (list, tuple)) and _is_array_like(given):
        array = _array_of(given)
        return list(_in_array(array)) if array.ndim == 2 else values_in(given)
    return list(given) if isinstance(given, Iterable) else None


def refuse_booleans(row: Any, numbers: NDArray[Any]) -> None:
    """Raises InvalidVector if a list contains a bool, which NumPy would convert to 1.0 beside a number.

    Args:
        numbers: the row as an array, of which only zeros and ones need to be checked.
    """
    if not isinstance(row, (list, tuple)):
        return
    for component in np.flatnonzero((numbers == 0) | (numbers == 1)).tolist():
        if isinstance(row[component], (bool, np.bool_)):
            raise InvalidVector(
                f"component {component} of the vector is of type bool, not a real number",
                name="vectors",
                value=row[component],
                remedy="Convert it to a float array.",
            )


def numbers_in(row: NDArray[Any]) -> NDArray[np.float64]:
    """Objects as numbers: int, float, Decimal, Fraction and NumPy scalars.

    Raises:
        InvalidVector: an object is something else; the caller adds the position.
    """
    for component, value in enumerate(row.tolist()):
        if is_missing(value) and not isinstance(value, float):
            raise InvalidVector(
                f"component {component} of the vector is missing ({value})",
                name="vectors",
                value=value,
                remedy="Fill it, or pass None for the whole vector.",
            )
        is_number = isinstance(value, (int, float, Decimal, Fraction, np.number)) and not isinstance(value, bool)
        if not is_number or isinstance(value, np.complexfloating):
            raise InvalidVector(
                f"component {component} of the vector is of type {type(value).__name__}, not a real number",
                name="vectors",
                value=value,
                remedy="Convert it to a float array.",
            )
    with np.errstate(over="ignore"):
        try:
            return row.astype(np.float64)
        except OverflowError:  # an int too large for a float
            return np.array([_float(value) for value in row.tolist()])


def _not_vectors(vectors: Any) -> InvalidVector:
    shape = f" of shape {vectors.shape}" if isinstance(vectors, np.ndarray) else ""
    return InvalidVector(
        f"vectors must be a matrix with one vector per row, not {type(vectors).__name__}{shape}",
        name="vectors",
        value=vectors,
        remedy="Pass a list of lists or a 2-D array, shape (rows, dim).",
    )


# -- arrays


def _in_array(array: NDArray[Any]) -> NDArray[Any] | list[Any]:
    if array.dtype.names is not None:
        raise InvalidVector(
            f"vectors must be a matrix of numbers, not an array with the fields {', '.join(array.dtype.names[:5])}",
            name="vectors",
            remedy="Pass it as rows=, or one field of it, or numpy.lib.recfunctions.structured_to_unstructured(it).",
        )
    if isinstance(array, np.ma.MaskedArray):
        return _unmasked(array)
    array = np.asarray(array)  # a NumPy matrix stays two-dimensional when it is indexed
    if array.dtype != object:
        if array.ndim != 2:
            raise _not_vectors(array)
        return array
    if array.ndim == 2 and array.shape[1] == 1 and len(array) and not np.isscalar(array[0, 0]):
        array = array[:, 0]  # a data frame of one column, whose cells are vectors
    if array.ndim > 2 or array.ndim == 0:
        raise _not_vectors(array)
    return list(array)


def _unmasked(array: np.ma.MaskedArray[Any, Any]) -> NDArray[Any] | list[Any]:
    """The numbers if nothing is masked, otherwise the rows, of which those with gaps are rejected later."""
    if array.ndim == 2 and np.ma.getmaskarray(array).any():
        return list(array)
    return _in_array(np.asarray(array.data))


def _refuse_mask(vector: np.ma.MaskedArray[Any, Any]) -> None:
    mask = np.ma.getmaskarray(vector)
    if mask.any():
        raise InvalidVector(
            f"component {int(np.argmax(mask))} of the vector is masked",
            name="vectors",
            value=vector,
            remedy="Fill it, as by vectors.filled(0), or mask the whole row for no vector.",
        )


def _is_array_like(value: object) -> bool:
    if any(hasattr(value, name) for name in ("__array_interface__", "__array_struct__", "__array__", "__dlpack__")):
        return True
    return _buffer(value) is not None


def _array_of(value: Any) -> NDArray[Any]:
    """Converts by the array interface, the buffer protocol or DLPack; also tensors with gradients or on a GPU."""
    if isinstance(value, np.ndarray):
        return value
    tensor = value
    for step in ("detach", "cpu"):  # of PyTorch, whose __array__ rejects such tensors
        if hasattr(tensor, "__dlpack__") and callable(getattr(tensor, step, None)):
            tensor = getattr(tensor, step)()
    try:
        return np.asarray(tensor) if _is_known_to_numpy(tensor) else np.from_dlpack(tensor)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        if hasattr(tensor, "__dlpack__") and callable(getattr(tensor, "float", None)):
            return np.asarray(tensor.float())  # bfloat16, which NumPy does not know
        raise InvalidVector(
            f"this {type(value).__name__} cannot be read as an array: {str(error).partition(chr(10))[0]:.120}",
            name="vectors",
            value=type(value).__name__,
            remedy="Convert it to an array of NumPy.",
        ) from error


def _is_known_to_numpy(value: object) -> bool:
    names = ("__array__", "__array_interface__", "__array_struct__")
    return any(hasattr(value, name) for name in names) or _buffer(value) is not None


def _buffer(value: Any) -> memoryview | None:
    if isinstance(value, (str, list, tuple)):
        return None
    try:
        return memoryview(value)
    except TypeError:
        return None


def _refuse_blob(value: Any) -> None:
    """Rejects bytes, which could be numbers of any type; as numbers from 0 to 255 they would set a wrong dimension."""
    if isinstance(value, PlainArray) or hasattr(value, "__array_interface__") or hasattr(value, "__array__"):
        return
    view = _buffer(value)
    if view is not None and view.ndim == 1 and view.format in _BYTES:
        raise InvalidVector(
            f"{view.nbytes:,} bytes ({type(value).__name__}) do not say what numbers they hold",
            name="vectors",
            value=type(value).__name__,
            remedy=_BLOB_REMEDY,
        )


# -- SciPy sparse matrices


def is_sparse_matrix(value: object) -> bool:
    """Whether it is a SciPy sparse matrix or array."""
    return hasattr(value, "nnz") and hasattr(value, "shape") and hasattr(value, "toarray")


def _dense(matrix: Any) -> NDArray[Any]:
    """The matrix as a dense array, unless it has more columns than a vector may have components."""
    if matrix.shape[-1] > _DENSE_COMPONENTS_MAX:
        raise InvalidVector(
            f"this {type(matrix).__name__} has {matrix.shape[-1]:,} columns, more than a vector has components",
            name="vectors",
            value=matrix.shape,
            remedy="Pass it as sparse=, which takes dimensions up to four billion.",
        )
    return np.asarray(matrix.toarray())


def sparse_rows(matrix: Any) -> list[Any]:
    """Rows as sparse vectors; duplicate entries are summed, as in SciPy."""
    rows = matrix.tocsr(copy=True) if len(matrix.shape) == 2 else matrix.reshape((1, -1)).tocsr()
    rows.sum_duplicates()
    ends = rows.indptr
    return [(rows.indices[start:end], rows.data[start:end]) for start, end in pairwise(ends)]


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
