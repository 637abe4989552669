"""An index that follows the commits of one generation."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import apsw

from ..contract import Delta, Index
from ..errors import Damaged, VicinalError
from ..locks import new_lock
from .changes import read_delta, read_everything
from .fair_lock import FairLock
from .files import Files
from .generation import DROPPED, Generation
from .publication import Publication, discard, load_newest
from .row_cache import RowCache, cache_bytes
from .state import State, peek_state, read_state

_log = logging.getLogger("vicinal.store")

IndexT = TypeVar("IndexT", bound=Index)
T = TypeVar("T")


class Feed(Generic[IndexT]):
    """Keeps one index at the newest commit that a call has seen. Thread-safe.

    Attributes:
        state: the state at the index's change.
        published: by part, the newest saved state that this process has loaded or written.
        building: held by the thread that builds or saves the index: one at a time.
        rows: cached rows as of the index's change.
    """

    state: State
    index: IndexT
    published: dict[str, Publication]
    rows: RowCache

    def __init__(self, files: Files, generation: Generation, make_index: Callable[[State], IndexT]) -> None:
        self._files = files
        self._generation = generation
        self._make_index = make_index
        self._is_torn = False  # an interrupt or an error came while a delta was applied to the index: it is rebuilt
        self.rows = RowCache(cache_bytes())
        self.building = new_lock()
        self.built: State | None = None  # the state at which a call saw little or nothing left to build
        self.announced = 0  # approximate number of rows this process has written since the index last applied any
        connections = generation.connections
        # In memory, reading needs the writer's lock; a second lock beside it could be acquired in the opposite order.
        self.lock = FairLock(connections.lock if generation.folder is None else None)
        with connections.turn, connections.reader() as connection, connection:
            self._start(connection)

    def follow(self) -> str | None:
        """Catches up with every commit so far; returns the generation that the collection moved to, if it did."""
        change, moved_to, uuid = peek_state(self._generation.connections)
        if uuid != self.state.uuid:  # the files were closed, and another collection took their place
            return DROPPED
        if moved_to is None and (change != self.state.change or self._is_torn):
            self.at_moment(lambda _: None)
        return moved_to

    def at_moment(self, work: Callable[[apsw.Connection], T]) -> T:
        """Runs `work` in a read transaction with the index at exactly its commit; nothing changes until it returns."""
        connections = self._generation.connections
        with connections.turn, self.lock.turn, self.lock.held, connections.reader() as connection, connection:
            self._catch_up(connection)
            return work(connection)
        raise AssertionError("a transaction swallows no error")  # which type checkers cannot know

    def _catch_up(self, connection: apsw.Connection) -> None:
        state, known = read_state(connection), self.state
        if state.change == known.change and not self._is_torn:
            self.state = state  # a sync is not a change, but updates what is known about earlier ones
            return
        if known.dimension is None and state.dimension is not None:
            self._generation.vectors.fix_dimension(state.dimension)
        if known.change < state.trimmed or self._is_torn:
            self._start(connection)
            return
        delta = read_delta(connection, known.change, state.change, known.next_slot, state.next_slot)
        self._is_torn = True
        _apply(self.index, delta)
        self.rows.forget(state.change, delta.dead, delta.touched)
        self.state, self.announced = state, 0
        self._is_torn = False

    def _start(self, connection: apsw.Connection) -> None:
        """Starts from the newest saved index that fits these records, otherwise from the records."""
        state = read_state(connection)
        if state.dimension is not None:
            self._generation.vectors.fix_dimension(state.dimension)
        index = self._make_index(state)
        self.published = self._load(index, connection, state)
        for (change, slots), parts in _by_stamp(index, self.published).items():
            if change == state.change and slots == state.next_slot and change:
                continue
            if change == 0:
                eager = [part for part in parts if part in index.eager]
                if eager:
                    _apply(index, read_everything(connection, state.change, state.next_slot), eager)
                parts = [part for part in parts if part not in eager]
                change, slots = state.change, state.next_slot  # the other parts catch up by themselves
            _apply(index, read_delta(connection, change, state.change, slots, state.next_slot), parts)
        self._take(index, state)

    def _take(self, index: IndexT, state: State) -> None:
        self._is_torn = True
        self.rows.forget_all(state.change)
        self.index, self.state, self.announced = index, state, 0
        self._is_torn = False

    def distrust(self, connection: apsw.Connection) -> None:
        """Rebuilds an index that names rows that do not exist although nothing changes. Call inside `at_moment`."""
        _log.warning("the index of %s names rows that are not there: rebuilt", self._generation.connections.place)
        if self._generation.folder is not None:
            discard(self._files, self._generation.folder, self.published.values())
        self.published = {}
        state = read_state(connection)
        index = self._make_index(state)
        _apply(index, read_everything(connection, state.change, state.next_slot))
        self._take(index, state)

    def _load(self, index: IndexT, connection: apsw.Connection, state: State) -> dict[str, Publication]:
        found = {}
        for part in index.parts:
            load = functools.partial(index.load, part)
            published = load_newest(self._files, self._generation.folder, connection, state, part, load)
            if published is not None:
                found[part] = published
        return found


@dataclass(frozen=True, slots=True)
class Opened(Generic[IndexT]):
    """A generation and the index that follows it."""

    generation: Generation
    feed: Feed[IndexT]


def _apply(index: Index, delta: Delta, parts: Collection[str] | None = None) -> None:
    """Applies a delta. Metadata is not validated when read in bulk; what cannot be parsed is reported as damage.

    Raises:
        Damaged: metadata cannot be parsed; the index is unusable afterwards.
    """
    try:
        index.apply(delta, parts)
    except VicinalError:
        raise
    except Exception as error:
        raise Damaged(
            f"the records are inconsistent: {error}",
            name="rows",
            place="records.db",
            remedy="Run verify() to see which rows, and repair() to keep the others.",
        ) from error


def _by_stamp(index: Index, published: Mapping[str, Publication]) -> dict[tuple[int, int], list[str]]:
    """Parts by the commit and slot count at which they were loaded; (0, 0) for those that start from the records."""
    stamps: dict[tuple[int, int], list[str]] = {}
    for part in index.parts:
        found = published.get(part)
        stamps.setdefault((0, 0) if found is None else (found.change, found.slot_count), []).append(part)
    return stamps
