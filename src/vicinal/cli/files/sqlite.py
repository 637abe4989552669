"""A table of an SQLite database, which is opened read-only; bytes in the column of vectors are float32."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import apsw

from ...errors import InvalidArgument, Unsupported
from ...types import Record
from .layout import Layout
from .reading import ColumnNames, Reading, bad_file
from .rows import SourceRow, blob_vector, json_vector, source_row, typed_texts


def read(path: Path, reading: Reading) -> Iterator[SourceRow]:
    connection = apsw.Connection(
        f"file:{quote(str(path.resolve()))}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    try:
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
        connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        table = _table(connection, path, reading)
        names = [row[1] for row in connection.execute(f"PRAGMA table_xinfo({_name(table)})")]
        columns = reading.columns.among(names)
        columns.check(names, str(path))
        reading.check_types(names)
        reading.saw(names, columns)
        reading.total = int(next(connection.execute(f"SELECT count(*) FROM {_name(table)}"))[0])
        listed = ", ".join(map(_name, names))
        for number, cells in enumerate(connection.execute(f"SELECT {listed} FROM {_name(table)}"), 1):
            place = f"{path}: row {number}"
            row = reading.attempt(place, partial(_row, names, cells, columns, reading, place))
            if row is not None:
                yield row
    except apsw.Error as error:
        raise bad_file(str(path), f"the file cannot be read as an SQLite database: {error}") from None
    finally:
        connection.close()


def _name(name: str) -> str:
    """Quotes a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def _table(connection: apsw.Connection, path: Path, reading: Reading) -> str:
    """The named table, or the only one."""
    query = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    names = [str(name) for (name,) in connection.execute(query)]
    if reading.table is not None and reading.table in names:
        return reading.table
    if reading.table is None and len(names) == 1:
        return names[0]
    problem = f"there is no table {reading.table!r}" if reading.table else f"there are {len(names)} tables"
    raise InvalidArgument(
        f"{problem} in {str(path)!r}",
        name="--table",
        value=reading.table,
        remedy=f"Name one with --table: {', '.join(names[:20]) or 'there is none'}.",
    )


def _row(names: Sequence[str], cells: Sequence[Any], columns: ColumnNames, reading: Reading, place: str) -> SourceRow:
    values: dict[str, Any] = {}
    for name, cell in typed_texts(dict(zip(names, cells, strict=True)), reading).items():
        if name == columns.vector and isinstance(cell, (bytes, str)):
            cell = blob_vector(cell, place) if isinstance(cell, bytes) else json_vector(cell, place)
        elif isinstance(cell, bytes):
            cell = base64.b64encode(cell).decode()
        if cell is not None:
            values[name] = cell
    return source_row(values, columns, place)


def write(file: IO[bytes], records: Sequence[Record], ids: IO[bytes] | None, layout: Layout) -> None:
    raise Unsupported("SQLite databases are read, not written", name="FILE", remedy="Use .parquet.")
