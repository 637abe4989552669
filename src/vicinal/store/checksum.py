"""The checksum of every row of every table; docs/format.md has a worked example.

`checksums()` covers many rows of the table `rows` in a single call, natively if there is a native core.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ..contract import Checksums, FloatMatrix

Column = None | int | str | bytes

_SLOT, _CRC, _SPACE = 0, 3, 5  # columns of the table `rows`

_TAGGED_INT = struct.Struct("<cq").pack
_TAGGED_LENGTH = struct.Struct("<cI").pack


def crc_of(*columns: Column, vector: memoryview | bytes = b"") -> int:
    """CRC-32 of `columns`, each with its type and length, then of the raw `vector`."""
    parts: list[bytes] = []
    for value in columns:
        if value is None:
            parts.append(b"n")
        elif type(value) is int:
            parts.append(_TAGGED_INT(b"i", value))
        elif type(value) is str:
            raw = value.encode()
            parts.append(_TAGGED_LENGTH(b"s", len(raw)))
            parts.append(raw)
        elif type(value) is bytes:
            parts.append(_TAGGED_LENGTH(b"b", len(value)))
            parts.append(value)
        else:
            raise TypeError(f"no checksum for a column of type {type(value).__name__}")
    return crc32(vector, crc32(b"".join(parts)))


def is_whole(crc: object, *columns: Any, vector: memoryview | bytes = b"") -> bool:
    """Whether what was read matches the checksum `crc`. Bit flips may have changed a column's type or encoding."""
    try:
        return crc_of(*columns, vector=vector) == crc
    except (TypeError, UnicodeEncodeError, struct.error):
        return False


class PlainChecksums:
    """The pure Python version of what the native core does faster."""

    def crc32(self, data: NDArray[np.uint8], start: int = 0) -> int:
        """See `Checksums.crc32`."""
        return zlib.crc32(data.data, start)

    def sealed_rows(
        self, rows: list[tuple[Any, ...]], vectors: FloatMatrix | None, first: int
    ) -> list[tuple[Any, ...]]:
        """See `Checksums.sealed_rows`."""
        return [
            (*row[:_CRC], crc_of(*row[:_CRC], *row[_CRC + 1 :], vector=vector), *row[_CRC + 1 :])
            for row, vector in zip(rows, _vectors_of(rows, vectors, first), strict=True)
        ]

    def first_broken(self, rows: list[tuple[Any, ...]], vectors: FloatMatrix | None) -> int:
        """See `Checksums.first_broken`."""
        for i, (row, vector) in enumerate(zip(rows, _vectors_of(rows, vectors, 0), strict=True)):
            if not is_whole(row[_CRC], *row[:_CRC], *row[_CRC + 1 :], vector=vector):
                return i
        return -1


def _vectors_of(rows: list[tuple[Any, ...]], vectors: FloatMatrix | None, first: int) -> Iterator[memoryview | bytes]:
    """Each row's vector as bytes: empty if it has none or the matrix ends before it."""
    size = 0 if vectors is None or not vectors.size else vectors[0].nbytes
    raw = b"" if vectors is None or not size else vectors.data.cast("B")
    for row in rows:
        at = row[_SLOT] - first if type(row[_SLOT]) is int else -1
        yield raw[at * size : (at + 1) * size] if at >= 0 and row[_SPACE] is not None else b""


_used: Checksums = PlainChecksums()


def checksums() -> Checksums:
    """The fastest version that this process has."""
    return _used


def use(faster: Checksums) -> None:
    """Uses `faster` for all later checksums of many rows; `indexes.kernels` knows whether it exists."""
    global _used
    _used = faster
