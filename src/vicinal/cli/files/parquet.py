"""Parquet. Typed JSON columns carry a mark, so that other people's text columns are not taken for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from ...errors import MissingExtra
from ...metadata import dumps
from ...types import Record
from .rows import Columns, SourceRow, bad, from_cell, source_row, to_cell

_READ_ROWS = 1024
_MARK = {b"vicinal": b"typed-json"}


def _pyarrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet, which have no types."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", "Parquet") from None


def read(path: Path, columns: Columns, ids: Path | None) -> Iterator[SourceRow]:
    arrow, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            marked = {
                field.name for field in file.schema_arrow if field.metadata and _MARK.items() <= field.metadata.items()
            }
            for number, values in enumerate(_rows(file)):
                decoded = {name: from_cell(value) if name in marked else value for name, value in values.items()}
                # Columns are there for every row, so a null means that this row has no such value.
                present = {name: value for name, value in decoded.items() if value is not None or name == columns.text}
                yield source_row(present, columns, f"{path}: row {number}")
    except arrow.ArrowInvalid as error:
        raise bad(str(path), f"the file is not Parquet: {str(error).partition(chr(10))[0]}") from None


def _rows(file: Any) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(batch_size=_READ_ROWS):
        yield from batch.to_pylist()


def write(path: Path, records: Sequence[Record], ids: Path | None) -> None:
    arrow, parquet = _pyarrow()
    columns = [_id_column(arrow, records), ("text", arrow.string(), None, [record.text for record in records])]
    if any(record.expires_at is not None for record in records):
        columns.append(("ttl", arrow.timestamp("us", tz="UTC"), None, [record.expires_at for record in records]))
    if any(record.vector is not None for record in records):
        columns.append(("vector", *_vectors(arrow, records)))
    columns.append(("metadata", arrow.string(), _MARK, [dumps(record.metadata) for record in records]))
    schema = arrow.schema([arrow.field(name, kind, metadata=mark) for name, kind, mark, _ in columns])
    parquet.write_table(arrow.table([values for *_, values in columns], schema=schema), path)


def _id_column(arrow: Any, records: Sequence[Record]) -> tuple[str, Any, Any, list[Any]]:
    """Texts or integers as they are; a mixture, and UUIDs, as typed JSON."""
    ids = [record.id for record in records]
    if all(isinstance(id_, str) for id_ in ids):
        return "id", arrow.string(), None, ids
    if all(isinstance(id_, int) for id_ in ids):
        return "id", arrow.int64(), None, ids
    return "id", arrow.string(), _MARK, [to_cell(id_) for id_ in ids]


def _vectors(arrow: Any, records: Sequence[Record]) -> tuple[Any, Any, list[Any]]:
    dimension = next(len(record.vector) for record in records if record.vector is not None)
    return arrow.list_(arrow.float32(), dimension), None, [record.vector for record in records]
