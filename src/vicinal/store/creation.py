"""Creation of collections: built in a temporary folder, then renamed into place."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import apsw

from ..errors import StoreError
from .connections import Connections, connect_file, translated
from .files import Files, Identity
from .folder_names import building_name, folder_name
from .forking import sqlite_in_use
from .generation import Generation, generations
from .schema import SCHEMA
from .state import State, insert_state
from .state_copy import STATE_COPY, state_copy
from .vectors import MemoryVectors

_anchored: set[tuple[str, Identity | None]] = set()  # folders of databases


def create_collection(files: Files, database: str, state: State) -> None:
    """Creates the collection's folder, unless another creator was faster.

    It is not needed before the rename, so each file and folder is synced once, when it is complete.
    """
    files.make_folder(database)
    building = os.path.join(database, building_name())
    final = os.path.join(database, folder_name(state.name))
    try:
        files.make_folder(building, sync=False)
        write_file(files, os.path.join(building, "name"), state.name.encode())
        create_generation(files, os.path.join(building, "g1"), state)
        files.sync_folder(building)
        files.rename(building, final)
    except StoreError:
        if not is_made(files, final):
            raise  # otherwise another creator was faster
    finally:
        if files.exists(building):
            files.remove_tree(building)
    files.sync_folder(database)
    _anchor(files, database)


def _anchor(files: Files, database: str) -> None:
    """Makes the database's folder survive power loss, which its creator may not have ensured yet."""
    path = os.path.abspath(database)
    place = path, files.identity(path)
    if place not in _anchored:
        files.sync_folder(os.path.dirname(path))
        _anchored.add(place)


def is_made(files: Files, folder: str) -> bool:
    """Whether a collection was created in the folder, whose `name` may have been lost since."""
    if files.exists(os.path.join(folder, "name")):
        return True
    return files.exists(folder) and bool(generations(files, folder))


def create_generation(files: Files, folder: str, state: State) -> None:
    """Creates an empty generation: its files and its folder are synced, and nothing is left open.

    The caller syncs the parent folder.
    """
    files.make_folder(folder, sync=False)
    write_file(files, os.path.join(folder, "vectors.f32"), b"")
    with _new_database(files, os.path.join(folder, "records.db")) as connection:
        _create_tables(connection, state)
        connection.execute("PRAGMA journal_mode=WAL")
    write_file(files, os.path.join(folder, STATE_COPY), state_copy(state))
    create_builder(files, folder)
    files.sync_folder(folder)


def create_builder(files: Files, folder: str) -> None:
    """Creates the file whose lock is the builder role."""
    with _new_database(files, os.path.join(folder, "builder.db")) as connection:
        connection.execute("PRAGMA user_version=1")  # creates the file, which opening never does


def create_in_memory(files: Files, state: State) -> Generation:
    connections = Connections(None, files)
    with connections.turn, connections.reader() as connection:
        _create_tables(connection, state)
    return Generation(None, connections, MemoryVectors(state.dimension), state)


def _create_tables(connection: apsw.Connection, state: State) -> None:
    with connection:
        for statement in SCHEMA:
            connection.execute(statement)
        insert_state(connection, state)


@contextlib.contextmanager
def _new_database(files: Files, path: str) -> Iterator[apsw.Connection]:
    """Synced once, at the end: an interrupted creation is never opened again."""
    with sqlite_in_use.own.lock, translated(path):
        connection = connect_file(path, files, create=True)
        try:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA journal_mode=OFF")
            yield connection
        finally:
            connection.close()
    file = files.open(path)
    try:
        file.sync()
    finally:
        file.close()


def write_file(files: Files, path: str, data: bytes) -> None:
    """Writes a new file and syncs it; the caller syncs its folder."""
    file = files.create(path)
    try:
        file.write_at(0, data)
        file.sync()
    finally:
        file.close()
