"""Cutting into the largest parts that fit, at the best available breaks."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from ..chunk import Chunk
from .breaks import Breaks
from .measure import Measure

__all__ = ["Cutter"]

_ZERO_WIDTH_JOINER = "\u200d"
# How far a cut is moved to keep together what a reader sees as one character; a longer cluster is noise.
_CLUSTER_CHARS_MAX = 32


class Cutter:
    """Cuts ranges of one text into chunks.

    A range that fits is one chunk. Otherwise a chunk ends at the last break that fits. Text before the first break of a
    kind that does not fit is cut at breaks of the next kind, and its last part is not joined to what follows. If there
    is no break at all the cut is at the limit.

    Args:
        size: maximum size of a chunk, in the unit of `measure`.
        overlap: how much of a chunk's end the next one repeats, within a range.
    """

    def __init__(self, text: str, measure: Measure, size: int, overlap: int) -> None:
        self.text = text
        self._measure = measure
        self._size = size
        self._overlap = overlap
        self._chunks: list[Chunk] = []

    def fits(self, start: int, end: int) -> bool:
        """Whether the text from `start` to `end` fits into one chunk."""
        return self._measure.limit(start, self._size) >= end

    def chunk(self, start: int, end: int) -> Chunk:
        return Chunk(self.text[start:end], start, end)

    def chunks(self, start: int, end: int, kinds: Sequence[Breaks]) -> list[Chunk]:
        """Returns the chunks from `start` to `end`; they overlap only within this range."""
        self._first = start
        self._chunks = []
        rest = self._cut(start, end, kinds)
        if rest < end:
            self._add(self._chunk_start(rest), end)
        return self._chunks

    def _cut(self, start: int, end: int, kinds: Sequence[Breaks]) -> int:
        """Where the next chunk continues: at `end`, or before white space that is better joined to what follows."""
        while start < end:
            chunk_start, limit = self._room(start)
            if limit >= end:
                return start if self.text[start:end].isspace() else self._add(chunk_start, end)
            if not kinds:
                start = self._add(chunk_start, _spared(self.text, start, limit))
                continue
            at = kinds[0].last(start, limit)
            if at > 0 and not self.text[start:at].isspace():
                start = self._add(chunk_start, at)
            else:
                start = self._cut(start, kinds[0].after(limit, end), kinds[1:])
        return start

    def _room(self, start: int) -> tuple[int, int]:
        """Returns where the chunk that continues at `start` begins, and how far it may reach."""
        chunk_start = self._chunk_start(start)
        limit = self._measure.limit(chunk_start, self._size)
        least = self._measure.step(start)
        if limit < least:  # indivisible text takes precedence over overlap
            return start, max(self._measure.limit(start, self._size), least)
        return chunk_start, limit

    def _chunk_start(self, start: int) -> int:
        if not self._overlap or start == self._first:
            return start
        # Not before the previous chunk's start, which may have left out its own overlap.
        return max(self._chunks[-1].start, self._measure.back(start, self._overlap))

    def _add(self, start: int, end: int) -> int:
        self._chunks.append(self.chunk(start, end))
        return end


def _spared(text: str, start: int, limit: int) -> int:
    """`limit`, or slightly less if it would separate a letter from its accents, split an emoji, or CR from LF."""
    at = limit
    while start < at < len(text) and _joined(text[at - 1], text[at]):
        at -= 1
        if limit - at > _CLUSTER_CHARS_MAX:
            return limit
    return at if at > start else limit


def _joined(before: str, after: str) -> bool:
    if after < "\u0300":
        return after == "\n" and before == "\r"
    extends = unicodedata.category(after) in ("Mn", "Me", "Mc") or after == _ZERO_WIDTH_JOINER
    return extends or before == _ZERO_WIDTH_JOINER or "\U0001f3fb" <= after <= "\U0001f3ff"
