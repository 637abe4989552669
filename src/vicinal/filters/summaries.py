"""What values does a field have? Facets, distinct values, the smallest and largest, and rows in order.

Facets and distinct look into lists; order and min_max do not, a list has no place among values. Dicts never count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Slots
from .bitmap import BoolArray
from .cells import BOOL, CODED, DATE, DICT, FLOAT, INSTANT, INT, LIST, LONG, NULL, Cells, decode
from .column import Column
from .select import Records, ask
from .tree import Path
from .values import sort_key

Key = tuple[int, Any]

# Where all cells are of one of these sets, they order as their words do.
_ORDERED_BY_WORD = ((BOOL,), (INT,), (DATE, INSTANT))
_NOT_COUNTED = (NULL, LIST, DICT, LONG)


class _Tally:
    """Values by their sort key, under which 1 and 1.0 are one. The first seen is the one shown."""

    def __init__(self) -> None:
        self.values: dict[Key, Any] = {}
        self.counts: Counter[Key] = Counter()

    def add(self, value: Any, count: int) -> None:
        key = sort_key(value)
        if key is not None:
            self.values.setdefault(key, value)
            self.counts[key] += count


def facets(column: Column | None, path: Path, among: BoolArray, records: Records) -> list[tuple[Any, int]]:
    tally = _tally(column, path, among, records)
    ordered = sorted(tally.counts.items(), key=lambda item: (-item[1], item[0]))
    return [(tally.values[key], count) for key, count in ordered]


def distinct(column: Column | None, path: Path, among: BoolArray, records: Records) -> list[Any]:
    values = _tally(column, path, among, records).values
    return [values[key] for key in sorted(values)]


def min_max(column: Column | None, path: Path, among: BoolArray, records: Records) -> tuple[Any, Any] | None:
    if column is None:
        return None
    slots, cells = column.among(among)
    candidates = [*_extremes(cells), *ask(records, slots[cells.are(LONG)], path)]
    keyed = [(key, value) for value in candidates if (key := sort_key(value)) is not None]
    if not keyed:
        return None
    return min(keyed, key=_first)[1], max(keyed, key=_first)[1]


def ranks(
    column: Column | None, path: Path, among: BoolArray, records: Records
) -> tuple[Slots, NDArray[np.int64]]:
    """The slots in `among`, ascending, and the rank of each one's value: equal ones share it, -1 is no value."""
    slots = np.flatnonzero(among).astype(np.uint32)
    found = np.full(len(among), -1, dtype=np.int64)
    if column is not None:
        known, cells = column.among(among)
        sortable = ~np.isin(cells.kinds, (NULL, LIST, DICT))
        known = known[sortable]
        found[known] = _ranks(cells.select(sortable), known, path, records)
    return slots, found[slots]


def order(column: Column | None, path: Path, descending: bool, among: BoolArray, records: Records) -> Slots:
    """Ties by slot, whichever the direction: the sort is stable, and reversed by its keys."""
    unsorted = among.copy()
    ordered = np.empty(0, dtype=np.uint32)
    if column is not None:
        slots, cells = column.among(among)
        sortable = ~np.isin(cells.kinds, (NULL, LIST, DICT))
        slots, cells = slots[sortable], cells.select(sortable)
        ranks = _ranks(cells, slots, path, records)
        ordered = slots[np.argsort(_reversed(ranks) if descending else ranks, kind="stable")]
        unsorted[slots] = False
    return np.concatenate([ordered, np.flatnonzero(unsorted).astype(np.uint32)])


def _tally(column: Column | None, path: Path, among: BoolArray, records: Records) -> _Tally:
    tally = _Tally()
    if column is None:
        return tally
    slots, cells = column.among(among)
    asked = cells.are(LONG) | column.with_element(cells, column.elements().are(LONG))
    for values, _, inverse in _by_kind(cells.select(~np.isin(cells.kinds, _NOT_COUNTED))):
        for value, count in zip(values, np.bincount(inverse).tolist()):
            tally.add(value, count)
    _add_elements(tally, column, cells.words[cells.are(LIST) & ~asked])
    for value in ask(records, slots[asked], path):
        # of equal elements one: a dict by key keeps a value for each
        for element in {sort_key(one): one for one in (value if isinstance(value, list) else [value])}.values():
            tally.add(element, 1)
    return tally


