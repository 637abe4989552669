"""Reads records directly from SQLite's pages, for when the b-tree that leads to them is broken.

Every page that still looks like a leaf is read by itself; a record's own checksum shows whether it is one of ours and
intact. The layout is described in sections 1 and 2.1 of https://sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw

from .forensics import MAGIC, PAGE_BYTES, page

# Tables get their root pages in the order of creation, and without vacuum, a root never moves.
ROWS_ROOT, ID_INDEX_ROOT = 3, 4

_TABLE_LEAF, _INDEX_LEAF, _TABLE_INTERIOR, _INDEX_INTERIOR = 13, 10, 5, 2
_INTERIOR = (_TABLE_INTERIOR, _INDEX_INTERIOR)
_FILE_HEADER_BYTES = 100  # before the b-tree header of page 1
_HEADER_BYTES = {_TABLE_LEAF: 8, _INDEX_LEAF: 8, _TABLE_INTERIOR: 12, _INDEX_INTERIOR: 12}
_LOCAL_MIN = (PAGE_BYTES - 12) * 32 // 255 - 23
_LOCAL_MAX = {
    _TABLE_LEAF: PAGE_BYTES - 35,
    _INDEX_LEAF: (PAGE_BYTES - 12) * 64 // 255 - 23,
    _INDEX_INTERIOR: (PAGE_BYTES - 12) * 64 // 255 - 23,
}
_FREE_LEAVES_MAX = PAGE_BYTES // 4 - 2
_INT_BYTES = (0, 1, 2, 3, 4, 6, 8)
_VARINT_BYTES_MAX = 9

# Errors raised when garbage is read as a record.
_NO_RECORD = (IndexError, ValueError, struct.error, MemoryError)


@dataclass(frozen=True, slots=True)
class Cell:
    """A record and its position.

    Attributes:
        rowid: its key in a table, or None in an index.
        columns: as stored; the column that is the rowid is None.
    """

    page: int
    position: int
    rowid: int | None
    columns: list[Any]


@dataclass(frozen=True, slots=True)
class Tree:
    """The pages that are reachable from a root, and whether none was missing."""

    pages: set[int]
    is_whole: bool


class Pages:
    """All pages of a file, in file order.

    Attributes:
        free: pages on the free list, which contain only deleted data.
        free_is_known: whether that list could be followed to its end.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._count = _page_count(connection)
        self.free, self.free_is_known = _free_pages(connection, self._count)

    def cells(self) -> Iterator[Cell]:
        """Every readable record in use, page by page."""
        for number in range(1, self._count + 1):
            if number not in self.free:
                yield from _cells_of(self._connection, number)

    def tree(self, root: int) -> Tree:
        """The pages that a b-tree still leads to. A page in it is in use, so its records were not deleted."""
        reached: set[int] = set()
        is_whole, todo = True, [root]
        while todo:
            number = todo.pop()
            data = page(self._connection, number) if 0 < number <= self._count and number not in reached else b"\0"
            if data[0] not in _HEADER_BYTES:
                is_whole = False
                continue
            reached.add(number)
            if data[0] in _INTERIOR:
                todo.extend(_children(data))
        return Tree(reached, is_whole)

    def cells_of(self, tree: Tree) -> Iterator[Cell]:
        """Every readable record of a tree."""
        for number in tree.pages:
            yield from _cells_of(self._connection, number)


def cell_at(connection: apsw.Connection, number: int, position: int) -> Cell:
    """The record at a position found earlier."""
    return _cell(connection, page(connection, number), number, position)


