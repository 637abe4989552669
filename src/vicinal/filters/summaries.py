"""Summaries of the values of a field: facets, distinct values, the smallest and largest, and rows in order.

Facets and distinct values include the elements of lists; order and min_max do not, since lists are not ordered among
other values. Dicts never count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Slots
from .bitmap import BoolArray
from .cells import BOOL, CODED, DATE, DICT, EXACT, FLOAT, INSTANT, INT, LIST, LONG, NULL, Cells, decode
from .column import Column
from .select import Records, ask
from .tree import Path
from .values import sort_key

Key = tuple[int, Any]

# If all cells are of kinds in one of these sets, their words have the order of the values.
_ORDERED_BY_WORD = ((BOOL,), (INT,), (DATE, INSTANT))
# Kinds with values that may be equal: 1, 1.0 and Decimal(1), or a date and its midnight.
_MAY_EQUAL = ((INT, FLOAT, EXACT), (DATE, INSTANT))
_NOT_COUNTED = (NULL, LIST, DICT, LONG)


class _Tally:
    """Counts of values by their sort key, which is the same for 1 and 1.0. The value seen first is shown."""

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


def ranks(column: Column | None, path: Path, among: BoolArray, records: Records) -> tuple[Slots, NDArray[np.int64]]:
    """The slots in `among`, ascending, and the rank of each one's value: equal values share a rank, -1 is no value."""
    slots = np.flatnonzero(among).astype(np.uint32)
    found = np.full(len(among), -1, dtype=np.int64)
    if column is not None:
        known, cells = column.among(among)
        sortable = ~np.isin(cells.kinds, (NULL, LIST, DICT))
        known = known[sortable]
        found[known] = _ranks(cells.select(sortable), known, path, records)
    return slots, found[slots]


def groups(column: Column | None, path: Path, among: BoolArray, records: Records) -> tuple[Slots, NDArray[np.int64]]:
    """The slots in `among`, ascending, and a number for each that equal values share; -1 is no value."""
    slots = np.flatnonzero(among).astype(np.uint32)
    found = np.full(len(among), -1, dtype=np.int64)
    if column is not None:
        known, cells = column.among(among)
        comparable = ~np.isin(cells.kinds, (NULL, LIST, DICT))
        known = known[comparable]
        found[known] = _numbered(cells.select(comparable), known, path, records)
    return slots, found[slots]


def _numbered(cells: Cells, slots: Slots, path: Path, records: Records) -> NDArray[np.int64]:
    """Numbers for values, equal for equal values. For most kinds these follow from the words, without decoding."""
    kinds = np.flatnonzero(np.bincount(cells.kinds)).tolist()
    found = np.empty(len(slots), dtype=np.int64)
    keyed: dict[Key | None, int] = {}  # for kinds that may have equal values
    count = 0
    for kind in kinds:
        at = np.flatnonzero(cells.are(kind))
        words, inverse = _distinct_words(cells.words[at])
        if kind != LONG and not any(kind in alike and len(set(kinds) & set(alike)) > 1 for alike in _MAY_EQUAL):
            found[at] = count + inverse
            count += len(words)
            continue
        values, inverse = (
            (list(ask(records, slots[at], path)), np.arange(len(at)))
            if kind == LONG
            else (decode(kind, words, cells.texts), inverse)
        )
        own = []
        for value in values:
            key = sort_key(value)
            if key not in keyed:
                keyed[key] = count
                count += 1
            own.append(keyed[key])
        found[at] = np.array(own, dtype=np.int64)[inverse]
    return found


def _tally(column: Column | None, path: Path, among: BoolArray, records: Records) -> _Tally:
    tally = _Tally()
    if column is None:
        return tally
    slots, cells = column.among(among)
    asked = cells.are(LONG) | column.with_element(cells, column.elements().are(LONG))
    for _, values, _, inverse in _by_kind(cells.select(~np.isin(cells.kinds, _NOT_COUNTED))):
        for value, count in zip(values, np.bincount(inverse).tolist()):
            tally.add(value, count)
    _add_elements(tally, column, cells.words[cells.are(LIST) & ~asked])
    for value in ask(records, slots[asked], path):
        elements = value if isinstance(value, list) else [value]
        for element in {sort_key(element): element for element in elements}.values():  # one of each set of equals
            tally.add(element, 1)
    return tally


