"""What the formats share: a row and its place, and cells that hold a value of any type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from ...metadata import dumps, loads
from ...types import Id
from .cells import column_type
from .layout import joined_texts
from .reading import ColumnNames, Reading, bad

# Errors of reading typed JSON: not JSON, not a date, not a number, too deep.
BAD_JSON = (ValueError, TypeError, ArithmeticError, RecursionError)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row in the form of `Collection.upsert(rows=...)`, and its place in the file."""

    place: str
    row: dict[str, Any]


def source_row(values: dict[str, Any], columns: ColumnNames, place: str) -> SourceRow:
    """Makes a row from a file's values by column name; columns without another meaning are metadata."""
    rest = dict(values)
    roles = ("id", "vector") if columns.texts else ("id", "text", "vector")
    row = {name: rest.pop(getattr(columns, name), None) for name in roles}
    if columns.texts:
        row["text"] = joined_texts(rest.get(name) for name in columns.texts)
    if isinstance(row["vector"], str):
        row["vector"] = json_vector(row["vector"], place)
    row["ttl"] = _ttl(rest.pop(columns.ttl, None))
    row["sparse"] = _sparse(rest.pop(columns.sparse, None))
    metadata = rest.pop("metadata", None)
    if metadata is None or isinstance(metadata, dict):
        twice = rest.keys() & (metadata or {}).keys()
        if twice:
            raise bad(place, f"{min(twice)!r} occurs twice, within 'metadata' and beside it")
        row["metadata"] = {**(metadata or {}), **rest}
    else:
        row["metadata"] = metadata  # the collection rejects it and says why
    return SourceRow(place, {name: value for name, value in row.items() if value is not None})


def _sparse(value: Any) -> Any:
    """Names in JSON are texts, dimensions are integers."""
    if isinstance(value, Mapping):
        return {int(key) if isinstance(key, str) and key.isdecimal() else key: weight for key, weight in value.items()}
    return value


def _ttl(value: Any) -> Any:
    """Seconds, or a point in time, which others write as ISO text."""
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value  # the collection rejects it and says why


def typed_texts(values: dict[str, Any], reading: Reading) -> dict[str, Any]:
    """The values; texts are converted to the requested types.

    Raises:
        ValueError: one cannot be converted.
    """
    if not reading.types:
        return values
    return {
        name: column_type(reading.types[name]).value(value)
        if name in reading.types and isinstance(value, str)
        else value
        for name, value in values.items()
    }


def blob_vector(cell: bytes, place: str) -> Any:
    """Returns bytes as a float32 vector."""
    if len(cell) % 4 or not cell:
        raise bad(place, f"{len(cell):,} bytes are not a float32 vector")
    return np.frombuffer(cell, "<f4")


def json_object(cell: str, place: str) -> dict[str, Any]:
    """Parses a sparse vector in the form of a JSON object."""
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise bad(place, "the sparse vector is not a JSON object of dimensions and weights")
    return found


def json_vector(cell: str, place: str) -> list[Any]:
    """Parses a vector in the form of a JSON list, a PostgreSQL array, {1,2}, or a printed NumPy array, [1. 2.]."""
    cell = cell.strip()
    try:
        if cell[:1] + cell[-1:] == "{}" or (cell[:1] + cell[-1:] == "[]" and "," not in cell):
            return [float(number) for number in cell[1:-1].replace(",", " ").split()]
        vector = json.loads(cell)
    except (ValueError, RecursionError):
        vector = None
    if not isinstance(vector, list):
        raise bad(place, "the vector is not a JSON list of numbers")
    return vector


def json_members(id_: Id, text: str | None, metadata: Mapping[str, Any]) -> str:
    """The members `id`, `text` and `metadata` of a JSON object, typed, without its braces."""
    return f'{json_member("id", id_)},"text":{json.dumps(text, ensure_ascii=False)},"metadata":{dumps(metadata)}'


def json_member(name: str, value: Any) -> str:
    return dumps({name: value})[1:-1]


# A text cell stands for a value if it is exactly what typed JSON writes for that value. So 2024 is a number, while 007
# and 1.10 stay texts: as numbers they would not be preserved.
_LOOKS_TYPED = re.compile(r'[-0-9"\[{]|true$|false$|null$')


def to_cell(value: Any) -> str:
    """`value` as a text that `from_cell` reads back; never empty."""
    if isinstance(value, str) and value and from_cell(value) == value:
        return value
    return json_member("", value).removeprefix('"":')


def from_cell(cell: str) -> Any:
    """The value that a cell stands for."""
    if not _LOOKS_TYPED.match(cell):
        return cell
    try:
        value = loads(f'{{"":{cell}}}')[""]
        return value if json_member("", value) == f'"":{cell}' else cell
    except (*BAD_JSON, KeyError):
        return cell


def shown_cell(value: Any) -> str:
    """`to_cell` on one line, without characters at its ends that a reader might strip: for files of ids."""
    cell = to_cell(value)
    return cell if cell.isprintable() and cell == cell.strip() else json_member("", value).removeprefix('"":')
