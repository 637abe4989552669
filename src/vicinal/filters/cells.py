"""Values as cells: a kind and a word of at most 64 bits, so that a column is two arrays.

NULL            0
BOOL, INT       the value
FLOAT           the bits of a float64
DATE, INSTANT   microseconds since 1970
EXACT           code of a text: numbers that are neither int64 nor float64
TEXT, UUID_TEXT code of a text
LONG            hash of a text too long to be stored twice; the text is in the records
LIST            number of the list in `Lists`; 0 for a list within a list, which is in the records
DICT            0; the value is in the records
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from .bitmap import BoolArray
from .growable import GrowableArray, narrowed
from .texts import Texts, hash_of
from .values import Class, Number, from_instant, instant

MISSING, NULL, BOOL, INT, FLOAT, DATE, INSTANT, EXACT, TEXT, UUID_TEXT, LONG, LIST, DICT = range(13)
# Kinds whose word is a code, and kinds whose value is only in the records.
CODED = (EXACT, TEXT, UUID_TEXT)
UNKEPT = (LONG, LIST, DICT)
_KINDS_OF: dict[Class, tuple[int, ...]] = {
    "null": (NULL,),
    "bool": (BOOL,),
    "number": (INT, FLOAT, EXACT),
    "text": (TEXT, LONG),
    "instant": (DATE, INSTANT),
    "uuid": (UUID_TEXT,),
    "list": (LIST,),
    "dict": (DICT,),
}

TEXT_CHARS_KEPT = 256

Kinds = NDArray[np.uint8]
Words = NDArray[np.int64]

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cells:
    """Some cells and the texts that their codes refer to."""

    kinds: Kinds
    words: NDArray[Any]
    texts: Texts

    def are(self, kind: int) -> BoolArray:
        found: BoolArray = self.kinds == kind
        return found

    def of(self, classes: Iterable[Class]) -> BoolArray:
        """Which cells have a value of one of these classes."""
        wanted = np.zeros(DICT + 1, dtype=np.bool_)
        wanted[[kind for one in classes for kind in _KINDS_OF[one]]] = True
        found: BoolArray = wanted[self.kinds]
        return found

    def floats(self) -> NDArray[np.float64]:
        """The words as float64; meaningful where the kind is FLOAT."""
        return self.words.astype(np.int64, copy=False).view(np.float64)

    def exact_numbers(self) -> list[tuple[int, Number]]:
        """The codes used by EXACT cells, and their numbers."""
        words = self.words[self.are(EXACT)]
        if not len(words):
            return []  # the usual case; the first use of np.unique in a process imports modules for 20 ms
        codes = np.unique(words)
        return list(zip(codes.tolist(), decode(EXACT, codes, self.texts)))

    def select(self, which: NDArray[Any]) -> Cells:
        return Cells(self.kinds[which], self.words[which], self.texts)


class Lists:
    """The elements of all lists of a column, concatenated, each with the number of its list.

    Numbers are never reused; lists that no cell refers to any more remain until `Column` creates a new object.
    """

    __slots__ = ("count", "kinds", "owners", "words")

    def __init__(self) -> None:
        self.count = 0  # includes lists without elements
        self.owners = GrowableArray(np.empty(0, dtype=np.int8))
        self.kinds = GrowableArray(np.empty(0, dtype=np.uint8))
        self.words = GrowableArray(np.empty(0, dtype=np.int8))

    def frozen(self) -> Lists:
        """A read-only copy of the current lists, unaffected by later writes."""
        found = Lists()
        found.count = self.count
        found.owners, found.kinds = GrowableArray(self.owners.frozen()), GrowableArray(self.kinds.frozen())
        found.words = GrowableArray(self.words.frozen())
        return found

    def append(self, count: int, owners: NDArray[np.int64], kinds: Kinds, words: NDArray[Any]) -> Words:
        """Stores `count` lists, given as all their elements with owners counted from 0, and returns their numbers."""
        first, self.count = self.count, self.count + count
        self.owners.append(narrowed(first + owners))
        self.kinds.append(kinds)
        self.words.append(narrowed(words))
        return np.arange(first, self.count, dtype=np.int64)

    def elements(self, texts: Texts) -> Cells:
        """The elements of all lists."""
        return Cells(self.kinds.array, self.words.array, texts)

    def elements_of(self, numbers: NDArray[Any], texts: Texts) -> tuple[Cells, NDArray[np.int64]]:
        """The elements of some lists, and for each the position of its list in `numbers`."""
        places = np.full(self.count, -1, dtype=np.int64)
        places[numbers] = np.arange(len(numbers))
        owners = places[self.owners.array]
        taken = np.flatnonzero(owners >= 0)
        return self.elements(texts).select(taken), owners[taken]

    def any_element(self, found: BoolArray) -> BoolArray:
        """For each list, whether one of its elements is in `found`."""
        flags = np.zeros(self.count, dtype=np.bool_)
        flags[self.owners.array[found]] = True
        return flags


def encode(values: Sequence[Any], texts: Texts, lists: Lists | None) -> tuple[Kinds, Words]:
    """The cells of values. Lists are appended to `lists`, which is None if the values are elements of lists."""
    types = set(map(type, values))
    if len(types) == 1:
        return _encode_alike(types.pop(), values, texts, lists)
    kinds, words = np.empty(len(values), dtype=np.uint8), np.empty(len(values), dtype=np.int64)
    for kind in sorted(types, key=lambda kind: kind.__name__):
        at = [i for i, value in enumerate(values) if type(value) is kind]
        kinds[at], words[at] = _encode_alike(kind, [values[i] for i in at], texts, lists)
    return kinds, words


def decode(kind: int, words: NDArray[Any], texts: Texts) -> list[Any]:
    """The values of cells of one kind, None if they are not stored here. Instants are datetimes in UTC."""
    if kind == FLOAT:
        return list(words.astype(np.int64, copy=False).view(np.float64).tolist())
    if kind in CODED:
        return [from_text(kind, text) for text in texts.decoded(words)]
    value_of = _WITHOUT_TEXT.get(kind)
    return [None if value_of is None else value_of(word) for word in words.tolist()]


def exact_text(number: int | Decimal) -> str:
    """The text of a number; ints in hexadecimal, since Python refuses decimal text of very long ones."""
    return hex(number) if isinstance(number, int) else str(number)


def from_text(kind: int, text: str) -> Any:
    """The value of a coded cell."""
    if kind == UUID_TEXT:
        return UUID(text)
    if kind == EXACT:
        return int(text, 16) if "x" in text else Decimal(text)
    return text


_WITHOUT_TEXT: dict[int, Callable[[int], Any]] = {
    BOOL: bool,
    INT: int,
    DATE: lambda word: from_instant(word).date(),
    INSTANT: from_instant,
}


def _encode_alike(kind: type, values: Sequence[Any], texts: Texts, lists: Lists | None) -> tuple[Kinds, Words]:
    """The cells of values of one type."""
    if kind is list and lists is not None:
        return _filled(LIST, _encode_lists(values, texts, lists))
    return _ENCODERS[kind](values, texts)


def _encode_lists(values: Sequence[list[Any]], texts: Texts, lists: Lists) -> Words:
    elements = [element for value in values for element in value]
    kinds, words = encode(elements, texts, None)
    owners = np.repeat(np.arange(len(values)), list(map(len, values)))
    return lists.append(len(values), owners, kinds, words)


def _encode_ints(values: Sequence[int], texts: Texts) -> tuple[Kinds, Words]:
    try:
        return _filled(INT, np.array(values, dtype=np.int64))
    except OverflowError:
        pass
    fits = np.array([_INT64_MIN <= value <= _INT64_MAX for value in values])
    words = np.empty(len(values), dtype=np.int64)
    words[fits] = [value for value, fit in zip(values, fits) if fit]
    words[~fits] = texts.intern([exact_text(value) for value, fit in zip(values, fits) if not fit])
    return np.where(fits, INT, EXACT).astype(np.uint8), words


def _encode_texts(values: Sequence[str], texts: Texts) -> tuple[Kinds, Words]:
    if max(map(len, values)) <= TEXT_CHARS_KEPT:
        return _filled(TEXT, texts.intern(values))
    short = np.array([len(value) <= TEXT_CHARS_KEPT for value in values])
    words = np.empty(len(values), dtype=np.int64)
    words[short] = texts.intern([value for value, is_short in zip(values, short) if is_short])
    words[~short] = [hash_of(value) for value, is_short in zip(values, short) if not is_short]
    return np.where(short, TEXT, LONG).astype(np.uint8), words


def _encode_floats(values: Sequence[float], texts: Texts) -> tuple[Kinds, Words]:
    return _filled(FLOAT, np.array(values, dtype=np.float64).view(np.int64))


def _encode_instants(kind: int, values: Sequence[date], texts: Texts) -> tuple[Kinds, Words]:
    return _filled(kind, np.array(list(map(instant, values)), dtype=np.int64))


def _encode_exact(values: Sequence[Decimal], texts: Texts) -> tuple[Kinds, Words]:
    return _filled(EXACT, texts.intern(list(map(exact_text, values))))


def _encode_uuids(values: Sequence[UUID], texts: Texts) -> tuple[Kinds, Words]:
    return _filled(UUID_TEXT, texts.intern(list(map(str, values))))


def _encode_bools(values: Sequence[bool], texts: Texts) -> tuple[Kinds, Words]:
    return _filled(BOOL, np.array(values, dtype=np.int64))


def _encode_nothing(kind: int, values: Sequence[Any], texts: Texts) -> tuple[Kinds, Words]:
    return _filled(kind, np.zeros(len(values), dtype=np.int64))


def _filled(kind: int, words: Words) -> tuple[Kinds, Words]:
    return np.full(len(words), kind, dtype=np.uint8), words


_ENCODERS: dict[type, Callable[[Sequence[Any], Texts], tuple[Kinds, Words]]] = {
    type(None): partial(_encode_nothing, NULL),
    bool: _encode_bools,
    int: _encode_ints,
    float: _encode_floats,
    str: _encode_texts,
    date: partial(_encode_instants, DATE),
    datetime: partial(_encode_instants, INSTANT),
    Decimal: _encode_exact,
    UUID: _encode_uuids,
    list: partial(_encode_nothing, LIST),
    dict: partial(_encode_nothing, DICT),
}


def classes_of(cells: Cells) -> set[Class]:
    """The classes of the values."""
    present = set(np.flatnonzero(np.bincount(cells.kinds, minlength=1)).tolist())
    return {one for one, kinds in _KINDS_OF.items() if present.intersection(kinds)}
