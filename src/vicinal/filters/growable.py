"""Arrays that grow at the end, and that are copied before the first write if they are mapped from a file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROOM_MIN = 16


class GrowableArray:
    """An array with spare capacity, so that many small appends take linear time in total.

    Signed integers are stored in the narrowest type that holds them: most columns need one or two bytes.
    """

    __slots__ = ("_frozen", "_room", "count")

    def __init__(self, array: NDArray[Any]) -> None:
        self._room = array
        self.count = len(array)
        self._frozen = 0  # the number of values at the beginning that others read

    @property
    def array(self) -> NDArray[Any]:
        """The stored values; not to be written to."""
        return self._room[: self.count]

    def frozen(self) -> NDArray[Any]:
        """The stored values in their current state: overwriting a value later makes a copy first."""
        self._frozen = self.count
        return self.array

    @property
    def room(self) -> int:
        """The capacity: up to this count, nothing is copied."""
        return len(self._room)

    def append(self, values: NDArray[Any]) -> None:
        start = self.count
        self.extend_to(start + len(values))
        self.put(slice(start, self.count), values)

    def extend_to(self, count: int) -> None:
        """Appends zeros, up to `count` values in total."""
        if count > len(self._room):
            room = np.zeros(max(_ROOM_MIN, count, 2 * self.count), dtype=self._room.dtype)
            room[: self.count] = self.array
            self._room, self._frozen = room, 0
        self.count = max(count, self.count)

    def put(self, where: NDArray[Any] | slice, values: NDArray[Any]) -> None:
        """Overwrites values."""
        dtype = np.promote_types(self._room.dtype, values.dtype)
        if dtype != self._room.dtype or not self._room.flags.writeable or self._reaches_frozen(where):
            self._room, self._frozen = self._room.astype(dtype), 0
        self._room[where] = values

    def _reaches_frozen(self, where: NDArray[Any] | slice) -> bool:
        if not self._frozen:
            return False
        if isinstance(where, slice):
            return (where.start or 0) < self._frozen
        return len(where) > 0 and int(where.min()) < self._frozen


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """The same integers in the narrowest signed type that holds them."""
    if not len(values):
        return values.astype(np.int8)
    low, high = int(values.min()), int(values.max())
    bits = max(low.bit_length(), high.bit_length())  # of the magnitude; one bit too many for -128
    dtype = np.int8 if bits < 8 else np.int16 if bits < 16 else np.int32 if bits < 32 else np.int64
    return values.astype(dtype, copy=False)
