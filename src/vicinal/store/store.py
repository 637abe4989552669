"""One collection's files in one process: catching up, reading one moment, writing, closing."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Generic, TypeVar

import apsw

from ..contract import Durability, Index
from ..errors import Closed, CommitFailed, Unsupported, VicinalError, WriterBusy
from .changes import has_change, read_delta, read_everything
from .files import Files
from .generation import Generation, create_in_memory, open_in_force
from .reading import Reader
from .state import State, peek_state, read_state, update_state
from .writing import Transaction

_log = logging.getLogger("vicinal.store")

IndexT = TypeVar("IndexT", bound=Index)
T = TypeVar("T")

_CHECKPOINT_BYTES = 8 << 20  # a short log is also a log in which little can be lost to a flipped bit
_CHECKPOINT_AGAIN_BYTES = 4 << 20
_CHECKPOINT_WAIT_SECONDS = 0.1
_SYNC_EVERY_SECONDS = 1.0


class Store(Generic[IndexT]):
    """Shared by all handles of one path in one process. Thread-safe.

    Args:
        files: the seam.
        folder: the collection's folder, or None with `state` for a collection in memory.
        make_index: makes the empty index that this store then feeds.
        state: first state of a collection in memory.
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
        self._apply_lock = threading.RLock()
        self._checkpoint_at = _CHECKPOINT_BYTES
        self._sync_timer: threading.Timer | None = None
        self._timer_lock = threading.Lock()
        if folder is None:
            assert state is not None  # only our own code opens stores
            self._generation = create_in_memory(files, state)
        else:
            self._generation = open_in_force(files, folder)
        self._state: State
        self._index: IndexT
        self._start_index()

    @property
    def place(self) -> str:
        return self._folder or ":memory:"

    def current(self) -> State:
        """The state after every commit up to now."""
        self._catch_up_if_behind()
        return self._state

    def bytes_on_disk(self) -> int:
        return 0 if self._folder is None else self._files.tree_bytes(self._folder)

    # -- reading

    def snapshot(self, take: Callable[[IndexT], T]) -> tuple[T, Reader]:
        """What `take` reads off the index after every commit up to now, and a reader for its rows.

        The reader sees later commits too: compare a row's `change` with the index's.
        """
        self._catch_up_if_behind()
        with self._apply_lock:
            return take(self._index), Reader(self._generation, self._state)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reader]:
        """A reader inside one read transaction."""
        self._catch_up_if_behind()
        generation, state = self._generation, self._state
        with generation.connections.read_transaction() as connection:
            yield Reader(generation, state, connection)

    @contextlib.contextmanager
    def moment(self, take: Callable[[IndexT], T]) -> Iterator[tuple[T, Reader]]:
        """Like `snapshot`, with index and reader at exactly one moment: nothing moves until the block ends."""
        self._catch_up_if_behind()
        with self._apply_lock, self._generation.connections.read_transaction() as connection:
            self._catch_up(connection)
            yield take(self._index), Reader(self._generation, self._state, connection)

    def _catch_up_if_behind(self) -> None:
        self._check_usable()
        with self._generation.connections.reader() as connection:
            change, moved_to = peek_state(connection)
        if moved_to is not None:
            self._follow(self._generation)
        elif change != self._state.change:
            with self._apply_lock, self._generation.connections.read_transaction() as connection:
                self._catch_up(connection)

    def _catch_up(self, connection: apsw.Connection) -> None:
        """Applies the feed up to this transaction's moment. The caller holds the apply lock."""
        state = read_state(connection)
        known = self._state
        if state.change == known.change:
            return
        if known.dimension is None and state.dimension is not None:
            self._generation.vectors.fix_dimension(state.dimension)
        if known.change < state.trimmed:
            self._index = self._make_index(state)
            delta = read_everything(connection, state.change, state.next_slot)
        else:
            delta = read_delta(connection, known.change, state.change, known.next_slot, state.next_slot)
        self._index.apply(delta)
        self._state = state

    def _start_index(self) -> None:
        with self._apply_lock, self._generation.connections.read_transaction() as connection:
            state = read_state(connection)
            if state.dimension is not None:
                self._generation.vectors.fix_dimension(state.dimension)
            self._index = self._make_index(state)
            self._index.apply(read_everything(connection, state.change, state.next_slot))
            self._state = state

    def _follow(self, superseded: Generation) -> None:
        """Reopens at the generation that `superseded` names."""
        with self._apply_lock:
            if self._generation is not superseded:
                return  # another thread was first
            assert self._folder is not None  # memory never moves
            assert superseded.folder is not None
            self._generation = open_in_force(self._files, self._folder, after=os.path.basename(superseded.folder))
            superseded.close()
            self._start_index()

    # -- writing

    def write(self, plan: Callable[[Transaction], T], *, timeout: float, durability: Durability) -> T:
        """Runs `plan` inside one commit: all of it or nothing.

        Raises:
            WriterBusy, DiskFull: nothing changed.
            CommitFailed: see its `committed`.
        """
        while True:
            self._check_usable()
            generation = self._generation
            with generation.connections.writing(timeout, durability) as connection:
                state = read_state(connection)
                if state.moved_to is None:
                    result = self._write_once(generation, connection, state, plan, durability)
                    break
            self._follow(generation)
        self._keep_log_short(generation)
        return result

    def _write_once(
        self,
        generation: Generation,
        connection: apsw.Connection,
        state: State,
        plan: Callable[[Transaction], T],
        durability: Durability,
    ) -> T:
        if state.dimension is not None:
            generation.vectors.fix_dimension(state.dimension)
        transaction = Transaction(connection, generation.vectors, state, durability)
        try:
            result = plan(transaction)
            if transaction.is_empty:
                return result
            transaction.finish()
        except BaseException:
            transaction.give_back()
            raise
        try:
            connection.execute("COMMIT")
        except apsw.Error as error:
            self._settle(generation, transaction, error)
        if durability == "process":
            self._sync_soon()
        return result

    def _settle(self, generation: Generation, transaction: Transaction, error: apsw.Error) -> None:
        """After a failed COMMIT: returns if it was made after all, else says what is known."""
        committed: bool | None
        generation.connections.reopen_writer()
        try:
            with generation.connections.reader() as connection:
                committed = has_change(connection, transaction.change, transaction.nonce)
        except VicinalError:
            committed = None
        if committed:
            return
        known = "nothing changed" if committed is False else "whether it was made is unknown"
        failure = CommitFailed(
            f"the commit failed ({error}); {known}",
            name="commit",
            value=transaction.change,
            place=self.place,
            remedy="Check the disk, then try again." if committed is False else "Reopen and look before trying again.",
        )
        failure.committed = committed
        raise failure from error

    def _keep_log_short(self, generation: Generation) -> None:
        """Whoever commits past the limit empties SQLite's log; a reader in the way postpones it."""
        if self._folder is None or generation.connections.log_bytes < self._checkpoint_at:
            return
        generation.vectors.sync()  # a checkpointed row must not outlive its vector
        with generation.connections.checkpointing(_CHECKPOINT_WAIT_SECONDS) as connection:
            try:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.Error as error:  # the commit stands; only the log stays long
                self._checkpoint_at = generation.connections.log_bytes + _CHECKPOINT_AGAIN_BYTES
                _log.info("checkpoint of %s postponed: %s", self.place, error)
                return
        self._checkpoint_at = _CHECKPOINT_BYTES
        generation.connections.log_bytes = 0

    def sync(self, timeout: float) -> None:
        """Makes all earlier commits survive power loss, whatever durability they were made with."""
        self._check_usable()
        generation = self._generation
        with generation.connections.writing(timeout, "full") as connection:
            state = read_state(connection)
            if state.synced < state.change:
                generation.vectors.sync()
                update_state(connection, replace(state, synced=state.change))
                connection.execute("COMMIT")  # with synchronous=FULL it syncs the whole log

    def _sync_soon(self) -> None:
        with self._timer_lock:
            if self._sync_timer is None and self._folder is not None:
                self._sync_timer = threading.Timer(_SYNC_EVERY_SECONDS, self._sync_now)
                self._sync_timer.daemon = True
                self._sync_timer.start()

    def _sync_now(self) -> None:
        with self._timer_lock:
            self._sync_timer = None
        try:
            self.sync(_SYNC_EVERY_SECONDS)
        except Closed:
            pass  # `close` syncs by itself
        except WriterBusy:
            self._sync_soon()
        except VicinalError as error:
            _log.warning("background sync of %s failed: %s", self.place, error)

    # -- the end

    def close(self) -> None:
        """Syncs what is not synced and closes all files. The last one to close leaves no log behind."""
        if self._closed or self._pid != os.getpid():
            return
        with self._timer_lock:
            if self._sync_timer is not None:
                self._sync_timer.cancel()
                self._sync_timer = None
        try:
            if self._folder is not None:
                self._sync_before_close()
        finally:
            self._closed = True
            self._generation.close()

    def _sync_before_close(self) -> None:
        with self._generation.connections.reader() as connection:
            state = read_state(connection)
        if state.synced < state.change and state.moved_to is None:
            self.sync(_SYNC_EVERY_SECONDS)

    def _check_usable(self) -> None:
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
