"""The open files of a store in this process: opened, switched to the next generation, closed again."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract import Index, SavedIndex
from ..errors import Closed, CollectionDropped, StoreError, Unsupported, VicinalError
from ..locks import new_rlock
from .creation import create_in_memory
from .feed import Feed, Opened
from .files import Files
from .generation import DROPPED, Generation, open_in_force
from .indexing import FEW_SLOTS
from .publishing import move_along
from .recovery import recover
from .state import State

IndexT = TypeVar("IndexT", bound=Index)

UNKNOWN = "unknown"  # moved to a generation that has to be searched for


class OpenFiles(Generic[IndexT]):
    """One generation at a time, with the index that follows it. Thread-safe.

    Args:
        files: the file system.
        folder: the collection's folder, or None for a collection in memory.
        make_index: creates the empty index, which is then updated from the feed.
        on_open: called when files were opened, under `lock`.
        on_lag: called when more rows are missing in the index than a call adds by itself.

    Attributes:
        lock: held while files are opened or closed.
        opened: None while the files are closed.
        is_closed: whether they are closed for good.
        recovery: what opening found and repaired after a crash, one sentence each.
    """

    def __init__(
        self,
        files: Files,
        folder: str | None,
        make_index: Callable[[State], IndexT],
        *,
        on_open: Callable[[], None],
        on_lag: Callable[[], None],
    ) -> None:
        self._files = files
        self._folder = folder
        self._make_index = make_index
        self._on_open, self._on_lag = on_open, on_lag
        self._pid = os.getpid()
        self._place_identity = None if folder is None else files.identity(folder)
        self._uuid: bytes | None = None
        self.is_closed = self._dropped = self._gone = False
        self._retired: list[Generation] = []  # generations whose files may still be open
        self.lock = new_rlock()
        self.opened: Opened[IndexT] | None = None
        self.recovery: tuple[str, ...] = ()

    # -- status

    @property
    def place(self) -> str:
        return self._folder or ":memory:"

    @property
    def fate(self) -> str:
        """Why they cannot be used any more, in a word or two; empty while they can be used."""
        return "dropped" if self._dropped else "files gone" if self._gone else "closed" if self.is_closed else ""

    @property
    def is_of_this_process(self) -> bool:
        """False in a forked child."""
        return self._pid == os.getpid()

    def is_in_place(self) -> bool:
        """Whether the folder is still the one that was opened, and was not deleted, moved, or replaced by a copy."""
        return self._folder is None or self._files.identity(self._folder) == self._place_identity

    def check_usable(self) -> None:
        """
        Raises:
            CollectionDropped, Closed: the files cannot be used any more.
            Unsupported: they belong to another process.
        """
        if self.fate:
            raise self._ended()
        if not self.is_of_this_process:
            raise Unsupported(
                "a collection in memory lives in one process, this is a forked child",
                name="collection",
                place=self.place,
                remedy="Use a path, or create it in the child.",
            )

    def _ended(self) -> VicinalError:
        if self._dropped:
            what, remedy = "the collection was dropped", "Create it again if you need it."
        elif self._gone:
            what = "the files of the collection are gone: its folder was deleted, moved or replaced"
            remedy = "Open it again with connect(), at the place where it is now."
        else:
            remedy = "Open it again with connect()."
            return Closed("the collection is closed", name="collection", place=self.place, remedy=remedy)
        return CollectionDropped(what, name="collection", place=self.place, remedy=remedy)

    # -- opening

    def create(self, state: State) -> None:
        """In memory: starts with an empty generation."""
        self.opened = self._with_feed(create_in_memory(self._files, state))

    def wake(self) -> Opened[IndexT]:
        """Opens the current generation if the files are closed. Call under `lock`."""
        if self.opened is None:
            self.opened = self._open()
        return self.opened

    def _open(self) -> Opened[IndexT]:
        assert self._folder is not None  # collections in memory neither sleep nor move
        if not self.is_in_place():
            self._gone = True
            self.check_usable()
        generation = open_in_force(self._files, self._folder)
        if self._uuid not in (None, generation.state.uuid):  # while the files were closed: dropped, and the name reused
            generation.retire()
            self._dropped = True
            self.check_usable()
        self._uuid = generation.state.uuid
        self.recovery = recover(self._files, generation)
        opened = self._with_feed(generation)
        self._on_open()
        return opened

    def _with_feed(self, generation: Generation) -> Opened[IndexT]:
        try:
            return Opened(generation, Feed(self._files, generation, self._make_index))
        except BaseException:
            generation.retire()
            raise

    # -- used by calls

    def hold(self, user: object) -> Opened[IndexT]:
        """The open files; `user` must leave their generation afterwards."""
        with self.lock:
            opened = self.opened
            # Every call passes here, and most have nothing to check: a faster version of `_seen_to`.
            if (
                opened is None
                or self.is_closed
                or self._dropped
                or self._gone
                or self._pid != os.getpid()
                or not opened.generation.is_in_place()
            ):
                opened = self._seen_to()
            opened.generation.enter(user)
        return opened

    def _seen_to(self) -> Opened[IndexT]:
        self.check_usable()
        if self.opened is not None:
            self.check_in_place(self.opened)
        return self.wake()

    def hold_in_force(self, user: object) -> Opened[IndexT]:
        """Like `hold`, caught up with every commit so far."""
        while True:
            opened = self.hold(user)
            try:
                moved_to = self.follow(opened)
            except BaseException:
                opened.generation.leave(user)
                raise
            if moved_to is None:
                return opened
            opened.generation.leave(user)
            self.move_on(opened, moved_to)

    def follow(self, opened: Opened[IndexT]) -> str | None:
        """Catches up; returns the generation that the collection moved to, or None if it did not move."""
        try:
            moved_to = opened.feed.follow()
            feed = opened.feed
            if feed.built is not feed.state:
                if feed.index.pending() > FEW_SLOTS:
                    self._on_lag()
                else:
                    feed.built = feed.state
            return moved_to
        except StoreError:
            if self.is_there(opened):
                raise
            return UNKNOWN

    def is_there(self, opened: Opened[IndexT]) -> bool:
        """False if the generation was removed while this process had its files closed, as before a fork."""
        return opened.generation.folder is None or self._files.exists(opened.generation.folder)

    def check_in_place(self, opened: Opened[IndexT]) -> None:
        """Closes files that are no longer at their place.

        Raises:
            CollectionDropped: the folder is a different one, or does not exist. If only the generation is elsewhere,
                another process switched or repaired while the files were closed, and the next one is searched for.
        """
        if opened.generation.is_in_place():
            return
        with self.lock:
            if not self.is_in_place() or self.is_there(opened):
                self._gone = True
            if self.opened is opened:
                self.opened = None
                self._retire(opened.generation)
            self.check_usable()

    # -- switching

    def move_on(self, superseded: Opened[IndexT], moved_to: str) -> None:
        """Opens the generation that follows `superseded`."""
        with self.lock:
            if self.opened is not superseded:
                return  # another thread was faster
            self.opened = None
            self._retire(superseded.generation)
            if moved_to == DROPPED:
                self._dropped = True
            self.check_usable()
            self.wake()

    def replace(
        self, generation: Generation, new_slots: NDArray[np.int64], *, taken_along: Mapping[str, SavedIndex]
    ) -> None:
        """In memory: makes a generation current whose rows are those of the old one; see `publish_generation`."""
        with self.lock:
            opened = self._with_feed(generation)
            move_along(opened.feed.index, taken_along, new_slots)
            superseded, self.opened = self.opened, opened
            if superseded is not None:
                self._retire(superseded.generation)

    # -- closing

    def sleep(self, before: Callable[[], None], *, wait: bool) -> bool:
        """Closes the files until the next call, or when the calls that use them return; False if it does not.

        Args:
            before: called first, while the files are still open.
            wait: wait for a call that is opening the files right now.
        """
        taken: list[bool] = []
        try:
            taken.extend(map(self.lock.acquire, (wait,)))  # see `Connections.write`
            if not taken[0] or self.opened is None or self.is_closed or self._folder is None:
                return False
            before()
            self._let_go()
            return True
        finally:
            if taken and taken[0]:
                self.lock.release()

    def close(self) -> None:
        """Closes the files for good."""
        with self.lock:
            self.is_closed = True
            self._let_go()

    def drop(self) -> None:
        """In memory: the next call raises `CollectionDropped`."""
        self._dropped = True

    def close_retired(self) -> None:
        """Closes the files of generations whose last call was interrupted before it could close them."""
        with self.lock:
            self._retired = [generation for generation in self._retired if not generation.close_if_unused()]

    def _let_go(self) -> None:
        opened, self.opened = self.opened, None
        if opened is not None:
            self._retire(opened.generation)

    def _retire(self, generation: Generation) -> None:
        self._retired.append(generation)
        generation.retire()
        self.close_retired()