def _page_count(connection: apsw.Connection) -> int:
    """Complete pages in the file: its header may be gone, so the end is found by doubling, then halving."""
    low, high = 0, 1
    while _has_page(connection, high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _has_page(connection, middle) else (low, middle)
    return low


def _has_page(connection: apsw.Connection, number: int) -> bool:
    whole, _ = connection.read("main", 0, (number - 1) * PAGE_BYTES, PAGE_BYTES)
    return whole


def _free_pages(connection: apsw.Connection, count: int) -> tuple[set[int], bool]:
    """The free list as far as it can be followed, and whether it has as many pages as the header says."""
    header = page(connection, 1)
    trunk, expected = struct.unpack_from(">II", header, 32)
    free: set[int] = set()
    while 0 < trunk <= count and trunk not in free:
        following, leaves = struct.unpack_from(">II", data := page(connection, trunk))
        free.update((trunk, *struct.unpack_from(f">{min(leaves, _FREE_LEAVES_MAX)}I", data, 8)))
        trunk = following
    return free, header.startswith(MAGIC) and len(free) == expected


def _children(data: bytes) -> list[int]:
    """The pages below an interior page: one to the left of each cell, and the rightmost."""
    positions = _positions(data, 0)
    return [int.from_bytes(data[at : at + 4], "big") for at in [*positions, 8]]


def _positions(data: bytes, start: int) -> tuple[int, ...]:
    """The positions of the cells of a page, according to its header."""
    (count,) = struct.unpack_from(">H", data, start + 3)
    first = start + _HEADER_BYTES[data[start]]
    return struct.unpack_from(f">{min(count, (PAGE_BYTES - first) // 2)}H", data, first)


def _cells_of(connection: apsw.Connection, number: int) -> Iterator[Cell]:
    data = page(connection, number)
    start = _FILE_HEADER_BYTES if number == 1 else 0
    if data[start] not in _LOCAL_MAX:
        return
    for position in _positions(data, start):
        try:
            yield _cell(connection, data, number, position)
        except _NO_RECORD:
            continue


def _cell(connection: apsw.Connection, data: bytes, number: int, position: int) -> Cell:
    kind = data[_FILE_HEADER_BYTES if number == 1 else 0]
    at = position + 4 if kind == _INDEX_INTERIOR else position  # after the page number of the left child
    size, at = _varint(data, at)
    rowid: int | None = None
    if kind == _TABLE_LEAF:
        rowid, at = _varint(data, at)
    return Cell(number, position, rowid, _columns(_payload(connection, data, at, size, _LOCAL_MAX[kind])))


def _payload(connection: apsw.Connection, data: bytes, at: int, size: int, local_max: int) -> bytes:
    """The record's bytes: those on its own page, then the chain of overflow pages."""
    if size <= local_max:
        return data[at : at + size]
    local = _LOCAL_MIN + (size - _LOCAL_MIN) % (PAGE_BYTES - 4)
    if local > local_max:
        local = _LOCAL_MIN
    parts, missing = [data[at : at + local]], size - local
    following = int.from_bytes(data[at + local : at + local + 4], "big")
    while missing > 0 and following:
        whole, overflow = connection.read("main", 0, (following - 1) * PAGE_BYTES, PAGE_BYTES)
        if not whole:
            raise ValueError("the chain of overflow pages leaves the file")
        parts.append(overflow[4 : 4 + missing])
        missing -= PAGE_BYTES - 4
        following = int.from_bytes(overflow[:4], "big")
    return b"".join(parts)


def _columns(record: bytes) -> list[Any]:
    header_size, at = _varint(record, 0)
    kinds = []
    while at < header_size:
        kind, at = _varint(record, at)
        kinds.append(kind)
    columns = []
    for kind in kinds:
        value, at = _column(record, at, kind)
        columns.append(value)
    if at > len(record):
        raise ValueError("the record is cut short")
    return columns


def _column(record: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind == 0:
        return None, at
    if kind < len(_INT_BYTES):
        end = at + _INT_BYTES[kind]
        return int.from_bytes(record[at:end], "big", signed=True), end
    if kind in (8, 9):  # the constants 0 and 1
        return kind - 8, at
    if kind < 12:  # a float or reserved: none of our columns has it
        raise ValueError("a column of a type that we do not write")
    end = at + (kind - 12) // 2
    # a text that is not UTF-8 is kept unchanged: its row's checksum decides
    return (record[at:end].decode(errors="surrogateescape") if kind % 2 else record[at:end]), end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, position after it): big-endian, seven bits per byte, all eight of the ninth."""
    value = 0
    for i in range(_VARINT_BYTES_MAX - 1):
        byte = data[at + i]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    value = value << 8 | data[at + _VARINT_BYTES_MAX - 1]
    return value - (1 << 64 if value >> 63 else 0), at + _VARINT_BYTES_MAX
