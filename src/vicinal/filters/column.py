"""One column: the values at one path, by slot.

A column is dense, an array by slot, if at least one slot in 64 has a value; otherwise it is pairs of slot and value, so
that a path which few rows have takes little memory. Dead rows keep their cells: the caller knows which slots are rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Slots
from .bitmap import BoolArray
from .cells import CODED, LIST, MISSING, Cells, Kinds, Lists, Words, encode
from .growable import GrowableArray, narrowed
from .texts import Texts

_SPARSE_SHARE = 64
GARBAGE_MIN = 1024
_ENOUGH_AS_A_RULE = 1024  # rows to look at to find one that has a field


class Column:
    """Cells by slot. Guarded by `Columns`, which alone writes to it."""

    __slots__ = ("_garbage_limit", "kinds", "lists", "slots", "texts", "words")

    def __init__(self) -> None:
        self.slots: GrowableArray | None = GrowableArray(np.empty(0, dtype=np.uint32))  # ascending; None if dense
        self.kinds = GrowableArray(np.empty(0, dtype=np.uint8))
        self.words = GrowableArray(np.empty(0, dtype=np.int8))
        self.texts = Texts()
        self.lists = Lists()
        self._garbage_limit = GARBAGE_MIN

    def frozen(self) -> Column:
        """A read-only copy of the column in its current state, unaffected by later writes."""
        found = Column()
        found.slots = None if self.slots is None else GrowableArray(self.slots.frozen())
        found.kinds, found.words = GrowableArray(self.kinds.frozen()), GrowableArray(self.words.frozen())
        found.texts, found.lists = self.texts.frozen(), self.lists.frozen()
        return found

    def cells(self) -> Cells:
        return Cells(self.kinds.array, self.words.array, self.texts)

    def elements(self) -> Cells:
        return self.lists.elements(self.texts)

    def with_element(self, cells: Cells, found: BoolArray) -> BoolArray:
        """Which of `cells` are lists that have an element in `found`."""
        if not found.any():  # the usual case for cells that must be looked up
            return np.zeros(len(cells.kinds), dtype=np.bool_)
        are = cells.are(LIST)
        if are.any():  # words of other kinds are not list numbers, so any valid index will do
            are &= np.take(self.lists.any_element(found), cells.words, mode="clip")
        return are

    def by_slot(self, found: BoolArray, slot_count: int) -> BoolArray:
        """Flags of cells, converted to flags of slots."""
        flags = np.zeros(slot_count, dtype=np.bool_)
        if self.slots is None:
            flags[: len(found)] = found[:slot_count]
        else:
            chosen = self.slots.array[found]
            flags[chosen[: np.searchsorted(chosen, slot_count)]] = True
        return flags

    def among(self, rows: BoolArray) -> tuple[Slots, Cells]:
        """The slots in `rows` that have a cell, ascending, and their cells."""
        cells = self.cells()
        if self.slots is None:
            here = cells.kinds[: len(rows)]
            slots = np.flatnonzero(rows[: len(here)] & (here != MISSING)).astype(np.uint32)
            return slots, cells.select(slots)
        slots = self.slots.array
        slots = slots[: np.searchsorted(slots, len(rows))]
        chosen = np.flatnonzero(rows[slots])
        return slots[chosen], cells.select(chosen)

    def has_any(self, rows: BoolArray) -> bool:
        """Whether some slot in `rows` has a cell."""
        slots = self.slots
        if slots is None:
            here = self.kinds.array[: len(rows)]
            for end in (_ENOUGH_AS_A_RULE, len(here)):
                if (rows[: len(here)][:end] & (here[:end] != MISSING)).any():
                    return True
            return False
        held = slots.array  # read once: suggestions look at columns that are being written
        return bool(rows[held[held < len(rows)]].any())

    def is_empty(self) -> bool:
        """Whether no slot has a cell, including dead ones."""
        return not self.kinds.array.any()

    def write(self, slots: Slots, values: Sequence[Any], slot_count: int) -> None:
        """Writes cells for slots, ascending, that have none."""
        kinds, words = encode(values, self.texts, self.lists)
        self._choose_layout(len(slots), slot_count)
        if self.slots is None:
            self.kinds.extend_to(int(slots[-1]) + 1)
            self.words.extend_to(int(slots[-1]) + 1)
            self.kinds.put(slots, kinds)
            self.words.put(slots, narrowed(words))
        elif self.slots.count and slots[0] < self.slots.array[-1]:
            self._merge(slots, kinds, words)
        else:
            self._append(self.slots, slots, kinds, words)

    def erase(self, slots: Slots) -> None:
        """Removes the cells of slots, ascending."""
        if self.slots is None:
            here = slots[: np.searchsorted(slots, self.kinds.count)]
            if self.kinds.array[here].any():
                self.kinds.put(here, np.zeros(len(here), dtype=np.uint8))
            return
        mine = self.slots.array
        if not len(mine) or slots[-1] < mine[0] or slots[0] > mine[-1]:
            return
        places = np.minimum(np.searchsorted(mine, slots), len(mine) - 1)
        places = places[mine[places] == slots]
        if len(places):
            kept = np.ones(len(mine), dtype=np.bool_)
            kept[places] = False
            self._keep(kept)

    def collect_garbage(self) -> None:
        """Drops texts and lists that no cell refers to any more, once they may be more than half."""
        if len(self.texts) + self.lists.count + self.lists.kinds.count <= self._garbage_limit:
            return
        self._forget_lists()
        self._forget_texts()
        kept = len(self.texts) + self.lists.count + self.lists.kinds.count
        self._garbage_limit = max(GARBAGE_MIN, 2 * kept)

    def _choose_layout(self, added: int, slot_count: int) -> None:
        if self.slots is not None:
            if (self.slots.count + added) * _SPARSE_SHARE >= slot_count:
                self._make_dense(slot_count)
        elif slot_count > self.kinds.room:  # about to be copied, so computing the share now costs no more than that
            filled = np.flatnonzero(self.kinds.array)
            if (len(filled) + added) * _SPARSE_SHARE < slot_count:
                self.slots = GrowableArray(filled.astype(np.uint32))
                self.kinds, self.words = (
                    GrowableArray(self.kinds.array[filled]),
                    GrowableArray(self.words.array[filled]),
                )

    def _make_dense(self, slot_count: int) -> None:
        assert self.slots is not None
        slots, kinds, words = self.slots.array, self.kinds.array, self.words.array
        self.slots = None
        self.kinds = GrowableArray(np.zeros(slot_count, dtype=np.uint8))
        self.words = GrowableArray(np.zeros(slot_count, dtype=words.dtype))
        self.kinds.put(slots, kinds)
        self.words.put(slots, words)

    def _append(self, mine: GrowableArray, slots: Slots, kinds: Kinds, words: Words) -> None:
        mine.append(slots)
        self.kinds.append(kinds)
        self.words.append(narrowed(words))

    def _merge(self, slots: Slots, kinds: Kinds, words: Words) -> None:
        assert self.slots is not None
        self._append(self.slots, slots, kinds, words)
        self._keep(np.argsort(self.slots.array, kind="stable"))

    def _keep(self, which: NDArray[Any]) -> None:
        """Keeps some cells of a sparse column, in the given order."""
        assert self.slots is not None
        self.slots = GrowableArray(self.slots.array[which])
        self.kinds, self.words = GrowableArray(self.kinds.array[which]), GrowableArray(self.words.array[which])

    def _forget_lists(self) -> None:
        at = np.flatnonzero(self.cells().are(LIST))
        kept, owners = self.lists.elements_of(self.words.array[at], self.texts)
        self.lists = Lists()
        self.words.put(at, narrowed(self.lists.append(len(at), owners, kept.kinds, kept.words)))

    def _forget_texts(self) -> None:
        mine = [(self.kinds, self.words), (self.lists.kinds, self.lists.words)]
        coded = [np.flatnonzero(np.isin(kinds.array, CODED)) for kinds, _ in mine]
        codes = np.unique(np.concatenate([words.array[at] for (_, words), at in zip(mine, coded)]))
        texts = Texts()
        renumbered = texts.intern(self.texts.decoded(codes))
        for (_, words), at in zip(mine, coded):
            words.put(at, narrowed(renumbered[np.searchsorted(codes, words.array[at])]))
        self.texts = texts
