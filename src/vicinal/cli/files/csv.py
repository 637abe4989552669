"""CSV with a header. Cells of metadata are typed as `rows.from_cell` says; an empty one is no value."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...types import Record
from .rows import Columns, SourceRow, bad, from_cell, numbered_lines, source_row, to_cell

_PREFIX = "metadata."
_TAKEN = ("", "id", "text", "ttl", "vector", "metadata")
_CELL_CHARS_MAX = 1 << 27  # Python's own limit, 131,072, is less than a text or a vector may take


def read(path: Path, columns: Columns, ids: Path | None) -> Iterator[SourceRow]:
    csv.field_size_limit(_CELL_CHARS_MAX)
    reader = csv.reader((line for _, line in numbered_lines(path)), strict=True)
    header: list[str] | None = None
    first_line = 1
    try:
        for cells in reader:
            place, first_line = f"{path}:{first_line}", reader.line_num + 1
            if header is None:
                header = _checked_header(cells, place)
            elif cells:
                yield source_row(_values(header, cells, columns, place), columns, place)
    except csv.Error as error:
        raise bad(f"{path}:{reader.line_num}", f"the line is not CSV: {error}") from None


def _checked_header(cells: list[str], place: str) -> list[str]:
    for name in cells:
        if cells.count(name) > 1:
            raise bad(place, f"the column {name!r} is there twice")
    return cells


def _values(header: list[str], cells: list[str], columns: Columns, place: str) -> dict[str, Any]:
    if len(cells) != len(header):
        raise bad(place, f"the line has {len(cells)} cells, the header {len(header)}")
    values: dict[str, Any] = {}
    for name, cell in zip(header, cells, strict=True):
        if name == columns.text:
            values[name] = cell
        elif name == columns.vector:
            values[name] = _vector(cell, place)
        elif name in (columns.id, "ttl"):
            values[name] = from_cell(cell) if cell else None
        elif cell and name.startswith(_PREFIX):
            values.setdefault("metadata", {})[name.removeprefix(_PREFIX)] = from_cell(cell)
        elif cell:
            values[name] = from_cell(cell)
    return values


def _vector(cell: str, place: str) -> list[float] | None:
    if not cell:
        return None
    try:
        vector = json.loads(cell)
    except (ValueError, RecursionError):
        vector = None
    if not isinstance(vector, list):
        raise bad(place, "the vector is not a JSON list of numbers")
    return vector


def write(path: Path, records: Sequence[Record], ids: Path | None) -> None:
    keys = list(dict.fromkeys(key for record in records for key in record.metadata))
    has_ttl = any(record.expires_at is not None for record in records)
    has_vector = any(record.vector is not None for record in records)
    header = ["id", "text", *["ttl"] * has_ttl, *["vector"] * has_vector, *map(_column_name, keys)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for record in records:
            cells = [to_cell(record.id), record.text or ""]
            if has_ttl:
                cells.append("" if record.expires_at is None else to_cell(record.expires_at))
            if has_vector:
                cells.append("" if record.vector is None else json.dumps(record.vector.tolist()))
            cells += (to_cell(record.metadata[key]) if key in record.metadata else "" for key in keys)
            writer.writerow(cells)


def _column_name(key: str) -> str:
    """A column for a metadata key, which may be called "id" or nothing at all."""
    return f"{_PREFIX}{key}" if key in _TAKEN or key.startswith(_PREFIX) else key
