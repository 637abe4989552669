"""An index of row contents that is updated when it is used, not when rows are written.

What a slot contains never changes. So it is enough to add the slots written since, and to remove those that died.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract import Contents, SavedIndex, Slots
from ..deadline import check_deadline
from ..filters.bitmap import BoolArray
from ..locks import new_rlock
from ..store.reading import ChangedMeanwhile

__all__ = ["LazyIndex", "SlotIndex"]

_log = logging.getLogger("vicinal.indexes")

Value = TypeVar("Value", contravariant=True)

STEP_ROWS: Final = 1024  # limits how long another thread's search waits for this index to catch up
_FEW_ROWS: Final = 8 * STEP_ROWS  # closing a collection may wait for this many
_CHANGING: Final = -1


class SlotIndex(Protocol[Value]):
    """An index of one value per row."""

    @property
    def slot_count(self) -> int:
        """The number of slots processed so far."""
        ...

    def add(self, slots: Slots, values: Sequence[Value | None], /) -> None:
        """Adds slots, ascending and above all known ones; None for a row without a value."""

    def remove(self, slots: Slots) -> None:
        """Removes slots; those that it does not contain are ignored."""

    def save(self) -> dict[str, NDArray[Any]]:
        """Its state as one-dimensional arrays."""
        ...

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restores the result of `save`; the arrays may be mapped and read-only.

        Raises:
            Exception: it cannot use them.
        """

    @staticmethod
    def renumbered(arrays: Mapping[str, NDArray[Any]], new_slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The result of `save`, at other slots.

        Args:
            new_slots: by slot, ascending; -1 for slots that the index does not contain.
        """
        ...


Index = TypeVar("Index", bound=SlotIndex[Any])


class LazyIndex(Generic[Index]):
    """Thread-safe. `note` and `load` are called under the store's lock, all other methods without it.

    Args:
        make: creates the empty index, on first use.
        read: returns slots of rows between two slots, and their values for the index.

    Attributes:
        change: the commit that the index represents; -1 while it is being changed. A search compares it before and
            after.
    """

    def __init__(self, make: Callable[[], Index], read: Callable[[Contents, int, int], list[tuple[int, Any]]]) -> None:
        self._make = make
        self._read = read
        self._lock = new_rlock()  # held while the index is changed, and never while the records are read
        self._index: Index | None = None
        self._dead: list[tuple[int, Slots]] = []  # (commit, slots) that the index may still contain
        self._reached = 0  # the newest commit whose rows were processed
        self._is_torn = False  # an interrupt or an error came while the index was being changed: it is rebuilt
        self.change = _CHANGING

    @property
    def index(self) -> Index:
        index = self._index
        if index is None:
            with self._lock:
                index = self._index
                if index is None:
                    index = self._index = self._make()
        return index

    @property
    def slot_count(self) -> int:
        return 0 if self._index is None else self._index.slot_count

    def note(self, change: int, dead: Slots) -> None:
        """Records slots that are no longer rows from this commit on."""
        if len(dead) and self._index is not None:
            self._dead.append((change, dead))

    def step(self, rows: Contents, live: BoolArray, change: int) -> bool:
        """Adds some of the missing slots; False if that leaves only a few.

        Args:
            live: rows at the commit `change`.

        Raises:
            ChangedMeanwhile: one of them no longer exists.
        """
        first = self.slot_count
        if len(live) - first <= STEP_ROWS:
            return False
        self._take_in(rows, live, first, first + STEP_ROWS, change)
        return True

    def sync(self, rows: Contents, live: BoolArray, change: int) -> None:
        """Brings the index to the rows `live` of commit `change`.

        Raises:
            ChangedMeanwhile: one of them no longer exists, or the index has moved on.
        """
        if self.change == change:
            return
        while self.step(rows, live, change):
            check_deadline()
        while (first := self.slot_count) < len(live):
            self._take_in(rows, live, first, len(live), change)
        index = self.index
        with self._lock:
            self._restart_if_torn()
            if self._index is not index or self._reached > change or index.slot_count < len(live):
                raise ChangedMeanwhile
            self._forget_dead(index, change)
            self.change = change

    def save(self, rows: Contents, live: BoolArray, change: int) -> SavedIndex:
        """Its state at the commit `change`.

        Raises:
            ChangedMeanwhile: see `sync`.
        """
        self.sync(rows, live, change)
        with self._lock:
            if self.change != change:
                raise ChangedMeanwhile
            return SavedIndex(change, self.slot_count, self.index.save())

    def load(self, saved: SavedIndex) -> None:
        """Restores the result of `save`.

        Raises:
            KeyError, ValueError: it is of another analyzer or version; nothing has changed.
        """
        index = self._make()
        index.load(saved.arrays)
        if index.slot_count != saved.slot_count:
            raise ValueError(f"it covers {index.slot_count} slots, not {saved.slot_count}")
        self._index, self.change, self._reached = index, saved.change, saved.change

    def is_ready(self, slot_count: int) -> bool:
        """Whether it was used before, and lacks only a few of this many slots."""
        return self._index is not None and slot_count - self._index.slot_count <= _FEW_ROWS

    def taken_along(self) -> SavedIndex | None:
        """Its state, including dead slots that it has not removed yet; None if it was never used."""
        with self._lock:
            index = self._index
            if index is None or self._is_torn or not index.slot_count:
                return None
            return SavedIndex(self._reached, index.slot_count, index.save())

    def load_moved(self, saved: SavedIndex, new_slots: NDArray[np.int64], change: int) -> None:
        """Restores the result of `taken_along`.

        Args:
            new_slots: by old slot, ascending; -1 for rows that are gone.
            change: the commit at which the rows are in their new slots.

        Raises:
            KeyError, ValueError: see `load`.
        """
        if len(new_slots) != saved.slot_count:
            raise ValueError(f"it has {saved.slot_count} slots, of which {len(new_slots)} are known to have moved")
        index = self._make()
        index.load(saved.arrays)
        index.remove(np.flatnonzero(new_slots < 0).astype(np.uint32))
        count = int(np.count_nonzero(new_slots >= 0))
        self.load(SavedIndex(change, count, index.renumbered(index.save(), new_slots)))
        self.change = _CHANGING  # later rows have to be added

    def _take_in(self, rows: Contents, live: BoolArray, first: int, end: int, change: int) -> None:
        """Adds the slots from `first` to `end`, unless another thread has already done so."""
        index = self.index  # created before the records are read: from now on it is notified of rows that die
        found = self._values(rows, live, first, end)
        with self._lock:
            self._restart_if_torn()
            if self._index is index and index.slot_count == first:
                self.change = _CHANGING
                self._reached = max(self._reached, change)
                self._is_torn = True
                index.add(*found)
                self._is_torn = False

    def _forget_dead(self, index: Index, change: int) -> None:
        gone = [slots for at, slots in self._dead if at <= change]
        if gone:
            self.change = _CHANGING
            self._reached = max(self._reached, change)
            self._is_torn = True
            index.remove(np.unique(np.concatenate(gone)))
            del self._dead[: len(gone)]  # in place: more may have been appended meanwhile
            self._is_torn = False

    def _restart_if_torn(self) -> None:
        if self._is_torn:
            self._index, self._dead, self._is_torn, self._reached = None, [], False, 0

    def _values(self, rows: Contents, live: BoolArray, first: int, end: int) -> tuple[Slots, list[Any]]:
        """Slots from `first` to `end` and their values."""
        found = dict(self._read(rows, first, end))
        slots = np.arange(first, end, dtype=np.uint32)
        alive = live[first:end]
        if any(slot not in found for slot in slots[alive].tolist()):
            raise ChangedMeanwhile
        pairs = zip(slots.tolist(), alive.tolist(), strict=True)
        return slots, [found[slot] if is_live else None for slot, is_live in pairs]
