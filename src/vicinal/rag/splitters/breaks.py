"""Positions where a text may be cut; a splitter has several kinds, the best kind first.

A break is an offset: the text before it ends there, so white space and punctuation stay with what they end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Breaks", "ListedBreaks", "SeparatorBreaks", "separators"]


class Breaks(Protocol):
    """Breaks of one kind in one text."""

    def last(self, start: int, limit: int) -> int:
        """The last break after `start` and not after `limit`, or -1."""
        ...

    def after(self, limit: int, end: int) -> int:
        """The first break after `limit` and before `end`, or `end`."""
        ...


class SeparatorBreaks:
    """Breaks after each occurrence of a separator."""

    def __init__(self, text: str, separator: str) -> None:
        self._text = text
        self._separator = separator

    def last(self, start: int, limit: int) -> int:
        found = self._text.rfind(self._separator, start, limit)
        return -1 if found < 0 else found + len(self._separator)

    def after(self, limit: int, end: int) -> int:
        # One that begins before the limit may end after it.
        found = self._text.find(self._separator, max(0, limit - len(self._separator) + 1), end)
        return end if found < 0 else found + len(self._separator)


class ListedBreaks:
    """Breaks that were found beforehand.

    Args:
        offsets: ascending.
    """

    def __init__(self, offsets: Sequence[int]) -> None:
        self._offsets = offsets

    def last(self, start: int, limit: int) -> int:
        place = bisect_right(self._offsets, limit) - 1
        return self._offsets[place] if place >= 0 and self._offsets[place] > start else -1

    def after(self, limit: int, end: int) -> int:
        place = bisect_right(self._offsets, limit)
        return min(self._offsets[place], end) if place < len(self._offsets) else end


def separators(text: str, kinds: Sequence[str]) -> list[Breaks]:
    """Returns one kind of breaks for each separator that occurs."""
    return [SeparatorBreaks(text, separator) for separator in kinds if separator in text]
