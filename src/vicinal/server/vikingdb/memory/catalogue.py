"""The collections with memories: those created by `vicinal.memories`, by this protocol or directly by a program."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from ....collection import Collection
from ....database import Database
from ....encoders.default import choose_text_encoder
from ....errors import CollectionNotFound, SettingsMismatch
from ....memories import EventType, Memories, ProfileType
from ....memories.memories import holds_memories
from ....wire.arguments import Handle
from ...access import check_collection
from ...handles import Handles
from ...keys import Key
from ..answers import Refusal, missing
from ..catalogue import entries_of, moment_now, stored_name
from ..models import Models
from ..requests import OfCollection
from .reading import Reading

__all__ = ["MemoryCatalogue"]

T = TypeVar("T")

_OWNER: Final = "vikingdb memory"
_NOTE: Final = "collection"
_RESOURCE: Final = "mem-"
_MODEL: Final = "memory"
_HELD: Final = Handle()
_DEFAULT_PROJECT: Final = "default"


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """A collection of memories.

    Attributes:
        stored: name of the engine's collection.
        note: properties given when it was created.
    """

    name: str
    project: str
    stored: str
    resource_id: str
    note: dict[str, Any]


class MemoryCatalogue:
    """The catalogue of one worker. It only holds handles: another worker may change anything between two requests.

    Args:
        reading: reads sessions by a language model; None: by rules.
    """

    def __init__(self, database: Database, models: Models, reading: Reading | None) -> None:
        self._database = database
        self._reading = reading
        self._models = models
        self._handles = Handles(database)

    def find(self, given: OfCollection, key: Key | None) -> MemoryEntry:
        return self.entry(given.collection_name, given.resource_id, given.project_name or given.project, key)

    def entry(self, name: str | None, resource_id: str | None, project: str | None, key: Key | None) -> MemoryEntry:
        """Returns a collection.

        Raises:
            Refusal, CollectionNotFound: it does not exist.
            NotAllowed: the key has no access to it.
        """
        if name is None and resource_id is None:
            raise missing("collection_name")
        if name is None:
            found = next((one for one in self.entries(key) if one.resource_id == resource_id), None)
        else:
            stored = stored_name(project or _DEFAULT_PROJECT, name)
            check_collection(key, stored)
            found = self._entry(stored)
        if found is None or (resource_id is not None and found.resource_id != resource_id):
            message = f"there is no collection of memories {name or resource_id!r:.140}"
            raise CollectionNotFound(message, name="collection_name", value=name or resource_id)
        return found

    def entries(self, key: Key | None) -> Iterator[MemoryEntry]:
        """Yields all that the key can access, by name. Unreadable ones are skipped."""
        return entries_of(self._database, key, self._entry)

    def use(self, entry: MemoryEntry, key: Key | None, work: Callable[[Memories], T]) -> T:
        """Returns the result of `work` for the memories of a collection that the key can access."""
        reading = self._reading
        if reading is None:
            return self._handles.use(entry.stored, _HELD, key, lambda docs: work(Memories(docs)))
        return self._handles.use(entry.stored, _HELD, key, lambda docs: work(reading.memories(entry.stored, docs)))

    def create(
        self,
        name: str,
        project: str | None,
        events: list[EventType],
        profiles: list[ProfileType],
        note: dict[str, Any],
        key: Key | None,
    ) -> MemoryEntry:
        """Creates a collection.

        Raises:
            Refusal: a collection of this name exists.
        """
        stored = stored_name(project or _DEFAULT_PROJECT, name)
        check_collection(key, stored)
        exists = Refusal("AlreadyExists.MemoryCollection", f"there is a collection {name!r}", status=409, name="name")
        if stored in self._database:
            raise exists
        try:
            docs = self._database.collection(stored, encoder=self._encoder())
        except SettingsMismatch:
            raise exists from None
        with docs:
            text = json.dumps(note | {"name": name, "made": moment_now()}).encode()
            if docs.count() or docs.notes(_OWNER).setdefault(_NOTE, text) != text:
                raise exists
            Memories(docs, events=events, profiles=profiles)
        found = self._entry(stored)
        if found is None:
            raise CollectionNotFound(f"there is no collection {name!r}", name="collection_name", value=name)
        return found

    def change(self, entry: MemoryEntry, note: dict[str, Any]) -> None:
        def changed(before: bytes | None) -> bytes:
            now = {} if before is None else json.loads(before)
            return json.dumps(now | note | {"changed": moment_now()}).encode()

        self._handles.use(entry.stored, _HELD, None, lambda docs: docs.notes(_OWNER).change(_NOTE, changed))

    def add_types(self, entry: MemoryEntry, events: list[EventType], profiles: list[ProfileType]) -> None:
        self._handles.use(entry.stored, _HELD, None, lambda docs: Memories(docs, events=events, profiles=profiles))

    def drop(self, entry: MemoryEntry) -> None:
        try:
            self._database.drop(entry.stored)
        finally:
            self._handles.forget(entry.stored)

    def _encoder(self) -> Any:
        """The encoder of the model `memory`, if the server has one; else MiniLM if available, or hashing."""
        if self._models.has(_MODEL):
            return self._models.encoder_name(_MODEL, None)
        return choose_text_encoder().name

    def _entry(self, stored: str) -> MemoryEntry | None:
        if stored not in self._database:
            return None

        def read(docs: Collection) -> tuple[bool, bytes | None, str]:
            return holds_memories(docs), docs.notes(_OWNER).get(_NOTE), docs.uuid.hex

        holds, note, uuid = self._handles.use(stored, _HELD, None, read)
        if not holds:
            return None
        project, _, name = stored.rpartition("/")
        told = {} if note is None else json.loads(note)
        return MemoryEntry(name, project or _DEFAULT_PROJECT, stored, f"{_RESOURCE}{uuid}", told)
