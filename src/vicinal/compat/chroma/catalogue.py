"""The collections by their Chroma names: notes of one collection of the engine, `$chroma`.

A name maps to an entry with the collection's id, metadata and configuration, and the name of the engine's collection of
its rows, so that renaming is one commit. An entry is written before its collection is created, and marked before that
is dropped: whatever is interrupted is completed by the next process.
"""

from __future__ import annotations

import ipaddress
import json
import re
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ...collection import Collection
from ...database import Database
from ...errors import CollectionNotFound
from ...locks import new_lock
from ...visible import shown, visible
from .errors import InternalError, InvalidArgumentError, NotFoundError, translated

__all__ = ["Catalogue", "Entry"]

_OWNER: Final = "chroma"
_COLLECTION: Final = "$chroma"
_STORED_CHARS: Final = 200  # the engine has its own limit
_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._-]{1,510}[a-zA-Z0-9]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A collection.

    Attributes:
        stored: name of the engine's collection with its rows.
        made: creation time in nanoseconds, which orders lists.
        gone: it is being deleted.
    """

    id: str
    stored: str
    metadata: dict[str, Any] | None
    configuration: dict[str, Any]
    made: int
    gone: bool = False

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def of(cls, note: bytes) -> Entry:
        return cls(**json.loads(note))


class Catalogue:
    """The collections of one database. Thread-safe, and shared by processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = new_lock()
        self._held: Collection | None = None

    def entries(self) -> dict[str, Entry]:
        """Returns entries by name, oldest first."""
        if self._held is None and _COLLECTION not in self._database:
            return {}
        found = {name: Entry.of(note) for name, note in self._notes().items()}
        return {name: entry for name, entry in sorted(found.items(), key=lambda item: item[1].made) if not entry.gone}

    def find(self, name: str) -> Entry:
        """Returns the entry of a name.

        Raises:
            NotFoundError: no collection has this name.
        """
        entry = self.entries().get(checked_text(name))
        if entry is None:
            raise NotFoundError(f"Collection [{visible(name)}] does not exist")
        return entry

    def named(self, id_: str) -> tuple[str, Entry]:
        """Returns the current name and the entry of a collection id.

        Raises:
            NotFoundError: it no longer exists.
        """
        for name, entry in self.entries().items():
            if entry.id == id_:
                return name, entry
        raise NotFoundError(f"Collection [{visible(id_)}] does not exist.")

    def make(self, name: str, metadata: Mapping[str, Any] | None, configuration: dict[str, Any]) -> tuple[Entry, bool]:
        """Creates a collection, or returns the existing one.

        Returns:
            Its entry, and whether it is new.
        """
        checked_name(name)
        while True:
            self._finish(name)
            kept = None if metadata is None else dict(metadata)
            wanted = Entry(str(uuid.uuid4()), self._free(name), kept, configuration, time.time_ns())
            entry = Entry.of(self._notes().setdefault(name, wanted.to_bytes()))
            if not entry.gone:
                return entry, entry.id == wanted.id

    def remove(self, name: str) -> None:
        """Deletes a collection and its rows.

        Raises:
            NotFoundError: no collection has this name.
        """
        entry = self.find(name)
        self._notes().update({name: replace(entry, gone=True).to_bytes()})
        self._finish(name)

    def change(self, id_: str, name: str | None, **changes: Any) -> tuple[str, Entry]:
        """Changes the name, metadata or configuration of a collection."""
        with self._lock:
            old, entry = self.named(id_)
            if name is None or name == old:
                return old, self._changed(old, id_, changes)
            entry = replace(entry, **changes)
            checked_name(name)
            self._finish(name)
            taken = self._notes().setdefault(name, entry.to_bytes())
            if Entry.of(taken).id != id_:
                raise InternalError(f"Collection [{visible(name)}] already exists")
            del self._notes()[old]
            return name, entry

    def _changed(self, name: str, id_: str, changes: Mapping[str, Any]) -> Entry:
        """Changes the current entry atomically: another process may change another part of it."""

        def changed(note: bytes | None) -> bytes:
            entry = None if note is None else Entry.of(note)
            if entry is None or entry.id != id_:
                raise NotFoundError(f"Collection [{visible(id_)}] does not exist.")
            return replace(entry, **changes).to_bytes()

        return Entry.of(self._notes().change(name, changed))

    def open(self, entry: Entry) -> Collection:
        """Opens the engine's collection with the rows."""
        metric = entry.configuration["hnsw"]["space"]
        with translated(entry.id):
            try:
                return self._database.collection(entry.stored, zero_vectors="allow", create=False)
            except CollectionNotFound:
                self.named(entry.id)  # or it no longer exists
                return self._database.collection(entry.stored, zero_vectors="allow", metric=metric)

    def _notes(self) -> Any:
        if self._held is None:
            self._held = self._database.collection(_COLLECTION)  # harmless if two threads do it
        return self._held.notes(_OWNER)

    def _free(self, name: str) -> str:
        """Returns an unused name of the engine: the same name, unless a renamed collection uses it."""
        taken = {*self._database.collections(), *(entry.stored for entry in self.entries().values())}
        stored, n = name[:_STORED_CHARS], 0
        while stored in taken:
            stored, n = f"{name[:_STORED_CHARS]}${n + 1}", n + 1
        return stored

    def _finish(self, name: str) -> None:
        """Completes a deletion that was interrupted."""
        note = self._notes().get(name)
        if note is not None and (entry := Entry.of(note)).gone:
            with suppress(CollectionNotFound):
                self._database.drop(entry.stored)
            self._notes().pop(name, None)


def checked_text(name: Any) -> str:
    """Returns the name.

    Raises:
        TypeError: it is not a str.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a collection is a str, not {shown(name)}")
    return name


def checked_name(name: Any) -> str:
    """Returns the name if it is valid for a collection.

    Raises:
        InvalidArgumentError: it is not.
    """
    text = checked_text(name)
    if not _NAME.fullmatch(text):
        raise InvalidArgumentError(
            f"a name has 3 to 512 characters of [a-zA-Z0-9._-], the first and last a letter or digit: {shown(name)}"
        )
    if ".." in text or _is_address(text):
        raise InvalidArgumentError(f"a name has no two dots in a row and is not an IP address: {shown(name)}")
    return text


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
