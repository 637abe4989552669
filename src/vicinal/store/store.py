"""One collection's files in one process: opened, caught up, read at one moment, written, kept up, closed."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from ..contract import Durability, Index
from ..errors import Closed, CollectionDropped, StoreError, Unsupported
from .commit import keep_log_short, sync_everything, write_once
from .creation import create_in_memory
from .feed import Feed
from .files import Files
from .generation import DROPPED, Generation, open_in_force
from .publication import Publication
from .reading import Reader
from .recovery import recover
from .state import State, read_state
from .upkeep import Upkeep
from .writing import Transaction

IndexT = TypeVar("IndexT", bound=Index)
T = TypeVar("T")
S = TypeVar("S")

_CLOSE_WAIT_SECONDS = 1.0
_UNKNOWN = "unknown"  # moved to a generation that is to be looked for


@dataclass(frozen=True, slots=True)
class Opened(Generic[IndexT]):
    """A generation and the index that follows it."""

    generation: Generation
    feed: Feed[IndexT]


class Using(Generic[IndexT]):
    """An opened generation in a `with` block, which then leaves it. A class, because every call has one or two."""

    __slots__ = ("_hold", "_opened")

    def __init__(self, hold: Callable[[], Opened[IndexT]]) -> None:
        self._hold = hold

    def __enter__(self) -> Opened[IndexT]:
        self._opened = self._hold()
        return self._opened

    def __exit__(self, *_: object) -> None:
        self._opened.generation.leave()


class Taking(Generic[IndexT, T]):
    """`Store.snapshot` in a `with` block. A class, because every search has one."""

    __slots__ = ("_generation", "_hold", "_take")

    def __init__(self, hold: Callable[[], Opened[IndexT]], take: Callable[[IndexT, Reader], T]) -> None:
        self._hold = hold
        self._take = take

    def __enter__(self) -> tuple[T, Reader]:
        opened = self._hold()
        self._generation, feed = opened.generation, opened.feed
        try:
            with feed.lock:
                reader = Reader(self._generation, feed.state, None, feed.rows)
                return self._take(feed.index, reader), reader
        except BaseException:
            self._generation.leave()
            raise

    def __exit__(self, *_: object) -> None:
        self._generation.leave()


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
        unsynced: whether this process committed rows that power loss may still cost.
        wrote_at, used_at: monotonic times of the last write and call.
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
        self._lock = threading.RLock()
        self._opened: Opened[IndexT] | None = None
        self.unsynced = False
        self.wrote_at = self.used_at = time.monotonic()
        self._dropped = False
        self._uuid: bytes | None = None
        self.recovery: tuple[str, ...] = ()
        self.upkeep = Upkeep(self)
        if folder is None:
            assert state is not None  # only our own code opens stores
            self._opened = self._with_feed(create_in_memory(files, state))
        else:
            self._opened = self._open(folder)

    @property
    def place(self) -> str:
        return self.folder or ":memory:"

    @property
    def is_over(self) -> bool:
        """Closed for good: by `close`, or because the collection was dropped."""
        return self._closed or self._dropped

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

    def known(self) -> State:
        """The newest state that this process has seen: what to try first, where a search looks again anyway."""
        opened = self._opened
        if opened is not None:
            return opened.feed.state
        with self.using() as opened:
            return opened.feed.state

    def published(self) -> Publication | None:
        """The newest saved index that this process knows of."""
        with self.in_force() as opened:
            return opened.feed.published

    def snapshot(self, take: Callable[[IndexT, Reader], T]) -> Taking[IndexT, T]:
        """What `take` reads off the index after every commit up to now, and a reader for its rows.

        The reader sees later commits too: compare a row's `change` with the index's.
        """
        return Taking(self.hold_in_force, take)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reader]:
        """A reader inside one read transaction."""
        with self.in_force() as opened, opened.generation.connections.read_transaction() as connection:
            yield Reader(opened.generation, opened.feed.state, connection)

    @contextlib.contextmanager
    def moment(self, take: Callable[[IndexT, Reader], T]) -> Iterator[tuple[T, Reader]]:
        """Like `snapshot`, with index and reader at exactly one moment: nothing moves until the block ends."""
        with self.in_force() as opened, opened.feed.moment() as connection:
            reader = Reader(opened.generation, opened.feed.state, connection, opened.feed.rows)
            yield take(opened.feed.index, reader), reader

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
        plan: Callable[[Transaction, S], T],
        *,
        timeout: float,
        durability: Durability,
    ) -> T:
        """Like `write`, for a plan that needs what `take` reads off the index, which stands at the commit before."""

        def selected(transaction: Transaction, opened: Opened[IndexT]) -> T:
            with opened.feed.moment() as connection:
                taken = take(opened.feed.index, Reader(opened.generation, opened.feed.state, connection))
            return plan(transaction, taken)

        return self._write(selected, timeout, durability)

    def _write(self, plan: Callable[[Transaction, Opened[IndexT]], T], timeout: float, durability: Durability) -> T:
        while True:
            with self.using() as opened:
                moved_to, result = self._write_or_moved(opened, plan, timeout, durability)
            if moved_to is None:
                break
            self.move_on(opened, moved_to)
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
        try:
            with generation.connections.writing(timeout, durability) as connection:
                state = read_state(connection)
                moved_to = state.moved_to if state.uuid == opened.feed.state.uuid else DROPPED
                if moved_to is not None:
                    return moved_to, None
                return None, write_once(generation, connection, state, lambda tx: plan(tx, opened), durability)
        except StoreError:
            if self._is_there(opened):
                raise
            return _UNKNOWN, None

    def _after_write(self, opened: Opened[IndexT], durability: Durability) -> None:
        self.wrote_at = time.monotonic()
        self.unsynced = self.unsynced or durability == "process"
        if not self.on_disk:
            self.upkeep.after_write_in_memory()
        else:
            with self.using() as still:
                if still is opened:
                    keep_log_short(opened.generation)

    def sync(self, timeout: float) -> None:
        """Makes all earlier commits survive power loss, whatever durability they were made with."""
        with self.in_force() as opened:
            sync_everything(opened.generation, timeout)
        self.unsynced = False

    # -- opening, moving on, closing

    def _open(self, folder: str) -> Opened[IndexT]:
        generation = open_in_force(self.files, folder)
        if self._uuid not in (None, generation.state.uuid):  # while we slept: dropped, and the name taken again
            generation.retire()
            self._dropped = True
            self.check_usable()
        self._uuid = generation.state.uuid
        self.recovery = recover(self.files, generation)
        return self._with_feed(generation)

    def _with_feed(self, generation: Generation) -> Opened[IndexT]:
        try:
            return Opened(generation, Feed(self.files, generation, self.make_index))
        except BaseException:
            generation.retire()
            raise

    def using(self) -> Using[IndexT]:
        """The open files, which stay open for the block."""
        return Using(self.hold)

    def hold(self) -> Opened[IndexT]:
        """The open files; the caller must leave their generation again."""
        with self._lock:
            self.check_usable()
            if self._opened is None:
                assert self.folder is not None  # memory does not sleep
                self._opened = self._open(self.folder)
            opened = self._opened
            opened.generation.enter()
            self.used_at = time.monotonic()
        return opened

    def in_force(self) -> Using[IndexT]:
        """The generation in force, its index after every commit up to now."""
        return Using(self.hold_in_force)

    def hold_in_force(self) -> Opened[IndexT]:
        """Like `hold`, caught up with every commit up to now."""
        while True:
            opened = self.hold()
            try:
                moved_to = self._followed(opened)
            except BaseException:
                opened.generation.leave()
                raise
            if moved_to is None:
                return opened
            opened.generation.leave()
            self.move_on(opened, moved_to)

    def _followed(self, opened: Opened[IndexT]) -> str | None:
        """Catches up; returns where the collection moved to, None if it did not."""
        try:
            return opened.feed.follow()
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
            superseded.generation.retire()
            if moved_to == DROPPED:
                self._dropped = True
            self.check_usable()
            assert self.folder is not None  # memory never moves
            self._opened = self._open(self.folder)

    def replace(self, generation: Generation) -> None:
        """In memory: puts a generation in force whose rows are those of the old one."""
        with self._lock:
            superseded, self._opened = self._opened, self._with_feed(generation)
            if superseded is not None:
                superseded.generation.retire()

    def sleep(self) -> bool:
        """Closes the files until the next call; False where a call is using them."""
        with self._lock:
            if self._opened is None or self._closed or not self.on_disk:
                return False
            if self.unsynced:
                self.sync(_CLOSE_WAIT_SECONDS)
            self._opened.generation.retire()
            self._opened = None
            return True

    def close(self) -> None:
        """Syncs and publishes what is due and closes the files. The last one to close leaves no log behind."""
        if self._closed or self._pid != os.getpid():
            return
        with self.upkeep.lock:  # what the housekeeping thread has begun comes to its end
            try:
                if self.on_disk and self._opened is not None:
                    self.upkeep.finish()
            finally:
                with self._lock:
                    self._closed = True
                    if self._opened is not None:
                        self._opened.generation.retire()
                        self._opened = None

    def check_usable(self) -> None:
        if self._dropped:
            raise CollectionDropped(
                "the collection was dropped", name="collection", place=self.place, remedy="Make it anew if you need it."
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
