"""Which texts contain which terms, where and how often: the interface of native postings and their NumPy reference.

A term belongs to one field and has a number. Texts are identified by their slots.
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

Group = tuple[tuple[int, int], ...]  # terms of one field and their positions relative to each other

ABSENT: Final = 0xFFFFFFFF  # the number of a term that no text contains


class Stale(Exception):
    """The postings changed since a program was compiled for them: compile it again."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """Texts as numbers of words, and the terms of each word.

    Attributes:
        words: uint32, the words of all texts, concatenated.
        ends: uint64, shape (texts,): the end of each text in `words`.
        term_ends: uint64, shape (vocabulary,): the end of the terms of each word in `terms`.
        terms: uint32, numbers of terms; the positions of one term are ascending.
        offsets: uint32, the position of each within its word, below its width.
        widths: uint32, shape (vocabulary,): how many positions a word takes.
    """

    words: NDArray[np.uint32]
    ends: NDArray[np.uint64]
    term_ends: NDArray[np.uint64]
    terms: NDArray[np.uint32]
    offsets: NDArray[np.uint32]
    widths: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of all texts that are not removed.

    Attributes:
        texts: the number of texts.
        length: the number of positions of all texts together.
    """

    texts: int
    length: int


@dataclass(frozen=True, slots=True)
class Program:
    """A query in the form that postings execute.

    Attributes:
        version: of the postings for which it was compiled.
        formula: "bm25", or "tf-" and norm such as "log-none"; see `text_query`.
        k1, b: of BM25.
        average: mean length of a text.
        groups: all different; a text contains a group if it contains all its terms at their relative positions.
        weights: for each term of the first groups, which are those that score: everything but tf and length, that is
            field weight, idf, and count in the query.
        clauses: groups by number; a row must contain at least one of each. None: nothing matches.
        excluded: groups by number; a row must contain none of these.
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
    """Postings that are extended, reduced, searched, saved and loaded.

    Searches may run in many threads, also while one writer changes the postings; each sees them before or after a
    change. Every array is C-contiguous. A score is the sum, over the program's scoring groups in the text, of the sum
    of weight * part of their terms, both in order, in float64, rounded once to float32; ties are ordered by slot.
    """

    name: str

    @property
    @abstractmethod
    def version(self) -> int:
        """A number that differs after every change."""

    @property
    @abstractmethod
    def numbering(self) -> int:
        """A number that differs when terms may have been renumbered."""

    @property
    @abstractmethod
    def slot_count(self) -> int:
        """Slots from here on are not covered yet."""

    @abstractmethod
    def intern(self, fields: Sequence[int], terms: Sequence[str]) -> list[int]:
        """The numbers of terms; unknown terms are added."""

    @abstractmethod
    def find(self, fields: Sequence[int], terms: Sequence[str]) -> tuple[int, Statistics, list[int], list[int]]:
        """Version, statistics, and for each term its number or `ABSENT`, and how many texts contain it."""

    @abstractmethod
    def add(self, slots: Slots, texts: Analysed, slot_count: int) -> None:
        """Adds texts at slots, ascending and not covered yet; then all slots below `slot_count` are covered.

        Raises:
            ValueError: slots that are covered or not ascending, or arrays of the wrong shape.
        """

    @abstractmethod
    def remove(self, slots: Slots) -> None:
        """Removes the texts of slots; slots without a text are ignored."""

    @abstractmethod
    def search(self, program: Program, k: int, allowed: Bitmap | None) -> tuple[Slots, FloatVector]:
        """The best min(k, matches) slots and their scores.

        Args:
            program: what to search for.
            k: 0 or more.
            allowed: bit `s % 64` of word `s // 64` allows slot `s`; slots past its end are not allowed. None allows
                every slot.

        Raises:
            Stale: the program was compiled for another version.
        """

    @abstractmethod
    def score(self, program: Program, slots: Slots) -> FloatVector:
        """The scores of these slots, 0 if they contain none of the groups, whether they match or not.

        Raises:
            Stale: the program was compiled for another version.
        """

    @abstractmethod
    def matches(self, program: Program, allowed: Bitmap | None) -> Bitmap:
        """Which slots match, uint64, shape (ceil(slot_count / 64),).

        Raises:
            Stale: the program was compiled for another version.
        """

    @abstractmethod
    def occurrences(self, program: Program, slot: int) -> tuple[int, list[list[int]]]:
        """The length of a slot's text, and for each scoring group the count of each of its terms, or [] if absent.

        Raises:
            Stale: the program was compiled for another version.
        """

    @abstractmethod
    def save(self) -> dict[str, NDArray[Any]]:
        """The complete state as one-dimensional arrays; not to be written to.

        Postings of removed texts are left out, and terms that no text contains any more: numbers may change.
        """

    @abstractmethod
    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restores what `save` of any implementation returned; the arrays may be mapped, and are not written to.

        Raises:
            ValueError: the arrays are inconsistent or of another format; nothing has changed.
        """
