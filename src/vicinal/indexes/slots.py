"""Which slots are rows, which of them have a vector, and when they expire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, Delta, SavedIndex, Slots
from ..filters.bitmap import BoolArray, pack, unpack

_Item = TypeVar("_Item", bound=np.generic)

_NEVER = np.iinfo(np.int64).max
_SLOTS_MIN = 64
_WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class SlotView:
    """The index at one point in time. Arrays are shared and never written again.

    Attributes:
        change: the commit that it represents.
        live: bool, shape (slots,): rows that exist.
        searchable: bool, shape (slots,): rows with a vector.
        expires: int64 microseconds since 1970, shape (slots,), or None if no row ever expires.
        packed_live, packed_searchable: the same as bitmaps.
        vector_end: no slot from here on has a vector.
    """

    change: int
    live: BoolArray
    searchable: BoolArray
    expires: NDArray[np.int64] | None
    packed_live: Bitmap
    packed_searchable: Bitmap
    vector_end: int

    def visible(self, now: int) -> Bitmap:
        """Rows that exist and have not expired."""
        return self.packed_live if self.expires is None else pack(self.live & (self.expires > now))

    def candidates(self, now: int) -> Bitmap:
        """Rows that a dense search may return."""
        return self.packed_searchable if self.expires is None else pack(self.searchable & (self.expires > now))


class SlotTable:
    """Live bits, vector bits and expiry by slot, updated by deltas. Guarded by the store's lock."""

    def __init__(self) -> None:
        self.change = 0
        self.vector_end = 0  # no slot from here on has a vector
        self._slot_count = 0
        self._live = np.zeros(_SLOTS_MIN, dtype=np.bool_)
        self._searchable = np.zeros(_SLOTS_MIN, dtype=np.bool_)
        self._expires: NDArray[np.int64] | None = None
        self._view: SlotView | None = None  # of the current state, until it changes
        self._shared = False  # whether a view holds the arrays: copy before the next write

    @property
    def slot_count(self) -> int:
        """The number of slots."""
        return self._slot_count

    def apply(self, delta: Delta) -> None:
        """Applies the next delta."""
        self._view = None
        self._reserve(delta.slot_count)
        self._live[delta.dead] = False
        self._searchable[delta.dead] = False
        self._live[delta.added] = True
        self._searchable[delta.added] = delta.has_vector
        self._set_expiry(delta.added, delta.expires)
        self._set_expiry(delta.touched, delta.touched_expires)
        if delta.has_vector.any():
            self.vector_end = int(delta.added[np.flatnonzero(delta.has_vector)[-1]]) + 1
        self._slot_count = delta.slot_count
        self.change = delta.change

    def live_count(self, now: int | None = None) -> int:
        """See `Index.live_count`."""
        live, expires, count = self._live, self._expires, self._slot_count
        if now is None or expires is None:
            return int(np.count_nonzero(live[:count]))
        return int(np.count_nonzero(live[:count] & (expires[:count] > now)))

    def load(self, saved: SavedIndex) -> None:
        """Restores the result of `saved_slots`.

        Raises:
            KeyError, ValueError: it is not valid; nothing has changed.
        """
        count, arrays = saved.slot_count, saved.arrays
        live, searchable, expires = arrays["live"], arrays["searchable"], arrays.get("expires")
        words = -(-count // _WORD_BITS)
        if any(bits.dtype != np.uint64 or len(bits) != words for bits in (live, searchable)):
            raise ValueError("bitmaps of another length")
        if expires is not None and (expires.dtype != np.int64 or len(expires) != count):
            raise ValueError("instants of expiry for other slots")
        self._live, self._searchable = (
            unpack(live, count).copy(),
            unpack(np.bitwise_and(live, searchable), count).copy(),
        )
        self._expires = expires
        self._slot_count, self.change = count, saved.change
        self.vector_end = int(np.flatnonzero(self._searchable)[-1]) + 1 if self._searchable.any() else 0
        self._view, self._shared = None, expires is not None  # mapped: copied before the first write

    def view(self) -> SlotView:
        if self._view is None:
            self._shared = True
            count = self._slot_count
            expires = None if self._expires is None else self._expires[:count]
            live, searchable = self._live[:count], self._searchable[:count]
            self._view = SlotView(self.change, live, searchable, expires, pack(live), pack(searchable), self.vector_end)
        return self._view

    def _reserve(self, slot_count: int) -> None:
        """Makes room for `slot_count` slots in arrays that no view holds."""
        room = len(self._live)
        if slot_count <= room and not self._shared:
            return
        room = max(2 * room, slot_count) if slot_count > room else room
        self._live = _resized(self._live, room, False)
        self._searchable = _resized(self._searchable, room, False)
        if self._expires is not None:
            self._expires = _resized(self._expires, room, _NEVER)
        self._shared = False

    def _set_expiry(self, slots: Slots, expires: NDArray[np.int64]) -> None:
        if self._expires is None:
            if not (expires >= 0).any():
                return
            self._expires = np.full(len(self._live), _NEVER, dtype=np.int64)
        self._expires[slots] = np.where(expires >= 0, expires, _NEVER)


def saved_slots(view: SlotView) -> SavedIndex:
    """The slots at one point in time, in the form to be saved."""
    arrays: dict[str, NDArray[Any]] = {"live": view.packed_live, "searchable": view.packed_searchable}
    if view.expires is not None:
        arrays["expires"] = view.expires
    return SavedIndex(view.change, len(view.live), arrays)


def _resized(array: NDArray[_Item], room: int, fill: object) -> NDArray[_Item]:
    """A copy with room for `room` slots."""
    grown = np.full(room, fill, dtype=array.dtype)
    grown[: len(array)] = array
    return grown
