"""Vectors in the files of Chroma's index, which are all that is left of those that its log has forgotten.

`header.bin` says how `data_level0.bin` is laid out (the format of hnswlib): for each row its links, vector and label.
`index_metadata.pickle` has the label of each id; it is read as data, and nothing in it is ever called.
"""

from __future__ import annotations

import os
import pickletools
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import Damaged

__all__ = ["IndexFile"]

# Version, offset, capacity, rows, bytes a row, where in it the label and the vector are; then what only a search needs.
_HEADER: Final = struct.Struct("<iQQQQQQiIQQQdQ")
_LABEL: Final = np.dtype("<u8")
_VECTOR: Final = np.dtype("<f4")
_MARK: Final = object()
# What may stand in a pickle of plain values.
_TEXTS: Final = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE"}
_NUMBERS: Final = {"BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT"}
_MADE: Final[dict[str, Callable[[], Any]]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "MARK": lambda: _MARK,
    **dict.fromkeys(("EMPTY_DICT", "GLOBAL"), dict),
    **dict.fromkeys(("EMPTY_LIST", "EMPTY_TUPLE"), list),
}
_TUPLES: Final = {"TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_FILLED: Final = {"SETITEM", "SETITEMS", "APPEND", "APPENDS", "BUILD"}
_REMEMBERED: Final = {"MEMOIZE", "BINPUT", "LONG_BINPUT"}  # in the order of their numbers
_RECALLED: Final = {"BINGET", "LONG_BINGET"}
_CALLED: Final = {"STACK_GLOBAL", "REDUCE", "NEWOBJ"}


class IndexFile:
    """The vectors of one collection, by id.

    Args:
        folder: of its vector segment.
        dimension: of the vectors.

    Attributes:
        problem: what is lost of it; empty where nothing is.

    Raises:
        Damaged: a file is missing or is not what it should be; the place says which.
    """

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        header = self._read("header.bin")
        if len(header) < _HEADER.size:
            raise self._damaged("header.bin", f"it has {len(header)} bytes")
        _, _, _, rows, size, label_at, vector_at, *_ = _HEADER.unpack_from(header)
        if not (0 < size <= 1 << 24 and label_at + 8 <= size and vector_at + 4 * dimension <= size):
            raise self._damaged("header.bin", f"it describes no rows of {dimension} dimensions")
        blob = np.frombuffer(self._read("data_level0.bin"), dtype=np.uint8)
        if len(blob) < size:
            raise self._damaged("data_level0.bin", f"it has {len(blob):,} bytes")
        whole = min(rows, len(blob) // size)
        self.problem = (
            "" if whole == rows else str(self._damaged("data_level0.bin", f"{rows - whole:,} rows are cut off"))
        )
        table = blob[: whole * size].reshape(whole, size)
        labels = np.ascontiguousarray(table[:, label_at : label_at + 8]).view(_LABEL)[:, 0]
        self._vectors = table[:, vector_at : vector_at + 4 * dimension]
        self._places = dict(zip(labels.tolist(), range(whole)))
        self._labels = self._read_labels()

    def vector(self, id_: str) -> NDArray[np.float32] | None:
        """Of a row; None where the files do not have it, or it is no vector."""
        label = self._labels.get(id_)
        place = None if label is None else self._places.get(label)
        if place is None:
            return None
        found = np.ascontiguousarray(self._vectors[place]).view(_VECTOR).astype(np.float32)
        return found if np.isfinite(found).all() else None

    def _read_labels(self) -> Mapping[str, int]:
        name = "index_metadata.pickle"
        try:
            found = plain_pickle(self._read(name))
            labels = found["id_to_label"]
            return {id_: label for id_, label in labels.items() if isinstance(id_, str) and isinstance(label, int)}
        except Damaged:
            raise
        except Exception as error:
            raise self._damaged(name, f"it does not say which row is whose ({type(error).__name__})") from None

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise self._damaged(name, os.strerror(error.errno or 0)) from None

    def _damaged(self, name: str, why: str) -> Damaged:
        return Damaged(
            f"vectors cannot be read from Chroma's index: {why}", name="index", place=str(self._folder / name)
        )


def plain_pickle(data: bytes) -> Any:
    """Dicts, texts and numbers of a pickle.

    Whatever would import or call something stands for an empty dict, whose state is what it was to be given: a pickled
    object, as Chroma's older versions wrote one, so becomes the dict of its attributes.

    Raises:
        ValueError: something else is in it, or it does not end.
    """
    stack: list[Any] = []
    memo: list[Any] = []
    for operation, argument, _ in pickletools.genops(data):
        name = operation.name
        if name == "STOP":
            return stack.pop()
        if name in _TEXTS or name in _NUMBERS:
            stack.append(argument)
        elif name in _MADE:
            stack.append(_MADE[name]())
        elif name in _REMEMBERED:
            memo.append(stack[-1])
        elif name in _RECALLED:
            stack.append(memo[int(str(argument))])
        elif name in _FILLED:
            _fill(name, stack)
        elif name in _TUPLES:
            count = _TUPLES[name]
            items = [stack.pop() for _ in range(count)][::-1] if count else _down_to_mark(stack)
            stack.append(items)
        elif name in _CALLED:
            del stack[-2:]
            stack.append({})
        elif name not in ("PROTO", "FRAME"):
            raise ValueError(f"{name} is not expected here")
    raise ValueError("it does not end")


def _fill(name: str, stack: list[Any]) -> None:
    """Puts what is on top into the container below."""
    items = _down_to_mark(stack) if name.endswith("S") else [stack.pop() for _ in range(1 + (name == "SETITEM"))][::-1]
    if name.startswith("SETITEM"):
        stack[-1].update(zip(items[::2], items[1::2]))
    elif name == "BUILD":
        stack[-1].update(items[0])
    else:
        stack[-1].extend(items)


def _down_to_mark(stack: list[Any]) -> list[Any]:
    at = max(i for i, one in enumerate(stack) if one is _MARK)
    found = stack[at + 1 :]
    del stack[at:]
    return found
