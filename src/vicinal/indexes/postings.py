"""Which texts have which terms, where and how often: what native postings and their NumPy reference have in common.

A term belongs to one field and has a number. Texts are known by their slots.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, FloatVector, Slots

__all__ = ["Analysed", "Group", "Postings", "Program", "Stale", "Statistics"]

Group = tuple[tuple[int, int], ...]  # terms of one field and their places relative to each other

ABSENT: Final = 0xFFFFFFFF  # the number of a term that no text has


class Stale(Exception):
    """The postings changed since a program was made for them: rebuild it."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """Texts as numbers of words, and what each word stands for.

    Attributes:
        words: uint32, words of all texts one after the other.
        ends: uint64, shape (texts,): where each text ends in `words`.
        term_ends: uint64, shape (vocabulary,): where the terms of each word end in `terms`.
        terms: uint32, numbers of terms; the places of one term ascend.
        offsets: uint32, the place of each within its word, below its width.
        widths: uint32, shape (vocabulary,): how many places a word takes.
    """

    words: NDArray[np.uint32]
    ends: NDArray[np.uint64]
    term_ends: NDArray[np.uint64]
    terms: NDArray[np.uint32]
    offsets: NDArray[np.uint32]
    widths: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of all texts that are not removed.

    Attributes:
        texts: how many.
        length: the places that all of them take together.
    """

    texts: int
    length: int


@dataclass(frozen=True, slots=True)
class Program:
    """A query as postings run it.

    Attributes:
        version: of the postings that it was made for.
        formula: "bm25", or "tf-" and norm such as "log-none"; see `text_query`.
        k1, b: of BM25.
        average: mean length of a text.
        groups: all different; a text has a group if it has all its terms, at their places relative to each other.
        weights: of each term of the first groups, those that score: all but tf and length, that is field weight, idf,
            times in the query.
        clauses: groups by number; a row must have at least one of each. None: nothing matches.
        excluded: groups by number; a row must have none of these.
    """

    version: int
    formula: str
    k1: float
    b: float
    average: float
    groups: tuple[Group, ...]
    weights: tuple[tuple[float, ...], ...]
    clauses: tuple[tuple[int, ...], ...]
    excluded: tuple[int, ...]


class Postings(ABC):
    """Postings with one life: grown, thinned out, searched, saved, loaded.

    Searches may run in many threads, also while one writer changes the postings; each sees them before or after a
    change. Every array is C-contiguous. A score is the sum over the program's scoring groups that the text has of the
    sum of weight * part of their terms, both in their order, in float64, rounded once to float32; ties go by slot.
    """

    name: str

    @property
    @abstractmethod
    def version(self) -> int:
        """Another number after every change."""

    @property
    @abstractmethod
    def numbering(self) -> int:
        """Another number when terms may have got other numbers."""

    @property
    @abstractmethod
    def slot_count(self) -> int:
        """Slots from here on are not covered yet."""

    @abstractmethod
    def intern(self, fields: Sequence[int], terms: Sequence[str]) -> list[int]:
        """The numbers of terms, which become known."""

    @abstractmethod
    def find(self, fields: Sequence[int], terms: Sequence[str]) -> tuple[int, Statistics, list[int], list[int]]:
        """Version, statistics, and for each term its number or `ABSENT`, and how many texts have it."""

    @abstractmethod
    def add(self, slots: Slots, texts: Analysed, slot_count: int) -> None:
        """Texts of slots, ascending and not covered yet; then all slots below `slot_count` are covered.

        Raises:
            ValueError: slots that are covered or do not ascend, or arrays that do not fit.
        """

    @abstractmethod
    def remove(self, slots: Slots) -> None:
        """Forgets the texts of slots; those without a text are ignored."""

    @abstractmethod
    def search(self, program: Program, k: int, allowed: Bitmap | None) -> tuple[Slots, FloatVector]:
        """The best min(k, matches) slots and their scores.

        Args:
            program: what to search for.
            k: 0 or more.
            allowed: bit `s % 64` of word `s // 64` lets slot `s` in; slots past its end are not let in. None lets
                every slot in.

        Raises:
            Stale: the program was made for another version.
        """

    @abstractmethod
    def score(self, program: Program, slots: Slots) -> FloatVector:
        """What these slots score, 0 where none of the groups is there, whether they match or not.

        Raises:
            Stale: the program was made for another version.
        """

    @abstractmethod
    def matches(self, program: Program, allowed: Bitmap | None) -> Bitmap:
        """Which slots match, uint64, shape (ceil(slot_count / 64),).

        Raises:
            Stale: the program was made for another version.
        """

    @abstractmethod
    def occurrences(self, program: Program, slot: int) -> tuple[int, list[list[int]]]:
        """The length of a slot's text, and for each scoring group that it has how often it has each term, else [].

        Raises:
            Stale: the program was made for another version.
        """

    @abstractmethod
    def save(self) -> dict[str, NDArray[Any]]:
        """All that is needed to go on, as arrays of one dimension; not to be written to.

        Postings of removed texts are left out, and terms that no text has any more: numbers may change.
        """

    @abstractmethod
    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Takes over what `save` of any implementation gave; the arrays may be mapped, and are not written to.

        Raises:
            ValueError: arrays that do not fit together or are of another format; nothing has changed.
        """
