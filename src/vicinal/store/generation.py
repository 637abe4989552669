"""A collection's folder: made whole and renamed into place, opened at the generation in force."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import apsw

from ..errors import CollectionDropped, CollectionNotFound, Damaged, StoreError
from .changes import CREATE_CHANGES
from .connections import Connections, translated
from .files import Files
from .rows import CREATE_ROWS
from .state import CREATE_STATE, State, insert_state, read_state
from .vectors import FileVectors, MemoryVectors, Vectors

DROPPED = "dropped"

_CREATE_KV = """
CREATE TABLE kv(
  owner TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (owner, key)
) STRICT, WITHOUT ROWID"""
_SLUG_CHARS_MAX = 40
_OPEN_TRIES_MAX = 10


@dataclass(slots=True)
class Generation:
    """Open files of one generation. `folder` is None in memory."""

    folder: str | None
    connections: Connections
    vectors: Vectors
    state: State

    def close(self) -> None:
        self.connections.close()
        self.vectors.close()


def folder_name(collection: str) -> str:
    """A folder name that any file system takes, different for different names."""
    slug = re.sub(r"[^a-z0-9_]+", "-", collection.lower()).strip("-")[:_SLUG_CHARS_MAX]
    digest = hashlib.blake2b(collection.encode(), digest_size=8).hexdigest()
    return f"{slug}-{digest}" if slug else digest


def collection_names(files: Files, database: str) -> list[str]:
    """Names of the collections in a database's folder, sorted."""
    names = []
    for entry in files.list_folder(database):
        path = os.path.join(database, entry, "name")
        if files.exists(path):
            name = _read_text(files, path)
            if folder_name(name) == entry:  # so new-*, dead-* and strangers' folders do not count
                names.append(name)
    return sorted(names)


def create(files: Files, database: str, state: State) -> None:
    """Makes the collection's folder, or leaves the one that another creator was first with."""
    files.make_folder(database)
    building = os.path.join(database, f"new-{secrets.token_hex(8)}")
    final = os.path.join(database, folder_name(state.name))
    try:
        _fill(files, building, state)
        files.rename(building, final)
    except OSError as error:
        if not files.exists(os.path.join(final, "name")):
            raise StoreError(
                f"the collection's folder cannot be put in place: {error}", name="collection", place=final
            ) from error
    finally:
        if files.exists(building):
            files.remove_tree(building)
    files.sync_folder(database)
    files.sync_folder(os.path.dirname(os.path.abspath(database)))


def create_in_memory(files: Files, state: State) -> Generation:
    connections = Connections(None, files)
    with connections.reader() as connection:
        _create_tables(connection, state)
    return Generation(None, connections, MemoryVectors(state.dimension), state)


def open_in_force(files: Files, folder: str, *, after: str | None = None) -> Generation:
    """Opens the generation that writes go to now.

    Args:
        folder: the collection's folder.
        after: a generation known to be superseded, to be passed over.
    """
    for _ in range(_OPEN_TRIES_MAX):  # a switch may remove what we have just listed
        name = _first_generation(files, folder, after)
        while name is not None:
            generation = _try_open(files, os.path.join(folder, name))
            if generation is None:
                break
            name = generation.state.moved_to
            if name is None:
                return generation
            generation.close()
            if name == DROPPED:
                raise CollectionDropped("the collection was dropped", name="collection", place=folder)
    raise Damaged(
        "no generation of the collection can be opened",
        name="collection",
        place=folder,
        remedy="Restore a backup, or remove the folder if the collection is not needed.",
    )


def _first_generation(files: Files, folder: str, after: str | None) -> str | None:
    if not files.exists(folder):
        raise CollectionNotFound("the collection's folder is gone", name="collection", place=folder)
    numbers = [int(entry[1:]) for entry in files.list_folder(folder) if re.fullmatch(r"g[0-9]+", entry)]
    floor = int(after[1:]) if after else -1
    later = [number for number in numbers if number > floor]
    return f"g{min(later)}" if later else None


def _try_open(files: Files, folder: str) -> Generation | None:
    """None where the folder vanished under us."""
    connections = Connections(os.path.join(folder, "records.db"), files)
    try:
        with connections.read_transaction() as connection:
            state = read_state(connection)
        file = files.open(os.path.join(folder, "vectors.f32"))
    except StoreError:
        connections.close()
        if not files.exists(folder):
            return None
        raise
    return Generation(folder, connections, FileVectors(file, state.dimension, files.maps_past_end), state)


def _fill(files: Files, building: str, state: State) -> None:
    first = os.path.join(building, "g1")
    files.make_folder(first)
    _write_file(files, os.path.join(building, "name"), state.name.encode())
    _write_file(files, os.path.join(first, "vectors.f32"), b"")
    with _new_database(files, os.path.join(first, "records.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        _create_tables(connection, state)
    with _new_database(files, os.path.join(first, "builder.db")) as connection:
        connection.execute("PRAGMA user_version=1")  # makes the file: opening never does
    files.sync_folder(first)
    files.sync_folder(building)


def _create_tables(connection: apsw.Connection, state: State) -> None:
    with connection:
        for statement in (CREATE_STATE, CREATE_ROWS, CREATE_CHANGES, _CREATE_KV):
            connection.execute(statement)
        insert_state(connection, state)


@contextlib.contextmanager
def _new_database(files: Files, path: str) -> Iterator[apsw.Connection]:
    with translated(path):
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        connection = apsw.Connection(path, flags=flags, vfs=files.vfs)
        try:
            yield connection
        finally:
            connection.close()


def _write_file(files: Files, path: str, data: bytes) -> None:
    file = files.create(path)
    try:
        file.write_at(0, data)
        file.sync()
    finally:
        file.close()


def _read_text(files: Files, path: str) -> str:
    file = files.open(path)
    try:
        return file.read_at(0, file.size()).decode(errors="replace")
    finally:
        file.close()
