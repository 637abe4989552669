"""A collection's files in one process: read at one point in time, written, maintained, closed."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from ..contract import Durability, Index
from ..errors import CollectionDropped
from . import indexing
from .files import Files
from .imports import import_ahead
from .moment import Taking, Using, at_moment
from .open_files import OpenFiles
from .open_stores import woke
from .publication import Publication
from .publishing import build, oldest
from .query_log import QueryLog
from .reading import Reader
from .state import State
from .upkeep import Upkeep
from .writer import Writer
from .writing import Transaction

IndexT = TypeVar("IndexT", bound=Index)
T = TypeVar("T")
S = TypeVar("S")
C = TypeVar("C")

_CLOSE_WAIT_SECONDS = 1.0


class Store(Generic[IndexT]):
    """Shared by all handles of one path in one process. Thread-safe.

    Files are open between the first call and `sleep`; the next call opens them again.

    Args:
        files: the file system.
        folder: the collection's folder, or None with `state` for a collection in memory.
        make_index: creates the empty index, which this store then updates.
        state: the first state of a collection in memory.

    Attributes:
        open_files: the current generation, as this process has it open.
        writer: makes commits.
        upkeep: publication, compaction, copies, and dropping.
        query_log: the log of searches, if a user has enabled it.
        used_at: monotonic time of the last call of a handle; upkeep does not count.
    """

    def __init__(
        self,
        files: Files,
        folder: str | None,
        make_index: Callable[[State], IndexT],
        state: State | None = None,
    ) -> None:
        self.files = files
        self.folder = folder
        self.make_index = make_index
        self.is_indexing = False  # see `indexing`
        import_ahead()
        self.used_at = time.monotonic()
        self.open_files = OpenFiles(
            files, folder, make_index, on_open=lambda: woke(self), on_lag=lambda: indexing.ask(self)
        )
        self.upkeep = Upkeep(self)
        self.writer = Writer(self.open_files, self.upkeep.after_write_in_memory)
        self.query_log = QueryLog(files, folder)
        if folder is None:
            assert state is not None  # only internal code opens stores
            self.open_files.create(state)
        else:
            with self.open_files.lock:
                self.open_files.wake()
            self.query_log.look()

    @property
    def place(self) -> str:
        return self.open_files.place

    @property
    def is_over(self) -> bool:
        """Whether it is closed for good: by `close`, or because the collection was dropped, or its files are gone."""
        return self.fate != ""

    @property
    def fate(self) -> str:
        """Why it cannot be used any more, in a word or two; empty while it can be used."""
        return self.open_files.fate

    def is_in_place(self) -> bool:
        """Whether the folder is still the one that was opened, and was not deleted, moved, or replaced by a copy."""
        return self.open_files.is_in_place()

    @property
    def is_awake(self) -> bool:
        """Whether its files are open."""
        return self.open_files.opened is not None

    @property
    def recovery(self) -> tuple[str, ...]:
        """What opening found and repaired after a crash, one sentence each."""
        return self.open_files.recovery

    @property
    def on_disk(self) -> bool:
        return self.folder is not None

    def bytes_on_disk(self) -> int:
        return 0 if self.folder is None else self.files.tree_bytes(self.folder)

    # -- reading

    def using(self) -> Using[IndexT]:
        """The open files, which stay open for the block."""
        return Using(self.open_files.hold)

    def in_force(self) -> Using[IndexT]:
        """The current generation, with its index caught up with every commit so far."""
        return Using(self.open_files.hold_in_force)

    def current(self) -> State:
        """The state after every commit so far."""
        with self.in_force() as opened:
            return opened.feed.state

    def glance(self) -> State | None:
        """The newest state that this process has seen, without any I/O; None while the files are closed."""
        opened = self.open_files.opened
        return None if opened is None else opened.feed.state

    def known(self) -> State:
        """The newest state that this process has seen: a first guess, for searches that verify it later anyway."""
        opened = self.open_files.opened
        if opened is not None:
            return opened.feed.state
        with self.using() as opened:
            return opened.feed.state

    def known_place(self) -> tuple[str, int] | None:
        """The last generation and commit that this process has seen, without I/O; None while its files are closed."""
        opened = self.open_files.opened
        return None if opened is None else (opened.generation.name, opened.feed.state.change)

    def published(self) -> Publication | None:
        """Where a process that opens the collection now starts, as far as is known here: see `publishing.oldest`."""
        with self.in_force() as opened:
            return oldest(opened)

    def snapshot(self, take: Callable[[IndexT, Reader], T]) -> Taking[IndexT, T]:
        """What `take` reads from the index after every commit so far, and a reader for its rows.

        The reader sees later commits too: compare a row's `change` with the index's.
        """
        return Taking(self.open_files.hold_in_force, take)

    def read(self, work: Callable[[Reader], T]) -> T:
        """Runs `work` with a reader inside one read transaction."""
        with self.in_force() as opened:
            connections = opened.generation.connections
            with connections.turn, connections.reader() as connection, connection:
                return work(Reader(opened.generation, opened.feed.state, connection))
        raise AssertionError("a transaction swallows no error")  # which type checkers cannot know

    def at_moment(self, take: Callable[[IndexT, Reader], S], work: Callable[[S, Reader], T]) -> T:
        """Like `snapshot`, with index and reader at exactly one point in time: nothing changes until `work` returns.

        A function instead of a `with` block: see `Connections.write`.
        """
        with self.in_force() as opened:
            return at_moment(opened, take, work)

    # -- writing

    def write(self, plan: Callable[[Transaction], T], *, timeout: float, durability: Durability) -> T:
        """Runs `plan` inside one commit, atomically.

        Raises:
            WriterBusy, DiskFull: nothing changed.
            CommitFailed: see its `committed`.
        """
        return self.writer.write(plan, timeout, durability)

    def write_selected(
        self,
        take: Callable[[IndexT, Reader], S],
        choose: Callable[[S], C],
        plan: Callable[[Transaction, C], T],
        *,
        timeout: float,
        durability: Durability,
    ) -> T:
        """Like `write`, for a plan that needs the result of `choose` for what `take` reads from the index.

        The index is at the preceding commit. `choose` may take long: it blocks no search.
        """
        return self.writer.write_selected(take, choose, plan, timeout, durability)

    def sync(self, timeout: float) -> None:
        """Makes all earlier commits survive power loss, whatever their durability."""
        self.writer.sync(timeout)

    def wait_indexed(self, seconds: float | None = None) -> bool:
        """Adds everything written before to the index, on all processors; False if that takes too long."""
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        while True:
            with self.in_force() as opened:
                if not build(opened, awaited=True):
                    self.upkeep.look_again()
                    return True
            if time.monotonic() >= deadline:
                return False

    # -- closing

    def sleep(self, *, wait: bool = True) -> bool:
        """Closes the files until the next call, or when the calls that use them return; False if it does not.

        Args:
            wait: wait for a call that is opening the files right now.
        """
        return self.open_files.sleep(self._sync_if_due, wait=wait)

    def _sync_if_due(self) -> None:
        if self.writer.unsynced:
            self.sync(_CLOSE_WAIT_SECONDS)

    def close(self) -> None:
        """Syncs and publishes what is due and closes the files. The last process to close leaves no log behind."""
        files = self.open_files
        if files.is_closed or not files.is_of_this_process:
            return
        self.upkeep.end()
        with self.upkeep.lock, self.upkeep.sync_lock:  # waits for what the housekeeping threads have begun
            try:
                if self.on_disk and self.is_awake and self.is_in_place():
                    with contextlib.suppress(CollectionDropped):  # by another process: there is nothing to finish
                        self.upkeep.finish()
            finally:
                self.query_log.close()
                files.close()
        indexing.wait()

    def drop_in_memory(self) -> None:
        """Ends a collection in memory; the next call raises `CollectionDropped`."""
        self.open_files.drop()
        self.close()
