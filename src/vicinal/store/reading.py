"""Reads rows and vectors for a call."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager

import apsw
import numpy as np

from ..contract import FloatMatrix, FloatVector, Slots
from .generation import Generation
from .notes import read_notes
from .row_cache import RowCache
from .rows import (
    Row,
    StoredId,
    ids_after,
    ids_of,
    rows_by_id,
    rows_by_slot,
    rows_in_order,
    slots_of,
    sparse_between,
    texts_between,
)
from .state import State


class ChangedMeanwhile(Exception):
    """A row in an index no longer exists or is newer: retry at one point in time. Never seen by users."""


class Reader:
    """Reads one generation: inside `connection`'s transaction, or as of each call.

    Args:
        state: of the commit at which the caller's view of the index was taken.
        cache: rows as of that commit or later.
    """

    def __init__(
        self,
        generation: Generation,
        state: State,
        connection: apsw.Connection | None = None,
        cache: RowCache | None = None,
    ) -> None:
        self.state = state
        self._generation = generation
        self._connection = connection
        self._cache = cache

    def rows_of_hits(self, slots: Sequence[int]) -> list[Row]:
        """The rows at `slots`, as of the commit of `state`.

        Raises:
            ChangedMeanwhile: one no longer exists or is newer.
        """
        known = None if self._cache is None else self._cache.all_of(slots)
        if known is not None:
            change = self.state.change
            for row in known:
                if row.change > change:
                    raise ChangedMeanwhile
            return known
        rows = {} if self._cache is None else self._cache.find(slots)
        if len(rows) < len(slots):
            missing = [slot for slot in slots if slot not in rows]
            read = self.rows_by_slot(missing)
            if self._cache is not None:
                self._cache.keep(self._unchanged(read, missing), self.state.change)
            rows |= read
        return self._unchanged(rows, slots)

    def _unchanged(self, rows: dict[int, Row], slots: Sequence[int]) -> list[Row]:
        found, change = [], self.state.change
        try:
            for slot in slots:
                row = rows[slot]
                if row.change > change:
                    raise ChangedMeanwhile
                found.append(row)
        except KeyError:
            raise ChangedMeanwhile from None
        return found

    def rows_by_slot(self, slots: Sequence[int]) -> dict[int, Row]:
        with self._generation.connections.turn, self._reading() as connection:
            return rows_by_slot(connection, self._generation.vectors, slots)

    def rows_by_id(self, ids: Sequence[StoredId]) -> dict[StoredId, Row]:
        with self._generation.connections.turn, self._reading() as connection:
            return rows_by_id(connection, self._generation.vectors, ids)

    def slots_of(self, ids: Sequence[StoredId]) -> dict[StoredId, tuple[int, int | None]]:
        with self._generation.connections.turn, self._reading() as connection:
            return slots_of(connection, ids)

    def ids_of(self, slots: Slots) -> list[StoredId]:
        """Ids of rows, in the order of their slots.

        Raises:
            ChangedMeanwhile: a row no longer exists.
        """
        try:
            with self._generation.connections.turn, self._reading() as connection:
                return ids_of(connection, slots)
        except KeyError:
            raise ChangedMeanwhile from None

    def ids_after(self, after: StoredId | None, *, limit: int, descending: bool = False) -> list[tuple[StoredId, int]]:
        """See `rows.ids_after`."""
        with self._generation.connections.turn, self._reading() as connection:
            return ids_after(connection, after, limit=limit, descending=descending)

    def rows_in_order(self, *, after: int = -1, now: int, limit: int, offset: int = 0) -> list[Row]:
        with self._generation.connections.turn, self._reading() as connection:
            return rows_in_order(connection, self._generation.vectors, after=after, now=now, limit=limit, offset=offset)

    def notes(self, owner: str) -> dict[str, bytes]:
        with self._generation.connections.turn, self._reading() as connection:
            return read_notes(connection, owner)

    def texts(self, first: int, end: int) -> list[tuple[int, str | None]]:
        """See `contract.Contents`."""
        with self._generation.connections.turn, self._reading() as connection:
            return texts_between(connection, first, end)

    def sparse(self, first: int, end: int) -> list[tuple[int, bytes | None]]:
        """See `contract.Contents`."""
        with self._generation.connections.turn, self._reading() as connection:
            return sparse_between(connection, first, end)

    def matrix(self, slot_count: int) -> FloatMatrix:
        return self._generation.vectors.matrix(slot_count)

    def vector(self, row: Row) -> FloatVector | None:
        """A copy of the row's vector, or None."""
        if row.space is None:
            return None
        return np.frombuffer(bytes(self._generation.vectors.raw(row.slot)), dtype=np.float32)

    def _reading(self) -> AbstractContextManager[apsw.Connection]:
        if self._connection is not None:
            return contextlib.nullcontext(self._connection)
        return self._generation.connections.reader()
