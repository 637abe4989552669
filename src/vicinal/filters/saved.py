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
from .column import Column
from .growing import Growing
from .texts import Texts
from .tree import Path

_PARTS = (
    "slots",
    "kinds",
    "words",
    "element_owners",
    "element_kinds",
    "element_words",
    "text_bytes",
    "text_ends",
    "text_hashes",
    "text_codes",
)
_NUMBERS = 2 + 2 * len(_PARTS)  # in the table, for each column: dense or not, lists, length and width of each part


def save(columns: Mapping[Path, Column], rows: BoolArray) -> dict[str, NDArray[Any]]:
    """The inverse of `load`."""
    table: list[int] = []
    pieces: dict[str, list[NDArray[Any]]] = defaultdict(list)
    for column in columns.values():
        table += [column.slots is None, column.lists.count]
        for name, part in zip(_PARTS, _parts_of(column)):
            table += [len(part), part.itemsize]
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
    for path, (is_dense, list_count, *sizes) in zip(paths, arrays["table"].reshape(-1, _NUMBERS).tolist()):
        parts = []
        for name, length, itemsize in zip(_PARTS, sizes[::2], sizes[1::2]):
            stored = _array_name(name, itemsize)
            parts.append(arrays[stored][taken[stored] : taken[stored] + length])
            taken[stored] += length
        columns[tuple(path)] = _column_of(bool(is_dense), list_count, parts)
    return columns, arrays["rows"]


def _parts_of(column: Column) -> tuple[NDArray[Any], ...]:
    """In the order of `_PARTS`."""
    slots = np.empty(0, dtype=np.uint32) if column.slots is None else column.slots.array
    lists = column.lists
    values = (slots, column.kinds.array, column.words.array)
    return (*values, lists.owners.array, lists.kinds.array, lists.words.array, *column.texts.arrays())


def _column_of(is_dense: bool, list_count: int, parts: list[NDArray[Any]]) -> Column:
    column = Column()
    slots, kinds, words, owners, element_kinds, element_words, *texts = parts
    column.slots = None if is_dense else Growing(slots)
    column.kinds, column.words = Growing(kinds), Growing(words)
    column.lists.count, column.lists.owners = list_count, Growing(owners)
    column.lists.kinds, column.lists.words = Growing(element_kinds), Growing(element_words)
    column.texts = Texts.from_arrays(texts)
    return column


def _array_name(part: str, itemsize: int) -> str:
    return f"{part}{8 * itemsize}"
