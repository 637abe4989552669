"""One write: the steps of a call between `BEGIN IMMEDIATE` and `COMMIT`, in the order of docs/format.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw
import numpy as np

from ..contract import Durability, FloatMatrix
from ..errors import LimitExceeded
from .changes import insert_change
from .notes import read_notes, write_notes
from .rows import Row, StoredId, delete_rows, insert_block, rows_by_id, rows_by_slot, slots_of, write_touched
from .state import State, update_state
from .vectors import Vectors

SLOTS_MAX = 2**32 - 2


@dataclass(slots=True)
class NewRow:
    """A row to be written; the transaction assigns its slot."""

    id: StoredId
    text: str | None
    metadata: str | None
    expires_at: int | None
    space: str | None
    sparse: bytes | None = None


class Transaction:
    """Reads and writes of one commit, under the write lock."""

    def __init__(self, connection: apsw.Connection, vectors: Vectors, state: State, durability: Durability) -> None:
        self.connection = connection
        self.state = state
        self.change = state.change + 1
        self.nonce = b""
        self._vectors = vectors
        self._durability = durability
        self._appended_at: int | None = None  # the slot where this transaction appended to the vector file
        self._first = state.next_slot
        self._count = 0
        self._dead: list[int] = []
        self._touched: list[int] = []
        self._fixed_dimension = False
        self._noted = False

    @property
    def row_count(self) -> int:
        """The number of rows that it has appended."""
        return self._count

    @property
    def is_empty(self) -> bool:
        return not (self._count or self._dead or self._touched or self._fixed_dimension or self._noted)

    def slots_of(self, ids: Sequence[StoredId]) -> dict[StoredId, tuple[int, int | None]]:
        return slots_of(self.connection, ids)

    def rows_by_id(self, ids: Sequence[StoredId]) -> dict[StoredId, Row]:
        return rows_by_id(self.connection, self._vectors, ids)

    def rows_by_slot(self, slots: Sequence[int]) -> list[Row]:
        found = rows_by_slot(self.connection, self._vectors, slots)
        return [found[slot] for slot in slots]

    def vector(self, slot: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.frombuffer(self._vectors.raw(slot), dtype=np.float32)

    def fix_dimension(self, dimension: int) -> None:
        """Sets the dimension by the first vector; the caller has checked that it is not set yet."""
        self.state = replace(self.state, dimension=dimension)
        self._fixed_dimension = True
        self._vectors.fix_dimension(dimension)

    def next_ids(self, count: int) -> range:
        """The next automatic integer ids, which are never reused."""
        first = self.state.next_id
        self.state = replace(self.state, next_id=first + count)
        return range(first, first + count)

    def pass_over_ids(self, highest: int) -> None:
        """Keeps automatic ids above an integer id that a caller chose."""
        self.state = replace(self.state, next_id=max(self.state.next_id, highest + 1))

    def end(self, slots: Sequence[int]) -> None:
        """Ends the rows of these slots."""
        delete_rows(self.connection, slots)
        self._dead.extend(slots)

    def append(self, rows: Sequence[NewRow], block: FloatMatrix | None) -> None:
        """Writes `rows` to the next slots, once per transaction.

        Args:
            block: float32, shape (len(rows), dim), zero for rows without a vector; None if no row has one.
        """
        first = max(self.state.next_slot, self._vectors.end())
        if first + len(rows) > SLOTS_MAX:
            raise LimitExceeded(
                f"a collection holds at most {SLOTS_MAX:,} slots",
                name="rows",
                value=first + len(rows),
                remedy="Split the data over several collections.",
            )
        self._first, self._count = first, len(rows)
        if block is not None:
            self._appended_at = first  # a hole before it stays: others may have mapped it as part of the file
            self._vectors.write(first, block)
            if self._durability == "full":
                self._vectors.sync()
        columns: list[tuple[Any, ...]] = [
            (slot, row.id, self.change, 0, row.expires_at, row.space, row.sparse, row.metadata, row.text)
            for slot, row in enumerate(rows, first)
        ]
        insert_block(self.connection, columns, block, first)

    def touch(self, row: Row, *, metadata: str | None, expires_at: int | None) -> None:
        """Changes metadata or expiry in the same slot."""
        self.touch_all([(row, metadata, expires_at)])

    def touch_all(self, changed: Iterable[tuple[Row, str | None, int | None]]) -> None:
        """The same for many rows, each with its metadata and expiry."""
        rows = []
        for row, metadata, expires_at in changed:
            row.change, row.metadata, row.expires_at = self.change, metadata, expires_at
            rows.append(row)
        write_touched(self.connection, self._vectors, rows)
        self._touched.extend(row.slot for row in rows)

    def notes(self, owner: str) -> dict[str, bytes]:
        return read_notes(self.connection, owner)

    def note(self, owner: str, notes: Mapping[str, bytes | None]) -> None:
        """Writes these notes in this commit; None removes one."""
        write_notes(self.connection, owner, notes)
        self._noted = self._noted or bool(notes)

    def finish(self) -> None:
        """Writes the last rows before COMMIT: the change and the state that names it."""
        self.nonce = insert_change(
            self.connection,
            self.change,
            first=self._first,
            count=self._count,
            dead=self._dead,
            touched=self._touched,
        )
        state = replace(self.state, change=self.change, next_slot=self._first + self._count)
        if self._durability == "full":  # both files are synced by the time the commit returns
            state = replace(state, synced=self.change)
        self.state = state
        update_state(self.connection, state)

    def give_back(self) -> None:
        """Undoes what was appended to the vector file; only before COMMIT was attempted."""
        if self._appended_at is not None:
            self._vectors.give_back(self._appended_at)
