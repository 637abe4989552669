"""Types of the cells of a CSV file, by column."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final
from uuid import UUID

from .cells import ColumnType, Tally, column_type, misread
from .dialect import Dialect
from .reading import ColumnNames, Reading
from .rows import from_cell, json_member

__all__ = ["METADATA_PREFIX", "IdCells", "types_of"]

METADATA_PREFIX: Final = "metadata."
_INT64: Final = range(-(2**63), 2**63)


def types_of(
    names: Sequence[str | None],
    tallies: Sequence[Tally],
    columns: ColumnNames,
    dialect: Dialect,
    reading: Reading,
    path: Path,
) -> dict[str, ColumnType]:
    """The types of metadata columns, and of other columns for which one was requested."""
    types = _types(names, tallies, columns, reading)
    _keep_unclear_as_text(dict(zip(names, tallies)), types, dialect, path, reading)
    return types


def _types(
    names: Sequence[str | None], tallies: Sequence[Tally], columns: ColumnNames, reading: Reading
) -> dict[str, ColumnType]:
    types: dict[str, ColumnType] = {}
    for name, tally in zip(names, tallies):
        if name is None or name in (columns.vector, columns.sparse) or (name == columns.text and not columns.texts):
            continue
        if name in columns.texts:
            types[name] = column_type("text")
        elif name in reading.types:
            types[name] = column_type(reading.types[name])
        elif not name.startswith(METADATA_PREFIX) and name not in (columns.id, columns.ttl):
            types[name] = tally.decided()
    return types


def _keep_unclear_as_text(
    tallies: dict[str | None, Tally], types: dict[str, ColumnType], dialect: Dialect, path: Path, reading: Reading
) -> None:
    """Keeps 1.234 as text if the decimal mark of the file is, or may be, a comma."""
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


class IdCells:
    """How id cells are read: all as integers, all as typed JSON, or all as texts."""

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