def _add_elements(tally: _Tally, column: Column, numbers: NDArray[Any]) -> None:
    """Counts each different element of each of the lists `numbers` once, 1 and 1.0 as one."""
    elements, owners = column.lists.elements_of(numbers, column.texts)
    counted = ~np.isin(elements.kinds, _NOT_COUNTED)
    elements, owners = elements.select(counted), owners[counted]
    keys: dict[Key | None, int] = {}
    shown: list[Any] = []
    numbered = np.empty(len(owners), dtype=np.int64)
    for values, at, inverse in _by_kind(elements):
        shown += [value for value in values if sort_key(value) not in keys]
        for value in values:
            keys.setdefault(sort_key(value), len(keys))
        numbered[at] = np.array([keys[sort_key(value)] for value in values], dtype=np.int64)[inverse]
    pairs = np.unique(owners * max(1, len(keys)) + numbered)
    for value, count in zip(shown, np.bincount(pairs % max(1, len(keys)), minlength=len(shown)).tolist()):
        tally.add(value, count)


def _by_kind(cells: Cells) -> Iterator[tuple[list[Any], NDArray[Any], NDArray[Any]]]:
    """For each kind its distinct values, where its cells are, and which of the values each of them has."""
    for kind in np.flatnonzero(np.bincount(cells.kinds)).tolist():
        at = np.flatnonzero(cells.are(kind))
        words, inverse = np.unique(cells.words[at], return_inverse=True)
        kinds = np.full(len(words), kind, dtype=np.uint8)
        yield list(decode(Cells(kinds, words, cells.texts))), at, inverse


def _extremes(cells: Cells) -> Iterable[Any]:
    """Values among which the smallest and the largest are."""
    for kind in (BOOL, INT, DATE, INSTANT):
        words = cells.words[cells.are(kind)]
        if len(words):
            found = np.array([words.min(), words.max()], dtype=np.int64)
            yield from decode(Cells(np.full(2, kind, dtype=np.uint8), found, cells.texts))
    floats = cells.floats()[cells.are(FLOAT)]
    if len(floats):
        yield from (float(floats.min()), float(floats.max()))
    for values, _, _ in _by_kind(cells.select(np.isin(cells.kinds, CODED))):
        yield from values


def _ranks(cells: Cells, slots: Slots, path: Path, records: Records) -> NDArray[Any]:
    """Numbers that order as the values do. `slots` are those of the cells."""
    if cells.are(FLOAT).all():
        return cells.floats()
    if any(np.isin(cells.kinds, kinds).all() for kinds in _ORDERED_BY_WORD):
        return cells.words
    keys: list[tuple[NDArray[Any], NDArray[Any], list[Key | None]]] = []
    for values, at, inverse in _by_kind(cells):
        if cells.kinds[at[0]] == LONG:
            values, inverse = list(ask(records, slots[at], path)), np.arange(len(at))
        keys.append((at, inverse, [sort_key(value) for value in values]))
    rank_of = {key: rank for rank, key in enumerate(sorted({key for _, _, group in keys for key in group if key}))}
    ranks = np.empty(len(slots), dtype=np.int64)
    for at, inverse, group in keys:
        ranks[at] = np.array([rank_of[key] for key in group if key], dtype=np.int64)[inverse]
    return ranks


def _reversed(ranks: NDArray[Any]) -> NDArray[Any]:
    """Numbers in the opposite order. Not minus for integers: the smallest has none."""
    return -ranks if ranks.dtype.kind == "f" else ~ranks


def _first(item: tuple[Key, Any]) -> Key:
    return item[0]
