"""Input through Arrow's C data interface: tables of pyarrow, polars and DuckDB, series, arrays, streams of batches.

Source: https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html. pyarrow reads it, and is loaded
only when such an object is given; if it is not installed, `is_arrow` leaves the object to the array interfaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidArgument, InvalidVector, MissingExtra

__all__ = [
    "batches_of",
    "chunked",
    "columns_of",
    "is_arrow",
    "is_list",
    "is_stream",
    "numbers",
    "plain_array",
    "pyarrow",
    "vectors",
    "vectors_in_column",
]


def is_arrow(value: object) -> bool:
    """Whether the value supports the C data interface, and pyarrow is available to read it.

    pandas data frames support it too, but their cells may be arbitrary Python objects, which Arrow would change.
    """
    if hasattr(value, "iloc") or not (hasattr(value, "__arrow_c_stream__") or hasattr(value, "__arrow_c_array__")):
        return False
    # Values that NumPy or the object's own methods can convert do not need pyarrow.
    return _is_installed() or not (hasattr(value, "__array__") or hasattr(value, "to_dict"))


def is_stream(value: object) -> bool:
    """Whether its rows may not all be available yet: a reader of batches."""
    return is_arrow(value) and not hasattr(value, "__len__") and hasattr(value, "__arrow_c_stream__")


def columns_of(value: Any) -> list[tuple[str, Any]]:
    """The columns of a table as pyarrow chunked arrays, each with its name; empty if `value` is a single column."""
    table = _table(value)
    return [] if table is None else list(zip(table.column_names, table.columns, strict=True))


def batches_of(stream: Any, rows_max: int) -> Iterator[Any]:
    """Tables of at most this many rows, as the stream returns them."""
    arrow = pyarrow()
    with _known_types(stream):
        reader = arrow.RecordBatchReader.from_stream(stream)
    for batch in reader:
        for start in range(0, len(batch), rows_max):
            yield arrow.Table.from_batches([batch.slice(start, rows_max)])


def vectors(value: Any) -> NDArray[Any] | list[Any]:
    """A table whose columns are components, or a column of lists: a block, or one entry per row if rows differ."""
    table = _table(value)
    if table is None:
        return vectors_in_column(chunked(value), "vectors")
    if table.num_columns == 1 and is_list(_plain_type(table.column(0).type)):
        return vectors_in_column(table.column(0), table.column_names[0])
    if table.num_columns == 0:
        return []
    found = [numbers(column, f"column {name!r}") for name, column in zip(table.column_names, table.columns)]
    return np.column_stack(found)


def vectors_in_column(column: Any, name: str) -> NDArray[Any] | list[Any]:
    """A column of lists of numbers: a block if all have one length and none is missing, otherwise one entry per row.

    Args:
        name: the name of the column, for messages.
    """
    parts = [_vectors_in_array(plain_array(chunk), name) for chunk in chunked(column).chunks]
    blocks = [part for part in parts if isinstance(part, np.ndarray)]
    if parts and len(blocks) == len(parts) and len({block.shape[1] for block in blocks}) == 1:
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return [row for part in parts for row in part]


def numbers(column: Any, name: str) -> NDArray[Any]:
    """A column of numbers, none of them missing.

    Raises:
        InvalidVector: it contains something else.
    """
    arrow = pyarrow()
    column = chunked(column)
    kind = _plain_type(column.type)
    is_number = arrow.types.is_integer(kind) or arrow.types.is_floating(kind) or arrow.types.is_decimal(kind)
    if not is_number and not (arrow.types.is_null(kind) and len(column)):
        raise InvalidVector(
            f"{name} holds {kind}, and a vector holds real numbers",
            name="vectors",
            value=str(kind),
            remedy="Pass the columns with numbers alone, or a whole table with a column 'vector' as rows=.",
        )
    if column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise InvalidVector(
            f"{name} has no value there, and a vector has no gaps",
            name="vectors",
            place=f"row {row}",
            remedy="Fill it, or pass None for the whole vector.",
        )
    chunks = [plain_array(chunk) for chunk in column.chunks]
    if arrow.types.is_decimal(kind):
        chunks = [chunk.cast(arrow.float64()) for chunk in chunks]
    found = [chunk.to_numpy(zero_copy_only=False) for chunk in chunks]
    return np.concatenate(found) if found else np.empty(0, np.float32)


# -- calls of pyarrow


def _is_installed() -> bool:
    try:
        import_module("pyarrow")
    except ImportError:
        return False
    return True


def pyarrow() -> Any:
    try:
        return import_module("pyarrow")  # it has no type annotations
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", "the Arrow C data interface") from None


def chunked(value: Any) -> Any:
    arrow = pyarrow()
    if isinstance(value, arrow.ChunkedArray):
        return value
    if isinstance(value, arrow.Array):
        return arrow.chunked_array([value])
    with _known_types(value):
        if hasattr(value, "__arrow_c_stream__"):
            return arrow.chunked_array(value)
        return arrow.chunked_array([arrow.array(value)])


@contextmanager
def _known_types(value: Any) -> Iterator[None]:
    """Explains pyarrow's error for a type that it does not know, such as the Int128 of polars."""
    arrow = pyarrow()
    try:
        yield
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError) as error:
        raise InvalidArgument(
            f"this {type(value).__name__} cannot be read: {str(error).partition(chr(10))[0]:.120}",
            name="rows",
            value=type(value).__name__,
            remedy="Cast columns of types that pyarrow does not know, such as Int128 of polars to Int64.",
        ) from None


