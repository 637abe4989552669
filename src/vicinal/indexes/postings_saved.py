"""Postings as one-dimensional arrays, in the form in which they are saved, mapped, and read in place.

numbers          int64: format, fields, slots, terms
texts            uint64: bitmap of slots that have a text
lengths          uint32, (slots,): the number of positions of each text
term_bytes       uint8: the terms in UTF-8, concatenated
term_ends        uint64, (terms,): the end of each term
term_fields      uint8, (terms,)
table            uint32, a power of two: 0, or a term's number + 1 at the first free entry from its hash on
starts           uint64, (terms + 1,): the start of the postings of each term
slots            uint32, (postings,): ascending in each term
counts           uint8, (postings,): how often the text contains the term; 255 means: look in `large_counts`
large_places     uint64: indexes of the postings with counts of 255 or more, ascending
large_counts     uint32: their counts
bounds           uint32, (terms, 5): the largest count, then the shortest text with count 1, 2, 3, and 4 or more
positions        uint8: the positions of each posting, each minus the one before, as LEB128
block_starts     uint64, (terms + 1,): the start of the blocks of each term
blocks           uint64: the start in `positions` of each block of `BLOCK` postings
block_bounds     uint8, (blocks, 5): like `bounds`, but with at most 255 for the count, and codes of lengths
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import accumulate, islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, Slots
from ..filters.bitmap import BoolArray, pack, unpack
from .postings import ABSENT

__all__ = ["Builder", "Saved", "hash_of", "renumbered"]

FORMAT: Final = 1
BLOCK: Final = 64
LARGE: Final = 255
BOUNDS: Final = 5
LEB128_BYTES_MAX: Final = 5  # for 32 bits

DTYPES: Final[dict[str, type]] = {
    "numbers": np.int64,
    "texts": np.uint64,
    "lengths": np.uint32,
    "term_bytes": np.uint8,
    "term_ends": np.uint64,
    "term_fields": np.uint8,
    "table": np.uint32,
    "starts": np.uint64,
    "slots": np.uint32,
    "counts": np.uint8,
    "large_places": np.uint64,
    "large_counts": np.uint32,
    "bounds": np.uint32,
    "positions": np.uint8,
    "block_starts": np.uint64,
    "blocks": np.uint64,
    "block_bounds": np.uint8,
}


def hash_of(field: int, term: bytes) -> int:
    """64-bit FNV-1a over the field's number and the term, with its halves mixed."""
    value = 0xCBF29CE484222325
    for byte in (field, *term):
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 32)


def table_size(terms: int) -> int:
    """A power of two, at most half full."""
    return 1 << max(1, 2 * terms - 1).bit_length()


