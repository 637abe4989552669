"""Writes to a store: each commit to the current generation, and the work that follows it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Generic, TypeVar, cast

import apsw

from ..contract import Durability, Index
from ..errors import StoreError
from .commit import keep_log_short, sync_everything, write_once
from .feed import Opened
from .generation import DROPPED
from .moment import Using, at_moment, taken
from .open_files import UNKNOWN, OpenFiles
from .publishing import build
from .reading import ChangedMeanwhile, Reader
from .state import read_state
from .writing import Transaction

IndexT = TypeVar("IndexT", bound=Index)
T = TypeVar("T")
S = TypeVar("S")
C = TypeVar("C")

_TAKEN_IN_ROWS = 1024  # fewer are added by the next search itself, fast enough


class Writer(Generic[IndexT]):
    """Makes commits. Thread-safe.

    Args:
        after_in_memory: called after a commit to a collection in memory.

    Attributes:
        unsynced: whether this process committed rows that power loss may still lose.
        wrote_at: monotonic time of the last write.
    """

    def __init__(self, files: OpenFiles[IndexT], after_in_memory: Callable[[], None]) -> None:
        self._files = files
        self._after_in_memory = after_in_memory
        self.unsynced = False
        self.wrote_at = time.monotonic()

    def write(self, plan: Callable[[Transaction], T], timeout: float, durability: Durability) -> T:
        """See `Store.write`."""
        return self._write(lambda transaction, _: plan(transaction), timeout, durability)

    def write_selected(
        self,
        take: Callable[[IndexT, Reader], S],
        choose: Callable[[S], C],
        plan: Callable[[Transaction, C], T],
        timeout: float,
        durability: Durability,
    ) -> T:
        """See `Store.write_selected`."""

        def chosen(opened: Opened[IndexT]) -> C:
            opened.feed.follow()  # completely: no other process can commit while we write
            with contextlib.suppress(ChangedMeanwhile):
                return choose(taken(opened, take)[0])
            return at_moment(opened, take, lambda found, _: choose(found))

        def selected(transaction: Transaction, opened: Opened[IndexT]) -> T:
            return plan(transaction, chosen(opened))

        return self._write(selected, timeout, durability)

    def sync(self, timeout: float) -> None:
        """See `Store.sync`."""
        with Using(self._files.hold_in_force) as opened:
            was_unsynced, self.unsynced = self.unsynced, False  # first: a concurrent commit needs the next sync
            try:
                sync_everything(opened.generation, timeout)
            except BaseException:
                self.unsynced = was_unsynced
                raise

    def _write(self, plan: Callable[[Transaction, Opened[IndexT]], T], timeout: float, durability: Durability) -> T:
        while True:
            with Using(self._files.hold) as opened:
                self.unsynced = self.unsynced or durability == "process"  # first: an interrupt may follow the commit
                moved_to, result = self._write_or_moved(opened, plan, timeout, durability)
            if moved_to is None:
                break
            self._files.move_on(opened, moved_to)
        self._files.check_in_place(opened)  # a write to files that are no longer in place was not stored
        self._after_write(opened)
        return cast(T, result)

    def _write_or_moved(
        self,
        opened: Opened[IndexT],
        plan: Callable[[Transaction, Opened[IndexT]], T],
        timeout: float,
        durability: Durability,
    ) -> tuple[str | None, T | None]:
        """(None, the result), or (where the collection moved to, None)."""
        generation = opened.generation

        def write(connection: apsw.Connection) -> tuple[str | None, T | None]:
            state = read_state(connection)
            moved_to = state.moved_to if state.uuid == opened.feed.state.uuid else DROPPED
            if moved_to is None and generation.folder is None and opened is not self._files.opened:
                moved_to = UNKNOWN  # in memory, the next one becomes current before the old one says so
            if moved_to is not None:
                return moved_to, None

            def planned(transaction: Transaction) -> T:
                result = plan(transaction, opened)
                opened.feed.announced += transaction.row_count
                return result

            return None, write_once(generation, connection, state, planned, durability)

        try:
            return generation.connections.write(write, timeout, durability)
        except StoreError:
            if self._files.is_there(opened):
                raise
            return UNKNOWN, None

    def _after_write(self, opened: Opened[IndexT]) -> None:
        self.wrote_at = time.monotonic()
        if opened.generation.folder is None:
            self._after_in_memory()
            return
        with Using(self._files.hold) as still:
            if still is opened:
                keep_log_short(opened.generation)
                self._take_in(opened)

    def _take_in(self, opened: Opened[IndexT]) -> None:
        """After a large write: adds the rows to the index now, so that the next search does not have to wait for it.

        If rows are written faster than they can be indexed, this slows the writer down by indexing them here.
        """
        if opened.feed.announced >= _TAKEN_IN_ROWS:
            self._files.follow(opened)
        while opened.feed.index.is_behind() and build(opened):  # a search may have added the rows before us
            pass
