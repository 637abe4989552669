"""What a collection knows about a folder: stored in each file's rows, and in notes for files without rows.

A file's rows are numbered. Row 0 is written last and contains the number of rows and the state of the file, so a file
of which only a part was written before a kill is not known.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ...contract import Collection
from ...errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import MutableMapping

__all__ = ["Known", "folder_of", "known_files", "row_id"]

OWNER = "vicinal.rag.folder"
SETTINGS = "settings"
_FILE = "file:"
# Limit for the key of a note; files with longer names are checked again each time.
_NAME_CHARS_MAX = 1000


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was when it was stored.

    Attributes:
        parts: the number of its rows.
        modified: nanoseconds since 1970; 0 if it was too recent to be trusted.
        problem: why it has no rows, or "".
    """

    digest: str
    size: int
    modified: int
    parts: int
    problem: str = ""


class FileNotes:
    """Notes of files without rows."""

    def __init__(self, notes: MutableMapping[str, bytes]) -> None:
        self._notes = notes

    def all(self) -> dict[str, Known]:
        read = {key[len(_FILE) :]: value for key, value in self._notes.items() if key.startswith(_FILE)}
        return {name: Known(**json.loads(value)) for name, value in read.items()}

    def keep(self, files: dict[str, Known]) -> None:
        short = {name: known for name, known in files.items() if len(name) <= _NAME_CHARS_MAX}
        if short:
            self._notes.update({_FILE + name: json.dumps(asdict(known)).encode() for name, known in short.items()})

    def forget(self, names: Iterable[str]) -> None:
        for name in names:
            self._notes.pop(_FILE + name, None)


def row_id(name: str, part: int) -> str:
    return f"{name}#{part}"


def known_files(collection: Collection) -> tuple[dict[str, Known], dict[str, int]]:
    """Returns files whose row 0 exists, and for every file its number of rows."""
    if not collection.count():
        return {}, {}
    counts = {name: count for name, count in collection.facets("file") if isinstance(name, str)}
    files = {}
    for record in collection.get(where={"part": 0}):
        about = record.metadata
        ours = {"file", "digest", "size", "modified", "parts"} <= about.keys() and isinstance(about["file"], str)
        if ours:  # otherwise a row of another program
            files[about["file"]] = Known(about["digest"], about["size"], about["modified"], about["parts"])
    return files, counts


def folder_of(notes: MutableMapping[str, bytes]) -> str | None:
    """The folder whose files a collection holds, or None if it has other rows."""
    settings = notes.get(SETTINGS)
    return None if settings is None else str(json.loads(settings)["folder"])


def claim(notes: MutableMapping[str, bytes], folder: str, rows: int) -> None:
    """Makes the collection that of `folder`.

    Raises:
        InvalidArgument: it has other rows, or those of another folder that still exists.
    """
    before = folder_of(notes)
    if before == folder:
        return
    if before is None and rows:
        raise InvalidArgument(
            "the collection has rows that are not of a folder",
            name="collection",
            remedy="Choose another name for the folder's collection.",
        )
    if before is not None and os.path.isdir(before):
        raise InvalidArgument(
            f"the collection has the files of {before!r}",
            name="collection",
            value=folder,
            remedy="Choose another name for this folder's collection.",
        )
    notes[SETTINGS] = json.dumps({"folder": folder}).encode()
