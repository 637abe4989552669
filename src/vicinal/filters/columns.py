"""All columns of a collection: updated as rows change, and queried for the slots that match a filter.

A derived index: it can be lost at any time and rebuilt from the records. Metadata is parsed once, when it is written;
afterwards only values that no column stores are read again (see `cells`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, Slots
from ..metadata import loads
from . import saved, summaries
from .bitmap import BoolArray, pack, popcount, unpack
from .cache import BitmapCache
from .column import Column
from .grouping import PendingGroups
from .growable import GrowableArray
from .pending import KnownPaths, PendingFilter
from .presence import ColumnPresence
from .select import Records
from .tree import Node, Path, paths

_PARSED_AT_ONCE = 4096
_NO_ROWS = np.empty(0, dtype=np.bool_)


class Columns:
    """One column per path. Not thread-safe: guarded by the lock under which changes are applied."""

    def __init__(self) -> None:
        self._columns: dict[Path, Column] = {}
        self._gone: set[Path] = set()  # paths that some row once had
        self._rows = GrowableArray(np.empty(0, dtype=np.bool_))
        self._recent = BitmapCache()
        self._presence = ColumnPresence()

    def apply(
        self,
        slot_count: int,
        dead: Slots,
        added: Slots,
        added_metadata: Sequence[str | None],
        touched: Slots,
        touched_metadata: Sequence[str | None],
    ) -> None:
        """Applies the net changes of one or more commits.

        Args:
            slot_count: the number of slots assigned so far.
            dead: slots that are no longer rows.
            added: slots, ascending, that became rows; `added_metadata` in the form in which it is stored.
            touched: rows whose metadata changed.
        """
        if len(added) or len(touched):
            self._recent.forget()
        elif len(dead):
            self._recent.rows_died()
        self._rows.extend_to(slot_count)
        self._rows.put(dead, np.zeros(len(dead), dtype=np.bool_))
        self._rows.put(added, np.ones(len(added), dtype=np.bool_))
        self._write(added, added_metadata)
        if len(touched):
            order = np.argsort(touched)
            self._erase(touched[order])
            self._write(touched[order], [touched_metadata[i] for i in order.tolist()])

    @property
    def slot_count(self) -> int:
        return self._rows.count

    def pending(self, tree: Node, slot_count: int) -> PendingFilter:
        """The rows among the first `slot_count` slots that match `tree`, to be evaluated after releasing the lock."""
        known = self._recent.find(tree, slot_count, lambda: pack(self._first_rows(slot_count)))
        version, found = self._recent.version, None if known is None else known.bitmap
        if known is not None and known.is_plain:
            return PendingFilter(tree, {}, _NO_ROWS, (), (), self._recent, version, found, is_plain=True)
        asked, rows = list(dict.fromkeys(paths(tree))), self._first_rows(slot_count)
        columns = {path: self._columns[path].frozen() for path in asked if path in self._columns}
        known_paths = KnownPaths(columns, rows)
        if any(path not in known_paths for path in asked):  # then all paths are searched for a suggestion
            known_paths = KnownPaths({**self._columns, **columns}, rows)
        gone = list(filter(self.was_known, asked))
        return PendingFilter(tree, columns, rows, known_paths, gone, self._recent, version, found)

    def evaluate(self, tree: Node, slot_count: int, records: Records) -> Bitmap:
        """The rows among the first `slot_count` slots that match `tree`. Not to be written to."""
        return self.pending(tree, slot_count).bitmap(records)

    def count(self, tree: Node, records: Records) -> int:
        """The number of rows that match `tree`."""
        return popcount(self.evaluate(tree, self._rows.count, records))

    def known_paths(self) -> KnownPaths:
        return KnownPaths(self._columns, self._rows.array)

    def was_known(self, path: Path) -> bool:
        """Whether some row once had the path, as far as this process has seen."""
        return path in self._columns or path in self._gone

    def facets(self, path: Path, records: Records, allowed: Bitmap | None = None) -> list[tuple[Any, int]]:
        """Values and the number of rows with each, most frequent first; a list counts once per different element."""
        return summaries.facets(self._columns.get(path), path, self._allowed(allowed), records)

    def distinct(self, path: Path, records: Records, allowed: Bitmap | None = None) -> list[Any]:
        """The distinct values, including elements of lists, ascending."""
        return summaries.distinct(self._columns.get(path), path, self._allowed(allowed), records)

    def min_max(self, path: Path, records: Records, allowed: Bitmap | None = None) -> tuple[Any, Any] | None:
        """The smallest and the largest value; None if there are no values."""
        return summaries.min_max(self._columns.get(path), path, self._allowed(allowed), records)

    def ranks(self, path: Path, allowed: Bitmap, records: Records) -> tuple[Slots, NDArray[np.int64]]:
        """The allowed rows, ascending, and the rank of each row's value: equal values share a rank, -1 is no value."""
        return summaries.ranks(self._columns.get(path), path, self._allowed(allowed), records)

    def pending_groups(self, path: Path, slot_count: int) -> PendingGroups:
        """Rows grouped by the values of a field, to be evaluated after releasing the lock."""
        column = self._columns.get(path)
        return PendingGroups(path, None if column is None else column.frozen(), self._first_rows(slot_count))

    def snapshot(self) -> Callable[[], dict[str, NDArray[Any]]]:
        """A function that returns the state as named one-dimensional arrays. It may be called later, without lock."""
        return saved.snapshot(self._columns, self._rows)

    def load(self, arrays: Mapping[str, NDArray[Any]], slot_count: int) -> None:
        """Restores the result of `snapshot`. The arrays may be read-only and mapped: they are copied on first write.

        Raises:
            KeyError, TypeError, ValueError: the arrays are not a valid snapshot; nothing has changed.
        """
        self._columns, rows = saved.load(arrays, slot_count)
        self._recent.forget()
        self._presence = ColumnPresence()
        self._rows = GrowableArray(rows)

    def _first_rows(self, slot_count: int) -> BoolArray:
        rows = np.zeros(slot_count, dtype=np.bool_)
        rows[: self._rows.count] = self._rows.array[:slot_count]
        return rows

    def _allowed(self, allowed: Bitmap | None) -> BoolArray:
        rows: BoolArray = self._rows.array
        return rows if allowed is None else rows & unpack(allowed, len(rows))

    def _erase(self, slots: Slots) -> None:
        for path in self._presence.of(slots, self._columns):
            column = self._columns[path]
            column.erase(slots)
            if column.is_empty():
                del self._columns[path]
                self._gone.add(path)
            else:
                column.collect_garbage()

    def _write(self, slots: Slots, metadata: Sequence[str | None]) -> None:
        for start in range(0, len(slots), _PARSED_AT_ONCE):
            part = slice(start, start + _PARSED_AT_ONCE)
            texts = [text for text in metadata[part] if text is not None]
            filled = slots[part][[text is not None for text in metadata[part]]]
            self._write_dicts((), filled, _parsed(texts))

    def _write_dicts(self, prefix: Path, slots: Slots, dicts: Sequence[dict[str, Any]]) -> None:
        """Writes the values of dicts at one path to the columns below it."""
        for key, (positions, values) in _by_key(dicts).items():
            path = (*prefix, key)
            mine = slots[positions]
            if path not in self._columns:
                self._columns[path] = Column()
            self._columns[path].write(mine, values, self._rows.count)
            self._presence.wrote(path, self._columns[path], mine)
            nested = [i for i, value in enumerate(values) if type(value) is dict]
            if nested:
                self._write_dicts(path, mine[nested], [values[i] for i in nested])


