"""The checksum that every row of every table carries; docs/format.md gives a worked example."""

from __future__ import annotations

import struct
from typing import Any
from zlib import crc32

Column = None | int | str | bytes

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
    """Whether what was read has the checksum `crc`. Flipped bits may have changed a column's type or encoding."""
    try:
        return crc_of(*columns, vector=vector) == crc
    except (TypeError, UnicodeEncodeError):
        return False
