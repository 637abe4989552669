"""Saved indexes: written whole beside the records, renamed into place, mapped by every process.

An index counts only if its (uuid, change, nonce) belongs to these very records: after lost commits or in
a restored copy the same change numbers name other rows.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import apsw
import numpy as np
from numpy.typing import NDArray

from ..contract import Index
from ..errors import StoreError
from .changes import nonce_of
from .checksum import checksums
from .files import ByteArray, Files
from .state import State

_log = logging.getLogger("vicinal.store")

MAGIC = b"VICINDEX"
VERSION = 1
INDEX_FOLDER = "index"
_FILE = "flat.idx"
_NAME = re.compile(r"([0-9]+)-([0-9a-f]{16})")
_ALIGNMENT = 64
# Native code reads these in place; a bool that is neither 0 nor 1 is none to NumPy either.
_DTYPES = {"|b1", "|u1", "|i1", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8"}
_HEAD_BYTES = len(MAGIC) + 8  # magic, length and CRC-32 of the header


@dataclass(frozen=True, slots=True)
class Publication:
    """A saved index and the commit that it stands at."""

    change: int
    nonce: bytes
    slot_count: int

    @property
    def folder(self) -> str:
        return f"{self.change}-{self.nonce.hex()}"


class Unusable(Exception):
    """A saved index that is damaged or belongs to other records. Never seen by users: it is rebuilt."""


def publish(
    files: Files, generation: str, state: State, nonce: bytes, slot_count: int, arrays: Mapping[str, NDArray[Any]]
) -> Publication:
    """Writes the index of `state.change` and puts it in place; a second publisher of the same is harmless."""
    publication = Publication(state.change, nonce, slot_count)
    root = os.path.join(generation, INDEX_FOLDER)
    building = os.path.join(root, f"new-{secrets.token_hex(8)}")
    files.make_folder(building)
    try:
        file = files.create(os.path.join(building, _FILE))
        try:
            for position, data in _encoded(state.uuid, publication, arrays):
                file.write_at(position, data)
            file.sync()
        finally:
            file.close()
        files.sync_folder(building)
        files.rename(building, os.path.join(root, publication.folder))
    except StoreError:
        if not files.exists(os.path.join(root, publication.folder, _FILE)):
            raise
    finally:
        if files.exists(building):
            files.remove_tree(building)
    files.sync_folder(root)
    return publication


def load_newest(
    files: Files, generation: str | None, connection: apsw.Connection, state: State, index: Index
) -> Publication | None:
    """Loads the newest saved index that fits into `index`; None where there is none."""
    if generation is None:
        return None
    for change, nonce, folder in _saved(files, generation):
        if change > state.change or nonce_of(connection, state, change) != nonce:
            continue
        try:
            slot_count, arrays = read_saved(files, os.path.join(folder, _FILE), state.uuid, change, nonce)
            if slot_count > state.next_slot:
                raise Unusable(f"it knows {slot_count} slots, the records have {state.next_slot}")
            index.load(change, slot_count, arrays)
        except Exception as error:  # of another version, or damaged: in whatever way, it can be made anew
            _log.warning("saved index %s is not used: %s: %s", folder, type(error).__name__, error)
            continue
        return Publication(change, nonce, slot_count)
    return None


def discard(files: Files, generation: str, publication: Publication) -> None:
    """Removes a saved index that turned out to be wrong, where that can be done."""
    with contextlib.suppress(StoreError):
        files.remove_tree(os.path.join(generation, INDEX_FOLDER, publication.folder))


def remove_older(files: Files, generation: str, kept: Publication) -> None:
    """Removes every other saved index; who has one mapped keeps it until unmapping."""
    root = os.path.join(generation, INDEX_FOLDER)
    for entry in files.list_folder(root):
        if entry != kept.folder:
            files.remove_tree(os.path.join(root, entry))


def saved_files(files: Files, generation: str) -> list[tuple[int, bytes, str]]:
    """(change, nonce, path of the file) of every saved index, newest first."""
    return [(change, nonce, os.path.join(folder, _FILE)) for change, nonce, folder in _saved(files, generation)]


def read_saved(files: Files, path: str, uuid: bytes, change: int, nonce: bytes) -> tuple[int, dict[str, NDArray[Any]]]:
    """(slot count, arrays) of one saved index, mapped, with every checksum compared.

    Raises:
        Unusable: it is damaged, or not of these records and this change.
    """
    try:
        mapped = _mapped(files, path)
        header = _header(mapped)
        stamp = (header.get("uuid"), header.get("change"), header.get("nonce"))
        if stamp != (uuid.hex(), change, nonce.hex()):
            raise Unusable("it belongs to other records")
        return int(header["slots"]), {section["name"]: _section(mapped, section) for section in header["sections"]}
    except Unusable:
        raise
    except Exception as error:  # its checksums hold, and yet it is not what we write
        raise Unusable(f"{type(error).__name__}: {error}") from error


def _mapped(files: Files, path: str) -> ByteArray:
    file = files.open(path)
    try:
        size = file.size()
        if size < _HEAD_BYTES:
            raise Unusable("the file is too short")
        return file.map(size)
    finally:
        file.close()


def _saved(files: Files, generation: str) -> list[tuple[int, bytes, str]]:
    root = os.path.join(generation, INDEX_FOLDER)
    if not files.exists(root):
        return []
    try:
        entries = files.list_folder(root)
    except StoreError:  # removed meanwhile, as anybody may
        return []
    found = [(int(m[1]), bytes.fromhex(m[2]), os.path.join(root, m[0])) for m in map(_NAME.fullmatch, entries) if m]
    return sorted(found, reverse=True)


def _encoded(
    uuid: bytes, publication: Publication, arrays: Mapping[str, NDArray[Any]]
) -> Iterator[tuple[int, bytes | memoryview]]:
    """(position, bytes) of the parts of the file."""
    sections, position = [], 0
    for name, array in arrays.items():
        sections.append(
            {
                "name": name,
                "dtype": array.dtype.str,
                "offset": position,
                "bytes": array.nbytes,
                "crc": checksums().crc32(_bytes_of(array)),
            }
        )
        position += -(-array.nbytes // _ALIGNMENT) * _ALIGNMENT
    header = json.dumps(
        {
            "version": VERSION,
            "uuid": uuid.hex(),
            "change": publication.change,
            "nonce": publication.nonce.hex(),
            "slots": publication.slot_count,
            "sections": sections,
        }
    ).encode()
    yield 0, MAGIC + len(header).to_bytes(4, "little") + crc32(header).to_bytes(4, "little") + header
    start = _data_start(len(header))
    for section, array in zip(sections, arrays.values(), strict=True):
        if array.nbytes:
            yield start + int(str(section["offset"])), _bytes_of(array).data


def _bytes_of(array: NDArray[Any]) -> ByteArray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _header(mapped: ByteArray) -> dict[str, Any]:
    head = mapped[:_HEAD_BYTES].tobytes()
    length, crc = int.from_bytes(head[8:12], "little"), int.from_bytes(head[12:16], "little")
    raw = mapped[_HEAD_BYTES : _HEAD_BYTES + length].tobytes()
    if head[: len(MAGIC)] != MAGIC or len(raw) != length or crc32(raw) != crc:
        raise Unusable("its header fails the checksum")
    header: dict[str, Any] = json.loads(raw)
    if header["version"] != VERSION:
        raise Unusable(f"it has version {header['version']}")
    header["start"] = _data_start(length)
    for section in header["sections"]:
        section["offset"] += header["start"]
    return header


def _section(mapped: ByteArray, section: Mapping[str, Any]) -> NDArray[Any]:
    start, dtype = section["offset"], np.dtype(section["dtype"])
    raw = mapped[start : start + section["bytes"]]
    if start < 0 or len(raw) != section["bytes"] or checksums().crc32(raw) != section["crc"]:
        raise Unusable(f"its part {section['name']!r} fails the checksum")
    if dtype.str not in _DTYPES or start % _ALIGNMENT or (dtype == np.bool_ and (raw > 1).any()):
        raise Unusable(f"its part {section['name']!r} holds values that cannot be")
    return raw.view(dtype)


def _data_start(header_bytes: int) -> int:
    return -(-(_HEAD_BYTES + header_bytes) // _ALIGNMENT) * _ALIGNMENT
