"""Cache of rows that were hits: bounded in bytes, evicting the least recently used.

A process may have hundreds of collections open, so all its caches together are bounded too.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from ..contract import Slots
from ..errors import InvalidArgument
from ..locks import new_lock
from .rows import Row

ROW_CACHE_VARIABLE = "VICINAL_ROW_CACHE_MIB"
ROW_CACHE_MIB = 8  # about ten thousand rows; it grows with searches, so it should be a small part of a process

TOGETHER = 4  # limit for all collections of the process, as a multiple of the limit of one

_ROW_BYTES = 400  # of a row and its entry, without its strings


class RowCache:
    """Rows by slot, each verified by its checksum when it was added. Thread-safe.

    A row is kept from the moment it is read until a commit names its slot. So it equals the records at every
    commit that the feed has applied since, provided that its reader had seen the last commit that ended or
    touched a row.

    Args:
        bytes_max: the approximate memory limit; 0 disables the cache.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._lock = new_lock()
        # with its size, which may change later: a str grows when its UTF-8 is requested
        self._rows: OrderedDict[int, tuple[Row, int]] = OrderedDict()
        self._bytes = 0
        self._ended_at = 0  # the last commit that named slots
        with _caches_lock:
            _caches.add(self)

    def find(self, slots: Sequence[int]) -> dict[int, Row]:
        """The cached rows among `slots`, as of the last commit that the feed has applied."""
        kept, found = self._rows, {}
        with self._lock:
            for slot in slots:
                if slot in kept:
                    found[slot] = kept[slot][0]
                    kept.move_to_end(slot)
        return found

    def all_of(self, slots: Sequence[int]) -> list[Row] | None:
        """The same in the order of `slots`, for the usual case of a search; None if one is not cached."""
        kept = self._rows
        with self._lock:
            try:
                found = [kept[slot][0] for slot in slots]
            except KeyError:
                return None
            for slot in slots:
                kept.move_to_end(slot)
        return found

    def keep(self, rows: Iterable[Row], change: int) -> None:
        """Adds rows that were read after commit `change` had been applied, and that are not newer than it."""
        with self._lock:
            if change < self._ended_at:
                return  # what was read may have been ended by that commit
            for row in rows:
                size = _size_of(row)
                if size <= self._bytes_max and row.slot not in self._rows:
                    self._rows[row.slot] = row, size
                    self._bytes += size
            self._shrink(self._bytes_max)
        if self._bytes_max:
            _bound_all(TOGETHER * self._bytes_max)  # without the lock, since another cache's is acquired

    def give_up(self, count: int) -> None:
        """Frees `count` bytes for other collections."""
        with self._lock:
            self._shrink(self._bytes - count)

    def _shrink(self, bytes_max: int) -> None:
        while self._bytes > bytes_max and self._rows:  # an interrupt may have kept a row from being counted
            _, (_, size) = self._rows.popitem(last=False)
            self._bytes -= size

    @property
    def bytes(self) -> int:
        """The approximate memory in use."""
        return self._bytes

    def forget(self, change: int, *slots: Slots) -> None:
        """Commit `change` ended or touched the rows at `slots`; called before any call can see that commit."""
        with self._lock:
            for part in slots:
                for slot in part.tolist():
                    self._ended_at = change
                    _, size = self._rows.pop(slot, (None, 0))
                    self._bytes -= size

    def forget_all(self, change: int) -> None:
        """The feed was restarted at commit `change`."""
        with self._lock:
            self._ended_at = change
            self._rows.clear()
            self._bytes = 0


_caches: weakref.WeakSet[RowCache] = weakref.WeakSet()
_caches_lock = new_lock()


def _bound_all(bytes_max: int) -> None:
    """Evicts rows from the largest caches of the process until all together are within the limit."""
    with _caches_lock:
        caches = list(_caches)
    excess = sum(cache.bytes for cache in caches) - bytes_max
    while excess > 0:
        largest = max(caches, key=lambda cache: cache.bytes)
        count = min(excess, max(largest.bytes // 2, _ROW_BYTES))
        largest.give_up(count)
        excess -= count


def cache_bytes() -> int:
    """The limit per collection, from VICINAL_ROW_CACHE_MIB; the limit per process is `TOGETHER` times as much.

    Raises:
        InvalidArgument: it is not an integer.
    """
    value = os.environ.get(ROW_CACHE_VARIABLE) or str(ROW_CACHE_MIB)
    if not value.isdecimal():
        raise InvalidArgument(
            f"{ROW_CACHE_VARIABLE}={value!r} is not a whole number of mebibytes",
            name=ROW_CACHE_VARIABLE,
            value=value,
            remedy="Set it to 0 to keep no rows in memory, or leave it out.",
        )
    return int(value) << 20


def _size_of(row: Row) -> int:
    size = _ROW_BYTES
    for value in (row.id, row.sparse, row.metadata, row.text):
        size += sys.getsizeof(value)
    return size