def renumbered(arrays: Mapping[str, NDArray[Any]], new_slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The same texts at other slots: lists keep their order, and the bounds of their blocks remain valid.

    Args:
        new_slots: by slot, 0, 1, 2, ... for slots that are kept and -1 for others, which have no text.
    """
    numbers, kept = arrays["numbers"].copy(), new_slots >= 0
    texts = unpack(arrays["texts"], int(numbers[2]))[kept]
    numbers[2] = len(texts)
    moved = {
        "numbers": numbers,
        "texts": pack(texts),
        "lengths": arrays["lengths"][kept],
        "slots": new_slots[arrays["slots"]].astype(np.uint32),
    }
    return {**arrays, **moved}


@dataclass(frozen=True)
class Saved:
    """The arrays of the module's table, and access to their contents."""

    numbers: NDArray[np.int64]
    texts: Bitmap
    lengths: NDArray[np.uint32]
    term_bytes: NDArray[np.uint8]
    term_ends: NDArray[np.uint64]
    term_fields: NDArray[np.uint8]
    table: NDArray[np.uint32]
    starts: NDArray[np.uint64]
    slots: Slots
    counts: NDArray[np.uint8]
    large_places: NDArray[np.uint64]
    large_counts: NDArray[np.uint32]
    bounds: NDArray[np.uint32]
    positions: NDArray[np.uint8]
    block_starts: NDArray[np.uint64]
    blocks: NDArray[np.uint64]
    block_bounds: NDArray[np.uint8]

    @classmethod
    def empty(cls, field_count: int) -> Saved:
        return Builder(field_count, np.zeros(0, np.bool_), np.zeros(0, np.uint32)).finish()

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]], field_count: int) -> Saved:
        """Raises ValueError for inconsistent arrays."""
        for name, dtype in DTYPES.items():
            array = arrays.get(name)
            if array is None or array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
                raise ValueError(f"{name} must be a C-contiguous {np.dtype(dtype).name} array of one dimension")
        saved = cls(*(arrays[name] for name in DTYPES))
        saved._check(field_count)
        return saved

    def _check(self, field_count: int) -> None:
        if len(self.numbers) != 4 or self.numbers[0] != FORMAT or self.numbers[1] != field_count:
            raise ValueError(f"these are not postings of format {FORMAT} with {field_count} fields")
        if not self._sizes_agree():
            raise ValueError("the arrays of these postings do not fit together")
        for holds, what in self._faults(field_count):
            if not holds:
                raise ValueError(f"of these postings {what}")

    def _sizes_agree(self) -> bool:
        terms, slots = self.term_count, self.slot_count
        ends = ((self.term_ends, self.term_bytes), (self.starts, self.slots), (self.block_starts, self.blocks))
        return all((
            len(self.lengths) == slots < ABSENT,
            len(self.texts) == -(-slots // 64),
            len(self.term_ends) == len(self.term_fields) == terms,
            len(self.table) > terms and not len(self.table) & (len(self.table) - 1),
            len(self.starts) == len(self.block_starts) == terms + 1,
            len(self.counts) == len(self.slots),
            len(self.large_places) == len(self.large_counts),
            len(self.bounds) == BOUNDS * terms,
            len(self.block_bounds) == BOUNDS * len(self.blocks),
            *((int(last[-1]) if len(last) else 0) == len(array) for last, array in ends),
            *(bool(np.all(last[1:] >= last[:-1])) for last, _ in ends),
        ))  # fmt: skip

    def _faults(self, field_count: int) -> Iterator[tuple[bool, str]]:
        """Conditions, and the error if one is violated; each relies on those before it. See native/text/saved.cpp."""
        used = self.slot_count % 64
        behind = int(self.texts[-1]) >> used if used else 0
        yield not behind, "the bitmap of texts reaches beyond the last slot"
        found = np.count_nonzero(self.table) == self.term_count >= int(self.table.max())
        yield found and bool((self.term_fields < field_count).all()), "the table of terms leads to no term"
        postings = np.diff(self.starts.astype(np.int64)).view(np.int64)
        blocks = -(-postings // BLOCK)
        agree = not self.starts[0] and not self.block_starts[0]
        agree = agree and np.array_equal(np.diff(self.block_starts.astype(np.int64)), blocks)
        yield agree, "the blocks are not those of the lists"
        yield self._slots_are_texts(), "a list does not ascend, or has a slot without a text"
        yield self._counts_agree(), "the counts are not those of the postings"
        yield self._positions_agree(postings), "the positions are not those of the counts"
        yield self._terms_are_texts(), "a term is not UTF-8"

    def _slots_are_texts(self) -> bool:
        if not len(self.slots):
            return True
        if int(self.slots.max()) >= self.slot_count:
            return False
        steps = np.diff(self.slots.astype(np.int64))
        firsts = self.starts[1:-1][(self.starts[1:-1] > 0) & (self.starts[1:-1] < len(self.slots))].astype(np.int64)
        steps[firsts - 1] = 1  # from the last of a list to the first of the next
        there = unpack(self.texts, self.slot_count) & (self.lengths > 0)
        return bool((steps > 0).all() and there[self.slots].all())

    def _counts_agree(self) -> bool:
        large = np.flatnonzero(self.counts == LARGE)
        return bool(
            self.counts.all() and np.array_equal(large, self.large_places) and (self.large_counts >= LARGE).all()
        )

    def _positions_agree(self, postings: NDArray[np.int64]) -> bool:
        """Blocks are consecutive and contain as many numbers of at most 32 bits as their postings count positions."""
        if not len(self.blocks):
            return not len(self.positions)
        borders = np.append(self.blocks, np.uint64(len(self.positions))).astype(np.int64)
        if borders[0] or (np.diff(borders) < 0).any() or int(self.blocks.max()) > len(self.positions):
            return False
        counts = self.counts.astype(np.int64)
        counts[self.large_places.astype(np.int64)] = self.large_counts
        firsts = np.concatenate(
            [start + np.arange(0, size, BLOCK) for start, size in zip(self.starts[:-1].tolist(), postings.tolist())]
        )
        ends = np.flatnonzero(self.positions < 0x80)  # of numbers
        having = np.diff(np.searchsorted(ends, borders))
        whole = all(not at or self.positions[at - 1] < 0x80 for at in borders.tolist())
        longest = int(np.diff(ends, prepend=-1).max(initial=0))
        return bool(np.array_equal(np.add.reduceat(counts, firsts), having)) and whole and longest <= LEB128_BYTES_MAX

    def _terms_are_texts(self) -> bool:
        starts = np.append(np.uint64(0), self.term_ends)[:-1]
        firsts = self.term_bytes[starts[starts < self.term_ends].astype(np.int64)]
        try:
            self.term_bytes.tobytes().decode()
        except UnicodeDecodeError:
            return False
        return not bool((firsts & 0xC0 == 0x80).any())

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, field.name) for name, field in zip(DTYPES, fields(self))}

    @property
    def field_count(self) -> int:
        return int(self.numbers[1])

    @property
    def slot_count(self) -> int:
        return int(self.numbers[2])

    @property
    def term_count(self) -> int:
        return int(self.numbers[3])

    @cached_property
    def text_count(self) -> int:
        return int(np.bitwise_count(self.texts).sum())

    @cached_property
    def length(self) -> int:
        """The length of all texts; slots without a text have length 0."""
        return int(self.lengths.sum(dtype=np.int64))

    def term(self, number: int) -> tuple[int, str]:
        start = int(self.term_ends[number - 1]) if number else 0
        text = self.term_bytes[start : int(self.term_ends[number])].tobytes().decode()
        return int(self.term_fields[number]), text

    def find(self, field: int, term: str) -> int:
        """The number of a term, or `ABSENT`."""
        mask = len(self.table) - 1
        place = hash_of(field, term.encode()) & mask
        while entry := int(self.table[place]):
            if self.term(entry - 1) == (field, term):
                return entry - 1
            place = (place + 1) & mask
        return ABSENT

    def postings(self, number: int) -> tuple[Slots, NDArray[np.int64]]:
        """The slots of a term and its count in each text, including removed ones; empty for a term added later."""
        if number >= self.term_count:
            return np.zeros(0, np.uint32), np.zeros(0, np.int64)
        start, end = int(self.starts[number]), int(self.starts[number + 1])
        counts = self.counts[start:end].astype(np.int64)
        large = np.flatnonzero(counts == LARGE)
        counts[large] = self.large_counts[np.searchsorted(self.large_places, (large + start).astype(np.uint64))]
        return self.slots[start:end], counts

    def places(self, number: int, slot: int) -> list[int]:
        """The positions of a term in a text."""
        slots, counts = self.postings(number)
        at = int(np.searchsorted(slots, slot))
        block = int(self.block_starts[number]) + at // BLOCK
        skipped = int(counts[at - at % BLOCK : at].sum())
        values = _leb128(self.positions, int(self.blocks[block]))
        return list(accumulate(islice(values, skipped, skipped + int(counts[at]))))

    def all_places(self, number: int) -> Iterator[tuple[int, list[int]]]:
        """For each slot of a term, its positions in that text; empty for a term added later."""
        slots, counts = self.postings(number)
        if len(slots):
            values = _leb128(self.positions, int(self.blocks[self.block_starts[number]]))
            for slot, count in zip(slots.tolist(), counts.tolist()):
                yield slot, list(accumulate(islice(values, count)))


