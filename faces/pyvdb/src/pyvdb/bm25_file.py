"""The file format of a BM25 index: a header with type, checksum and length, then the content.

| Bytes | Content |
|---|---|
| 8 | `VICBM25` and a zero byte |
| 4 | version 1, little-endian like all numbers |
| 4 | CRC-32 (zlib) of the content |
| 8 | length of the content |
| rest | UTF-8 JSON: {"config": {name: value}, "documents": [[id, text], ...]} |
"""

from __future__ import annotations

import struct
from zlib import crc32

from .replacing import replacing

MAGIC = b"VICBM25\0"
VERSION = 1
_HEADER = struct.Struct("<8sIIQ")


def write(path: str, content: bytes) -> None:
    """Replaces the file at `path`."""
    with replacing(path) as file:
        file.write(_HEADER.pack(MAGIC, VERSION, crc32(content), len(content)))
        file.write(content)


def read(path: str) -> bytes:
    """Returns the content.

    Raises:
        RuntimeError: the file is of another kind or version, truncated, or damaged.
    """
    with open(path, "rb") as file:
        header = file.read(_HEADER.size)
        content = file.read()
    if header[: len(MAGIC)] != MAGIC or len(header) < _HEADER.size:
        raise RuntimeError(f"{path} is not a BM25 index that this package wrote")
    _, version, crc, length = _HEADER.unpack(header)
    if version != VERSION:
        raise RuntimeError(f"{path} has version {version}, this package reads version {VERSION}")
    if len(content) != length:
        raise RuntimeError(f"{path} has {len(content)} bytes of content, its header says {length}")
    if crc32(content) != crc:
        raise RuntimeError(f"{path} is damaged: its checksum is wrong")
    return content
