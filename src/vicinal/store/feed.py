"""An index that follows the commits of one generation."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import apsw

from ..contract import Index
from .changes import read_delta, read_everything
from .fair_lock import FairLock
from .files import Files
from .generation import DROPPED, Generation
from .publication import Publication, load_newest
from .row_cache import RowCache, cache_bytes
from .state import State, peek_state, read_state

IndexT = TypeVar("IndexT", bound=Index)


class Feed(Generic[IndexT]):
    """Keeps one index at the newest commit that a call has seen. Thread-safe.

    Attributes:
        state: at the index's change.
        published: the newest saved index that this process has loaded or written, or None.
        rows: rows as they are at the index's change.
    """

    state: State
    index: IndexT
    published: Publication | None
    rows: RowCache

    def __init__(self, files: Files, generation: Generation, make_index: Callable[[State], IndexT]) -> None:
        self._files = files
        self._generation = generation
        self._make_index = make_index
        self.rows = RowCache(cache_bytes())
        # In memory reading needs the writer's lock, so a second one beside it could be taken in the other order.
        self.lock = generation.connections.lock if generation.folder is None else FairLock()
        with generation.connections.read_transaction() as connection:
            self._start(connection)

    def follow(self) -> str | None:
        """Catches up with every commit up to now; returns where the collection moved to, None if it did not."""
        with self._generation.connections.reader() as connection:
            change, moved_to, uuid = peek_state(connection)
        if uuid != self.state.uuid:  # we let go of the files, and their place was taken by another collection
            return DROPPED
        if moved_to is None and change != self.state.change:
            with self.moment():
                pass
        return moved_to

    @contextlib.contextmanager
    def moment(self) -> Iterator[apsw.Connection]:
        """A read transaction with the index at exactly its moment; nothing moves until the block ends."""
        with self.lock, self._generation.connections.read_transaction() as connection:
            self._catch_up(connection)
            yield connection

    def _catch_up(self, connection: apsw.Connection) -> None:
        state, known = read_state(connection), self.state
        if state.change == known.change:
            self.state = state  # a sync is no change, but it says more of the old ones
            return
        if known.dimension is None and state.dimension is not None:
            self._generation.vectors.fix_dimension(state.dimension)
        if known.change < state.trimmed:
            self._start(connection)
            return
        delta = read_delta(connection, known.change, state.change, known.next_slot, state.next_slot)
        self.index.apply(delta)
        self.rows.forget(state.change, delta.dead, delta.touched)
        self.state = state

    def _start(self, connection: apsw.Connection) -> None:
        """From the newest saved index that fits these records, else from the records."""
        state = read_state(connection)
        if state.dimension is not None:
            self._generation.vectors.fix_dimension(state.dimension)
        index = self._make_index(state)
        self.published = load_newest(self._files, self._generation.folder, connection, state, index)
        if self.published is None:
            index.apply(read_everything(connection, state.change, state.next_slot))
        elif self.published.change < state.change:
            known = self.published
            index.apply(read_delta(connection, known.change, state.change, known.slot_count, state.next_slot))
        self.rows.forget_all(state.change)
        self.index, self.state = index, state
