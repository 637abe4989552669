"""An index of what rows hold, brought up to date when it is asked and not when rows are written.

What a slot holds never changes. So it is enough to add the slots that came since, and to remove those that died.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract import Contents, Slots
from ..filters.bitmap import BoolArray
from ..store.reading import ChangedMeanwhile

__all__ = ["Lagging", "SlotIndex"]

_log = logging.getLogger("vicinal.indexes")

Value = TypeVar("Value", contravariant=True)

STEP_ROWS: Final = 8192  # so long may a search of another thread wait for this one's catching up
_CHANGING: Final = -1


class SlotIndex(Protocol[Value]):
    """An index over one value of each row."""

    @property
    def slot_count(self) -> int:
        """Slots looked at so far."""

    def add(self, slots: Slots, values: Sequence[Value | None]) -> None:
        """Takes in slots, ascending and above all that it knows; None for a row without."""

    def remove(self, slots: Slots) -> None:
        """Forgets slots; those that it does not hold are passed over."""

    def save(self) -> dict[str, NDArray[Any]]:
        """Its state as arrays of one dimension."""

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Takes over what `save` gave; the arrays may be mapped and read-only.

        Raises:
            Exception: it cannot use them.
        """


Index = TypeVar("Index", bound=SlotIndex[Any])


class Lagging(Generic[Index]):
    """The store's lock guards all but `change`, which a search compares before and after.

    Args:
        make: makes the empty index, when it is first needed.
        read: slots of rows between two slots, and the values that go into it.
    """

    def __init__(self, make: Callable[[], Index], read: Callable[[Contents, int, int], list[tuple[int, Any]]]) -> None:
        self._make = make
        self._read = read
        self._index: Index | None = None
        self._dead: list[Slots] = []
        self.change = _CHANGING
        self._is_torn = False  # an interrupt or an error came while the index took something in

    @property
    def index(self) -> Index:
        if self._index is None:
            self._index = self._make()
        return self._index

    @property
    def slot_count(self) -> int:
        return 0 if self._index is None else self._index.slot_count

    def died(self, slots: Slots) -> None:
        """Notes slots that are rows no more."""
        if len(slots) and self.slot_count:
            self._dead.append(slots)

    def step(self, rows: Contents, live: BoolArray) -> bool:
        """Takes in some of the slots that it lacks; False where that leaves few enough for `sync`."""
        self._begin_anew_if_torn()
        first = self.slot_count
        if len(live) - first <= STEP_ROWS:
            return False
        self.change = _CHANGING
        found = self._values(rows, live, first, first + STEP_ROWS)
        if found is not None:  # else a row has gone that we know as live: our caller catches up and comes again
            self._is_torn = True
            self.index.add(*found)
            self._is_torn = False
        return True

    def _begin_anew_if_torn(self) -> None:
        if self._is_torn:
            self._index, self._dead, self._is_torn = None, [], False

    def sync(self, rows: Contents, live: BoolArray, change: int) -> None:
        """Brings the index to the rows `live` of commit `change`.

        Raises:
            ChangedMeanwhile: one of them is gone by now.
        """
        if self.change == change:
            return
        self.change = _CHANGING
        self._begin_anew_if_torn()
        index, first = self.index, self.slot_count
        found = self._values(rows, live, first, len(live)) if first < len(live) else None
        if first < len(live) and found is None:
            raise ChangedMeanwhile
        self._is_torn = True
        if found is not None:
            index.add(*found)
        if self._dead:
            index.remove(np.unique(np.concatenate(self._dead)))
            self._dead = []
        self._is_torn = False
        self.change = change

    def save(self) -> dict[str, NDArray[Any]]:
        """Its state; call after `sync`."""
        return self.index.save()

    def load(self, arrays: Mapping[str, NDArray[Any]], change: int, slot_count: int) -> None:
        """Takes over a saved state if there is one and it is of use, else starts anew."""
        if not arrays:
            return
        index = self._make()
        try:
            index.load(arrays)
        except Exception as error:  # of another analyzer or version, or damaged: in whatever way, it can be made anew
            _log.warning("a saved index of change %d is made anew: %s", change, error)
            return
        if index.slot_count != slot_count:
            _log.warning("a saved index of change %d has %d of %d slots", change, index.slot_count, slot_count)
            return
        self._index, self.change = index, change

    def _values(self, rows: Contents, live: BoolArray, first: int, end: int) -> tuple[Slots, list[Any]] | None:
        """Slots from `first` to `end` and their values; None where a live one is not there."""
        found = dict(self._read(rows, first, end))
        slots = np.arange(first, end, dtype=np.uint32)
        alive = live[first:end]
        if any(slot not in found for slot in slots[alive].tolist()):
            return None
        pairs = zip(slots.tolist(), alive.tolist(), strict=True)
        return slots, [found[slot] if is_live else None for slot, is_live in pairs]
