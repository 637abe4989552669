"""Writes CSV: each value as its column would be read, or in a column `metadata.KEY` as typed JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, Final

from ...types import Id, Record
from .cells import Tally
from .csv_columns import METADATA_PREFIX, IdCells, types_of
from .dialect import Dialect
from .layout import Layout
from .reading import ColumnNames, Reading
from .rows import json_member, to_cell

_DELIMITER: Final = ","
Cells = list[str | None]


def write(file: IO[bytes], records: Sequence[Record], ids: IO[bytes] | None, layout: Layout) -> None:
    table = _own_columns(records, layout)
    keys = _keys_in_order(records)
    plain = {key: _plain_cells(records, key) for key in keys if layout.is_flat and layout.may_be_flat(key)}
    while wrong := _misread(records, table, plain, layout):
        for key in wrong:
            del plain[key]
    for key in keys:
        if key in plain:
            table[key] = plain[key]
        else:
            table[METADATA_PREFIX + key] = _typed_cells(records, key)
    names = layout.ordered(list(table))
    _write_line(file, names)
    for row in zip(*(table[name] for name in names), strict=True):
        _write_line(file, row)


def _own_columns(records: Sequence[Record], layout: Layout) -> dict[str, Cells]:
    """All columns except metadata."""
    as_is = _ids_are_plain([record.id for record in records])
    table: dict[str, Cells] = {
        layout.id: [str(one.id) if as_is else json_member("", one.id).removeprefix('"":') for one in records]
    }
    if not layout.texts:
        table[layout.text] = [record.text for record in records]
    if any(record.expires_at is not None for record in records):
        table["ttl"] = [None if one.expires_at is None else to_cell(one.expires_at) for one in records]
    if any(record.vector is not None for record in records):
        table[layout.vector] = [None if one.vector is None else json.dumps(one.vector.tolist()) for one in records]
    if any(record.sparse is not None for record in records):
        table["sparse"] = [
            None if one.sparse is None else to_cell({str(at): weight for at, weight in one.sparse.items()})
            for one in records
        ]
    return table


def _typed_cells(records: Sequence[Record], key: str) -> Cells:
    return [to_cell(record.metadata[key]) if key in record.metadata else None for record in records]


def _plain_cells(records: Sequence[Record], key: str) -> Cells:
    """Cells as in foreign files: a text is written verbatim."""
    values = [record.metadata.get(key) for record in records]
    return [None if value is None else value if isinstance(value, str) else to_cell(value) for value in values]


def _misread(records: Sequence[Record], own: dict[str, Cells], plain: dict[str, Cells], layout: Layout) -> list[str]:
    """The columns from which a reader would not restore the same values."""
    columns = ColumnNames(layout.id, layout.text, layout.vector, texts=layout.texts)
    table = own | plain
    tallies = [Tally(_DELIMITER) for _ in table]
    for tally, cells in zip(tallies, table.values(), strict=True):
        for cell in cells:
            tally.add(cell or "")
    types = types_of(list(table), tallies, columns, Dialect(_DELIMITER), Reading(), Path())
    return [
        key
        for key, cells in plain.items()
        if not all(_is_same(types[key].value(cell) if cell else None, one, key) for cell, one in zip(cells, records))
    ]


def _is_same(read: Any, record: Record, key: str) -> bool:
    """Compares values; if a row lacks the key, the cell must be read as no value."""
    if key not in record.metadata:
        return read is None
    value = record.metadata[key]
    return value is not None and type(read) is type(value) and repr(read) == repr(value)


def _keys_in_order(records: Sequence[Record]) -> list[str]:
    """All keys of the metadata, in an order that agrees with that of each row, if such an order exists."""
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
    """Whether ids written verbatim would be read unchanged."""
    if all(type(id_) is int for id_ in ids):
        return True
    if not all(isinstance(id_, str) for id_ in ids):
        return False
    seen = IdCells()
    for id_ in ids:
        seen.add(str(id_))
    return seen.decided() == "text"


def _write_line(file: IO[bytes], cells: Sequence[str | None]) -> None:
    file.write((",".join(map(_quoted, cells)) + "\n").encode())


def _quoted(cell: str | None) -> str:
    """Quotes a cell that would otherwise be read as something else, such as an empty text as no value."""
    if cell is None:
        return ""
    if cell and cell == cell.strip() and not any(character in cell for character in ',;\t|"\r\n'):
        return cell
    return '"' + cell.replace('"', '""') + '"'
