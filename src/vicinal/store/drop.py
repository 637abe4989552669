"""Dropping a collection, and taking its name again while others still hold the old files.

A drop is a commit like a switch: `moved_to = 'dropped'`. The folder goes when nobody has it open any more;
until then a marker keeps it out of the list, and a new collection of that name begins as the next
generation in the same folder. `moved_to` is the truth: the marker may be missing or left over after a kill,
and is repaired when the collection is next opened, listed or dropped.
"""

from __future__ import annotations

import os
from dataclasses import replace

import apsw

from ..errors import StoreError, WriterBusy
from .builder import builder_role, clear_up, is_unused
from .connections import Connections
from .creation import create_generation, write_file
from .files import Files
from .folder_names import building_name, grave_name, is_passing
from .generation import DROPPED, Generation, generations, next_name
from .state import State, read_state, update_state

MARKER = "dropped"


def drop_generation(files: Files, folder: str, generation: Generation, timeout: float) -> None:
    """The commit that ends the collection. The caller holds the builder role."""
    clear_up(files, folder, generation.name)  # an orphan must not pass for a new collection

    def end(connection: apsw.Connection) -> None:
        state = read_state(connection)
        if state.moved_to is None:
            update_state(connection, replace(state, moved_to=DROPPED))
            connection.execute("COMMIT")

    generation.connections.write(end, timeout, "full")
    if not files.exists(os.path.join(folder, MARKER)):
        write_file(files, os.path.join(folder, MARKER), b"")


def finish_drop(files: Files, folder: str) -> None:
    """Where a collection was dropped, and whoever did it died before it could say so beside the files."""
    names = generations(files, folder) if files.exists(folder) else []
    if names and not is_dropped(files, folder) and _says_dropped(files, os.path.join(folder, names[-1])):
        write_file(files, os.path.join(folder, MARKER), b"")


def repair_marker(files: Files, folder: str) -> None:
    """Removes the marker of a collection that was recreated, where whoever made it died before it could."""
    names = generations(files, folder)
    if files.read_only or not names or not is_dropped(files, folder):
        return
    last = os.path.join(folder, names[-1])
    with builder_role(files, last) as held:  # else somebody is at it
        if held and not _says_dropped(files, last) and is_dropped(files, folder):
            files.remove_file(os.path.join(folder, MARKER))


def is_dropped(files: Files, folder: str) -> bool:
    """Whether the collection in this folder was dropped and not recreated."""
    return files.exists(os.path.join(folder, MARKER))


def remove_if_dropped(files: Files, folder: str) -> bool:
    """Removes the folder of a dropped collection; False where it is not dropped, or a process has it open."""
    if not is_dropped(files, folder):
        return False
    names = generations(files, folder)
    if names:
        last = os.path.join(folder, names[-1])
        with builder_role(files, last) as held:
            if not held or not _says_dropped(files, last):
                return False
            if not all(is_unused(files, os.path.join(folder, name)) for name in names):
                return False
            return _bury(files, folder)  # under the role, so that nobody is just taking the name again
    return _bury(files, folder)


def create_after_drop(files: Files, folder: str, state: State, timeout: float) -> None:
    """Makes the next generation in the folder of a dropped collection that others still have open."""
    last = generations(files, folder)[-1]
    with builder_role(files, os.path.join(folder, last), timeout) as held:
        if not held:
            raise WriterBusy(
                "another process is making or removing this collection",
                name="timeout",
                value=timeout,
                place=folder,
                remedy="Try again.",
            )
        if generations(files, folder)[-1] != last:
            return  # somebody was first
        if not _says_dropped(files, os.path.join(folder, last)):
            if is_dropped(files, folder):  # somebody was first, and died before the last step
                files.remove_file(os.path.join(folder, MARKER))
            return
        building = os.path.join(folder, building_name())
        create_generation(files, building, state)
        files.rename(building, os.path.join(folder, next_name(last)))
        files.remove_file(os.path.join(folder, MARKER))
        files.sync_folder(folder)


def _says_dropped(files: Files, generation: str) -> bool:
    connections = Connections(os.path.join(generation, "records.db"), files)
    try:
        with connections.turn, connections.reader() as connection:
            return read_state(connection).moved_to == DROPPED
    finally:
        connections.close()


def _bury(files: Files, folder: str) -> bool:
    grave = os.path.join(os.path.dirname(folder), grave_name())
    try:
        files.rename(folder, grave)
    except StoreError:  # another process was first, or this system keeps open folders where they are
        return False
    database = os.path.dirname(folder)
    files.sync_folder(database)
    for entry in files.list_folder(database):  # with those that a kill left
        if entry.startswith("dead-") and is_passing(entry):
            files.remove_tree(os.path.join(database, entry))
    return True