def _table(value: Any) -> Any:
    """The value as a table, or None if it is a single column."""
    arrow = pyarrow()
    if isinstance(value, arrow.Table):
        return value
    if isinstance(value, arrow.RecordBatch):
        return arrow.Table.from_batches([value])
    if isinstance(value, (arrow.Array, arrow.ChunkedArray)):
        return None
    with _known_types(value):
        if hasattr(value, "__arrow_c_schema__") and not arrow.types.is_struct(arrow.field(value).type):
            return None
    column = chunked(value)
    return arrow.Table.from_struct_array(column) if arrow.types.is_struct(column.type) else None


# -- types


def _plain_type(kind: Any) -> Any:
    """The storage type of a type, without dictionaries, run-end encoding and extension names."""
    arrow = pyarrow()
    while True:
        if isinstance(kind, arrow.BaseExtensionType):
            kind = kind.storage_type
        elif arrow.types.is_dictionary(kind) or arrow.types.is_run_end_encoded(kind):
            kind = kind.value_type
        else:
            return kind


def plain_array(array: Any) -> Any:
    arrow = pyarrow()
    while True:
        if isinstance(array.type, arrow.BaseExtensionType):
            array = array.storage
        elif arrow.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        elif arrow.types.is_run_end_encoded(array.type):
            array = import_module("pyarrow.compute").run_end_decode(array)
        else:
            return array


def is_list(kind: Any) -> bool:
    types = pyarrow().types
    asked = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view, types.is_large_list_view)
    return any(is_kind(kind) for is_kind in asked)


# -- vectors


def _vectors_in_array(array: Any, name: str) -> NDArray[Any] | list[Any]:
    arrow = pyarrow()
    if arrow.types.is_null(array.type):
        return [None] * len(array)
    if not is_list(array.type):
        raise InvalidVector(
            f"{name} holds {array.type}, not lists of numbers",
            name="vectors",
            value=str(array.type),
            remedy="Pass a column of lists, or a table with one column per component.",
        )
    lengths = import_module("pyarrow.compute").list_value_length(array).to_numpy(zero_copy_only=False)
    flat = array.flatten()  # only the rows of this array, even if it is a slice of its buffers
    if flat.null_count or array.null_count:
        return _one_by_one(array, name)
    components = numbers(flat, name)
    if len(lengths) and (lengths == lengths[0]).all():
        return components.reshape(len(array), int(lengths[0]))
    return np.split(components, np.cumsum(lengths)[:-1].astype(np.int64)) if len(lengths) else []


def _one_by_one(array: Any, name: str) -> list[Any]:
    """For columns with missing values: missing rows become None; missing components stay None, to be rejected later."""
    return [
        None if not scalar.is_valid else scalar.as_py() if scalar.values.null_count else numbers(scalar.values, name)
        for scalar in array
    ]
