"""Which cells meet a condition? NumPy over whole columns; must agree with the reference implementation cell by cell.

If the cells do not contain enough, the answer is "ask": the caller reads those rows and the reference decides.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bitmap import BoolArray
from .cells import (
    BOOL,
    DATE,
    DICT,
    EXACT,
    FLOAT,
    INSTANT,
    INT,
    LIST,
    LONG,
    NULL,
    TEXT,
    TEXT_CHARS_KEPT,
    UNKEPT,
    UUID_TEXT,
    Cells,
)
from .column import Column
from .evaluate import holds
from .texts import hash_of
from .tree import Compare, Contains, Exists, In, Regex, StartsWith
from .values import COMPARISONS, Number, Operator, class_of, coerced, compare, instant

FieldLeaf = Compare | In | Contains | StartsWith | Regex | Exists

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_FEW = 8  # words that are searched for one by one


@dataclass(frozen=True, slots=True)
class Scanned:
    """For each cell: does it meet the condition? If not, could it, so that the record must be read?"""

    yes: BoolArray
    ask: BoolArray

    def __or__(self, other: Scanned) -> Scanned:
        return Scanned(self.yes | other.yes, self.ask | other.ask)


def scan(leaf: FieldLeaf, column: Column) -> Scanned:
    """The cells of `column` that meet `leaf`. Slots without a cell are left to the caller."""
    cells = column.cells()
    match leaf:
        case Exists():
            return _sure(cells.kinds > NULL)
        case StartsWith():
            return _by_text(cells, cells.texts.starting(leaf.prefix))
        case Regex():
            return _by_text(cells, _judged(cells, leaf))
        case Contains():
            found = _in_elements(column, lambda elements: _equal(elements, (leaf.value,)))
            if type(leaf.value) is str:
                found |= _by_text(cells, cells.texts.containing(leaf.value))
            return found
        case In():
            return _equal(cells, leaf.values) | _in_elements(column, lambda elements: _equal(elements, leaf.values))
        case Compare():
            found = _compare(cells, leaf)
            if leaf.operator == "eq":
                found |= _in_elements(column, lambda elements: _compare(elements, leaf))
            return found


def _compare(cells: Cells, leaf: Compare) -> Scanned:
    if not leaf.coerce:
        return _stands(cells, leaf.operator, leaf.value)
    number = coerced(leaf.value)
    if number is not None:
        return _stands(cells, leaf.operator, number) | _by_text(cells, _judged(cells, leaf))
    return _equal(cells, (leaf.value,)) if leaf.operator == "eq" else _sure(np.zeros(len(cells.kinds), dtype=np.bool_))


def _stands(cells: Cells, operator: Operator, value: Any) -> Scanned:
    """Cells for which the comparison with `value` is true."""
    if operator == "eq":
        return _equal(cells, (value,))
    kind = class_of(value)
    if kind == "number":
        return _sure(_ordered_numbers(cells, operator, value))
    if kind == "instant":
        words = COMPARISONS[operator](cells.words, instant(value))
        return _sure((cells.are(INSTANT) | cells.are(DATE)) & words)
    table = cells.texts.comparing(operator, str(value))
    # UUIDs as text, in lower case and of equal length, order as the UUIDs do.
    return _by_text(cells, table) if kind == "text" else _sure(_looked_up(cells, UUID_TEXT, table))


def _equal(cells: Cells, values: Collection[Any]) -> Scanned:
    """Cells that are equal to one of `values`: those whose kind and word equal values can have."""
    wanted: dict[int, set[int]] = defaultdict(set)
    exact: dict[Number, list[int]] = defaultdict(list)  # equal numbers have equal hashes, whatever their types
    for code, number in cells.exact_numbers():
        exact[number].append(code)
    for value in values:
        for kind, word in _cells_equal_to(value, cells, exact):
            wanted[kind].add(word)
    yes, ask = np.zeros(len(cells.kinds), dtype=np.bool_), np.zeros(len(cells.kinds), dtype=np.bool_)
    for kind, words in wanted.items():
        if kind == NULL:
            yes |= cells.kinds <= NULL
        elif kind in (LIST, DICT):
            ask |= cells.are(kind)
        else:
            flags = ask if kind in UNKEPT else yes
            flags |= cells.are(kind) & _is_in(cells.words, words)
    return Scanned(yes, ask)


def _cells_equal_to(value: Any, cells: Cells, exact: dict[Number, list[int]]) -> Iterator[tuple[int, int]]:
    """Kinds and words under which a value equal to `value` may be stored. Cells of kinds in `UNKEPT` must be read."""
    match class_of(value):
        case "null":
            yield NULL, 0
        case "bool":
            yield BOOL, int(value)
        case "number":
            yield from _numbers_equal_to(value)
            yield from ((EXACT, code) for code in exact.get(value, ()))
        case "instant":
            yield from ((kind, instant(value)) for kind in (DATE, INSTANT))
        case "list":
            yield LIST, 0
        case "dict":
            yield DICT, 0
        case "text" if len(value) > TEXT_CHARS_KEPT:
            yield LONG, hash_of(value)
        case kind:
            code = cells.texts.find(str(value))
            if code is not None:
                yield TEXT if kind == "text" else UUID_TEXT, code


def _numbers_equal_to(value: Number) -> Iterator[tuple[int, int]]:
    if _INT64_MIN <= value <= _INT64_MAX and value == int(value):
        yield INT, int(value)
    nearest = _nearest_float(value)
    if nearest == value:
        for same in (0.0, -0.0) if nearest == 0 else (nearest,):  # the two zeros are equal but have different bits
            yield FLOAT, int(np.float64(same).view(np.int64))


def _ordered_numbers(cells: Cells, operator: Operator, value: Number) -> BoolArray:
    """Compares each kind of number with the equivalent bound of its own type."""
    found = cells.are(INT)
    if found.any():
        only = found.all()
        found &= _ordered_ints(cells.words, operator, value)
        if only:
            return found
    floats = cells.are(FLOAT)
    if floats.any():
        found |= floats & _ordered_floats(cells.floats(), operator, value)
    table = np.zeros(len(cells.texts), dtype=np.bool_)
    for code, number in cells.exact_numbers():
        table[code] = compare(operator, number, value)
    return found | _looked_up(cells, EXACT, table)


def _ordered_ints(words: NDArray[Any], operator: Operator, value: Number) -> BoolArray | np.bool_:
    if not _INT64_MIN <= value <= _INT64_MAX:
        return np.bool_(COMPARISONS[operator](0, value))  # all words are on one side of it
    down = operator in ("gt", "lte")  # x > 2.5 is x > 2, x >= 2.5 is x >= 3
    bound = math.floor(value) if down else math.ceil(value)
    found: BoolArray = COMPARISONS[operator](words, bound)
    return found


def _ordered_floats(floats: NDArray[np.float64], operator: Operator, value: Number) -> BoolArray:
    """If no float64 equals `value`, its neighbour is used instead: x > 2**53 + 1 is x > 2**53."""
    bound = _nearest_float(value)
    if bound < value:
        operator = "gt" if operator in ("gt", "gte") else "lte"
    elif bound > value:
        operator = "gte" if operator in ("gt", "gte") else "lt"
    found: BoolArray = COMPARISONS[operator](floats, bound)
    return found


def _nearest_float(value: Number) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _by_text(cells: Cells, table: BoolArray) -> Scanned:
    """Compares texts by the entry in `table` for their code; texts that are not stored must be read."""
    return Scanned(_looked_up(cells, TEXT, table), cells.are(LONG))


def _looked_up(cells: Cells, kind: int, table: BoolArray) -> BoolArray:
    found = cells.are(kind)
    if table.any():
        found &= np.take(table, cells.words, mode="clip")  # words of other kinds are not codes: any valid index will do
        return found
    return np.zeros_like(found)


def _judged(cells: Cells, leaf: Compare | Regex) -> BoolArray:
    """The result of the reference implementation for each text."""
    texts = cells.texts.decoded()
    return np.fromiter((holds(leaf, text) for text in texts), dtype=np.bool_, count=len(texts))


def _in_elements(column: Column, test: Callable[[Cells], Scanned]) -> Scanned:
    """Lists that have an element that meets `test`."""
    cells = column.cells()
    found = test(column.elements())
    return Scanned(column.with_element(cells, found.yes), column.with_element(cells, found.ask))


def _is_in(words: NDArray[Any], wanted: set[int]) -> BoolArray:
    if len(wanted) > _FEW:
        return np.isin(words, np.array(sorted(wanted), dtype=np.int64))
    found = np.zeros(len(words), dtype=np.bool_)
    for word in wanted:
        found |= words == word
    return found


def _sure(yes: BoolArray) -> Scanned:
    return Scanned(yes, np.zeros_like(yes))