class Builder:
    """Builds saved postings, term by term."""

    def __init__(self, field_count: int, texts: BoolArray, lengths: NDArray[np.uint32]) -> None:
        self._field_count = field_count
        self._texts = texts
        self._lengths = np.where(texts, lengths, 0).astype(np.uint32)
        self._terms: list[tuple[int, bytes]] = []
        self._slots: list[Slots] = []
        self._counts: list[NDArray[np.int64]] = []
        self._bounds: list[list[int]] = []
        self._positions = bytearray()
        self._blocks: list[int] = []
        self._block_bounds: list[list[int]] = []
        self._block_starts = [0]

    def add(self, field: int, term: str, slots: Slots, places: Sequence[Sequence[int]]) -> None:
        """Adds one term: the texts that contain it, and its positions."""
        counts = np.array([len(found) for found in places])
        self._terms.append((field, term.encode()))
        self._slots.append(slots)
        self._counts.append(counts)
        lengths = self._lengths[slots]
        self._bounds.append(_bounds(counts, lengths))
        for start in range(0, len(counts), BLOCK):
            most, *shortest = _bounds(counts[start : start + BLOCK], lengths[start : start + BLOCK])
            self._block_bounds.append([min(most, LARGE), *map(length_code, shortest)])
        for at, found in enumerate(places):
            if at % BLOCK == 0:
                self._blocks.append(len(self._positions))
            for place, before in zip(found, [0, *found]):
                _put_leb128(self._positions, place - before)
        self._block_starts.append(len(self._blocks))

    def finish(self) -> Saved:
        counts = np.concatenate([np.zeros(0, np.int64), *self._counts])
        large = np.flatnonzero(counts >= LARGE)
        return Saved(
            numbers=np.array([FORMAT, self._field_count, len(self._texts), len(self._terms)], np.int64),
            texts=pack(self._texts),
            lengths=self._lengths,
            term_bytes=np.frombuffer(b"".join(term for _, term in self._terms), np.uint8),
            term_ends=np.cumsum([len(term) for _, term in self._terms], dtype=np.uint64),
            term_fields=np.array([field for field, _ in self._terms], np.uint8),
            table=self._table(),
            starts=np.cumsum([0, *map(len, self._slots)], dtype=np.uint64),
            slots=np.concatenate([np.zeros(0, np.uint32), *self._slots]),
            counts=np.minimum(counts, LARGE).astype(np.uint8),
            large_places=large.astype(np.uint64),
            large_counts=counts[large].astype(np.uint32),
            bounds=np.array(self._bounds, np.uint32).reshape(-1),
            positions=np.frombuffer(bytes(self._positions), np.uint8),
            block_starts=np.array(self._block_starts, np.uint64),
            blocks=np.array(self._blocks, np.uint64),
            block_bounds=np.array(self._block_bounds, np.uint8).reshape(-1),
        )

    def _table(self) -> NDArray[np.uint32]:
        table = np.zeros(table_size(len(self._terms)), np.uint32)
        for number, (field, term) in enumerate(self._terms):
            place = hash_of(field, term) & (len(table) - 1)
            while table[place]:
                place = (place + 1) & (len(table) - 1)
            table[place] = number + 1
        return table


def _bounds(counts: NDArray[np.int64], lengths: NDArray[np.uint32]) -> list[int]:
    """The largest count, then the shortest length with count 1, 2, 3, and 4 or more."""
    shortest = [lengths[kind] for kind in (counts == 1, counts == 2, counts == 3, counts >= 4)]
    return [int(counts.max()), *(int(some.min()) if len(some) else ABSENT for some in shortest)]


def length_code(length: int) -> int:
    """Lengths below 64 are their own code; above, each doubling has sixteen codes, up to 255."""
    if length < 64:
        return length
    exponent = length.bit_length() - 1
    return min(255, 64 + (exponent - 6) * 16 + ((length >> (exponent - 4)) & 15))


def _put_leb128(out: bytearray, value: int) -> None:
    """Seven bits per byte, lowest first, with the high bit set in all but the last."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _leb128(octets: NDArray[np.uint8], at: int) -> Iterator[int]:
    value = shift = 0
    for i in range(at, len(octets)):
        byte = int(octets[i])
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield value
            value = shift = 0
