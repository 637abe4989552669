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
        state: at the index's change.
        published: by part, the newest saved state that this process has loaded or written.
        building: held by who builds or saves the index: one thread at a time.
        rows: rows as they are at the index's change.
    """

    state: State
    index: IndexT
    published: dict[str, Publication]
    rows: RowCache

    def __init__(self, files: Files, generation: Generation, make_index: Callable[[State], IndexT]) -> None:
        self._files = files
        self._generation = generation
        self._make_index = make_index
        self._is_torn = False  # an interrupt or an error came while the index took in a delta: it is rebuilt
        self.rows = RowCache(cache_bytes())
        self.building = new_lock()
        self.built: State | None = None  # the state at which a call saw nothing left to build in, or little
        self.announced = 0  # rows that this process has written since the index last took any in, or about
        connections = generation.connections
        # In memory reading needs the writer's lock, so a second one beside it could be taken in the other order.
        self.lock = FairLock(connections.lock if generation.folder is None else None)
        with connections.turn, connections.reader() as connection, connection:
            self._start(connection)

    def follow(self) -> str | None:
        """Catches up with every commit up to now; returns where the collection moved to, None if it did not."""
        change, moved_to, uuid = peek_state(self._generation.connections)
        if uuid != self.state.uuid:  # we let go of the files, and their place was taken by another collection
            return DROPPED
        if moved_to is None and (change != self.state.change or self._is_torn):
            self.at_moment(lambda _: None)
        return moved_to

    def at_moment(self, work: Callable[[apsw.Connection], T]) -> T:
        """Runs `work` in a read transaction with the index at exactly its moment; nothing moves until it returns."""
        connections = self._generation.connections
        with connections.turn, self.lock.turn, self.lock.held, connections.reader() as connection, connection:
            self._catch_up(connection)
            return work(connection)
        raise AssertionError("a transaction swallows no error")  # which its type does not say

    def _catch_up(self, connection: apsw.Connection) -> None:
        state, known = read_state(connection), self.state
        if state.change == known.change and not self._is_torn:
            self.state = state  # a sync is no change, but it says more of the old ones
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
        """From the newest saved index that fits these records, else from the records."""
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
                change, slots = state.change, state.next_slot  # the others take in what they lack by themselves
            _apply(index, read_delta(connection, change, state.change, slots, state.next_slot), parts)
        self._take(index, state)

    def _take(self, index: IndexT, state: State) -> None:
        self._is_torn = True
        self.rows.forget_all(state.change)
        self.index, self.state, self.announced = index, state, 0
        self._is_torn = False

    def distrust(self, connection: apsw.Connection) -> None:
        """Rebuilds the index: it names rows that are not there, though nothing moves. Call inside `at_moment`."""
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
    """Metadata comes unchecked, many rows at a time: what cannot be read is damage.

    Raises:
        Damaged: it cannot; the index is of no use any more.
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
