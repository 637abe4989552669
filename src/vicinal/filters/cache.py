"""Caches of recent filters: most programs use the same few, such as a tenant's, again and again."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ..contract import Bitmap
from ..locks import new_lock
from .tree import Node

__all__ = ["BitmapCache", "CachedBitmap", "TreeCache", "Version"]

_TREES_MAX: Final = 256
_PARTS_MAX: Final = 256  # values and keys of a filter that is cached
_BITMAPS_MAX: Final = 64
_BITMAP_BYTES_MAX: Final = 8 << 20
# For these exact types, equal values of one type mean the same in a filter.
_VALUES: Final = frozenset((str, int, float, bool, type(None), date, datetime, Decimal, UUID))


class TreeCache:
    """Filters as written, and their trees. Thread-safe."""

    def __init__(self, parse: Callable[[Any], Node]) -> None:
        self._parse = parse
        self._lock = new_lock()
        self._trees: OrderedDict[Any, Node] = OrderedDict()

    def tree(self, where: Any) -> Node:
        """The result of `parse`; the same object for an equal filter, as long as it is cached."""
        key = _key(where)
        if key is None:
            return self._parse(where)
        with self._lock:
            known = self._trees.get(key)
        if known is None:
            known = self._parse(copy.deepcopy(where))  # a list in it may be modified later
            with self._lock:
                self._trees[key] = known
                while len(self._trees) > _TREES_MAX:
                    self._trees.popitem(last=False)
        return known


Version = tuple[int, int]
"""How often rows were added or changed, and how often rows died."""


@dataclass(frozen=True, slots=True)
class CachedBitmap:
    """The result of a filter.

    Attributes:
        tree: kept alive, so that no other tree gets its `id()`.
        version: the version of the columns that were evaluated.
        is_plain: whether there is no warning to issue about the filter.
    """

    tree: Node
    slot_count: int
    version: Version
    bitmap: Bitmap
    is_plain: bool


class BitmapCache:
    """Trees and the rows that match them, evicting the least recently used. Thread-safe.

    The owner of the columns reports changes.
    """

    def __init__(self) -> None:
        self._lock = new_lock()
        self._bitmaps: OrderedDict[int, CachedBitmap] = OrderedDict()
        self._bytes = 0
        self.version: Version = (0, 0)

    def find(self, tree: Node, slot_count: int, live: Callable[[], Bitmap]) -> CachedBitmap | None:
        """The result for this very tree: equal trees may contain values of different types. Not to be written to.

        Args:
            live: returns the rows that have not died.
        """
        with self._lock:
            known = self._bitmaps.get(id(tree))
            if known is None or known.slot_count != slot_count:
                return None
            if known.version != self.version:
                known = CachedBitmap(tree, slot_count, self.version, known.bitmap & live(), False)
                self._bitmaps[id(tree)] = known
            self._bitmaps.move_to_end(id(tree))
            return known

    def keep(self, tree: Node, slot_count: int, bitmap: Bitmap, version: Version, *, is_plain: bool = False) -> None:
        """Stores a result computed at `version`, unless rows were added or changed since."""
        if bitmap.nbytes > _BITMAP_BYTES_MAX:
            return
        with self._lock:
            if version[0] != self.version[0]:
                return
            old = self._bitmaps.pop(id(tree), None)
            self._bytes += bitmap.nbytes - (0 if old is None else old.bitmap.nbytes)
            self._bitmaps[id(tree)] = CachedBitmap(tree, slot_count, version, bitmap, is_plain)
            while self._bytes > _BITMAP_BYTES_MAX or len(self._bitmaps) > _BITMAPS_MAX:
                self._bytes -= self._bitmaps.popitem(last=False)[1].bitmap.nbytes

    def rows_died(self) -> None:
        """Some rows died; the others are unchanged."""
        with self._lock:
            self.version = self.version[0], self.version[1] + 1

    def forget(self) -> None:
        """Rows were added or changed."""
        with self._lock:
            self.version = self.version[0] + 1, 0
            self._bitmaps.clear()
            self._bytes = 0


def _key(where: Any) -> Any:
    """A key, equal for filters with the same meaning; None for a filter that is too large or has values of other
    types."""
    parts: list[Any] = []
    return tuple(parts) if type(where) is dict and _write(where, parts) else None


def _write(value: Any, parts: list[Any]) -> bool:
    """Appends the parts of a value; False if that is not possible."""
    # Checked before recursing: a filter may be nested deeper than Python's stack allows, or contain itself.
    if len(parts) > _PARTS_MAX:
        return False
    kind = type(value)
    parts.append(kind)
    if kind in _VALUES:
        parts.append((value, getattr(value, "tzinfo", None), str(value)) if kind in (datetime, Decimal) else value)
        return len(parts) <= _PARTS_MAX
    if kind is dict:
        parts.append(len(value))
        for key, one in value.items():
            parts.append(key)
            if type(key) is not str or not _write(one, parts):
                return False
        return True
    if kind in (list, tuple):
        parts.append(len(value))
        return all(_write(one, parts) for one in value)
    return False
