"""What a damaged generation still contains: its state, its rows, its `kv`, each proven by its own checksum.

Rows are read through the table if SQLite can follow it, and otherwise directly from the pages. A page that was freed
Rows are read through the table if SQLite can follow it, and otherwise directly from the pages. A page that was freed
may still contain rows deleted long ago, so a row from a page needs a witness that it is alive: the index of ids, or a
page that is known to be in use and a feed that does not call it dead. Without a witness it is kept, but is doubtful.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import apsw
import numpy as np

from .checksum import is_whole
from .forensics import READ_ERRORS, Unreadable, VectorBytes, stored_rows, together
from .pages import ID_INDEX_ROOT, ROWS_ROOT, Cell, Pages, cell_at
from .rows import Row, StoredId

_ROW_COLUMNS, _CHANGE_COLUMNS, _ID_INDEX_COLUMNS, _KV_COLUMNS = 9, 7, 2, 4
_ROWS_AT_ONCE = 1024
_COMPONENT_BYTES = 4
_ROWS_TRIED = 8
_DIMENSION_TRIED_MAX = 8192
_IDS = "SELECT id, slot FROM rows INDEXED BY sqlite_autoindex_rows_1 ORDER BY id"

Position = tuple[int, int]  # page and position in it


@dataclass(slots=True)
class Witnesses:
    """Other evidence of which slots contain rows.

    Attributes:
        live: slot -> id, according to the index of ids.
        complete: whether that index was read to its end, so that anything not in it is not a row.
        dead: slots that a change ended.
        change: the highest one in an intact row of `changes`.
    """

    live: dict[int, StoredId] = field(default_factory=dict)
    complete: bool = False
    dead: set[int] = field(default_factory=set)
    change: int = 0


@dataclass(slots=True)
class Survey:
    """What can be kept and what cannot.

    Attributes:
        kept: slot -> position where its row was found; None for the table.
        lost: slot -> (id if it is known, reason).
        doubtful: ids of kept rows that may have been deleted before the damage.
        knows_all_lost: whether every lost row is listed.
        unreadable: ranges of slots of which it is unknown whether they contained rows.
        change: the highest one seen anywhere.
        highest_id: the highest integer id that is kept or known to be lost.
    """

    kept: dict[int, Position | None] = field(default_factory=dict)
    lost: dict[int, tuple[StoredId | None, str]] = field(default_factory=dict)
    doubtful: list[StoredId] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    knows_all_lost: bool = False
    change: int = 0
    highest_id: int = 0


def survey(connection: apsw.Connection, vectors: VectorBytes, slot_end: int) -> Survey:
    """Looks at every row without keeping any in memory.

    Args:
        slot_end: the first slot that was never assigned, as far as is known.
    """
    witnesses = _witnesses(connection)
    found = _SalvagedRows(Survey(), witnesses)
    end = max(slot_end, 1 + max(witnesses.live, default=-1))
    unreadable: list[Unreadable] = []
    for item in stored_rows(connection, 0, end):
        if isinstance(item, Unreadable):
            unreadable.append(item)
        else:
            found.take(*item, vectors, None)
    if unreadable or not witnesses.complete or witnesses.live.keys() - found.survey.kept.keys():
        _look_in_pages(connection, vectors, found)
    _name_lost(found, together(unreadable))
    found.survey.change = max(found.survey.change, witnesses.change)
    return found.survey


def kept_rows(connection: apsw.Connection, vectors: VectorBytes, found: Survey) -> Iterator[list[tuple[Row, bytes]]]:
    """The rows that can be kept, in the order of their slots, with their vectors, in batches."""
    slots = sorted(found.kept)
    for start in range(0, len(slots), _ROWS_AT_ONCE):
        batch = slots[start : start + _ROWS_AT_ONCE]
        wanted = set(batch)
        rows = {
            item[0].slot: item[0]
            for item in stored_rows(connection, batch[0], batch[-1] + 1)
            # In a damaged tree, a slot may occur twice, once as it was written and once not.
            if not isinstance(item, Unreadable) and item[0].slot in wanted and vectors.fault(*item) is None
        }
        for slot in batch:
            position = found.kept[slot]
            if position is not None:
                rows[slot] = _row(cell_at(connection, *position))[0]
        yield [(rows[slot], b"" if rows[slot].space is None else vectors.raw(slot)) for slot in batch]


def dimension_by_rows(connection: apsw.Connection, read_at: Callable[[int, int], bytes]) -> int | None:
    """The dimension for which a row's checksum is correct; None if there is none.

    Args:
        read_at: (position, count) -> bytes of `vectors.f32`.
    """
    cells = (cell for cell in Pages(connection).cells() if cell.rowid is not None and _has_vector(cell))
    for cell in itertools.islice(cells, _ROWS_TRIED):
        row, crc = _row(cell)
        try:
            before = row.crc_with(b"")
        except (TypeError, UnicodeEncodeError):
            continue
        for dimension in range(1, _DIMENSION_TRIED_MAX + 1):
            size = _COMPONENT_BYTES * dimension
            if crc32(read_at(row.slot * size, size), before) == crc:
                return dimension
    return None


def _has_vector(cell: Cell) -> bool:
    return len(cell.columns) == _ROW_COLUMNS and cell.columns[5] is not None


def readable_kv(connection: apsw.Connection) -> list[tuple[Any, ...]]:
    """The intact rows of `kv`, read by the table or by its pages."""
    try:
        found = connection.execute("SELECT owner, key, value, crc FROM kv").fetchall()
    except READ_ERRORS:
        found = [tuple(cell.columns) for cell in Pages(connection).cells() if len(cell.columns) == _KV_COLUMNS]
    by_key = {row[:2]: row for row in found if is_whole(row[3], *row[:3])}
    return list(by_key.values())


class _SalvagedRows:
    """The rows found so far; of two with the same id, the newer is kept."""

    def __init__(self, survey: Survey, witnesses: Witnesses) -> None:
        self.survey = survey
        self.witnesses = witnesses
        self._by_id: dict[StoredId, tuple[int, int]] = {}  # id -> (change, slot)

    def take(self, row: Row, crc: object, vectors: VectorBytes, position: Position | None) -> bool:
        """Records the row as kept or as lost; returns whether it is kept."""
        fault = vectors.fault(row, crc)
        if fault is not None:
            if position is None:  # invalid data in a page may never have been a row
                self.survey.lost[row.slot] = (self.witnesses.live.get(row.slot, row.id), fault)
            return False
        older = self._by_id.get(row.id)
        if older is not None and older[1] != row.slot:
            if older > (row.change, row.slot):
                return False
            self.survey.kept.pop(older[1], None)
        self._by_id[row.id] = (row.change, row.slot)
        self.survey.kept[row.slot] = position
        self.survey.lost.pop(row.slot, None)
        self.survey.change = max(self.survey.change, row.change)
        if isinstance(row.id, int):
            self.survey.highest_id = max(self.survey.highest_id, row.id)
        return True


def _witnesses(connection: apsw.Connection) -> Witnesses:
    witnesses = Witnesses()
    with contextlib.suppress(*READ_ERRORS):  # then the pages are used
        witnesses.live = {slot: id_ for id_, slot in connection.execute(_IDS)}
        witnesses.complete = True
    with contextlib.suppress(*READ_ERRORS):
        for columns in connection.execute("SELECT * FROM changes"):
            _hear_change(witnesses, columns)
    return witnesses


def _hear_change(witnesses: Witnesses, columns: Sequence[Any]) -> None:
    change, nonce, first, count, dead, touched, crc = columns
    if is_whole(crc, change, nonce, first, count, dead, touched):
        witnesses.change = max(witnesses.change, change)
        witnesses.dead.update(np.frombuffer(dead, dtype="<u4").tolist())


def _look_in_pages(connection: apsw.Connection, vectors: VectorBytes, found: _SalvagedRows) -> None:
    """Finds rows that SQLite did not lead to."""
    pages, witnesses, survey = Pages(connection), found.witnesses, found.survey
    _ask_pages(pages, witnesses)
    in_use = pages.tree(ROWS_ROOT).pages
    candidates = [
        Cell(cell.page, cell.position, cell.rowid, cell.columns[1:2])  # its position and id are enough
        for cell in pages.cells()
        if cell.rowid is not None and len(cell.columns) == _ROW_COLUMNS and cell.rowid not in survey.kept
    ]
    for cell in candidates:
        lives = _lives(witnesses, cell, cell.page in in_use or pages.free_is_known)
        row, crc = _row(cell_at(connection, cell.page, cell.position))
        if lives is not False and found.take(row, crc, vectors, (cell.page, cell.position)) and lives is None:
            survey.doubtful.append(row.id)


def _ask_pages(pages: Pages, witnesses: Witnesses) -> None:
    """Reads the index of ids and the feed again, from their pages."""
    if not witnesses.complete:
        tree = pages.tree(ID_INDEX_ROOT)
        entries = [cell for cell in pages.cells_of(tree) if len(cell.columns) == _ID_INDEX_COLUMNS]
        witnesses.live.update({cell.columns[1]: cell.columns[0] for cell in entries})
        witnesses.complete = tree.is_whole
    for cell in pages.cells():
        if cell.rowid is not None and len(cell.columns) == _CHANGE_COLUMNS:
            _hear_change(witnesses, [cell.rowid, *cell.columns[1:]])


def _lives(witnesses: Witnesses, cell: Cell, page_is_in_use: bool) -> bool | None:
    """Whether a row in a page is alive, as opposed to left over in a freed page; None if unknown."""
    assert cell.rowid is not None  # the cell of a row has one
    is_listed = bool(witnesses.live.get(cell.rowid) == cell.columns[0])
    if witnesses.complete:
        return is_listed
    if cell.rowid in witnesses.dead:
        return False
    return True if page_is_in_use or is_listed else None


def _row(cell: Cell) -> tuple[Row, object]:
    assert cell.rowid is not None  # only cells of tables are passed
    _, id_, change, crc, *rest = cell.columns
    return Row(cell.rowid, id_, change, *rest), crc


def _name_lost(found: _SalvagedRows, unreadable: list[Unreadable]) -> None:
    """Slots that are rows according to the index of ids, and of which nothing was found."""
    survey, live = found.survey, found.witnesses.live
    for slot, id_ in live.items():
        if slot not in survey.kept and slot not in found.witnesses.dead:
            survey.lost.setdefault(slot, (id_, "its page cannot be read"))
    survey.knows_all_lost = found.witnesses.complete
    survey.unreadable = [] if found.witnesses.complete else unreadable
    known_ids = [id_ for id_, _ in survey.lost.values() if isinstance(id_, int)]
    survey.highest_id = max([survey.highest_id, *known_ids])


def highest_change(connection: apsw.Connection) -> int:
    """The last commit in an intact row of `changes`."""
    witnesses = Witnesses()
    for cell in Pages(connection).cells():
        if cell.rowid is not None and len(cell.columns) == _CHANGE_COLUMNS:
            _hear_change(witnesses, [cell.rowid, *cell.columns[1:]])
    return witnesses.change
