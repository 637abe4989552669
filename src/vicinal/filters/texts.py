"""The distinct texts of a column, each with a number, its code. UTF-8 in one block: no object per text.

Texts are found by their hash: codes are sorted by it. Codes assigned since the last sort are in a dict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bitmap import BoolArray
from .growable import GrowableArray
from .values import Operator

Codes = NDArray[np.int64]
Hashes = NDArray[np.int64]

_UNSORTED_MIN = 1024
_UNSORTED_SHARE = 4  # sort again when a quarter is new, so each text is moved only a few times in total


def hash_of(text: str) -> int:
    """A 64-bit hash, the same in every process. Python's `hash` is not; for cheap hashes, collisions can be crafted."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little", signed=True)


class Texts:
    """Texts by code. Codes are never reused; `Column` creates a new object to drop some."""

    __slots__ = ("_blob", "_ends", "_recent", "_sorted_codes", "_sorted_hashes")

    def __init__(self) -> None:
        self._blob = GrowableArray(np.empty(0, dtype=np.uint8))
        self._ends = GrowableArray(np.empty(0, dtype=np.int64))
        self._sorted_hashes: Hashes = np.empty(0, dtype=np.int64)
        self._sorted_codes: Codes = np.empty(0, dtype=np.int64)
        self._recent: dict[str, int] = {}

    @classmethod
    def from_arrays(cls, arrays: Sequence[NDArray[Any]]) -> Texts:
        """The inverse of `snapshot`; the arrays may be read-only."""
        blob, ends, hashes, codes = arrays
        texts = cls()
        texts._blob, texts._ends = GrowableArray(blob), GrowableArray(ends)
        texts._sorted_hashes, texts._sorted_codes = hashes, codes
        return texts

    def snapshot(self) -> Callable[[], tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """A function that returns all current texts, unaffected by later ones, for `from_arrays`.

        UTF-8 bytes, the end of each text, all hashes ascending, their codes.
        """
        blob, ends = self._blob.array, self._ends.array  # append-only
        hashes, codes, recent = self._sorted_hashes, self._sorted_codes, dict(self._recent)
        return lambda: (blob, ends, *_sorted_in(hashes, codes, recent))

    def frozen(self) -> Texts:
        """A read-only copy of all current texts, unaffected by later ones.

        It shares the dict of recent codes, so `find` may return the code of a later text, which no cell has.
        """
        found = Texts()
        found._blob = GrowableArray(self._blob.array)  # these two are append-only
        found._ends = GrowableArray(self._ends.array)
        found._sorted_hashes, found._sorted_codes = self._sorted_hashes, self._sorted_codes
        found._recent = self._recent
        return found

    def check(self) -> None:
        """Checks arrays that were read from a file.

        Raises:
            ValueError: they are not a valid snapshot: a position is out of range, or a text is not UTF-8.
        """
        blob, ends, codes = self._blob.array, self._ends.array, self._sorted_codes
        starts = self._starts()
        if len(self._sorted_hashes) != len(ends) or len(codes) != len(ends) or (starts > ends).any():
            raise ValueError("the texts of a saved column have other ends, hashes or codes")
        if (int(ends[-1]) if len(ends) else 0) != len(blob) or not _are_all_below(codes, len(ends)):
            raise ValueError("the texts of a saved column have impossible ends or codes")
        if (self._sorted_hashes[1:] < self._sorted_hashes[:-1]).any():
            raise ValueError("the hashes of a saved column do not ascend")
        blob.tobytes().decode()
        if (blob[starts[starts < ends]] & 0xC0 == 0x80).any():
            raise ValueError("a text of a saved column begins within a character")

    def places(self, codes: NDArray[Any]) -> tuple[NDArray[np.uint8], Codes, Codes]:
        """The bytes of all texts, and the start and end of some codes."""
        ends = self._ends.array
        return self._blob.array, self._starts()[codes], ends[codes]

    def __len__(self) -> int:
        return self._ends.count

    def find(self, text: str) -> int | None:
        """The code of a text, or None if there is none."""
        code = self._recent.get(text)
        if code is not None or not len(self._sorted_hashes):
            return code
        wanted = np.int64(hash_of(text))
        return self._find_sorted(text, wanted, int(np.searchsorted(self._sorted_hashes, wanted)))

    def intern(self, texts: Sequence[str]) -> Codes:
        """The codes of texts, assigning new ones as needed."""
        distinct = dict.fromkeys(texts)
        codes = self._known(list(distinct))
        new = [text for text in distinct if text not in codes]
        codes.update(zip(new, range(len(self), len(self) + len(new))))
        self._append(new)
        return np.fromiter(map(codes.__getitem__, texts), dtype=np.int64, count=len(texts))

    def decoded(self, codes: NDArray[Any] | None = None) -> list[str]:
        """The texts of some codes, or all in the order of codes."""
        blob, ends = self._blob.array.data, self._ends.array
        if codes is None:
            starts = self._starts()
        else:
            starts, ends = np.where(codes > 0, ends[codes - 1], 0), ends[codes]
        return [str(blob[start:end], "utf-8") for start, end in zip(starts.tolist(), ends.tolist())]

    def comparing(self, comparison: Operator, text: str) -> BoolArray:
        """For each code, the result of comparing its text with `text`. UTF-8 bytes have the order of code points."""
        less, _, equal = self._against(text.encode())
        if comparison in ("lt", "lte"):
            return less | equal if comparison == "lte" else less
        return ~less if comparison == "gte" else ~(less | equal)

    def starting(self, prefix: str) -> BoolArray:
        """For each code, whether its text begins with `prefix`."""
        return self._against(prefix.encode())[1]

    def containing(self, part: str) -> BoolArray:
        """For each code, whether its text contains `part`."""
        found = np.zeros(len(self), dtype=np.bool_)
        if not part:
            return ~found
        blob, ends, needle = self._blob.array.tobytes(), self._ends.array, part.encode()
        at = blob.find(needle)
        while at >= 0:
            code = int(np.searchsorted(ends, at, side="right"))
            if at + len(needle) <= ends[code]:  # otherwise it spans the border between two texts
                found[code] = True
                at = int(ends[code]) - 1
            at = blob.find(needle, at + 1)
        return found

    def _against(self, wanted: bytes) -> tuple[BoolArray, BoolArray, BoolArray]:
        """For each code: is it less than `wanted`, does it begin with it, is it equal? Byte by byte, vectorized."""
        ends = self._ends.array
        starts = self._starts()
        lengths = ends - starts
        less = np.zeros(len(ends), dtype=np.bool_)
        same = np.arange(len(ends))  # the codes that agree up to here
        for i, byte in enumerate(wanted):
            longer = lengths[same] > i
            less[same[~longer]] = True
            same = same[longer]
            found = self._blob.array[starts[same] + i]
            less[same[found < byte]] = True
            same = same[found == byte]
        begins = np.zeros(len(ends), dtype=np.bool_)
        begins[same] = True
        return less, begins, begins & (lengths == len(wanted))

    def _known(self, texts: list[str]) -> dict[str, int]:
        """The codes of those `texts` that have one."""
        found = {text: self._recent[text] for text in texts if text in self._recent}
        if not len(self._sorted_hashes) or len(found) == len(texts):
            return found
        others = [text for text in texts if text not in found]
        wanted = np.fromiter(map(hash_of, others), dtype=np.int64, count=len(others))
        places = np.searchsorted(self._sorted_hashes, wanted)
        inside = np.minimum(places, len(self._sorted_hashes) - 1)
        for i in np.flatnonzero(self._sorted_hashes[inside] == wanted).tolist():
            code = self._find_sorted(others[i], wanted[i], int(places[i]))
            if code is not None:
                found[others[i]] = code
        return found

    def _find_sorted(self, text: str, wanted: np.int64, place: int) -> int | None:
        """Compares the text with every text of the same hash, of which there is nearly always one."""
        while place < len(self._sorted_hashes) and self._sorted_hashes[place] == wanted:
            code = int(self._sorted_codes[place])
            if self._decoded_one(code) == text:
                return code
            place += 1
        return None

    def _decoded_one(self, code: int) -> str:
        start = int(self._ends.array[code - 1]) if code else 0
        return str(self._blob.array.data[start : self._ends.array[code]], "utf-8")

    def _append(self, new: list[str]) -> None:
        if not new:
            return
        encoded = [text.encode() for text in new]
        start, first = self._blob.count, len(self)
        self._blob.append(np.frombuffer(b"".join(encoded), dtype=np.uint8))
        ends = accumulate(map(len, encoded), initial=start)
        self._ends.append(np.fromiter(ends, dtype=np.int64, count=len(new) + 1)[1:])
        self._recent.update(zip(new, range(first, first + len(new))))
        if len(self._recent) > max(_UNSORTED_MIN, len(self) // _UNSORTED_SHARE):
            self._sort()

    def _sort(self) -> None:
        """Merges the recent codes into the sorted ones."""
        if not self._recent:
            return
        merged = _sorted_in(self._sorted_hashes, self._sorted_codes, self._recent)
        self._sorted_hashes, self._sorted_codes, self._recent = *merged, {}

    def _starts(self) -> NDArray[np.int64]:
        return np.concatenate([np.zeros(1, dtype=np.int64), self._ends.array])[:-1]


def _are_all_below(codes: Codes, count: int) -> bool:
    """Whether these are exactly the numbers below `count`, each once."""
    if len(codes) != count or (count and (int(codes.min()) < 0 or int(codes.max()) >= count)):
        return False
    there = np.zeros(count, dtype=np.bool_)
    there[codes] = True
    return bool(there.all())


def _sorted_in(sorted_hashes: Hashes, sorted_codes: Codes, recent: Mapping[str, int]) -> tuple[Hashes, Codes]:
    """All hashes, ascending, and their codes, with those of recent texts merged in."""
    if not recent:
        return sorted_hashes, sorted_codes
    hashes = np.fromiter(map(hash_of, recent), dtype=np.int64, count=len(recent))
    codes = np.fromiter(recent.values(), dtype=np.int64, count=len(recent))
    hashes, codes = np.concatenate([sorted_hashes, hashes]), np.concatenate([sorted_codes, codes])
    order = np.argsort(hashes, kind="stable")
    return hashes[order], codes[order]
