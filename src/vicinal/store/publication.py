"""Saved indexes: each part in its own file, written as a whole, renamed into place, mapped by every process.

A file is only valid if its (uuid, change, nonce) belongs to these very records: after lost commits or in a restored
copy, the same change numbers refer to other rows.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import apsw
import numpy as np
from numpy.typing import NDArray

from ..contract import SavedIndex
from ..errors import StoreError
from .changes import nonce_of
from .checksum import checksums
from .files import ByteArray, Files
from .state import State

_log = logging.getLogger("vicinal.store")

MAGIC = b"VICINDEX"
VERSION = 2
INDEX_FOLDER = "index"
_NAME = re.compile(r"([a-z]+)-([0-9]+)-([0-9a-f]{16})\.idx")
_ALIGNMENT = 64
# Native code reads these in place; a bool that is neither 0 nor 1 is invalid for NumPy too.
_DTYPES = {"|b1", "|u1", "|i1", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8"}
_HEAD_BYTES = len(MAGIC) + 8  # magic, length and CRC-32 of the header


@dataclass(frozen=True, slots=True)
class Publication:
    """A saved part of an index and the commit that it represents.

    Attributes:
        slot_count: the number of slots that it covers.
        size: the size of its file in bytes.
    """

    part: str
    change: int
    nonce: bytes
    slot_count: int
    size: int = 0

    @property
    def file(self) -> str:
        return f"{self.part}-{self.change}-{self.nonce.hex()}.idx"


class Unusable(Exception):
    """A saved index that is damaged or belongs to other records. Never seen by users: it is rebuilt."""


def publish(files: Files, generation: str, uuid: bytes, part: str, nonce: bytes, saved: SavedIndex) -> Publication:
    """Writes a part and renames it into place; publishing the same part twice is harmless.

    Args:
        nonce: of the commit `saved.change`.
    """
    root = os.path.join(generation, INDEX_FOLDER)
    building = os.path.join(root, f"new-{secrets.token_hex(8)}")
    files.make_folder(root)
    try:
        publication = Publication(part, saved.change, nonce, saved.slot_count)
        file, size = files.create(building), 0
        try:
            for position, data in _encoded(uuid, publication, saved.arrays):
                file.write_at(position, data)
                size = position + len(data)
            file.sync()
        finally:
            file.close()
        final = os.path.join(root, publication.file)
        try:
            files.rename(building, final)
        except StoreError:  # on systems where a mapped file cannot be replaced, it is that of another publisher
            if not files.exists(final):
                raise
    finally:
        if files.exists(building):
            files.remove_file(building)
    files.sync_folder(root)
    return replace(publication, size=size)


def load_newest(
    files: Files,
    generation: str | None,
    connection: apsw.Connection,
    state: State,
    part: str,
    load: Callable[[SavedIndex], None],
) -> Publication | None:
    """Passes the newest matching saved state of a part to `load`; None if there is none that it can use."""
    if generation is None:
        return None
    for found, change, nonce, path in saved_files(files, generation):
        if found != part or change > state.change or nonce_of(connection, state, change) != nonce:
            continue
        try:
            saved, size = read_saved(files, path, state.uuid, part, change, nonce)
            if saved.slot_count > state.next_slot:
                raise Unusable(f"it knows {saved.slot_count} slots, the records have {state.next_slot}")
            load(saved)
        except Exception as error:  # of another version, or damaged: in any case it can be rebuilt
            _log.warning("saved index %s is not used: %s: %s", path, type(error).__name__, error)
            continue
        return Publication(part, change, nonce, saved.slot_count, size)
    return None


def newest_of_all(files: Files, generation: str, connection: apsw.Connection, state: State) -> dict[str, Publication]:
    """By part, the newest file of these records, whichever process saved it; its contents are not checked."""
    found: dict[str, Publication] = {}
    for part, change, nonce, path in saved_files(files, generation):
        if part not in found and change <= state.change and nonce_of(connection, state, change) == nonce:
            with contextlib.suppress(Unusable, StoreError, ValueError, KeyError, TypeError):
                mapped = _mapped(files, path)
                found[part] = Publication(part, change, nonce, int(_header(mapped)["slots"]), len(mapped))
    return found


def discard(files: Files, generation: str, publications: Collection[Publication]) -> None:
    """Removes saved parts that turned out to be wrong, if possible."""
    for publication in publications:
        with contextlib.suppress(StoreError):
            files.remove_file(os.path.join(generation, INDEX_FOLDER, publication.file))


def remove_others(files: Files, generation: str, kept: Collection[Publication]) -> None:
    """Removes everything that is no longer needed; a process that has a file mapped keeps it until unmapping."""
    root = os.path.join(generation, INDEX_FOLDER)
    names = {publication.file for publication in kept}
    for entry in files.list_folder(root):
        if entry not in names:
            path = os.path.join(root, entry)
            with contextlib.suppress(StoreError):  # in use, on systems where that prevents removal; or already gone
                files.remove_file(path)
            if files.exists(path):  # a folder, as created by earlier versions
                files.remove_tree(path)


def saved_files(files: Files, generation: str) -> list[tuple[str, int, bytes, str]]:
    """(part, change, nonce, path) of every saved part, newest first."""
    root = os.path.join(generation, INDEX_FOLDER)
    if not files.exists(root):
        return []
    try:
        entries = files.list_folder(root)
    except StoreError:  # removed meanwhile, which any process may do
        return []
    names = [(found, os.path.join(root, found[0])) for found in map(_NAME.fullmatch, entries) if found]
    return sorted(((n[1], int(n[2]), bytes.fromhex(n[3]), path) for n, path in names), key=lambda f: -f[1])


def read_saved(files: Files, path: str, uuid: bytes, part: str, change: int, nonce: bytes) -> tuple[SavedIndex, int]:
    """A saved part, mapped, with every checksum verified, and the size of its file.

    Raises:
        Unusable: it is damaged, or not of these records and this change.
    """
    try:
        mapped = _mapped(files, path)
        header = _header(mapped)
        stamp = (header.get("uuid"), header.get("part"), header.get("change"), header.get("nonce"))
        if stamp != (uuid.hex(), part, change, nonce.hex()):
            raise Unusable("it belongs to other records")
        arrays = {section["name"]: _section(mapped, section) for section in header["sections"]}
        return SavedIndex(change, int(header["slots"]), arrays), len(mapped)
    except Unusable:
        raise
    except Exception as error:  # its checksums are correct, but it is not in our format
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
            "part": publication.part,
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
        raise Unusable(f"its part {section['name']!r} holds impossible values")
    return raw.view(dtype)


def _data_start(header_bytes: int) -> int:
    return -(-(_HEAD_BYTES + header_bytes) // _ALIGNMENT) * _ALIGNMENT
