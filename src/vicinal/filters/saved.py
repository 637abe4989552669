"""Columns as a few long arrays: each part of all columns concatenated, and a table of the lengths.

So one path per row does not mean one array per row, and loading maps a handful of arrays and slices them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bitmap import BoolArray
from .column import Column
from .growable import GrowableArray
from .texts import Texts
from .tree import Path
from .validity import check_column

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
# In the other parts, integers have the width given in the table.
_DTYPES = {
    "slots": np.dtype(np.uint32),
    "kinds": np.dtype(np.uint8),
    "element_kinds": np.dtype(np.uint8),
    "text_bytes": np.dtype(np.uint8),
    "text_ends": np.dtype(np.int64),
    "text_hashes": np.dtype(np.int64),
    "text_codes": np.dtype(np.int64),
}
_NUMBERS = 2 + 2 * len(_PARTS)  # per column in the table: dense or not, lists, and length and width of each part


Arrays = dict[str, NDArray[Any]]


def snapshot(columns: Mapping[Path, Column], rows: GrowableArray) -> Callable[[], Arrays]:
    """A function that returns the current columns, for `load`. It takes long, and the columns may change meanwhile."""
    paths = list(columns)
    frozen = [_frozen(column) for column in columns.values()]
    alive = rows.frozen()
    return lambda: _arrays(paths, frozen, alive)


def _arrays(paths: list[Path], frozen: Sequence[_Frozen], rows: BoolArray) -> Arrays:
    table: list[int] = []
    pieces: dict[str, list[NDArray[Any]]] = defaultdict(list)
    for is_dense, list_count, values, texts in frozen:
        table += [is_dense, list_count]
        for name, part in zip(_PARTS, (*values, *texts())):
            table += [len(part), part.itemsize]
            pieces[_array_name(name, part.itemsize)].append(part)
    arrays: Arrays = {name: np.concatenate(parts) for name, parts in pieces.items()}
    arrays["rows"] = rows
    arrays["paths"] = np.frombuffer(json.dumps(paths).encode(), dtype=np.uint8)
    arrays["table"] = np.array(table, dtype=np.int64)
    return arrays


def load(arrays: Mapping[str, NDArray[Any]], slot_count: int) -> tuple[dict[Path, Column], BoolArray]:
    """Columns that use the arrays themselves, and which slots are rows.

    Raises:
        KeyError, TypeError, ValueError: the arrays are not a valid snapshot for this many slots.
    """
    rows, paths = arrays["rows"], json.loads(arrays["paths"].tobytes())
    if rows.dtype != np.bool_ or len(rows) != slot_count:
        raise ValueError(f"the saved columns are of {len(rows)} slots, not {slot_count}")
    table = arrays["table"].reshape(-1, _NUMBERS).tolist()
    taken: dict[str, int] = defaultdict(int)
    columns = {}
    for path, (is_dense, list_count, *sizes) in zip(paths, table, strict=True):
        parts = []
        for name, length, itemsize in zip(_PARTS, sizes[::2], sizes[1::2], strict=True):
            stored = _array_name(name, itemsize)
            parts.append(_part(arrays[stored], name, taken[stored], length))
            taken[stored] += length
        column = _column_of(bool(is_dense), list_count, parts)
        check_column(column, slot_count)
        columns[_path_of(path)] = column
    return columns, rows


def _part(stored: NDArray[Any], name: str, start: int, length: int) -> NDArray[Any]:
    part = stored[start : start + length]
    wanted = _DTYPES.get(name, np.dtype(f"i{stored.itemsize}"))
    if length < 0 or len(part) != length or part.dtype != wanted:
        raise ValueError(f"the saved columns have {name} that cannot be")
    return part


def _path_of(path: Any) -> Path:
    if not isinstance(path, list) or not path or not all(isinstance(key, str) for key in path):
        raise ValueError(f"{path!r:.80} is not a metadata path")
    return tuple(path)


class _Frozen(NamedTuple):
    """An unchanging column: `values` in the order of `_PARTS`, those of texts computed on demand."""

    is_dense: bool
    list_count: int
    values: tuple[NDArray[Any], ...]
    texts: Callable[[], tuple[NDArray[Any], ...]]


def _frozen(column: Column) -> _Frozen:
    slots = np.empty(0, dtype=np.uint32) if column.slots is None else column.slots.frozen()
    lists = column.lists
    values = (slots, column.kinds.frozen(), column.words.frozen())
    elements = (lists.owners.frozen(), lists.kinds.frozen(), lists.words.frozen())
    return _Frozen(column.slots is None, lists.count, (*values, *elements), column.texts.snapshot())


def _column_of(is_dense: bool, list_count: int, parts: list[NDArray[Any]]) -> Column:
    column = Column()
    slots, kinds, words, owners, element_kinds, element_words, *texts = parts
    column.slots = None if is_dense else GrowableArray(slots)
    column.kinds, column.words = GrowableArray(kinds), GrowableArray(words)
    column.lists.count, column.lists.owners = list_count, GrowableArray(owners)
    column.lists.kinds, column.lists.words = GrowableArray(element_kinds), GrowableArray(element_words)
    column.texts = Texts.from_arrays(texts)
    return column


def _array_name(part: str, itemsize: int) -> str:
    return f"{part}{8 * itemsize}"
