"""Reads a generation whose bytes may be arbitrary: what cannot be read is reported, and the rest is still read.

The ordinary readers stop at the first error, as they should. Verify and repair need to see what follows it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw

from ..errors import VicinalError
from .checksum import is_whole
from .connections import Connections
from .files import File, Files
from .rows import Row

# All errors that damaged bytes are known to raise in lower layers: SQLite's own errors, a text that is not UTF-8, a
# column of another type than its table's, a number out of range, an impossible length, a failing disk.
READ_ERRORS = (VicinalError, apsw.Error, ValueError, TypeError, ArithmeticError, LookupError, MemoryError, OSError)

MAGIC = b"SQLite format 3\0"
PAGE_BYTES = 4096
_COMPONENT_BYTES = 4
_POSITION_MAX = 2**62  # the system accepts no larger position
_ROWS_AT_ONCE = 1024
_SELECT_ROWS = (
    "SELECT slot, id, change, expires_at, space, sparse, metadata, text, crc FROM rows "
    "WHERE slot >= ? AND slot < ? ORDER BY slot"
)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Slots from `first` to `last`, which SQLite cannot read because of `why`."""

    first: int
    last: int
    why: str


class VectorBytes:
    """`vectors.f32` by slot, read instead of mapped: a failing disk then raises an error instead of a signal."""

    def __init__(self, file: File | None, dimension: int | None) -> None:
        self._file = file
        self._row_bytes = (dimension or 0) * _COMPONENT_BYTES

    def raw(self, slot: int) -> bytes:
        """The bytes of one vector, fewer if the file ends."""
        return self.read_at(slot * self._row_bytes, self._row_bytes)

    def read_at(self, position: int, count: int) -> bytes:
        """Fewer bytes than `count` if the file ends, b"" if there is no file or no such position."""
        if self._file is None or not 0 <= position < _POSITION_MAX:
            return b""
        return self._file.read_at(position, count)

    def fault(self, row: Row, crc: object) -> str | None:
        """Why the row differs from what was written, or None."""
        vector = b"" if row.space is None else self.raw(row.slot)
        if is_whole(crc, *row.columns, vector=vector):
            return None
        if row.space is not None and len(vector) < self._row_bytes:
            return "its vector is missing: vectors.f32 is too short"
        return "fails its checksum"


@contextlib.contextmanager
def opened_vectors(files: Files, generation: str, dimension: int | None) -> Iterator[VectorBytes]:
    """The vectors of a generation; empty if the file cannot be opened, which then shows in the rows."""
    try:
        file: File | None = files.open(os.path.join(generation, "vectors.f32"))
    except VicinalError:
        file = None
    try:
        yield VectorBytes(file, dimension)
    finally:
        if file is not None:
            file.close()


@contextlib.contextmanager
def opened_records(files: Files, generation: str) -> Iterator[Connections]:
    """The records of a generation, opened in the usual way, so that no lock of this process is lost by reading."""
    connections = Connections(os.path.join(generation, "records.db"), files)
    try:
        yield connections
    finally:
        connections.close()


def stored_rows(connection: apsw.Connection, first: int, last: int) -> Iterator[tuple[Row, object] | Unreadable]:
    """(row, its checksum) of the slots from `first` up to but not including `last`, in order."""
    for start in range(first, last, _ROWS_AT_ONCE):
        yield from _rows_around_damage(connection, start, min(start + _ROWS_AT_ONCE, last))


def _rows_around_damage(
    connection: apsw.Connection, first: int, last: int
) -> Iterator[tuple[Row, object] | Unreadable]:
    """Halves the range until the damage is isolated."""
    try:
        found: list[Any] = connection.execute(_SELECT_ROWS, (first, last)).fetchall()
    except READ_ERRORS as error:
        if last - first == 1:
            yield Unreadable(first, first, str(error))
            return
        middle = (first + last) // 2
        yield from _rows_around_damage(connection, first, middle)
        yield from _rows_around_damage(connection, middle, last)
        return
    for slot, id_, change, *rest, crc in found:
        yield Row(slot, id_, change, *rest), crc


def together(ranges: list[Unreadable]) -> list[Unreadable]:
    """Merges adjacent ranges with the same reason."""
    merged: list[Unreadable] = []
    for one in ranges:
        if merged and merged[-1].last + 1 == one.first and merged[-1].why == one.why:
            merged[-1] = Unreadable(merged[-1].first, one.last, one.why)
        else:
            merged.append(one)
    return merged


def page(connection: apsw.Connection, number: int) -> bytes:
    """A page of records.db as stored in the file, counted from 1, padded with zeros beyond the end.

    It is read through SQLite's own descriptor: closing another one would release this process's locks.
    """
    _, data = connection.read("main", 0, (number - 1) * PAGE_BYTES, PAGE_BYTES)
    return data
