"""One collection's files in one process: opened, caught up, read at one moment, written, kept up, closed."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..contract import Durability, Index
from ..errors import Closed, CollectionDropped, Unsupported, WriterBusy
from .builder import builder_role, clear_up
from .changes import nonce_of
from .commit import forget_changes, keep_log_short, sync_everything, write_once
from .creation import create_in_memory
from .feed import Feed
from .files import Files
from .generation import DROPPED, Generation, open_in_force
from .holders import holder_of
from .publication import Publication, publish, remove_older
from .reading import Reader
from .recovery import recover
from .state import State, read_state
from .switch import Plan, switch
from .writing import Transaction

IndexT = TypeVar("IndexT", bound=Index)
T = TypeVar("T")

_SYNC_EVERY_SECONDS = 1.0
_FOLLOW_EVERY_SECONDS = 2.0
_QUIET_SECONDS = 5.0
_PUBLISH_SLOTS_MIN = 4096
_PUBLISH_SHARE = 32  # a tail of 1/32 of the rows is worth a new publication
_COMPACT_SLOTS_MIN = 1024  # fewer dead slots are not worth a generation
_CLOSE_WAIT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Opened(Generic[IndexT]):
    """A generation and the index that follows it."""

    generation: Generation
    feed: Feed[IndexT]


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
        used_at: monotonic time of the last call.
    """

    def __init__(
        self,
        files: Files,
        folder: str | None,
        make_index: Callable[[State], IndexT],
        state: State | None = None,
    ) -> None:
        self._files = files
        self._folder = folder
        self._make_index = make_index
        self._pid = os.getpid()
        self._closed = False
        self._lock = threading.RLock()
        self._opened: Opened[IndexT] | None = None
        self._unsynced = False
        self._wrote_at = self._looked_at = self._synced_at = self.used_at = time.monotonic()
        self._is_builder = False
        self._dropped = False
        self._uuid: bytes | None = None
        self.recovery: tuple[str, ...] = ()
        if folder is None:
            assert state is not None  # only our own code opens stores
            self._opened = self._with_feed(create_in_memory(files, state))
        else:
            self._opened = self._open(folder)

    @property
    def place(self) -> str:
        return self._folder or ":memory:"

    @property
    def is_awake(self) -> bool:
        """Whether its files are open."""
        return self._opened is not None

    @property
    def on_disk(self) -> bool:
        return self._folder is not None

    def bytes_on_disk(self) -> int:
        return 0 if self._folder is None else self._files.tree_bytes(self._folder)

    # -- reading

    def current(self) -> State:
        """The state after every commit up to now."""
        with self._in_force() as opened:
            return opened.feed.state

    def published(self) -> Publication | None:
        """The newest saved index that this process knows of."""
        with self._in_force() as opened:
            return opened.feed.published

    def builder(self) -> str | None:
        """Who publishes or compacts just now, as far as it can be told."""
        if self._is_builder:
            return "this process"
        with self._in_force() as opened:
            folder = opened.generation.folder
        return None if folder is None else holder_of(os.path.join(folder, "builder.db"))

    @contextlib.contextmanager
    def snapshot(self, take: Callable[[IndexT], T]) -> Iterator[tuple[T, Reader]]:
        """What `take` reads off the index after every commit up to now, and a reader for its rows.

        The reader sees later commits too: compare a row's `change` with the index's.
        """
        with self._in_force() as opened:
            with opened.feed.lock:
                taken, reader = take(opened.feed.index), Reader(opened.generation, opened.feed.state)
            yield taken, reader

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reader]:
        """A reader inside one read transaction."""
        with self._in_force() as opened, opened.generation.connections.read_transaction() as connection:
            yield Reader(opened.generation, opened.feed.state, connection)

    @contextlib.contextmanager
    def moment(self, take: Callable[[IndexT], T]) -> Iterator[tuple[T, Reader]]:
        """Like `snapshot`, with index and reader at exactly one moment: nothing moves until the block ends."""
        with self._in_force() as opened, opened.feed.moment() as connection:
            yield take(opened.feed.index), Reader(opened.generation, opened.feed.state, connection)

    # -- writing

    def write(self, plan: Callable[[Transaction], T], *, timeout: float, durability: Durability) -> T:
        """Runs `plan` inside one commit: all of it or nothing.

        Raises:
            WriterBusy, DiskFull: nothing changed.
            CommitFailed: see its `committed`.
        """
        while True:
            with self._using() as opened:
                generation = opened.generation
                with generation.connections.writing(timeout, durability) as connection:
                    state = read_state(connection)
                    if state.moved_to is None:
                        result = write_once(generation, connection, state, plan, durability)
                        break
            self._move_on(opened, state.moved_to)
        self._after_write(opened, durability)
        return result

    def _after_write(self, opened: Opened[IndexT], durability: Durability) -> None:
        self._wrote_at = time.monotonic()
        self._unsynced = self._unsynced or durability == "process"
        if self.on_disk:
            with self._using() as still:
                if still is opened:
                    keep_log_short(opened.generation)

    def sync(self, timeout: float) -> None:
        """Makes all earlier commits survive power loss, whatever durability they were made with."""
        with self._in_force() as opened:
            sync_everything(opened.generation, timeout)
        self._unsynced = False

    # -- upkeep

    def keep_up(self) -> None:
        """What is due now: following a switch, syncing, publishing, compacting. Called every second or so."""
        now = time.monotonic()
        if self._opened is None or not self.on_disk:
            return
        if self._unsynced and now - self._synced_at >= _SYNC_EVERY_SECONDS:
            self._synced_at = now
            self.sync(_SYNC_EVERY_SECONDS)
        if now - self._looked_at >= _FOLLOW_EVERY_SECONDS:
            self._looked_at = now
            self.current()
        if now - self._wrote_at >= _QUIET_SECONDS or self._is_past_limit():
            self.build()

    def build(self, *, always: bool = False) -> None:
        """Publishes, compacts and clears up, where there is something to do and no other process does it."""
        with self._in_force() as opened:
            state, published = opened.feed.state, opened.feed.published
            needs_publication = state.change > (0 if published is None else published.change)
            if not (always or needs_publication or self._needs_compaction(opened)):
                return
            with self._building(opened) as is_builder:
                if not is_builder:
                    return
                if not self._needs_compaction(opened):
                    self._publish(opened)
                    return
        self.rebuild(Plan(), timeout=_SYNC_EVERY_SECONDS, now=time.time_ns() // 1000)

    def rebuild(self, plan: Plan, *, timeout: float, now: int) -> bool:
        """Builds the next generation and moves everybody to it; False where the old files are still in use.

        Raises:
            WriterBusy: another process held the builder role, or writers left no gap.
            DiskFull: nothing changed.
        """
        assert self._folder is not None  # the face refuses it in memory
        with self._in_force() as opened, self._building(opened, timeout) as is_builder:
            if not is_builder:
                raise WriterBusy(
                    f"another process was building for the whole timeout of {timeout:g} s",
                    name="timeout",
                    value=timeout,
                    place=self.place,
                    remedy="Raise `timeout=`; upkeep ends by itself.",
                )
            switch(self._files, self._folder, opened.generation, plan, now=now, timeout=timeout)
        self.current()
        return self._publish_and_clear_up()

    def _publish_and_clear_up(self) -> bool:
        with self._in_force() as opened, self._building(opened) as is_builder:
            return is_builder and self._publish(opened)

    @contextlib.contextmanager
    def _building(self, opened: Opened[IndexT], wait_seconds: float = 0.0) -> Iterator[bool]:
        assert opened.generation.folder is not None
        with builder_role(self._files, opened.generation.folder, wait_seconds) as is_builder:
            self._is_builder = is_builder
            try:
                yield is_builder
            finally:
                self._is_builder = False

    def _publish(self, opened: Opened[IndexT]) -> bool:
        """Saves the index, forgets the changes that it covers and removes what is left over. Holds the role."""
        assert self._folder is not None
        folder = opened.generation.folder
        assert folder is not None
        with opened.feed.moment() as connection:
            state = opened.feed.state
            nonce = nonce_of(connection, state, state.change) if state.change else None
            arrays = opened.feed.index.save(opened.generation.vectors.matrix(state.next_slot))
        if nonce is not None:
            published = publish(self._files, folder, state, nonce, state.next_slot, arrays)
            forget_changes(opened.generation, published)
            opened.feed.published = published
            remove_older(self._files, folder, published)
        return clear_up(self._files, self._folder, os.path.basename(folder))

    def _needs_compaction(self, opened: Opened[IndexT]) -> bool:
        slots, live = opened.feed.state.next_slot, opened.feed.index.live_count()
        return slots - live > max(live, _COMPACT_SLOTS_MIN)

    def _is_past_limit(self) -> bool:
        """Whether enough has happened to publish or compact without waiting for quiet."""
        with self._using() as opened:
            slots, published = opened.feed.state.next_slot, opened.feed.published
            tail = slots - (0 if published is None else published.slot_count)
            return tail >= max(_PUBLISH_SLOTS_MIN, slots // _PUBLISH_SHARE) or self._needs_compaction(opened)

    # -- opening, moving on, closing

    def _open(self, folder: str) -> Opened[IndexT]:
        generation = open_in_force(self._files, folder)
        if self._uuid not in (None, generation.state.uuid):  # while we slept: dropped, and the name taken again
            generation.retire()
            self._dropped = True
            self._check_usable()
        self._uuid = generation.state.uuid
        self.recovery = recover(self._files, generation)
        return self._with_feed(generation)

    def _with_feed(self, generation: Generation) -> Opened[IndexT]:
        try:
            return Opened(generation, Feed(self._files, generation, self._make_index))
        except BaseException:
            generation.retire()
            raise

    @contextlib.contextmanager
    def _using(self) -> Iterator[Opened[IndexT]]:
        """The open files, which stay open for the block."""
        with self._lock:
            self._check_usable()
            if self._opened is None:
                assert self._folder is not None  # memory does not sleep
                self._opened = self._open(self._folder)
            opened = self._opened
            opened.generation.enter()
            self.used_at = time.monotonic()
        try:
            yield opened
        finally:
            opened.generation.leave()

    @contextlib.contextmanager
    def _in_force(self) -> Iterator[Opened[IndexT]]:
        """The generation in force, its index after every commit up to now."""
        while True:
            with self._using() as opened:
                moved_to = opened.feed.follow()
                if moved_to is None:
                    yield opened
                    return
            self._move_on(opened, moved_to)

    def _move_on(self, superseded: Opened[IndexT], moved_to: str) -> None:
        """Opens the generation that follows `superseded`."""
        with self._lock:
            if self._opened is not superseded:
                return  # another thread was first
            self._opened = None
            superseded.generation.retire()
            if moved_to == DROPPED:
                self._dropped = True
            self._check_usable()
            assert self._folder is not None  # memory never moves
            self._opened = self._open(self._folder)

    def sleep(self) -> bool:
        """Closes the files until the next call; False where a call is using them."""
        with self._lock:
            if self._opened is None or self._closed or not self.on_disk:
                return False
            if self._unsynced:
                self.sync(_CLOSE_WAIT_SECONDS)
            self._opened.generation.retire()
            self._opened = None
            return True

    def close(self) -> None:
        """Syncs and publishes what is due and closes the files. The last one to close leaves no log behind."""
        with self._lock:
            if self._closed or self._pid != os.getpid():
                return
            try:
                if self.on_disk and self._opened is not None:
                    self._finish_up()
            finally:
                self._closed = True
                if self._opened is not None:
                    self._opened.generation.retire()
                    self._opened = None

    def _finish_up(self) -> None:
        """A short-lived process publishes only what is past the limit."""
        if self._unsynced:
            self.sync(_CLOSE_WAIT_SECONDS)
        if self._is_past_limit():
            self.build()

    def _check_usable(self) -> None:
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