def _add_elements(tally: _Tally, column: Column, numbers: NDArray[Any]) -> None:
    """Counts each different element of each of the lists `numbers` once; 1 and 1.0 count as one."""
    elements, owners = column.lists.elements_of(numbers, column.texts)
    counted = ~np.isin(elements.kinds, _NOT_COUNTED)
    elements, owners = elements.select(counted), owners[counted]
    shown: dict[Key | None, Any] = {}
    places: dict[Key | None, int] = {}  # positions of keys in `shown`
    numbered = np.empty(len(owners), dtype=np.int64)
    for _, values, at, inverse in _by_kind(elements):
        for value in values:
            shown.setdefault(sort_key(value), value)
            places.setdefault(sort_key(value), len(places))
        numbered[at] = np.array([places[sort_key(value)] for value in values])[inverse]
    pairs = np.sort(owners * len(shown) + numbered)
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]  # 100 times faster than np.unique with its hash table
    if len(pairs):
        for value, count in zip(shown.values(), np.bincount(pairs % len(shown)).tolist()):
            tally.add(value, count)


def _by_kind(cells: Cells) -> Iterator[tuple[int, list[Any], NDArray[Any], NDArray[Any]]]:
    """For each kind: its distinct values, the positions of its cells, and the index of the value of each cell."""
    for kind in np.flatnonzero(np.bincount(cells.kinds)).tolist():
        at = np.flatnonzero(cells.are(kind))
        words, inverse = _distinct_words(cells.words[at])
        yield kind, decode(kind, words, cells.texts), at, inverse


def _distinct_words(words: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Distinct words, ascending, and the index of each word. Codes and years are dense, so they need no sorting."""
    low = int(words.min())
    span = int(words.max()) - low + 1
    if span > len(words):
        distinct, inverse = np.unique(words, return_inverse=True)
        return distinct, inverse
    offsets = words.astype(np.int64) - low
    present = np.zeros(span, dtype=np.bool_)
    present[offsets] = True
    return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[offsets]


def _extremes(cells: Cells) -> Iterator[Any]:
    """Values that include the smallest and the largest."""
    for kind in np.flatnonzero(np.bincount(cells.kinds)).tolist():
        words = cells.words[cells.are(kind)]
        if kind == FLOAT:
            floats = cells.select(cells.are(FLOAT)).floats()
            yield from (float(floats.min()), float(floats.max()))
        elif kind in CODED:
            yield from decode(kind, np.unique(words), cells.texts)
        else:
            yield from decode(kind, np.array([words.min(), words.max()]), cells.texts)


def _ranks(cells: Cells, slots: Slots, path: Path, records: Records) -> NDArray[Any]:
    """Numbers from 0 that have the order of the values. `slots` are those of the cells."""
    if cells.are(FLOAT).all():
        return np.unique(cells.floats(), return_inverse=True)[1]
    if any(np.isin(cells.kinds, kinds).all() for kinds in _ORDERED_BY_WORD):
        return np.unique(cells.words, return_inverse=True)[1]
    keys: list[Key] = []
    numbered = np.empty(len(slots), dtype=np.int64)  # the index of each cell's key
    for kind, values, at, inverse in _by_kind(cells):
        if kind == LONG:
            values, inverse = list(ask(records, slots[at], path)), np.arange(len(at))
        numbered[at] = len(keys) + inverse
        keys += [key for value in values if (key := sort_key(value)) is not None]
    return _ranks_of(keys)[numbered]


def _ranks_of(keys: list[Key]) -> NDArray[np.int64]:
    """The rank of each key among all; equal keys have equal ranks."""
    ordered = sorted(range(len(keys)), key=keys.__getitem__)
    steps = [keys[a] != keys[b] for a, b in pairwise(ordered)]
    ranks = np.zeros(len(keys), dtype=np.int64)
    ranks[ordered[1:]] = np.cumsum(steps)
    return ranks


def _first(item: tuple[Key, Any]) -> Key:
    return item[0]
