"""What the formats share: a row and its place, columns by name, numbered lines, typed cells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InvalidInput
from ...metadata import dumps, loads
from ...types import Id

# How reading typed JSON fails: not JSON, no date, no number, too deep.
BAD_JSON = (ValueError, TypeError, ArithmeticError, RecursionError)


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns that are not metadata; `required` were named by the user, so they must exist."""

    id: str = "id"
    text: str = "text"
    vector: str = "vector"
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row as `Collection.upsert(rows=...)` takes it, and where it stands."""

    place: str
    row: dict[str, Any]


def source_row(values: dict[str, Any], columns: Columns, place: str) -> SourceRow:
    """A row from the values of a file by column name; what has no other meaning is metadata."""
    missing = columns.required - values.keys()
    if missing or not {columns.text, columns.vector} & values.keys():
        wanted = sorted(missing) or [columns.text, columns.vector]
        raise InvalidInput(
            f"there is no column {' or '.join(map(repr, wanted))}",
            name="columns",
            place=place,
            remedy=f"There are {', '.join(map(repr, values))}; name the right ones with "
            "--id-column, --text-column and --vector-column.",
        )
    rest = dict(values)
    row = {name: rest.pop(getattr(columns, name), None) for name in ("id", "text", "vector")}
    row["ttl"] = rest.pop("ttl", None)
    metadata = rest.pop("metadata", None)
    if metadata is None or isinstance(metadata, dict):
        row["metadata"] = {**(metadata or {}), **rest}
    else:
        row["metadata"] = metadata  # the collection refuses it and says why
    return SourceRow(place, {name: value for name, value in row.items() if value is not None})


def bad(place: str, problem: str) -> InvalidInput:
    return InvalidInput(problem, name="FILE", place=place, remedy="Mend the file and import it again.")


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Read as bytes: so a line that is not UTF-8 has a number, and nothing but \\n ends a line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise bad(f"{path}:{number}", "the line is not UTF-8") from None


def json_members(id_: Id, text: str | None, metadata: Mapping[str, Any]) -> str:
    """The members `id`, `text` and `metadata` of a JSON object, typed, without its braces."""
    return f'{json_member("id", id_)},"text":{json.dumps(text, ensure_ascii=False)},"metadata":{dumps(metadata)}'


def json_member(name: str, value: Any) -> str:
    return dumps({name: value})[1:-1]


# A cell of text stands for a value where it is exactly what typed JSON writes for that value. So 2024 is a
# number, while 007 and 1.10 stay texts: as numbers they would not come back as they were.
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


def read_ids(path: Path) -> list[Any]:
    """Ids of a file that has one a line."""
    return [from_cell(line.rstrip("\r\n")) for _, line in numbered_lines(path) if line.strip()]
