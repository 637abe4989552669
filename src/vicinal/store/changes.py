"""One row per commit: the slots it wrote, ended and touched. Indexes are updated from this feed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import apsw
import numpy as np

from ..contract import Delta, Slots
from ..errors import Damaged
from .checksum import crc_of, is_whole
from .state import State

NONCE_BYTES = 8
_IN_CHUNK = 500  # slots per statement: far below SQLite's limit on variables, and few distinct statements

CREATE_CHANGES = """
CREATE TABLE changes(
  change INTEGER PRIMARY KEY, nonce BLOB NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
  dead BLOB NOT NULL, touched BLOB NOT NULL, crc INTEGER NOT NULL
) STRICT"""


def insert_change(
    connection: apsw.Connection,
    change: int,
    *,
    first: int,
    count: int,
    dead: Sequence[int] = (),
    touched: Sequence[int] = (),
) -> bytes:
    """Writes the row and returns its nonce, which identifies the commit later."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    columns = (change, nonce, first, count, _pack(dead), _pack(touched))
    connection.execute("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", (*columns, crc_of(*columns)))
    return nonce


def has_change(connection: apsw.Connection, change: int, nonce: bytes) -> bool:
    found = connection.execute("SELECT nonce FROM changes WHERE change = ?", (change,)).fetchone()
    return found is not None and found[0] == nonce


def nonce_of(connection: apsw.Connection, state: State, change: int) -> bytes | None:
    """The nonce of a commit of these records; None if it is unknown or trimmed."""
    if change == state.trimmed:
        return state.trimmed_nonce
    found = connection.execute("SELECT nonce FROM changes WHERE change = ?", (change,)).fetchone()
    return None if found is None else bytes(found[0])


def trim_changes(connection: apsw.Connection, change: int) -> None:
    """Deletes the commits up to `change`, which a saved index covers. The caller notes it in `state`."""
    connection.execute("DELETE FROM changes WHERE change <= ?", (change,))


def rows_since(connection: apsw.Connection, change: int) -> int:
    """How many rows the commits after `change` wrote, ended or touched; each commit counts as at least one."""
    counted = "max(1, count + length(dead) / 4 + length(touched) / 4)"
    found = connection.execute(
        f"SELECT coalesce(sum({counted}), 0) FROM changes WHERE change > ?", (change,)
    ).fetchone()
    assert found is not None  # a sum always has one row
    return int(found[0])


def read_everything(connection: apsw.Connection, change: int, slot_count: int) -> Delta:
    """All rows as one delta: the start of an index that is built from the records."""
    rows = connection.execute("SELECT slot, expires_at, space, metadata FROM rows ORDER BY slot").fetchall()
    return _delta(change, slot_count, dead=_unpack(b""), added=rows, touched=[])


def read_delta(connection: apsw.Connection, after: int, change: int, known_slots: int, slot_count: int) -> Delta:
    """The net effect of the commits after `after` up to `change`: a row that was added and ended is a hole.

    Call inside a single read transaction. `known_slots` is the slot count at `after`.
    """
    dead, touched = read_ended(connection, after)
    added = connection.execute(
        "SELECT slot, expires_at, space, metadata FROM rows WHERE slot >= ? ORDER BY slot", (known_slots,)
    ).fetchall()
    return _delta(
        change,
        slot_count,
        dead=dead,
        added=added,
        touched=_read_slots(connection, [slot for slot in touched.tolist() if slot < known_slots]),
    )


def read_ended(connection: apsw.Connection, after: int) -> tuple[Slots, Slots]:
    """The slots that the commits after `after` ended, and those that they touched."""
    commits = list(read_commits(connection, after))
    return _union([dead for *_, dead, _ in commits]), _union([touched for *_, touched in commits])


def read_commits(connection: apsw.Connection, after: int) -> Iterator[tuple[int, int, int, Slots, Slots]]:
    """(change, first slot written, how many, slots ended, slots touched) of each commit after `after`."""
    for *columns, crc in connection.execute("SELECT * FROM changes WHERE change > ? ORDER BY change", (after,)):
        if not is_whole(crc, *columns):
            raise Damaged(
                f"change {columns[0]} fails its checksum",
                name="changes",
                value=columns[0],
                place=connection.filename or ":memory:",
                remedy="Restore a backup.",
            )
        change, _, first, count, dead, touched = columns
        yield change, first, count, _unpack(dead), _unpack(touched)


def _read_slots(connection: apsw.Connection, slots: Sequence[int]) -> list[tuple[Any, ...]]:
    """(slot, expires_at, metadata) of the slots that are still rows."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(slots), _IN_CHUNK):
        chunk = slots[start : start + _IN_CHUNK]
        wanted = ", ".join("?" * len(chunk))
        sql = f"SELECT slot, expires_at, metadata FROM rows WHERE slot IN ({wanted}) ORDER BY slot"
        found += connection.execute(sql, tuple(chunk))
    return found


def _delta(
    change: int,
    slot_count: int,
    *,
    dead: Slots,
    added: Sequence[tuple[Any, ...]],
    touched: Sequence[tuple[Any, ...]],
) -> Delta:
    """Slots and times are not validated when read in bulk: impossible values are reported as damage."""
    try:
        delta = _typed_delta(change, slot_count, dead, added, touched)
    except (TypeError, ValueError, OverflowError) as error:
        raise _impossible(error) from error
    if len(added) and added[-1][0] >= slot_count:
        raise _impossible(f"slot {added[-1][0]} of {slot_count}")
    return delta


def _impossible(what: object) -> Damaged:
    return Damaged(
        f"a row has a slot or an instant of expiry that cannot be: {what}",
        name="rows",
        place="records.db",
        remedy="Run verify() to see which rows, and repair() to keep the others.",
    )


def _typed_delta(
    change: int, slot_count: int, dead: Slots, added: Sequence[tuple[Any, ...]], touched: Sequence[tuple[Any, ...]]
) -> Delta:
    return Delta(
        change=change,
        slot_count=slot_count,
        dead=dead,
        added=np.array([row[0] for row in added], dtype=np.uint32),
        expires=np.array([_instant(row[1]) for row in added], dtype=np.int64),
        has_vector=np.array([row[2] is not None for row in added], dtype=np.bool_),
        touched=np.array([row[0] for row in touched], dtype=np.uint32),
        touched_expires=np.array([_instant(row[1]) for row in touched], dtype=np.int64),
        metadata=[row[3] for row in added],
        touched_metadata=[row[2] for row in touched],
    )


def _instant(expires_at: int | None) -> int:
    return -1 if expires_at is None else expires_at


def _pack(slots: Sequence[int]) -> bytes:
    return np.array(sorted(slots), dtype="<u4").tobytes()


def _unpack(packed: bytes) -> Slots:
    return np.frombuffer(packed, dtype="<u4").astype(np.uint32, copy=False)


def _union(parts: Sequence[Slots]) -> Slots:
    slots = np.concatenate(parts) if parts else _unpack(b"")
    return np.unique(slots) if len(slots) else slots  # its first use in a process imports modules for 20 ms
