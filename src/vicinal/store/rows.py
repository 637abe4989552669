"""Rows of a collection as stored in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast
from uuid import UUID

import apsw

from ..contract import FloatMatrix, Slots
from ..errors import Damaged
from ..types import Id
from .checksum import checksums, crc_of, is_whole
from .vectors import Vectors

StoredId = int | str | bytes
Space = Literal["text", "given"]
_Key = TypeVar("_Key", bound=StoredId)

CREATE_ROWS = """
CREATE TABLE rows(
  slot INTEGER PRIMARY KEY, id ANY NOT NULL UNIQUE, change INTEGER NOT NULL, crc INTEGER NOT NULL,
  expires_at INTEGER, space TEXT, sparse BLOB, metadata TEXT, text TEXT
) STRICT"""

_INSERT = "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = "slot, id, change, crc, expires_at, space, sparse, metadata, text"
UUID_BYTES = 16
_IDS_BETWEEN = "SELECT slot, id FROM rows WHERE slot BETWEEN ? AND ?"
_IDS_INDEXED = "SELECT slot, id FROM rows INDEXED BY sqlite_autoindex_rows_1 WHERE slot BETWEEN ? AND ?"
_MANY = 4
_IN_CHUNK = 500  # far below SQLite's limit on variables, and few distinct statements


@dataclass(slots=True)
class Row:
    """A row of the table `rows`, without its checksum."""

    slot: int
    id: StoredId
    change: int
    expires_at: int | None
    space: str | None
    sparse: bytes | None
    metadata: str | None
    text: str | None

    @property
    def columns(self) -> tuple[int | str | bytes | None, ...]:
        """The columns that the checksum covers, in its order."""
        return (
            self.slot,
            self.id,
            self.change,
            self.expires_at,
            self.space,
            self.sparse,
            self.metadata,
            self.text,
        )

    def crc(self, vectors: Vectors) -> int:
        return self.crc_with(b"" if self.space is None else vectors.raw(self.slot))

    def crc_with(self, vector: memoryview | bytes) -> int:
        return crc_of(*self.columns, vector=vector)

    def is_whole(self, crc: object, vectors: Vectors) -> bool:
        """Whether columns and vector are what was written."""
        return is_whole(crc, *self.columns, vector=b"" if self.space is None else vectors.raw(self.slot))

    def is_expired(self, now: int) -> bool:
        return self.expires_at is not None and self.expires_at <= now


def stored_id(value: Id) -> StoredId:
    return value.bytes if isinstance(value, UUID) else value


def user_id(value: StoredId) -> Id:
    return UUID(bytes=value) if isinstance(value, bytes) else value


def shown_id(value: object) -> str:
    """An id, possibly damaged, for a message."""
    return f"{UUID(bytes=value) if isinstance(value, bytes) and len(value) == UUID_BYTES else value!r:.80}"


def insert_rows(connection: apsw.Connection, rows: Iterable[tuple[Row, memoryview | bytes]]) -> None:
    """Inserts each row with a checksum of the row and its vector's bytes."""
    connection.executemany(
        _INSERT,
        (
            (
                row.slot,
                row.id,
                row.change,
                row.crc_with(vector),
                row.expires_at,
                row.space,
                row.sparse,
                row.metadata,
                row.text,
            )
            for row, vector in rows
        ),
    )


def insert_block(
    connection: apsw.Connection, rows: list[tuple[Any, ...]], vectors: FloatMatrix | None, first: int
) -> None:
    """Inserts rows given as tuples of all columns, each with a checksum of the row and its vector.

    Args:
        vectors: float32, shape (len(rows), dim): the vectors of the slots from `first`; None if no row has one.
    """
    connection.executemany(_INSERT, checksums().sealed_rows(rows, vectors, first))


def delete_rows(connection: apsw.Connection, slots: Sequence[int]) -> None:
    for sql, chunk in _in_chunks("DELETE FROM rows WHERE slot IN ({})", slots):
        connection.execute(sql, chunk)


def write_touched(connection: apsw.Connection, vectors: Vectors, rows: Iterable[Row]) -> None:
    """Writes change, metadata and expiry of rows that keep their slots, each with a new checksum."""
    unsealed = [(row.slot, row.id, row.change, 0, *row.columns[3:]) for row in rows]
    if not unsealed:
        return
    sealed = checksums().sealed_rows(unsealed, _vectors_up_to(vectors, unsealed), 0)
    connection.executemany(
        "UPDATE rows SET change = ?, crc = ?, expires_at = ?, metadata = ? WHERE slot = ?",
        ((change, crc, expires_at, metadata, slot) for slot, _, change, crc, expires_at, _, _, metadata, _ in sealed),
    )


def slots_of(connection: apsw.Connection, ids: Sequence[StoredId]) -> dict[StoredId, tuple[int, int | None]]:
    """id -> (slot, expires_at), for the ids that exist."""
    found: dict[StoredId, tuple[int, int | None]] = {}
    for sql, chunk in _in_chunks("SELECT id, slot, expires_at FROM rows WHERE id IN ({})", ids):
        found.update((id_, (slot, expires_at)) for id_, slot, expires_at in connection.execute(sql, chunk))
    return found


