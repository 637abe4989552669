"""Reading a generation whose bytes may be anything: what cannot be read is named, and the rest goes on.

The ordinary readers stop at the first error, as they should. Verify and repair look at what lies behind it.
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

# All that damaged bytes are known to raise below us: SQLite's own errors, a text that is not UTF-8, a column
# of another type than its table's, a number out of range, a length that no memory holds, a failing disk.
READ_ERRORS = (VicinalError, apsw.Error, ValueError, TypeError, ArithmeticError, LookupError, MemoryError, OSError)

MAGIC = b"SQLite format 3\0"
PAGE_BYTES = 4096
_COMPONENT_BYTES = 4
_POSITION_MAX = 2**62  # beyond it the system takes no position
_ROWS_AT_ONCE = 1024
_SELECT_ROWS = (
    "SELECT slot, id, change, expires_at, space, sparse, metadata, text, crc FROM rows "
    "WHERE slot >= ? AND slot < ? ORDER BY slot"
)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Slots from `first` to `last` about which SQLite only says `why`."""

    first: int
    last: int
    why: str


class VectorBytes:
    """`vectors.f32` by slot, read instead of mapped: a failing disk is then an error and not a signal."""

    def __init__(self, file: File | None, dimension: int | None) -> None:
        self._file = file
        self._row_bytes = (dimension or 0) * _COMPONENT_BYTES

    def raw(self, slot: int) -> bytes:
        """The bytes of one vector, fewer where the file ends."""
        return self.read_at(slot * self._row_bytes, self._row_bytes)

    def read_at(self, position: int, count: int) -> bytes:
        """Fewer bytes than `count` where the file ends, b"" where there is no file or no such place."""
        if self._file is None or not 0 <= position < _POSITION_MAX:
            return b""
        return self._file.read_at(position, count)

    def fault(self, row: Row, crc: object) -> str | None:
        """Why the row is not what was written, or None."""
        vector = b"" if row.space is None else self.raw(row.slot)
        if is_whole(crc, *row.columns, vector=vector):
            return None
        if row.space is not None and len(vector) < self._row_bytes:
            return "its vector is missing: vectors.f32 is too short"
        return "fails its checksum"


@contextlib.contextmanager
def opened_vectors(files: Files, generation: str, dimension: int | None) -> Iterator[VectorBytes]:
    """Its vectors; none at all where the file cannot be opened, which then shows in the rows."""
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
    """Its records, the same way as for everybody, so that no lock of this process is dropped by looking."""
    connections = Connections(os.path.join(generation, "records.db"), files)
    try:
        yield connections
    finally:
        connections.close()


def stored_rows(connection: apsw.Connection, first: int, last: int) -> Iterator[tuple[Row, object] | Unreadable]:
    """(row, its checksum) of the slots from `first` up to and without `last`, in order."""
    for start in range(first, last, _ROWS_AT_ONCE):
        yield from _rows_around_damage(connection, start, min(start + _ROWS_AT_ONCE, last))


def _rows_around_damage(
    connection: apsw.Connection, first: int, last: int
) -> Iterator[tuple[Row, object] | Unreadable]:
    """Halves the range until the damage is alone."""
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
    """Neighbours with the same reason as one range."""
    merged: list[Unreadable] = []
    for one in ranges:
        if merged and merged[-1].last + 1 == one.first and merged[-1].why == one.why:
            merged[-1] = Unreadable(merged[-1].first, one.last, one.why)
        else:
            merged.append(one)
    return merged


def page(connection: apsw.Connection, number: int) -> bytes:
    """A page of records.db as it lies in the file, counted from 1, zero-filled past the end.

    Through SQLite's own descriptor: closing another one would drop this process's locks.
    """
    _, data = connection.read("main", 0, (number - 1) * PAGE_BYTES, PAGE_BYTES)
    return data
