"""One collection's files in one process: opened, caught up, read at one moment, written, kept up, closed."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar, cast

import apsw
import numpy as np
from numpy.typing import NDArray

from ..contract import Durability, Index, SavedIndex
from ..errors import Closed, CollectionDropped, Damaged, StoreError, Unsupported
from ..locks import new_rlock
from . import indexing
from .awake import woke
from .commit import keep_log_short, sync_everything, write_once
from .creation import create_in_memory
from .feed import Feed, Opened
from .files import Files
from .generation import DROPPED, Generation, open_in_force
from .imports import import_ahead
from .publication import Publication
from .publishing import build, move_along, oldest
from .query_log import QueryLog
from .reading import ChangedMeanwhile, Reader
from .recovery import recover
from .state import State, read_state
from .upkeep import Upkeep
from .writing import Transaction

IndexT = TypeVar("IndexT", bound=Index)
T = TypeVar("T")
S = TypeVar("S")
C = TypeVar("C")

_TAKEN_IN_ROWS = 1024  # the next search takes in fewer by itself, soon enough
_CLOSE_WAIT_SECONDS = 1.0
_UNKNOWN = "unknown"  # moved to a generation that is to be looked for


class Using(Generic[IndexT]):
    """An opened generation in a `with` block, which then leaves it. A class, because every call has one or two.

    It is the user that the generation counts: one that an interrupt keeps from leaving counts until it is gone.
    """

    __slots__ = ("__weakref__", "_hold", "_opened")

    def __init__(self, hold: Callable[[object], Opened[IndexT]]) -> None:
        self._hold = hold

    def __enter__(self) -> Opened[IndexT]:
        self._opened = self._hold(self)
        return self._opened

    def __exit__(self, *_: object) -> None:
        self._opened.generation.leave(self)


class Taking(Generic[IndexT, T]):
    """`Store.snapshot` in a `with` block. A class, because every search has one."""

    __slots__ = ("__weakref__", "_generation", "_hold", "_take")

    def __init__(self, hold: Callable[[object], Opened[IndexT]], take: Callable[[IndexT, Reader], T]) -> None:
        self._hold = hold
        self._take = take

    def __enter__(self) -> tuple[T, Reader]:
        opened = self._hold(self)
        self._generation = opened.generation
        try:
            return _taken(opened, self._take)
        except BaseException:
            self._generation.leave(self)
            raise

    def __exit__(self, *_: object) -> None:
        self._generation.leave(self)


class Store(Generic[IndexT]):
    """Shared by all handles of one path in one process. Thread-safe.

    Files are open between the first call and `sleep`; the next call opens them again.

    Args:
        files: the seam.
        folder: the collection's folder, or None with `state` for a collection in memory.
        make_index: makes the empty index that this store then feeds.
        state: first state of a collection in memory.

    Attributes:
        recovery: what opening found and mended after a crash, one sentence each.
        upkeep: publication, compaction, copies and the end.
        query_log: of searches, where a user asks for it.
        unsynced: whether this process committed rows that power loss may still cost.
        wrote_at: monotonic time of the last write.
        used_at: of the last call of a handle; upkeep does not count.
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
        self._pid = os.getpid()
        self._closed = False
        self.is_indexing = False  # see `indexing`
        import_ahead()
        self._lock = new_rlock()
        self._opened: Opened[IndexT] | None = None
        self._retired: list[Generation] = []  # whose files may still be open
        self.unsynced = False
        self.wrote_at = self.used_at = time.monotonic()
        self._dropped = False
        self._gone = False
        self._uuid: bytes | None = None
        self.recovery: tuple[str, ...] = ()
        self.upkeep = Upkeep(self)
        self.query_log = QueryLog(files, folder)
        if folder is None:
            assert state is not None  # only our own code opens stores
            self._opened = self._with_feed(create_in_memory(files, state))
        else:
            self._place_identity = files.identity(folder)
            self._opened = self._open(folder)
            self.query_log.look()

    @property
    def place(self) -> str:
        return self.folder or ":memory:"

    @property
    def is_over(self) -> bool:
        """Closed for good: by `close`, or because the collection was dropped, or its files are gone."""
        return self.fate != ""

    @property
    def fate(self) -> str:
        """What has become of it, in a word or two; empty while it can be used."""
        return "dropped" if self._dropped else "files gone" if self._gone else "closed" if self._closed else ""

    def is_in_place(self) -> bool:
        """Whether the folder is the one that was opened: it may have been deleted, moved, or replaced by a copy."""
        return self.folder is None or self.files.identity(self.folder) == self._place_identity

    @property
    def is_awake(self) -> bool:
        """Whether its files are open."""
        return self._opened is not None

    @property
    def on_disk(self) -> bool:
        return self.folder is not None

    def bytes_on_disk(self) -> int:
        return 0 if self.folder is None else self.files.tree_bytes(self.folder)

    # -- reading

    def current(self) -> State:
        """The state after every commit up to now."""
        with self.in_force() as opened:
            return opened.feed.state

    def glance(self) -> State | None:
        """The newest state that this process has seen, without any I/O; None while the files are closed."""
        opened = self._opened
        return None if opened is None else opened.feed.state

    def known(self) -> State:
        """The newest state that this process has seen: what to try first, where a search looks again anyway."""
        opened = self._opened
        if opened is not None:
            return opened.feed.state
        with self.using() as opened:
            return opened.feed.state

    def known_place(self) -> tuple[str, int] | None:
        """Generation and commit that this process has seen last, without looking; None where its files are closed."""
        opened = self._opened
        return None if opened is None else (opened.generation.name, opened.feed.state.change)

    def published(self) -> Publication | None:
        """Where whoever opens the collection begins, as far as this process knows: see `publishing.oldest`."""
        with self.in_force() as opened:
            return oldest(opened)

    def snapshot(self, take: Callable[[IndexT, Reader], T]) -> Taking[IndexT, T]:
        """What `take` reads off the index after every commit up to now, and a reader for its rows.

        The reader sees later commits too: compare a row's `change` with the index's.
        """
        return Taking(self.hold_in_force, take)

    def read(self, work: Callable[[Reader], T]) -> T:
        """Runs `work` with a reader inside one read transaction."""
        with self.in_force() as opened:
            connections = opened.generation.connections
            with connections.turn, connections.reader() as connection, connection:
                return work(Reader(opened.generation, opened.feed.state, connection))
        raise AssertionError("a transaction swallows no error")  # which its type does not say

    def at_moment(self, take: Callable[[IndexT, Reader], S], work: Callable[[S, Reader], T]) -> T:
        """Like `snapshot`, with index and reader at exactly one moment: nothing moves until `work` returns.

        A function and no `with` block: see `Connections.write`.
        """
        with self.in_force() as opened:
            return _at_moment(opened, take, work)

    # -- writing

    def write(self, plan: Callable[[Transaction], T], *, timeout: float, durability: Durability) -> T:
        """Runs `plan` inside one commit: all of it or nothing.

        Raises:
            WriterBusy, DiskFull: nothing changed.
            CommitFailed: see its `committed`.
        """
        return self._write(lambda transaction, _: plan(transaction), timeout, durability)

    def write_selected(
        self,
        take: Callable[[IndexT, Reader], S],
        choose: Callable[[S], C],
        plan: Callable[[Transaction, C], T],
        *,
        timeout: float,
        durability: Durability,
    ) -> T:
        """Like `write`, for a plan that needs what `choose` makes of what `take` reads off the index.

        The index stands at the commit before. `choose` may take long: it holds up no search.
        """

        def chosen(opened: Opened[IndexT]) -> C:
            opened.feed.follow()  # as far as it can get: nobody else commits while we write
            with contextlib.suppress(ChangedMeanwhile):
                return choose(_taken(opened, take)[0])
            return _at_moment(opened, take, lambda taken, _: choose(taken))

        def selected(transaction: Transaction, opened: Opened[IndexT]) -> T:
            return plan(transaction, chosen(opened))

        return self._write(selected, timeout, durability)

    def _write(self, plan: Callable[[Transaction, Opened[IndexT]], T], timeout: float, durability: Durability) -> T:
        while True:
            with self.using() as opened:
                self.unsynced = self.unsynced or durability == "process"  # before: an interrupt may follow the commit
                moved_to, result = self._write_or_moved(opened, plan, timeout, durability)
            if moved_to is None:
                break
            self.move_on(opened, moved_to)
        self.check_in_place(opened)  # what was written to files that nobody finds any more was not stored
        self._after_write(opened, durability)
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
            if moved_to is None and generation.folder is None and opened is not self._opened:
                moved_to = _UNKNOWN  # in memory the next one is put in force before the old one says so
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
            if self._is_there(opened):
                raise
            return _UNKNOWN, None

    def _after_write(self, opened: Opened[IndexT], durability: Durability) -> None:
        self.wrote_at = time.monotonic()
        if not self.on_disk:
            self.upkeep.after_write_in_memory()
        else:
            with self.using() as still:
                if still is opened:
                    keep_log_short(opened.generation)
                    self._take_in(opened)

    def _take_in(self, opened: Opened[IndexT]) -> None:
        """After a large write: the index takes the rows in now, so that the next search need not wait for it.

        Rows that come faster than they can be built in are held back, by building them in here.
        """
        if opened.feed.announced >= _TAKEN_IN_ROWS:
            self._followed(opened)
        while opened.feed.index.is_behind() and build(opened):  # a search may have taken the rows in before us
            pass

    def sync(self, timeout: float) -> None:
        """Makes all earlier commits survive power loss, whatever durability they were made with."""
        with self.in_force() as opened:
            was_unsynced, self.unsynced = self.unsynced, False  # before: what is committed meanwhile is the next one's
            try:
                sync_everything(opened.generation, timeout)
            except BaseException:
                self.unsynced = was_unsynced
                raise

    def wait_indexed(self, seconds: float | None = None) -> bool:
        """Builds into the index what was written before, with all processors; False where that takes too long."""
        deadline = math.inf if seconds is None else time.monotonic() + seconds
        while True:
            with self.in_force() as opened:
                if not build(opened, awaited=True):
                    self.upkeep.look_again()
                    return True
            if time.monotonic() >= deadline:
                return False

    # -- opening, moving on, closing

    def _open(self, folder: str) -> Opened[IndexT]:
        if not self.is_in_place():
            self._gone = True
            self.check_usable()
        generation = open_in_force(self.files, folder)
        if self._uuid not in (None, generation.state.uuid):  # while we slept: dropped, and the name taken again
            generation.retire()
            self._dropped = True
            self.check_usable()
        self._uuid = generation.state.uuid
        self.recovery = recover(self.files, generation)
        opened = self._with_feed(generation)
        woke(self)
        return opened

    def _with_feed(self, generation: Generation) -> Opened[IndexT]:
        try:
            return Opened(generation, Feed(self.files, generation, self.make_index))
        except BaseException:
            generation.retire()
            raise

    def using(self) -> Using[IndexT]:
        """The open files, which stay open for the block."""
        return Using(self.hold)

    def hold(self, user: object) -> Opened[IndexT]:
        """The open files; `user` must leave their generation again."""
        with self._lock:
            self.check_usable()
            if self._opened is not None:
                self.check_in_place(self._opened)
            if self._opened is None:
                assert self.folder is not None  # memory does not sleep
                self._opened = self._open(self.folder)
            opened = self._opened
            opened.generation.enter(user)
        return opened

    def check_in_place(self, opened: Opened[IndexT]) -> None:
        """Lets go of files that are not at their place any more.

        Raises:
            CollectionDropped: the folder is another one or none. Where only the generation is elsewhere, another
                process switched or repaired while we had let go of it, and the next one is looked for.
        """
        if opened.generation.is_in_place():
            return
        with self._lock:
            if not self.is_in_place() or self._is_there(opened):
                self._gone = True
            if self._opened is opened:
                self._opened = None
                self._retire(opened.generation)
            self.check_usable()

    def in_force(self) -> Using[IndexT]:
        """The generation in force, its index after every commit up to now."""
        return Using(self.hold_in_force)

    def hold_in_force(self, user: object) -> Opened[IndexT]:
        """Like `hold`, caught up with every commit up to now."""
        while True:
            opened = self.hold(user)
            try:
                moved_to = self._followed(opened)
            except BaseException:
                opened.generation.leave(user)
                raise
            if moved_to is None:
                return opened
            opened.generation.leave(user)
            self.move_on(opened, moved_to)

    def _followed(self, opened: Opened[IndexT]) -> str | None:
        """Catches up; returns where the collection moved to, None if it did not."""
        try:
            moved_to = opened.feed.follow()
            feed = opened.feed
            if feed.built is not feed.state:
                if feed.index.pending() > indexing.FEW_SLOTS:
                    indexing.ask(self)
                else:
                    feed.built = feed.state
            return moved_to
        except StoreError:
            if self._is_there(opened):
                raise
            return _UNKNOWN

    def _is_there(self, opened: Opened[IndexT]) -> bool:
        """False where the generation was removed while this process had let go of it, as before a fork."""
        return opened.generation.folder is None or self.files.exists(opened.generation.folder)

    def move_on(self, superseded: Opened[IndexT], moved_to: str) -> None:
        """Opens the generation that follows `superseded`."""
        with self._lock:
            if self._opened is not superseded:
                return  # another thread was first
            self._opened = None
            self._retire(superseded.generation)
            if moved_to == DROPPED:
                self._dropped = True
            self.check_usable()
            assert self.folder is not None  # memory never moves
            self._opened = self._open(self.folder)

    def replace(
        self, generation: Generation, new_slots: NDArray[np.int64], *, taken_along: Mapping[str, SavedIndex]
    ) -> None:
        """In memory: puts a generation in force whose rows are those of the old one; see `publish_generation`."""
        with self._lock:
            opened = self._with_feed(generation)
            move_along(opened.feed.index, taken_along, new_slots)
            superseded, self._opened = self._opened, opened
            if superseded is not None:
                self._retire(superseded.generation)

    def sleep(self, *, wait: bool = True) -> bool:
        """Closes the files until the next call, or when the calls that use them return; False where it does not.

        Args:
            wait: for a call that is opening the files just now.
        """
        taken: list[bool] = []
        try:
            taken.extend(map(self._lock.acquire, (wait,)))  # see `Connections.write`
            if not taken[0] or self._opened is None or self._closed or not self.on_disk:
                return False
            if self.unsynced:
                self.sync(_CLOSE_WAIT_SECONDS)
            opened, self._opened = self._opened, None
            if opened is not None:
                self._retire(opened.generation)
            return True
        finally:
            if taken and taken[0]:
                self._lock.release()

    def _retire(self, generation: Generation) -> None:
        self._retired.append(generation)
        generation.retire()
        self.close_retired()

    def close_retired(self) -> None:
        """Closes the files of generations whose last call was kept from closing them by an interrupt."""
        with self._lock:
            self._retired = [generation for generation in self._retired if not generation.close_if_unused()]

    def close(self) -> None:
        """Syncs and publishes what is due and closes the files. The last one to close leaves no log behind."""
        if self._closed or self._pid != os.getpid():
            return
        self.upkeep.end()
        with self.upkeep.lock, self.upkeep.sync_lock:  # what the housekeeping threads have begun comes to its end
            try:
                if self.on_disk and self._opened is not None and self.is_in_place():
                    with contextlib.suppress(CollectionDropped):  # by another process: there is nothing to finish
                        self.upkeep.finish()
            finally:
                self.query_log.close()
                with self._lock:
                    self._closed = True
                    opened, self._opened = self._opened, None
                    if opened is not None:
                        self._retire(opened.generation)
        indexing.wait()

    def drop_in_memory(self) -> None:
        """The end of a collection that is nowhere else; whoever uses it next gets `CollectionDropped`."""
        self._dropped = True
        self.close()

    def check_usable(self) -> None:
        if self._dropped:
            raise CollectionDropped(
                "the collection was dropped",
                name="collection",
                place=self.place,
                remedy="Create it again if you need it.",
            )
        if self._gone:
            raise CollectionDropped(
                "the files of the collection are gone: its folder was deleted, moved or replaced",
                name="collection",
                place=self.place,
                remedy="Open it again with connect(), at the place where it is now.",
            )
        if self._closed:
            raise Closed(
                "the collection is closed", name="collection", place=self.place, remedy="Open it again with connect()."
            )
        if self._pid != os.getpid():
            raise Unsupported(
                "a collection in memory lives in one process, this is a forked child",
                name="collection",
                place=self.place,
                remedy="Use a path, or create it in the child.",
            )


def _taken(opened: Opened[IndexT], take: Callable[[IndexT, Reader], S]) -> tuple[S, Reader]:
    """What `take` reads off the index as it stands, and a reader whose every call has its own moment."""
    generation, feed = opened.generation, opened.feed
    with generation.connections.turn, feed.lock.turn, feed.lock.held:
        reader = Reader(generation, feed.state, None, feed.rows)
        return take(feed.index, reader), reader


def _at_moment(opened: Opened[IndexT], take: Callable[[IndexT, Reader], S], work: Callable[[S, Reader], T]) -> T:
    generation, feed = opened.generation, opened.feed

    def once(connection: apsw.Connection) -> T:
        reader = Reader(generation, feed.state, connection, feed.rows)
        return work(take(feed.index, reader), reader)

    def at(connection: apsw.Connection) -> T:
        try:
            return once(connection)
        except ChangedMeanwhile:  # nothing has: so the saved index was not of these records
            feed.distrust(connection)
        try:
            return once(connection)
        except ChangedMeanwhile as error:
            raise Damaged(
                "a row belongs to a change that the state does not know",
                name="rows",
                place=generation.connections.place,
                remedy="Run verify() to see which rows, and repair() to keep the others.",
            ) from error

    return feed.at_moment(at)