def ids_of(connection: apsw.Connection, slots: Slots) -> list[StoredId]:
    """Ids of rows, in the order of their slots: if there are many, by one scan of the table or of the index of ids.

    That index is much smaller than the table, but its slots are not sorted: it pays if a large share is requested.
    """
    wanted: list[int] = slots.tolist()
    if len(wanted) > _IN_CHUNK:
        is_most = _MANY * len(wanted) > connection.execute("SELECT max(slot) FROM rows").get
        found = dict(connection.execute(_IDS_INDEXED if is_most else _IDS_BETWEEN, (wanted[0], wanted[-1])))
    else:
        found = {}
        for sql, chunk in _in_chunks("SELECT slot, id FROM rows WHERE slot IN ({})", wanted):
            found.update(connection.execute(sql, chunk))
    return [found[slot] for slot in wanted]


def ids_after(
    connection: apsw.Connection, after: StoredId | None, *, limit: int, descending: bool = False
) -> list[tuple[StoredId, int]]:
    """The next ids in order, with their slots: integers, then texts, then UUIDs. The index of ids contains both.

    Args:
        after: the last known id; None to start.
    """
    order, beyond = ("DESC", "<") if descending else ("ASC", ">")
    found = connection.execute(
        f"SELECT id, slot FROM rows WHERE {'?1 IS NULL' if after is None else f'id {beyond} ?1'} "
        f"ORDER BY id {order} LIMIT ?2",
        (after, limit),
    )
    return cast("list[tuple[StoredId, int]]", found.fetchall())


def rows_by_id(connection: apsw.Connection, vectors: Vectors, ids: Sequence[StoredId]) -> dict[StoredId, Row]:
    found: dict[StoredId, Row] = {}
    for sql, chunk in _in_chunks(f"SELECT {_COLUMNS} FROM rows WHERE id IN ({{}})", ids):
        found.update((row.id, row) for row in _checked(connection, vectors, connection.execute(sql, chunk)))
    return found


def rows_by_slot(connection: apsw.Connection, vectors: Vectors, slots: Sequence[int]) -> dict[int, Row]:
    found: dict[int, Row] = {}
    for sql, chunk in _in_chunks(f"SELECT {_COLUMNS} FROM rows WHERE slot IN ({{}})", slots):
        found.update((row.slot, row) for row in _checked(connection, vectors, connection.execute(sql, chunk)))
    return found


def rows_in_order(
    connection: apsw.Connection, vectors: Vectors, *, after: int, now: int, limit: int, offset: int = 0
) -> list[Row]:
    """At most `limit` unexpired rows with a slot above `after`, in insertion order."""
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM rows WHERE slot > ? AND (expires_at IS NULL OR expires_at > ?) "
        "ORDER BY slot LIMIT ? OFFSET ?",
        (after, now, limit, offset),
    )
    return _checked(connection, vectors, found)


def rows_between(connection: apsw.Connection, vectors: Vectors, first: int, last: int) -> list[Row]:
    """Rows of the slots from `first` up to but not including `last`, in order."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM rows WHERE slot >= ? AND slot < ? ORDER BY slot", (first, last))
    return _checked(connection, vectors, found)


# Data for indexes, like metadata, is read without verifying the checksum: a hit is verified before it is returned.
def texts_between(connection: apsw.Connection, first: int, end: int) -> list[tuple[int, str | None]]:
    found = connection.execute("SELECT slot, text FROM rows WHERE slot >= ? AND slot < ?", (first, end))
    return cast("list[tuple[int, str | None]]", found.fetchall())


def sparse_between(connection: apsw.Connection, first: int, end: int) -> list[tuple[int, bytes | None]]:
    found = connection.execute("SELECT slot, sparse FROM rows WHERE slot >= ? AND slot < ?", (first, end))
    return cast("list[tuple[int, bytes | None]]", found.fetchall())


def unreadable_slots(connection: apsw.Connection, vectors: Vectors, after_change: int) -> list[int]:
    """Slots of the rows written after that change whose checksum is wrong."""
    found = connection.execute(f"SELECT {_COLUMNS} FROM rows WHERE change > ?", (after_change,))
    return [row.slot for row, crc in _with_checksums(found) if not row.is_whole(crc, vectors)]


def _checked(connection: apsw.Connection, vectors: Vectors, found: Iterable[tuple[Any, ...]]) -> list[Row]:
    """Verifies the checksum of each row: no row leaves the store without it."""
    rows = list(found)
    if not rows:
        return []
    broken = checksums().first_broken(rows, _vectors_up_to(vectors, rows))
    if broken >= 0:
        slot, id_ = rows[broken][:2]
        raise Damaged(
            f"the row of id {shown_id(id_)} fails its checksum",
            name="rows",
            value=slot,
            place=f"{connection.filename or ':memory:'}, slot {slot}",
            remedy="Delete and add the row again, or run repair().",
        )
    return [Row(slot, id_, change, *rest) for slot, id_, change, _, *rest in rows]


def _vectors_up_to(vectors: Vectors, rows: Sequence[tuple[Any, ...]]) -> FloatMatrix | None:
    """The vectors of all slots up to the last one in use; None if no row has a vector."""
    last = max((row[0] for row in rows if row[5] is not None), default=-1)
    return vectors.matrix(last + 1) if last >= 0 else None


def _with_checksums(found: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Row, int]]:
    for slot, id_, change, crc, *rest in found:
        yield Row(slot, id_, change, *rest), crc


def _in_chunks(sql: str, values: Sequence[_Key]) -> Iterator[tuple[str, tuple[_Key, ...]]]:
    for start in range(0, len(values), _IN_CHUNK):
        chunk = tuple(values[start : start + _IN_CHUNK])
        yield sql.format(", ".join("?" * len(chunk))), chunk
