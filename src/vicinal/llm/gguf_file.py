"""Checks that a file is a complete GGUF model before native code reads it.

The format: github.com/ggml-org/ggml, docs/gguf.md. Sizes of blocks: ggml's type table.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, Final

from ..errors import ModelUnavailable

__all__ = ["check_gguf"]

_MAGIC: Final = b"GGUF"
_SCALAR_BYTES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _STRING, _ARRAY = 4, 8, 9
# Weights per block and bytes per block, by the number of the type; other types are left to the library.
_BLOCKS: Final = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 30: (1, 2),
}  # fmt: skip
_ENTRIES_MAX: Final = 1 << 20
_STRINGS_MAX: Final = 1 << 22  # the largest vocabularies have a quarter of a million
_DIMENSIONS_MAX: Final = 4
_FOREIGN: Final = {
    b"PK\x03\x04": "a zip archive, as PyTorch writes",
    b"lmgg": "a GGML file, the format before GGUF",
    b"tjgg": "a GGJT file, the format before GGUF",
    b"<!DO": "a web page",
    b"vers": "the text of a Git LFS pointer, not the file itself",
}


class _Broken(Exception):
    """The header violates the format; says where and how."""


def check_gguf(path: Path) -> None:
    """Reads the header of a model and compares it with the size of the file; takes a second for the largest.

    Raises:
        ModelUnavailable: the file does not exist, has another format, or a part of it is missing or damaged.
    """
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "is not there"
        raise _unusable(path, what, "Download a model in GGUF format, and give the path of its .gguf file.")
    try:
        size = os.path.getsize(path)
        with open(path, "rb") as file:
            first = file.read(4)
            if first != _MAGIC:
                like = f": it looks like {_FOREIGN[first]}" if first in _FOREIGN else ""
                raise _unusable(path, f"is not a GGUF model{like}", "Give a .gguf file, or convert the model to GGUF.")
            needed = _Header(file, size).bytes_needed()
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}", "Check its permissions.") from error
    except _Broken as broken:
        raise _unusable(path, f"has a damaged header: {broken}", "Download it again.") from None
    if needed > size:
        raise _unusable(path, f"is cut short: {size:,} of at least {needed:,} bytes", "Download it again.")


class _Header:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._alignment = 32

    def bytes_needed(self) -> int:
        """The size of the file according to its header."""
        (version,) = self._numbers("<I")
        if version not in (2, 3):
            raise _Broken(f"its version is {version}, not 2 or 3")
        tensors, entries = self._numbers("<QQ")
        if max(tensors, entries) > _ENTRIES_MAX or not tensors:
            raise _Broken(f"it tells of {tensors:,} tensors and {entries:,} values")
        for _ in range(entries):
            self._entry()
        ends = [self._tensor() for _ in range(tensors)]
        start = self._file.tell()
        return start + -start % self._alignment + max(ends)

    def _entry(self) -> None:
        name = self._take(self._numbers("<Q")[0])
        (kind,) = self._numbers("<I")
        if name == b"general.alignment" and kind == _UINT32:
            (self._alignment,) = self._numbers("<I")
            if self._alignment < 1 or self._alignment > 1 << 20:
                raise _Broken(f"its alignment is {self._alignment}")
        else:
            self._value(kind)

    def _value(self, kind: int) -> None:
        if kind == _STRING:
            self._skip(self._numbers("<Q")[0])
        elif kind == _ARRAY:
            inner, count = self._numbers("<IQ")
            if inner in _SCALAR_BYTES:
                self._skip(count * _SCALAR_BYTES[inner])
            elif inner == _STRING and count <= _STRINGS_MAX:
                for _ in range(count):
                    self._skip(self._numbers("<Q")[0])
            else:
                raise _Broken(f"an array of type {inner} with {count:,} items")
        elif kind in _SCALAR_BYTES:
            self._skip(_SCALAR_BYTES[kind])
        else:
            raise _Broken(f"a value of the unknown type {kind}")

    def _tensor(self) -> int:
        """The end of a tensor's weights, relative to where all weights begin."""
        self._skip(self._numbers("<Q")[0])
        (dimensions,) = self._numbers("<I")
        if dimensions > _DIMENSIONS_MAX:
            raise _Broken(f"a tensor of {dimensions} dimensions")
        shape = self._numbers(f"<{dimensions}Q")
        kind, offset = self._numbers("<IQ")
        count = 1
        for length in shape:
            count *= length
        block, size = _BLOCKS.get(kind, (1, 0))
        if not 0 < count <= 1 << 50 or offset > 1 << 50:
            raise _Broken(f"a tensor of shape {shape} at {offset}")
        return int(offset) + -(-count // block) * size

    def _numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self._take(struct.calcsize(form)))

    def _take(self, count: int) -> bytes:
        self._room(count)
        return self._file.read(count)

    def _skip(self, count: int) -> None:
        self._room(count)
        self._file.seek(count, os.SEEK_CUR)

    def _room(self, count: int) -> None:
        at = self._file.tell()
        if count > self._size - at:
            raise _Broken(f"byte {at:,} begins {count:,} bytes, and the file has {self._size:,}")


def _unusable(path: Path, what: str, remedy: str) -> ModelUnavailable:
    return ModelUnavailable(f"the model {str(path)!r} {what}", name="path", value=str(path), remedy=remedy)
