"""The reference implementation of native postings: dicts and NumPy. Also used without a compiler."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, FloatVector, Slots
from ..filters.bitmap import BoolArray, pack, unpack
from ..filters.growable import GrowableArray
from ..locks import new_rlock
from .kernels import check_array
from .postings import ABSENT, Analysed, Group, Postings, Program, Stale, Statistics
from .postings_saved import Builder, Saved

__all__ = ["NumpyPostings"]

COMPACT_MIN: Final = 4096  # removed texts, below which nothing is compacted

Counts = NDArray[np.int64]
_Tail = dict[int, list[int]]  # by slot, ascending: positions


class NumpyPostings(Postings):
    """The state last saved, and lists of what was added since."""

    name = "numpy"

    def __init__(self, fields: int) -> None:
        self._fields = fields
        self._lock = new_rlock()
        self._version = self._numbering = 0
        self._take(Saved.empty(fields))

    def _take(self, saved: Saved) -> None:
        self._saved = saved
        self._new: dict[tuple[int, str], int] = {}
        self._tails: dict[int, _Tail] = {}
        self._lengths = GrowableArray(saved.lengths)
        self._texts = GrowableArray(unpack(saved.texts, saved.slot_count))
        self._removed = 0
        self._statistics = Statistics(saved.text_count, saved.length)
        self._version += 1
        self._numbering += 1

    @property
    def version(self) -> int:
        """See `Postings.version`."""
        return self._version

    @property
    def numbering(self) -> int:
        """See `Postings.numbering`."""
        return self._numbering

    @property
    def slot_count(self) -> int:
        """See `Postings.slot_count`."""
        return self._texts.count

    def intern(self, fields: Sequence[int], terms: Sequence[str]) -> list[int]:
        """See `Postings.intern`."""
        with self._lock:
            return [self._interned(field, term) for field, term in zip(fields, terms)]

    def _interned(self, field: int, term: str) -> int:
        number = self._number(field, term)
        if number == ABSENT:
            number = self._saved.term_count + len(self._new)
            self._new[field, term] = number
        return number

    def _number(self, field: int, term: str) -> int:
        number = self._saved.find(field, term)
        return self._new.get((field, term), ABSENT) if number == ABSENT else number

    def find(self, fields: Sequence[int], terms: Sequence[str]) -> tuple[int, Statistics, list[int], list[int]]:
        """See `Postings.find`."""
        with self._lock:
            numbers = [self._number(field, term) for field, term in zip(fields, terms)]
            having = [0 if number == ABSENT else len(self._list(number)[0]) for number in numbers]
            return self._version, self._statistics, numbers, having

    def add(self, slots: Slots, texts: Analysed, slot_count: int) -> None:
        """See `Postings.add`."""
        with self._lock:
            self._check_slots(slots, texts, slot_count)
            if slot_count == self.slot_count:
                return
            self._lengths.extend_to(slot_count)
            self._texts.extend_to(slot_count)
            lengths = np.zeros(len(slots), np.uint32)
            starts = [0, *texts.ends.tolist()]
            for i, (slot, start, end) in enumerate(zip(slots.tolist(), starts, starts[1:])):
                words = texts.words[start:end]
                lengths[i] = texts.widths[words].sum()
                for term, places in _places(words.tolist(), texts).items():
                    self._tails.setdefault(term, {})[slot] = places
            self._lengths.put(slots, lengths)
            self._texts.put(slots, np.ones(len(slots), np.bool_))
            self._count(len(slots), int(lengths.sum(dtype=np.int64)))

    def _check_slots(self, slots: Slots, texts: Analysed, slot_count: int) -> None:
        check_array("slots", slots, np.uint32, (len(texts.ends),))
        bounded = [self.slot_count - 1, *slots.tolist(), slot_count]
        ascending = all(first < second for first, second in pairwise(bounded))
        if not ascending and not (len(slots) == 0 and slot_count == self.slot_count):
            raise ValueError(f"slots must ascend from {self.slot_count} to below {slot_count}")

    def _count(self, texts: int, length: int) -> None:
        before = self._statistics
        self._statistics = Statistics(before.texts + texts, before.length + length)
        self._version += 1

    def remove(self, slots: Slots) -> None:
        """See `Postings.remove`."""
        with self._lock:
            slots = np.unique(slots[slots < self.slot_count])
            slots = slots[self._texts.array[slots]]
            if not len(slots):
                return
            self._texts.put(slots, np.zeros(len(slots), np.bool_))
            self._count(-len(slots), -int(self._lengths.array[slots].sum(dtype=np.int64)))
            self._removed += len(slots)
            if self._removed > max(COMPACT_MIN, self._statistics.texts):
                self.save()

    def _list(self, number: int) -> tuple[Slots, Counts]:
        """The slots and counts of a term, without removed texts."""
        tail = self._tails.get(number, {})
        slots, counts = self._saved.postings(number)
        slots = np.concatenate([slots, np.array(list(tail), np.uint32)])
        counts = np.concatenate([counts, np.array(list(map(len, tail.values())), np.int64)])
        there = self._texts.array[slots]
        return slots[there], counts[there]

    def _places(self, number: int, slot: int) -> list[int]:
        if slot < self._saved.slot_count:
            return self._saved.places(number, slot)
        return self._tails[number][slot]

    def _matched(self, program: Program, allowed: Bitmap | None) -> BoolArray:
        rows = self._texts.array.copy() if allowed is None else self._texts.array & unpack(allowed, self.slot_count)
        if not program.clauses:
            rows[:] = False
        for clause in program.clauses:
            rows &= self._having(program, clause)
        return rows & ~self._having(program, program.excluded)

    def _having(self, program: Program, groups: Iterable[int]) -> BoolArray:
        """Which texts contain at least one of the groups."""
        rows = np.zeros(self.slot_count, np.bool_)
        for number in groups:
            rows[self._slots_having(program.groups[number])] = True
        return rows

    def _slots_having(self, group: Group) -> Slots:
        slots = self._list(group[0][0])[0]
        if len(group) == 1:
            return slots
        for number, _ in group[1:]:
            slots = np.intersect1d(slots, self._list(number)[0])
        return slots[[self._stands(group, slot) for slot in slots.tolist()]]

    def _stands(self, group: Group, slot: int) -> bool:
        """Whether the terms of a group occur at their relative positions."""
        starts = ({place - offset for place in self._places(number, slot)} for number, offset in group)
        return bool(set.intersection(*starts))

    def _scores(self, program: Program) -> FloatVector:
        scores = np.zeros(self.slot_count)
        for group, weights in zip(program.groups, program.weights):
            slots = self._slots_having(group)
            lengths = self._lengths.array[slots].astype(np.float64)
            added = np.zeros(len(slots))
            for (number, _), weight in zip(group, weights):
                having, counts = self._list(number)
                added += weight * parts(program, counts[np.searchsorted(having, slots)], lengths)
            scores[slots] += added
        return scores.astype(np.float32)

    def _check_version(self, program: Program) -> None:
        if program.version != self._version:
            raise Stale

    def search(self, program: Program, k: int, allowed: Bitmap | None) -> tuple[Slots, FloatVector]:
        """See `Postings.search`."""
        with self._lock:
            self._check_version(program)
            slots = np.flatnonzero(self._matched(program, allowed)).astype(np.uint32)
            scores = self._scores(program)[slots]
        best = np.lexsort((slots, -scores))[:k]
        return slots[best], scores[best]

    def score(self, program: Program, slots: Slots) -> FloatVector:
        """See `Postings.score`."""
        with self._lock:
            self._check_version(program)
            covered = slots < self.slot_count
            scores = np.zeros(len(slots), np.float32)
            scores[covered] = self._scores(program)[slots[covered]]
            return scores

    def matches(self, program: Program, allowed: Bitmap | None) -> Bitmap:
        """See `Postings.matches`."""
        with self._lock:
            self._check_version(program)
            return pack(self._matched(program, allowed))

    def occurrences(self, program: Program, slot: int) -> tuple[int, list[list[int]]]:
        """See `Postings.occurrences`."""
        with self._lock:
            self._check_version(program)
            if slot >= self.slot_count:
                return 0, [[] for _ in program.weights]
            having = [slot in self._slots_having(group) for group in program.groups[: len(program.weights)]]
            found = [
                [len(self._places(number, slot)) for number, _ in group] if has else []
                for group, has in zip(program.groups, having)
            ]
            return int(self._lengths.array[slot]), found

    def save(self) -> dict[str, NDArray[Any]]:
        """See `Postings.save`."""
        with self._lock:
            if self._removed or self.slot_count > self._saved.slot_count:
                self._take(self._compacted())
            return self._saved.arrays()

    def _compacted(self) -> Saved:
        builder = Builder(self._fields, self._texts.array, self._lengths.array)
        new = list(self._new)
        for number in range(self._saved.term_count + len(new)):
            slots, _ = self._list(number)
            if len(slots):
                later = number - self._saved.term_count
                field, term = self._saved.term(number) if later < 0 else new[later]
                places = dict(self._saved.all_places(number)) | self._tails.get(number, {})
                builder.add(field, term, slots, [places[slot] for slot in slots.tolist()])
        return builder.finish()

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `Postings.load`."""
        saved = Saved.of(arrays, self._fields)
        with self._lock:
            self._take(saved)


def parts(program: Program, counts: Counts, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """The formula of each posting, without the weight; `text_query` has the sources."""
    tf = counts.astype(np.float64)
    if program.formula == "bm25":
        saturation = program.k1 * ((1.0 - program.b) + program.b * (lengths / program.average))
        return np.asarray((tf * (program.k1 + 1.0)) / (tf + saturation))
    _, form, norm = program.formula.split("-")
    if form == "log":
        tf = 1.0 + np.array([math.log(count) for count in counts.tolist()])
    elif form == "sqrt":
        tf = np.sqrt(tf)
    if norm == "none":
        return tf
    return np.asarray(tf * (1.0 / lengths if norm == "length" else 1.0 / np.sqrt(lengths)))


def _places(words: list[int], texts: Analysed) -> dict[int, list[int]]:
    """The terms of a text, and the positions of each."""
    found: dict[int, list[int]] = {}
    place = 0
    for word in words:
        start, end = int(texts.term_ends[word - 1]) if word else 0, int(texts.term_ends[word])
        for term, offset in zip(texts.terms[start:end].tolist(), texts.offsets[start:end].tolist()):
            found.setdefault(term, []).append(place + offset)
        place += int(texts.widths[word])
    return found