def _parsed(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Parses many rows in a single call: one call per row takes three times as long.

    Raises:
        ValueError: one is not an object as written by `metadata.dumps`.
    """
    try:
        dicts: list[dict[str, Any]] = loads(f'{{"rows":[{",".join(texts)}]}}')["rows"]
    except Exception as error:  # any error that a parser may raise for damaged text
        raise ValueError(f"metadata cannot be read: {type(error).__name__}: {error}") from error
    if len(dicts) != len(texts) or not all(type(one) is dict for one in dicts):
        raise ValueError("metadata is something else than one object for each row")
    return dicts


def _by_key(dicts: Sequence[dict[str, Any]]) -> dict[str, tuple[list[int] | slice, list[Any]]]:
    """For each key, the positions of the dicts that have it, and its values."""
    if not dicts:
        return {}
    keys = dicts[0].keys()
    if all(one.keys() == keys for one in dicts):  # the usual case, in half the time
        return {key: (slice(None), [one[key] for one in dicts]) for key in keys}
    found: dict[str, tuple[list[int] | slice, list[Any]]] = {}
    positions: dict[str, list[int]] = {}
    for i, one in enumerate(dicts):
        for key, value in one.items():
            if key not in positions:
                positions[key] = []
                found[key] = (positions[key], [])
            positions[key].append(i)
            found[key][1].append(value)
    return found
