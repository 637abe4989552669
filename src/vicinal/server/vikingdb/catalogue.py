"""The collections and indexes: notes beside the rows of the engine's collections.

A collection of the project "default" has its own name in the engine, others are prefixed with the project. The
declaration is one note, each index another, so that of two requests that create the same one only one succeeds. A
collection of the engine without such a note does not exist for this protocol.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from ...collection import Collection
from ...database import Database
from ...errors import CollectionNotFound, SettingsMismatch, StoreError
from ...wire.arguments import Handle
from ..access import check_collection
from ..handles import Handles
from ..keys import Key
from .answers import Refusal, invalid, missing
from .models import Models
from .requests import OfCollection
from .schema import NAME, Schema, check_name

__all__ = ["Catalogue", "Entry", "entries_of", "moment_now", "stored_name"]

T = TypeVar("T")

_OWNER: Final = "vikingdb"
_COLLECTION: Final = "collection"
_INDEX: Final = "index "
_DEFAULT_PROJECT: Final = "default"
_RESOURCE: Final = "vdb-"
_HELD: Final = Handle()


@dataclass(frozen=True, slots=True)
class Entry:
    """A declared collection.

    Attributes:
        stored: name of the engine's collection.
        resource_id: its other identifier.
        note: when and by whom it was created, and other properties.
        written: the notes that this was read from.
        indexes: by name.
    """

    name: str
    project: str
    stored: str
    resource_id: str
    schema: Schema
    note: dict[str, Any]
    written: Mapping[str, bytes]
    indexes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def index(self, name: str | None) -> dict[str, Any]:
        if name is None:
            raise missing("index_name")
        if name not in self.indexes:
            raise Refusal(
                "NotFound.VikingdbIndex",
                f"collection {self.name!r} has no index {name!r:.80}",
                status=404,
                name="index_name",
                value=name,
            )
        return self.indexes[name]

    def indexed(self, index: Mapping[str, Any]) -> frozenset[str]:
        """Fields that may be filtered through an index."""
        listed = index.get("ScalarIndex")
        return frozenset(self.schema.scalars() if listed is None else listed)


class Catalogue:
    """The catalogue of one worker. It only holds names: another worker may change anything between two requests."""

    def __init__(self, database: Database, models: Models) -> None:
        self._database = database
        self._models = models
        self._handles = Handles(database)
        self._resources: dict[str, str] = {}

    def find(self, given: OfCollection, key: Key | None) -> Entry:
        """Returns a collection.

        Raises:
            Refusal, CollectionNotFound: it does not exist.
            NotAllowed: the key has no access to it.
        """
        project = given.project_name or given.project or _DEFAULT_PROJECT
        return self.entry(given.collection_name, given.resource_id, project, key)

    def entry(self, name: str | None, resource_id: str | None, project: str, key: Key | None) -> Entry:
        if name is None and resource_id is None:
            raise missing("collection_name")
        stored = self._stored_of(resource_id) if name is None else stored_name(project, name)
        check_collection(key, stored)
        found = self._entry(stored)
        if found is None or (resource_id is not None and found.resource_id != resource_id):
            raise _not_found(name or resource_id)
        return found

    def use(self, entry: Entry, key: Key | None, work: Callable[[Collection], T]) -> T:
        """Returns the result of `work` for the rows of a collection that the key can access."""
        return self._handles.use(entry.stored, _HELD, key, work)

    def entries(self, key: Key | None) -> Iterator[Entry]:
        """Yields all that the key can access, by name. Unreadable ones are skipped."""
        return entries_of(self._database, key, self._entry)

    def create(self, name: str, project: str, given: dict[str, Any], person: str, key: Key | None) -> Entry:
        """Creates a collection.

        Raises:
            Refusal: the declaration is invalid, or the collection exists.
        """
        stored, schema = stored_name(project, name), Schema.of(given)
        check_collection(key, stored)
        exists = _exists(f"there is a collection {name!r}")
        others = _exists(f"there is a collection {name!r} that was not made through this protocol")
        if stored in self._database and self._entry(stored) is not None:
            raise exists
        moment = moment_now()
        note = {"name": name, "project": project, "given": given, "made": moment, "changed": moment, "person": person}
        try:
            docs = self._database.collection(stored, zero_vectors="allow", auto_ids="integer", **self._engine(schema))
        except SettingsMismatch:
            raise others from None
        with docs:
            if docs.count():
                raise others
            text = json.dumps(note).encode()
            if docs.notes(_OWNER).setdefault(_COLLECTION, text) != text:
                raise exists
        return self._again(stored, name)

    def change(self, entry: Entry, key: Key | None, told: Callable[[Entry], dict[str, Any]]) -> None:
        """Changes the note of a collection.

        Args:
            told: returns it for the current declaration; called again after a concurrent change.
        """

        def changed(now: Entry) -> dict[str, Any]:
            return now.note | told(now) | {"changed": moment_now()}

        self._change(entry, key, _COLLECTION, changed)

    def add_index(self, entry: Entry, key: Key | None, name: str, given: dict[str, Any]) -> None:
        """Adds an index.

        Raises:
            Refusal: an index of this name exists.
        """
        text = json.dumps(given).encode()
        if self.use(entry, key, lambda docs: docs.notes(_OWNER).setdefault(_INDEX + name, text)) != text:
            raise Refusal(
                "AlreadyExists.VikingdbIndex",
                f"collection {entry.name!r} has an index {name!r}",
                status=409,
                name="IndexName",
            )

    def change_index(
        self, entry: Entry, key: Key | None, name: str, given: Callable[[Entry], dict[str, Any]]
    ) -> dict[str, Any]:
        """Like `change`, for an index; returns its current declaration."""
        return self._change(entry, key, _INDEX + name, given)

    def drop_index(self, entry: Entry, key: Key | None, name: str) -> None:
        self.use(entry, key, lambda docs: docs.notes(_OWNER).pop(_INDEX + name, None))

    def drop(self, entry: Entry) -> None:
        try:
            self._database.drop(entry.stored)
        finally:
            self._handles.forget(entry.stored)

    def _change(
        self, entry: Entry, key: Key | None, note: str, changed: Callable[[Entry], dict[str, Any]]
    ) -> dict[str, Any]:
        """Changes a note atomically: it is only written if it still has the value that the change was based on."""
        while True:
            value = changed(entry)
            before, after = entry.written[note], json.dumps(value).encode()
            if self.use(entry, key, lambda docs: docs.notes(_OWNER).replace(note, before, after)):  # noqa: B023  # at once
                return value
            entry = self._again(entry.stored, entry.name)

    def _again(self, stored: str, name: str) -> Entry:
        found = self._entry(stored)
        if found is None:
            raise _not_found(name)
        return found

    def _engine(self, schema: Schema) -> dict[str, Any]:
        """Returns the arguments with which the engine creates the collection."""
        if schema.vector is not None:
            return {"dimension": schema.vector.dim}
        source = schema.dense
        assert source is not None  # a schema has one of the two
        if source.image is not None:
            return {"dimension": self._models.image(source.model, source.dim).dim}
        return {"encoder": self._models.encoder_name(source.model, source.dim)}

    def _entry(self, stored: str) -> Entry | None:
        if stored not in self._database:
            return None

        def read(docs: Collection) -> tuple[dict[str, bytes], str]:
            return dict(docs.notes(_OWNER).items()), docs.uuid.hex

        notes, uuid = self._handles.use(stored, _HELD, None, read)
        if _COLLECTION not in notes:
            return None
        note = json.loads(notes[_COLLECTION])
        indexes = {
            name.removeprefix(_INDEX): json.loads(text) for name, text in notes.items() if name.startswith(_INDEX)
        }
        resource = f"{_RESOURCE}{uuid}"
        self._resources[resource] = stored
        return Entry(note["name"], note["project"], stored, resource, Schema.of(note["given"]), note, notes, indexes)

    def _stored_of(self, resource_id: str | None) -> str:
        if resource_id not in self._resources:
            for _ in self.entries(None):  # each is remembered as it is read
                pass
        found = self._resources.get(resource_id or "")
        if found is None:
            raise _not_found(resource_id)
        return found


def entries_of(database: Database, key: Key | None, read: Callable[[str], T | None]) -> Iterator[T]:
    """Yields results of `read`, except None, for collections that a key can access. Unreadable ones are skipped."""
    for stored in database.collections():
        if key is not None and key.collections and stored not in key.collections:
            continue
        try:
            found = read(stored)
        except (CollectionNotFound, StoreError):
            continue
        if found is not None:
            yield found


def stored_name(project: str, name: str) -> str:
    """The engine's name of a collection."""
    check_name(name, "collection_name")
    if not isinstance(project, str) or not NAME.fullmatch(project.replace("-", "_")):
        raise invalid("a project's name has letters, digits, '_' and '-'", "project_name", project)
    return name if project == _DEFAULT_PROJECT else f"{project}/{name}"


def moment_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _exists(message: str) -> Refusal:
    return Refusal("AlreadyExists.VikingdbCollection", message, status=409, name="CollectionName")


def _not_found(name: str | None) -> CollectionNotFound:
    return CollectionNotFound(f"there is no collection {name!r:.80}", name="collection_name", value=name)
