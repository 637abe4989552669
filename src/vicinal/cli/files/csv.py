"""CSV with a header.

In foreign files each column has the type that all its cells have, see `cells`. In our own a column `metadata.KEY` holds
the output of `rows.to_cell`, where each cell has its own type, so that every value is preserved. An empty cell is no
value; an empty text is quoted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from .cells import ColumnType, Tally
from .csv_columns import METADATA_PREFIX, IdCells, types_of
from .csv_writing import write
from .dialect import Dialect, quoted_fields, sniffed
from .lines import encoding_of, has_bad_bytes, mended, text_lines
from .reading import ColumnNames, Reading, bad, bad_file
from .records import CsvRecord, records
from .rows import SourceRow, from_cell, json_object, json_vector, source_row
from .source import kind_of

__all__ = ["read", "write"]

_SNIFFED_LINES: Final = 200
_TABBED: Final = (".tsv", ".tab")


@dataclass(frozen=True, slots=True)
class _Table:
    """What is known about a file before its rows are read.

    Attributes:
        names: of the columns, None for one that is skipped.
        types: of the columns whose type was inferred from all their cells.
        ids: how id cells are read.
    """

    encoding: str
    dialect: Dialect
    names: list[str | None]
    columns: ColumnNames
    types: dict[str, ColumnType]
    ids: str


def read(path: Path, reading: Reading) -> Iterator[SourceRow]:
    table = _survey(path, reading)
    if table is None:
        return
    for record in islice(_records(path, table.encoding, table.dialect), 1, None):
        place = f"{path}:{record.line}"
        if record.problem:
            reading.refuse(bad(place, record.problem))
            continue
        if has_bad_bytes(record.raw):
            if reading.on_error != "replace":
                reading.refuse(bad(place, "the line is not UTF-8"))
                continue
            reading.replaced(place)
            record = replace(record, cells=[mended(cell) for cell in record.cells])
        row = reading.attempt(place, partial(_row, table, record, place))
        if row is not None:
            yield row


def _row(table: _Table, record: CsvRecord, place: str) -> SourceRow:
    return source_row(_values(table, record, place), table.columns, place)


def _records(path: Path, encoding: str, dialect: Dialect) -> Iterator[CsvRecord]:
    return records(text_lines(path, encoding), dialect)


# -- what the whole file says


def _survey(path: Path, reading: Reading) -> _Table | None:
    """Reads the file once to determine the types of its columns; None if there is no header."""
    encoding = encoding_of(path, reading, old_allowed=True)
    asked = reading.delimiter or ("\t" if kind_of(path) in _TABBED else None)
    head = list(islice(text_lines(path, encoding), _SNIFFED_LINES))
    dialect = sniffed(head, asked, reading.columns.special, is_all=len(head) < _SNIFFED_LINES)
    if dialect.delimiter != "," and reading.delimiter is None and kind_of(path) not in _TABBED:
        reading.note(f"{path}: {dialect} between cells")
    found = _records(path, encoding, dialect)
    header = next(found, None)
    if header is None:
        return None
    place = f"{path}:{header.line}"
    if header.problem:
        raise bad_file(place, header.problem)
    names = _header(header, dialect)
    tallies = [Tally(dialect.delimiter) for _ in names]
    ids = IdCells()
    given = [name for name in names if name]
    columns = reading.columns.among(given)
    id_at = names.index(columns.id) if columns.id in names else None
    rows = 0
    for record in found:
        rows += 1
        for tally, cell in zip(tallies, record.cells):
            tally.add(cell)
        if id_at is not None and record.cells:
            ids.add(record.cells[id_at])
    _check_header(given, columns, place)
    reading.check_types(given)
    reading.saw(given, columns)
    reading.total = rows
    kept = [_kept(name, number, tally, path, reading) for number, (name, tally) in enumerate(zip(names, tallies), 1)]
    types = types_of(kept, tallies, columns, dialect, reading, path)
    found_ids = ids.decided()
    if ids.seen and columns.id not in reading.types:
        reading.ids_found = found_ids if found_ids != "typed" else ""
    _tell(path, types, columns, reading)
    return _Table(encoding, dialect, kept, columns, types, found_ids)


def _header(record: CsvRecord, dialect: Dialect) -> list[str]:
    """Blanks around a name are significant if it is quoted."""
    quoted = quoted_fields(record.raw, dialect.delimiter)
    return [cell if is_quoted else cell.strip() for cell, is_quoted in zip(record.cells, quoted, strict=False)]


def _check_header(names: list[str], columns: ColumnNames, place: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise bad_file(place, f"the column {twice!r} occurs twice")
    columns.check(names, place)


def _kept(name: str, number: int, tally: Tally, path: Path, reading: Reading) -> str | None:
    """The name under which a column is kept; an unnamed column is skipped if it contains no information."""
    if name:
        return name
    if tally.is_empty:
        return None
    if tally.is_row_number:
        reading.note(f"{path}: column {number} has no name and counts the rows; it is left out")
        return None
    reading.note(f"{path}: column {number} has no name; it is kept as 'column {number}'")
    return f"column {number}"


def _tell(path: Path, types: dict[str, ColumnType], columns: ColumnNames, reading: Reading) -> None:
    asked = ColumnNames()
    renamed = [
        f"{getattr(columns, role)!r} holds the {what}"
        for role, what in (("id", "ids"), ("text", "texts"), ("vector", "vectors"))
        if getattr(columns, role) not in (getattr(reading.columns, role), getattr(asked, role))
    ]
    if renamed:
        reading.note(f"{path}: {', '.join(renamed)}")
    told = {columns.id: reading.ids_found} if reading.ids_found else {}
    told |= {name: kind.name for name, kind in types.items()}
    if told:
        reading.note(f"{path}: {', '.join(f'{name} {kind}' for name, kind in told.items())}")


# -- rows


def _values(table: _Table, record: CsvRecord, place: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for at, (name, cell) in enumerate(zip(table.names, record.cells, strict=True)):
        if name is None:
            continue
        if name == table.columns.text and not table.columns.texts:
            is_text = cell or ('""' in record.raw and quoted_fields(record.raw, table.dialect.delimiter)[at])
            values[name] = cell if is_text else None
        elif not cell:
            continue
        elif name == table.columns.id and name not in table.types:
            values[name] = cell if table.ids == "text" else from_cell(cell)
        elif name == table.columns.vector:
            values[name] = json_vector(cell, place)
        elif name in table.types:
            value = table.types[name].value(cell)
            if value is not None:
                values[name] = value
        elif name.startswith(METADATA_PREFIX):
            values.setdefault("metadata", {})[name.removeprefix(METADATA_PREFIX)] = from_cell(cell)
        else:
            values[name] = from_cell(cell)
            if name == table.columns.sparse and isinstance(values[name], str):
                values[name] = json_object(cell, place)
    return values
