"""Measures text: in characters, in whole sentences, in tokens of a model."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Protocol

__all__ = ["Characters", "CharactersOfSentences", "Measure", "Tokens"]

_EVERYTHING = 1 << 62


class Measure(Protocol):
    """Sizes of parts of one text."""

    def limit(self, start: int, amount: int) -> int:
        """Returns the furthest offset such that the part from `start` up to it is not larger than `amount`."""
        ...

    def back(self, end: int, amount: int) -> int:
        """Returns the earliest offset from which the part up to `end` is not larger than `amount`, at most `end`."""
        ...

    def step(self, start: int) -> int:
        """The end of the indivisible unit at `start` and of the free space after it: the earliest possible cut."""
        ...


class Characters:
    """Sizes in characters (code points)."""

    def limit(self, start: int, amount: int) -> int:
        return start + amount

    def back(self, end: int, amount: int) -> int:
        return max(0, end - amount)

    def step(self, start: int) -> int:
        return start + 1


class CharactersOfSentences(Characters):
    """Sizes in characters, but the overlap consists of whole sentences, as many as fit.

    Args:
        sentences: where sentences end, ascending.
    """

    def __init__(self, sentences: Sequence[int]) -> None:
        self._sentences = [0, *sentences]

    def back(self, end: int, amount: int) -> int:
        place = bisect_left(self._sentences, end - amount)
        return min(self._sentences[place], end) if place < len(self._sentences) else end


class Tokens:
    """Sizes in tokens, by units that have been counted.

    A unit is a range of the text without white space at its ends; text between units counts nothing.

    Args:
        starts, ends: of the units, ascending.
        totals: number of tokens before each unit, and finally of all.
    """

    def __init__(self, starts: Sequence[int], ends: Sequence[int], totals: Sequence[int]) -> None:
        self._starts = starts
        self._ends = ends
        self._totals = totals

    def limit(self, start: int, amount: int) -> int:
        first = bisect_right(self._ends, start)
        behind = bisect_right(self._totals, self._totals[first] + amount) - 1
        # White space before the first unit that no longer fits is free, and so is everything after the last unit.
        return self._starts[behind] if behind < len(self._starts) else _EVERYTHING

    def back(self, end: int, amount: int) -> int:
        behind = bisect_left(self._starts, end)
        first = bisect_left(self._totals, self._totals[behind] - amount)
        return min(self._starts[first], end) if first < behind else end

    def step(self, start: int) -> int:
        place = bisect_right(self._ends, start)
        return self._starts[place + 1] if place + 1 < len(self._starts) else _EVERYTHING
