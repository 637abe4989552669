"""CSV with a header.

Files of others: each column has the type that all its cells have, see `cells`. Our own: a column `metadata.KEY` holds
what `rows.to_cell` writes, each cell with a type of its own, so that everything comes back as it was. An empty cell is
no value; a text that is empty stands in quotation marks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from graphlib import CycleError, TopologicalSorter
from itertools import islice, pairwise
from pathlib import Path
from typing import IO, Any, Final
from uuid import UUID

from ...types import Id, Record
from .cells import ColumnType, Tally, column_type, misread
from .dialect import Dialect, quoted_fields, sniffed
from .lines import encoding_of, has_bad_bytes, mended, text_lines
from .reading import Columns, Reading, bad, bad_file
from .records import CsvRecord, records
from .rows import SourceRow, from_cell, json_member, json_object, json_vector, source_row, to_cell
from .source import kind_of

_PREFIX: Final = "metadata."
_SNIFFED_LINES: Final = 200
_INT64: Final = range(-(2**63), 2**63)
_TABBED: Final = (".tsv", ".tab")


@dataclass(frozen=True, slots=True)
class _Table:
    """What is known of a file before its rows are read.

    Attributes:
        names: of the columns, None for one that is left out.
        types: of those columns whose type was decided by all their cells.
        ids: how cells of ids are read.
    """

    encoding: str
    dialect: Dialect
    names: list[str | None]
    columns: Columns
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
    """Reads the file once, for the types of its columns; None where there is no header."""
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
    ids = _IdCells()
    given = [name for name in names if name]
    columns = reading.columns.among(given)
    id_at = names.index(columns.id) if columns.id in names else None
    for record in found:
        for tally, cell in zip(tallies, record.cells):
            tally.add(cell)
        if id_at is not None and record.cells:
            ids.add(record.cells[id_at])
    _check_header(given, columns, place)
    reading.check_types(given)
    kept = [_kept(name, number, tally, path, reading) for number, (name, tally) in enumerate(zip(names, tallies), 1)]
    types = _types(kept, tallies, columns, reading)
    _keep_unclear_as_text(dict(zip(kept, tallies)), types, dialect, path, reading)
    found_ids = ids.decided()
    if ids.seen and columns.id not in reading.types:
        reading.ids_found = found_ids if found_ids != "typed" else ""
    _tell(path, types, columns, reading)
    return _Table(encoding, dialect, kept, columns, types, found_ids)


def _header(record: CsvRecord, dialect: Dialect) -> list[str]:
    """Blanks around a name count where it stands in quotation marks."""
    quoted = quoted_fields(record.raw, dialect.delimiter)
    return [cell if is_quoted else cell.strip() for cell, is_quoted in zip(record.cells, quoted, strict=False)]


def _check_header(names: list[str], columns: Columns, place: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise bad_file(place, f"the column {twice!r} is there twice")
    columns.check(names, place)


def _kept(name: str, number: int, tally: Tally, path: Path, reading: Reading) -> str | None:
    """The name under which a column is kept; one without a name is left out where it says nothing."""
    if name:
        return name
    if tally.is_empty:
        return None
    if tally.is_row_number:
        reading.note(f"{path}: column {number} has no name and counts the rows; it is left out")
        return None
    reading.note(f"{path}: column {number} has no name; it is kept as 'column {number}'")
    return f"column {number}"


def _types(names: list[str | None], tallies: list[Tally], columns: Columns, reading: Reading) -> dict[str, ColumnType]:
    types: dict[str, ColumnType] = {}
    for name, tally in zip(names, tallies):
        if name is None or name in (columns.text, columns.vector, columns.sparse):
            continue
        if name in reading.types:
            types[name] = column_type(reading.types[name])
        elif not name.startswith(_PREFIX) and name not in (columns.id, columns.ttl):
            types[name] = tally.decided()
    return types


def _keep_unclear_as_text(
    tallies: dict[str | None, Tally], types: dict[str, ColumnType], dialect: Dialect, path: Path, reading: Reading
) -> None:
    """1.234 is no fraction for certain where the decimal mark of the file is a comma, or may be one."""
    by_comma = any(tally.shows_decimal_comma for tally in tallies.values())
    by_point = any(tally.shows_decimal_point for tally in tallies.values())
    for name, kind in types.items():
        tally = tallies[name]
        if name in reading.types:
            continue
        is_asked = by_comma or (dialect.delimiter == ";" and not by_point)
        if is_asked and tally.may_be_thousands(has_decimal_comma=by_comma):
            types[name] = column_type("text")
        if tally.is_undecided or types[name] is not kind:
            reading.note(f"{path}: {misread(tally.example, name)}")


def _tell(path: Path, types: dict[str, ColumnType], columns: Columns, reading: Reading) -> None:
    asked = Columns()
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


class _IdCells:
    """How cells of ids are to be read: all as whole numbers, all as typed JSON, or as the texts that they are."""

    def __init__(self) -> None:
        self._all_int = self._all_typed = True
        self.seen = False

    def add(self, cell: str) -> None:
        self.seen = self.seen or bool(cell)
        if not cell or not (self._all_int or self._all_typed):
            return
        value = from_cell(cell)
        is_int = type(value) is int and value in _INT64
        self._all_int = self._all_int and is_int
        is_id = is_int or isinstance(value, (str, UUID))
        self._all_typed = self._all_typed and is_id and json_member("", value) == f'"":{cell}'

    def decided(self) -> str:
        return "int" if self._all_int else "typed" if self._all_typed else "text"


# -- rows


def _values(table: _Table, record: CsvRecord, place: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for at, (name, cell) in enumerate(zip(table.names, record.cells, strict=True)):
        if name is None:
            continue
        if name == table.columns.text:
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
        elif name.startswith(_PREFIX):
            values.setdefault("metadata", {})[name.removeprefix(_PREFIX)] = from_cell(cell)
        else:
            values[name] = from_cell(cell)
            if name == table.columns.sparse and isinstance(values[name], str):
                values[name] = json_object(cell, place)
    return values


# -- writing


def write(file: IO[bytes], records: Sequence[Record], ids: IO[bytes] | None) -> None:
    keys = _keys_in_order(records)
    has_ttl = any(record.expires_at is not None for record in records)
    has_vector = any(record.vector is not None for record in records)
    has_sparse = any(record.sparse is not None for record in records)
    names = ["id", "text", *["ttl"] * has_ttl, *["vector"] * has_vector, *["sparse"] * has_sparse]
    _write_line(file, [*names, *(f"{_PREFIX}{key}" for key in keys)])
    as_is = _ids_are_plain([record.id for record in records])
    for record in records:
        cells: list[str | None] = [str(record.id) if as_is else json_member("", record.id).removeprefix('"":')]
        cells.append(record.text)
        if has_ttl:
            cells.append(None if record.expires_at is None else to_cell(record.expires_at))
        if has_vector:
            cells.append(None if record.vector is None else json.dumps(record.vector.tolist()))
        if has_sparse:
            cells.append(None if record.sparse is None else to_cell({str(at): w for at, w in record.sparse.items()}))
        cells += (to_cell(record.metadata[key]) if key in record.metadata else None for key in keys)
        _write_line(file, cells)


def _keys_in_order(records: Sequence[Record]) -> list[str]:
    """All keys of the metadata, such that those of each row stand in its own order, where one order is that of all."""
    orders = dict.fromkeys(tuple(record.metadata) for record in records)
    keys = dict.fromkeys(key for order in orders for key in order)
    behind: dict[str, list[str]] = {key: [] for key in keys}
    for order in orders:
        for before, key in pairwise(order):
            behind[key].append(before)
    try:
        return list(TopologicalSorter(behind).static_order())
    except CycleError:
        return list(keys)


def _ids_are_plain(ids: list[Id]) -> bool:
    """Whether ids written as they are would be read as they are."""
    if all(type(id_) is int for id_ in ids):
        return True
    if not all(isinstance(id_, str) for id_ in ids):
        return False
    seen = _IdCells()
    for id_ in ids:
        seen.add(str(id_))
    return seen.decided() == "text"


def _write_line(file: IO[bytes], cells: Sequence[str | None]) -> None:
    file.write((",".join(map(_quoted, cells)) + "\n").encode())


def _quoted(cell: str | None) -> str:
    """In quotation marks where a reader would else take it for something else: an empty text for no text, too."""
    if cell is None:
        return ""
    if cell and cell == cell.strip() and not any(character in cell for character in ',;\t|"\r\n'):
        return cell
    return '"' + cell.replace('"', '""') + '"'
