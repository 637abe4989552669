"""Parquet, and Arrow's own files. Typed JSON columns are marked, to distinguish them from texts in foreign files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from ...errors import MissingExtra
from ...inputs.arrow import is_list, vectors_in_column
from ...inputs.arrow_values import is_beyond_datetime, values
from ...metadata import dumps
from ...types import Record
from .layout import Layout
from .reading import ColumnNames, Reading, bad, bad_file
from .rows import SourceRow, blob_vector, from_cell, source_row, to_cell, typed_texts
from .source import kind_of, opened

_READ_ROWS: Final = 1024
_MARK: Final = {b"vicinal": b"typed-json"}
_PANDAS_INDEX: Final = "__index_level_"
_Column = tuple[Any, Any, list[Any]]  # its type, metadata and values
ARROW_FILES: Final = (".arrow", ".feather", ".ipc")


def _pyarrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet, which have no types."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", "Parquet") from None


def read(path: Path, reading: Reading) -> Iterator[SourceRow]:
    arrow, _ = _pyarrow()
    try:
        schema = _schema(path)
        columns = reading.columns.among(schema.names)
        kept = _kept(schema, path, reading, columns)
        as_text = _beyond_datetime(path, schema, kept)
        reading.saw([schema.names[at] for at in kept], columns)
        reading.total = _count(path)
        first = 0
        for batch in _batches(path):
            yield from _rows(batch, kept, as_text, columns, first, path, reading)
            first += len(batch)
    except (arrow.ArrowInvalid, arrow.ArrowKeyError) as error:
        kind = "Arrow" if kind_of(path) in ARROW_FILES else "Parquet"
        raise bad_file(str(path), f"the file is not {kind}: {str(error).partition(chr(10))[0]}") from None


# -- batches of any of the formats


def _schema(path: Path) -> Any:
    arrow, parquet = _pyarrow()
    if kind_of(path) not in ARROW_FILES:
        with opened(path) as file, parquet.ParquetFile(file) as parquet_file:
            return parquet_file.schema_arrow
    with opened(path) as file:
        return _arrow_reader(arrow, file).schema


def _count(path: Path) -> int | None:
    """The total number of rows, if stored at the end of the file."""
    _, parquet = _pyarrow()
    if kind_of(path) in ARROW_FILES:
        return None
    with opened(path) as file, parquet.ParquetFile(file) as parquet_file:
        return int(parquet_file.metadata.num_rows)


def _batches(path: Path) -> Iterator[Any]:
    arrow, parquet = _pyarrow()
    if kind_of(path) not in ARROW_FILES:
        with opened(path) as file, parquet.ParquetFile(file) as parquet_file:
            yield from parquet_file.iter_batches(batch_size=_READ_ROWS)
        return
    with opened(path) as file:
        reader = _arrow_reader(arrow, file)
        if hasattr(reader, "num_record_batches"):
            batches = map(reader.get_batch, range(reader.num_record_batches))
        else:
            batches = iter(reader)
        for batch in batches:
            yield from (batch.slice(start, _READ_ROWS) for start in range(0, len(batch), _READ_ROWS))


def _arrow_reader(arrow: Any, file: IO[bytes]) -> Any:
    """Arrow has two kinds of files: with a footer, and streams as `datasets` writes."""
    ipc = import_module("pyarrow.ipc")
    head = file.read(6)
    file.seek(0)
    return ipc.open_file(file) if head == b"ARROW1" else ipc.open_stream(file)


# -- columns


def _kept(schema: Any, path: Path, reading: Reading, columns: ColumnNames) -> list[int]:
    """The positions of the columns to read."""
    twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if twice is not None:
        raise bad_file(str(path), f"the column {twice!r} occurs twice")
    columns.check(schema.names, str(path))
    reading.check_types(schema.names)
    types = import_module("pyarrow.types")
    is_index = [name.startswith(_PANDAS_INDEX) and types.is_integer(schema.field(name).type) for name in schema.names]
    if any(is_index) and schema.pandas_metadata:
        reading.note(f"{path}: the unnamed index of pandas is left out")
        return [at for at, left_out in enumerate(is_index) if not left_out]
    return list(range(len(schema.names)))


def _beyond_datetime(path: Path, schema: Any, kept: list[int]) -> set[str]:
    """Columns in which some instant does not fit a datetime: checked for the whole file, as a filter needs one type."""
    types = import_module("pyarrow.types")
    wanted = [schema.names[at] for at in kept]
    kinds = {name: schema.field(name).type for name in wanted}
    asked = [name for name, kind in kinds.items() if types.is_timestamp(kind) or types.is_date(kind)]
    found: set[str] = set()
    if not asked:
        return found
    chunked = import_module("pyarrow").chunked_array
    for batch in _batches(path):
        found.update(name for name in asked if is_beyond_datetime(chunked([batch.column(name)])))
    return found


def _rows(
    batch: Any, kept: list[int], as_text: set[str], columns: ColumnNames, first: int, path: Path, reading: Reading
) -> Iterator[SourceRow]:
    names = [batch.schema.names[at] for at in kept]
    read = [_column(batch.column(name), batch.schema.field(name), name in as_text, columns, path) for name in names]
    for number in range(len(batch)):
        place = f"{path}: row {first + number}"
        found = {name: column[number] for name, column in zip(names, read, strict=True)}
        row = reading.attempt(place, partial(_row, found, columns, reading, place))
        if row is not None:
            yield row


def _row(found: dict[str, Any], columns: ColumnNames, reading: Reading, place: str) -> SourceRow:
    """Columns exist for every row, so a null means that this row has no value."""
    for name in (*columns.text_columns, columns.id):
        if isinstance(found.get(name), bytes):  # old writers store texts so
            found[name] = _text(found[name], name, place)
    if isinstance(found.get(columns.vector), bytes):
        found[columns.vector] = blob_vector(found[columns.vector], place)
    typed = typed_texts(found, reading)
    return source_row({name: value for name, value in typed.items() if value is not None}, columns, place)


def _column(column: Any, field: Any, as_text: bool, columns: ColumnNames, path: Path) -> Sequence[Any]:
    types = import_module("pyarrow.types")
    name = field.name
    if field.metadata and _MARK.items() <= field.metadata.items():
        return [None if cell is None else from_cell(cell) for cell in column.to_pylist()]
    if name == columns.vector:
        return _vectors(column, name, path)
    is_binary = types.is_binary(field.type) or types.is_large_binary(field.type)
    if is_binary and name in (*columns.text_columns, columns.id):
        return list(column.to_pylist())
    return values(column, instants_as_text=as_text)


def _text(cell: bytes, name: str, place: str) -> str:
    try:
        return cell.decode()
    except UnicodeDecodeError:
        raise bad(place, f"the column {name!r} holds bytes that are not UTF-8") from None


def _vectors(column: Any, name: str, path: Path) -> Sequence[Any]:
    """Lists of numbers; bytes, float32, little-endian, as sqlite-vec, Redis and DuckDB store vectors; or JSON.

    Bytes and JSON are decoded with their rows, so that an invalid one can be reported and skipped.
    """
    arrow, types = import_module("pyarrow"), import_module("pyarrow.types")
    kind = column.type
    is_binary = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    if is_binary or types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return list(column.to_pylist())
    if isinstance(kind, arrow.BaseExtensionType) or is_list(kind) or types.is_null(kind):
        return list(vectors_in_column(column, f"column {name!r}"))
    raise bad_file(str(path), f"the column {name!r} holds {kind}, not vectors")


# -- writing


def write(file: IO[bytes], records: Sequence[Record], ids: IO[bytes] | None, layout: Layout) -> None:
    arrow, parquet = _pyarrow()
    columns = {layout.id: _id_column(arrow, records)}
    if not layout.texts:
        columns[layout.text] = (arrow.string(), None, [record.text for record in records])
    if any(record.expires_at is not None for record in records):
        columns["ttl"] = (arrow.timestamp("us", tz="UTC"), None, [record.expires_at for record in records])
    if any(record.vector is not None for record in records):
        columns[layout.vector] = _list_of_vectors(arrow, records)
    if any(record.sparse is not None for record in records):
        kind = arrow.map_(arrow.uint32(), arrow.float32())
        sparse = [None if record.sparse is None else list(record.sparse.items()) for record in records]
        columns["sparse"] = (kind, None, sparse)
    flat = _flat_columns(arrow, records, layout)
    rest = [{key: value for key, value in record.metadata.items() if key not in flat} for record in records]
    if any(rest) or not layout.is_flat:
        columns["metadata"] = (arrow.string(), _MARK, [dumps(one) for one in rest])
    columns |= flat
    names = layout.ordered(list(columns))
    schema = arrow.schema([arrow.field(name, columns[name][0], metadata=columns[name][1]) for name in names])
    parquet.write_table(arrow.table([columns[name][2] for name in names], schema=schema), file)


def _flat_columns(arrow: Any, records: Sequence[Record], layout: Layout) -> dict[str, _Column]:
    """Metadata that came in separate columns, if all values of a key have one type that Parquet supports."""
    kinds = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}
    flat: dict[str, _Column] = {}
    if not layout.is_flat:
        return flat
    for key in dict.fromkeys(key for record in records for key in record.metadata):
        found = {type(record.metadata[key]) for record in records if key in record.metadata}
        kind = kinds.get(next(iter(found))) if len(found) == 1 and layout.may_be_flat(key) else None
        if kind is not None:
            values = [record.metadata.get(key) for record in records]
            try:
                arrow.array(values, kind)
            except (OverflowError, arrow.ArrowInvalid):  # an integer of more than 64 bits
                continue
            flat[key] = (kind, None, values)
    return flat


def _id_column(arrow: Any, records: Sequence[Record]) -> _Column:
    """Texts or integers unchanged; a mixture, and UUIDs, as typed JSON."""
    ids = [record.id for record in records]
    if all(isinstance(id_, str) for id_ in ids):
        return arrow.string(), None, ids
    if all(isinstance(id_, int) for id_ in ids):
        return arrow.int64(), None, ids
    return arrow.string(), _MARK, [to_cell(id_) for id_ in ids]


def _list_of_vectors(arrow: Any, records: Sequence[Record]) -> _Column:
    dimension = next(len(record.vector) for record in records if record.vector is not None)
    return arrow.list_(arrow.float32(), dimension), None, [record.vector for record in records]
