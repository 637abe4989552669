"""Vectors from a Parquet file, in memory that does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..spelling import also_spelt
from .cells import as_indices, as_matrix, check_batch_size

__all__ = ["iter_parquet_vectors"]

_BUFFER_BYTES: Final = 1 << 20


@also_spelt(source="file_path")
def iter_parquet_vectors(
    file_path: str | Path, index_column: str = "index", vector_column: str = "vector", batch_size: int = 10_000
) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
    """Yields batches of indices and vectors; only these two columns are read.

    Args:
        file_path: the file; `~` is expanded.
        index_column: integers.
        vector_column: lists of numbers, of variable or fixed size.
        batch_size: the most rows in a batch.

    Yields:
        Indices, and float32 of shape (n, dim). Errors are raised with the first batch, not by the call.

    Raises:
        ImportError: pyarrow is not installed.
        FileNotFoundError: the file does not exist.
        ValueError: a column does not exist, a vector is null, dimensions differ, or an index is not an integer.
    """
    check_batch_size(batch_size)
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise ImportError("reading Parquet needs pyarrow: pip install 'vicinal-lshrs[parquet]'") from error
    path = Path(file_path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    # Otherwise whole row groups are read, and most programs write a file as a single one.
    with parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
        names = file.schema_arrow.names
        for column in (index_column, vector_column):
            if names.count(column) != 1:
                raise ValueError(
                    f"{path.name} has {names.count(column)} columns {column!r}; it has: {', '.join(names)}"
                )
        first_row, dim = 0, None
        for batch in file.iter_batches(batch_size=batch_size, columns=[index_column, vector_column]):
            if not batch.num_rows:
                continue
            indices = as_indices(batch.column(index_column).to_pylist(), first_row)
            vectors = _vectors(batch.column(vector_column), first_row, dim)
            first_row, dim = first_row + len(indices), vectors.shape[1]
            yield indices, vectors


def _vectors(column: Any, first_row: int, dim: int | None) -> NDArray[np.float32]:
    """Returns a column of lists as a matrix: in one step if all have one length and none is null, else cell by cell."""
    values = column.flatten() if column.null_count == 0 and hasattr(column, "flatten") else None
    if values is not None and values.null_count == 0 and len(values) and len(values) % len(column) == 0:
        width = len(values) // len(column)
        lengths = None if hasattr(column.type, "list_size") else column.value_lengths().to_numpy(zero_copy_only=False)
        if (lengths is None or (lengths == width).all()) and dim in (None, width):
            matrix = values.to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(column), width)
            if np.isfinite(matrix).all():
                return np.ascontiguousarray(matrix)
    return as_matrix(column.to_pylist(), first_row, dim)
