"""Implements `vicinal serve --provision FILE`: creates models, collections, their indexes and first rows at startup.

The file is TOML or JSON, with the control plane's own names. Existing objects are kept, so that a server can be started
with the same file again; rows are written once, all of a collection in one commit.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ...database import Database, connect
from ...errors import CollectionNotFound, InvalidArgument, VicinalError
from ..settings import ServerSettings
from .catalogue import Catalogue, Entry
from .control_plane import Body, ControlPlane
from .models import Models
from .requests import Write
from .writing import upsert

__all__ = ["provision"]

_PROJECT = "default"
_WRITTEN = "provisioned"


class Index(Body, kw_only=True, rename="pascal", forbid_unknown_fields=True):
    """The members of CreateVikingdbIndex, except the collection."""


class Declared(Body, kw_only=True, rename="pascal", forbid_unknown_fields=True):
    """The members of CreateVikingdbCollection, with indexes and first rows."""

    indexes: list[Index] = msgspec.field(default_factory=list)
    rows: list[dict[str, Any]] = msgspec.field(default_factory=list)


class Plan(Struct, kw_only=True, rename="pascal", forbid_unknown_fields=True):
    """The contents of a file.

    Attributes:
        models: as the setting `models`, which takes precedence: name and encoder.
    """

    models: dict[str, str] = msgspec.field(default_factory=dict)
    collections: list[Declared] = msgspec.field(default_factory=list)


def provision(settings: ServerSettings) -> ServerSettings:
    """Creates what the file of the settings declares. Returns settings with its models.

    Raises:
        InvalidArgument: the file cannot be read, or a declaration is invalid. Collections before it were created.
    """
    path = settings.provision
    if path is None:
        return settings
    plan = _read(Path(path))
    given = {one.split("=", 1)[0] for one in settings.models}
    more = tuple(f"{name}={spec}" for name, spec in plan.models.items() if name not in given)
    settings = replace(settings, models=(*settings.models, *more))
    with connect(settings.path) as database:
        maker = _Provisioner(settings, database)
        for declared in plan.collections:
            try:
                maker.make(declared)
            except VicinalError as error:
                raise InvalidArgument(
                    f"collection {declared.collection_name!r:.80}: {error.message}",
                    name=error.name or "provision",
                    value=error.value,
                    place=path,
                    remedy=error.remedy,
                ) from error
    return settings


class _Provisioner:
    def __init__(self, settings: ServerSettings, database: Database) -> None:
        self._models = Models(settings)
        self._catalogue = Catalogue(database, self._models)
        self._control = ControlPlane(settings, self._catalogue, self._models)

    def make(self, declared: Declared) -> None:
        if declared.collection_name is None:
            raise InvalidArgument("it has no name", name="CollectionName", remedy="Give it a CollectionName.")
        entry = self._collection(declared)
        for index in declared.indexes:
            if index.index_name not in entry.indexes:
                of = {"collection_name": entry.name, "project_name": entry.project}
                self._control.create_index(msgspec.structs.replace(index, **of), None)
        if declared.rows and not entry.note.get(_WRITTEN):
            self._rows(entry, declared.rows)

    def _collection(self, declared: Declared) -> Entry:
        name, project = declared.collection_name, declared.project_name or declared.project or _PROJECT
        try:
            return self._catalogue.entry(name, None, project, None)
        except CollectionNotFound:
            self._control.create_collection(declared, None)
        return self._catalogue.entry(name, None, project, None)

    def _rows(self, entry: Entry, rows: list[dict[str, Any]]) -> None:
        """Writes rows if there are none. This is recorded, so that deleted rows do not reappear."""

        def work(docs: Any) -> None:
            if not docs.count():
                upsert(docs, entry.schema, Write(data=rows), self._models, _WRITTEN.encode())

        self._catalogue.use(entry, None, work)
        self._catalogue.change(entry, None, lambda _: {_WRITTEN: True})


def _read(path: Path) -> Plan:
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
        return msgspec.convert(found, Plan)
    except OSError as error:
        raise _wrong(path, f"the file cannot be read: {error.strerror}") from None
    except msgspec.ValidationError as error:
        raise _wrong(path, str(error)) from None
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise _wrong(path, f"the file is not {kind}: {error}") from None


def _wrong(path: Path, message: str) -> InvalidArgument:
    return InvalidArgument(
        message, name="provision", value=str(path), place=str(path), remedy="docs/vikingdb.md shows such a file."
    )
