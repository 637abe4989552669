"""Columns as a few long arrays: each part of all columns one after the other, and a table of the lengths.

A path per row thus takes no array per row, and loading maps a handful of arrays and slices them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bitmap import BoolArray
from .cells import Lists
from .column import Column
from .growing import Growing
from .texts import Texts
from .tree import Path

_PARTS = (
    "slots",
    "kinds",
    "words",
    "list_ends",
    "element_kinds",
    "element_words",
    "text_bytes",
    "text_ends",
    "text_hashes",
    "text_codes",
)
_DENSE = -1  # as the length of `slots`


def save(columns: Mapping[Path, Column], rows: BoolArray) -> dict[str, NDArray[Any]]:
    """The inverse of `load`."""
    table: list[int] = []
    pieces: dict[str, list[NDArray[Any]]] = defaultdict(list)
    for column in columns.values():
        for name, part in zip(_PARTS, _parts_of(column)):
            table += [_DENSE if part is None else len(part), 0 if part is None else part.itemsize]
            if part is not None:
                pieces[_array_name(name, part.itemsize)].append(part)
    arrays: dict[str, NDArray[Any]] = {name: np.concatenate(parts) for name, parts in pieces.items()}
    arrays["rows"] = rows.copy()
    arrays["paths"] = np.frombuffer(json.dumps(list(columns)).encode(), dtype=np.uint8)
    arrays["table"] = np.array(table, dtype=np.int64)
    return arrays


def load(arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[Path, Column], BoolArray]:
    """Columns over the arrays themselves, and which slots are rows."""
    paths = json.loads(arrays["paths"].tobytes())
    taken: dict[str, int] = defaultdict(int)
    columns = {}
    for path, lengths in zip(paths, arrays["table"].reshape(len(paths), len(_PARTS), 2).tolist()):
        parts: list[NDArray[Any] | None] = []
        for name, (length, itemsize) in zip(_PARTS, lengths):
            stored = _array_name(name, itemsize)
            start = taken[stored]
            taken[stored] += max(0, length)
            parts.append(None if length == _DENSE else arrays[stored][start : start + length])
        columns[tuple(path)] = _column_of(parts)
    return columns, arrays["rows"]


def _parts_of(column: Column) -> tuple[NDArray[Any] | None, ...]:
    slots = None if column.slots is None else column.slots.array
    lists = column.lists
    return (
        slots,
        column.kinds.array,
        column.words.array,
        lists.ends.array,
        lists.kinds.array,
        lists.words.array,
        *column.texts.arrays(),
    )


def _column_of(parts: list[NDArray[Any] | None]) -> Column:
    column = Column()
    slots, *others = parts
    kinds, words, ends, element_kinds, element_words, *texts = (part for part in others if part is not None)
    column.slots = None if slots is None else Growing(slots)
    column.kinds, column.words = Growing(kinds), Growing(words)
    column.lists = Lists()
    column.lists.ends = Growing(ends)
    column.lists.kinds, column.lists.words = Growing(element_kinds), Growing(element_words)
    column.texts = Texts.from_arrays(texts)
    return column


def _array_name(part: str, itemsize: int) -> str:
    return f"{part}{8 * itemsize}"
