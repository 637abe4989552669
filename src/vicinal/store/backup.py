"""A consistent copy of a generation, made during writes; snapshots are such copies kept beside it."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..errors import Damaged, InvalidArgument, NotFound, StoreError
from .connections import connect_file, translated
from .creation import create_builder, write_file
from .files import Files
from .folder_names import building_name, folder_name
from .forking import sqlite_in_use
from .generation import Generation
from .state import State, read_state
from .state_copy import STATE_COPY, state_copy

_log = logging.getLogger("vicinal.store")

SNAPSHOTS = "snapshots"
_ABOUT = "snapshot.json"
_COPY_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """The description in a snapshot's folder."""

    name: str
    created_at: datetime
    rows: int
    folder: str


class GenerationSwitched(Exception):
    """A switch superseded the generation before its copy began: copy the next one. Never seen by users."""


def copy_generation(files: Files, source: Generation, folder: str) -> State:
    """Copies `source`, as of one point in time, into a new folder, and syncs it. Returns the copied state.

    The records are copied first, in a single step (a stepwise copy starts over at every commit of another connection);
    then the vectors up to the slot that they name, which are written once and so cannot change.
    """
    files.make_folder(folder)
    path = os.path.join(folder, "records.db")
    connections = source.connections
    with sqlite_in_use.own.lock, translated(path):
        copy = connect_file(path, files, create=True)
        try:
            with (
                connections.turn,
                connections.reader() as connection,
                copy.backup("main", connection, "main") as backup,
            ):
                backup.step(-1)
            state = read_state(copy)
            if state.moved_to is not None:
                raise GenerationSwitched
        finally:
            copy.close()
    _copy_vectors(files, source, state, os.path.join(folder, "vectors.f32"))
    write_file(files, os.path.join(folder, STATE_COPY), state_copy(state))
    create_builder(files, folder)
    files.sync_folder(folder)
    return state


def back_up(files: Files, source: Generation, database: str) -> str:
    """Copies the collection into another database's folder; returns the folder of the copy."""
    final = os.path.join(database, folder_name(source.state.name))
    if files.exists(final):
        raise InvalidArgument(
            f"there is a collection {source.state.name!r} at the destination already",
            name="path",
            value=database,
            place=final,
            remedy="Choose an empty folder.",
        )
    files.make_folder(database)
    building = os.path.join(database, building_name())
    try:
        files.make_folder(building)
        write_file(files, os.path.join(building, "name"), source.state.name.encode())
        copy_generation(files, source, os.path.join(building, "g1"))
        files.sync_folder(building)
        _put_in_place(files, building, final)
    finally:
        if files.exists(building):
            files.remove_tree(building)
    return final


def take_snapshot(files: Files, collection: str, source: Generation, name: str) -> StoredSnapshot:
    """Stores a copy of the current generation under `name`. The caller holds the builder role."""
    final = os.path.join(collection, SNAPSHOTS, folder_name(name))
    if files.exists(final):
        raise InvalidArgument(
            f"there is a snapshot {name!r} already", name="name", value=name, remedy="Choose another name, or drop it."
        )
    files.make_folder(os.path.join(collection, SNAPSHOTS))
    building = os.path.join(collection, building_name())
    try:
        copy_generation(files, source, building)
        rows = _count_rows(files, building)
        about = {"name": name, "created_at": datetime.now(UTC).isoformat(), "rows": rows}
        write_file(files, os.path.join(building, _ABOUT), json.dumps(about).encode())
        files.sync_folder(building)
        _put_in_place(files, building, final)
    finally:
        if files.exists(building):
            files.remove_tree(building)
    files.sync_folder(collection)
    return read_about(files, final)


def list_snapshots(files: Files, collection: str) -> list[StoredSnapshot]:
    """All snapshots with a readable description, oldest first; `verify` names the others."""
    found = []
    for folder in snapshot_folders(files, collection):
        try:
            found.append(read_about(files, folder))
        except StoreError as error:
            _log.warning("a snapshot is skipped: %s", error)
    return sorted(found, key=lambda snapshot: snapshot.created_at)


def snapshot_folders(files: Files, collection: str) -> list[str]:
    """The folders of all snapshots, including damaged ones."""
    root = os.path.join(collection, SNAPSHOTS)
    return [os.path.join(root, entry) for entry in files.list_folder(root)] if files.exists(root) else []


def find_snapshot(files: Files, collection: str, name: str) -> StoredSnapshot:
    known = {snapshot.name: snapshot for snapshot in list_snapshots(files, collection)}
    if name not in known:
        raise NotFound(
            f"there is no snapshot {name!r}",
            name="name",
            value=name,
            remedy=f"Known are: {', '.join(sorted(known)) or 'none'}.",
        )
    return known[name]


def drop_snapshot(files: Files, collection: str, name: str) -> None:
    """Finds the snapshot by its folder, so even one whose description is damaged can be dropped."""
    folder = os.path.join(collection, SNAPSHOTS, folder_name(name))
    if not files.exists(folder):
        folder = find_snapshot(files, collection, name).folder  # raises an error that lists the existing ones
    bury_snapshot(files, collection, folder)


def bury_snapshot(files: Files, collection: str, folder: str) -> None:
    """Renames the folder first, so that an interrupted removal leaves no partial snapshot."""
    grave = os.path.join(collection, f"dead-{os.path.basename(folder)}-{building_name()[4:12]}")
    files.rename(folder, grave)
    files.sync_folder(os.path.join(collection, SNAPSHOTS))
    files.remove_tree(grave)


def _copy_vectors(files: Files, source: Generation, state: State, path: str) -> None:
    matrix = source.vectors.matrix(state.next_slot)
    file = files.create(path)
    try:
        if matrix.size:
            raw = matrix.data.cast("B")
            for start in range(0, len(raw), _COPY_BYTES):
                file.write_at(start, raw[start : start + _COPY_BYTES])
        file.sync()
    finally:
        file.close()


def _count_rows(files: Files, folder: str) -> int:
    path = os.path.join(folder, "records.db")
    with sqlite_in_use.own.lock, translated(path):
        connection = connect_file(path, files)
        try:
            return int(connection.execute("SELECT count(*) FROM rows").get)
        finally:
            connection.close()


def _put_in_place(files: Files, building: str, final: str) -> None:
    files.rename(building, final)
    files.sync_folder(os.path.dirname(final))


def read_about(files: Files, folder: str) -> StoredSnapshot:
    """The description in a snapshot's folder.

    Raises:
        Damaged: it cannot be read.
    """
    path = os.path.join(folder, _ABOUT)
    file = files.open(path)
    try:
        return _about(file.read_at(0, file.size()), folder)
    except Exception as error:  # any error that a parser may raise for damaged bytes
        raise Damaged(
            f"it does not say what the snapshot is: {type(error).__name__}: {error}",
            name="snapshot",
            place=path,
            remedy="Remove this snapshot's folder, or put its file back from a copy.",
        ) from error
    finally:
        file.close()


def _about(text: bytes, folder: str) -> StoredSnapshot:
    about: dict[str, Any] = json.loads(text)
    name, created_at, rows = about["name"], datetime.fromisoformat(about["created_at"]), about["rows"]
    if type(rows) is not int or created_at.tzinfo is None or folder_name(name) != os.path.basename(folder):
        raise ValueError(f"{name!r:.80} with {rows!r:.20} rows at {created_at} belongs to another folder, or is none")
    return StoredSnapshot(name, created_at, rows, folder)
