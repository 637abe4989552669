"""Dropping a collection, and reusing its name while others still have the old files open.

A drop is a commit like a switch: `moved_to = 'dropped'`. The folder is deleted when no process has it open any more;
until then, a marker excludes it from the list, and a new collection of that name begins as the next generation in the
same folder. `moved_to` is authoritative: the marker may be missing or left over after a kill, and is repaired when the
collection is next opened, listed or dropped.
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
    """Makes the commit that ends the collection. The caller holds the builder role."""
    clear_up(files, folder, generation.name)  # a leftover generation must not look like a new collection

    def end(connection: apsw.Connection) -> None:
        state = read_state(connection)
        if state.moved_to is None:
            update_state(connection, replace(state, moved_to=DROPPED))
            connection.execute("COMMIT")

    generation.connections.write(end, timeout, "full")
    if not files.exists(os.path.join(folder, MARKER)):
        write_file(files, os.path.join(folder, MARKER), b"")


def finish_drop(files: Files, folder: str) -> None:
    """Completes the drop of a collection if the process that dropped it died before writing the marker."""
    names = generations(files, folder) if files.exists(folder) else []
    if names and not is_dropped(files, folder) and _says_dropped(files, os.path.join(folder, names[-1])):
        write_file(files, os.path.join(folder, MARKER), b"")


def repair_marker(files: Files, folder: str) -> None:
    """Removes the marker of a recreated collection if the process that recreated it died before doing so."""
    names = generations(files, folder)
    if files.read_only or not names or not is_dropped(files, folder):
        return
    last = os.path.join(folder, names[-1])
    with builder_role(files, last) as held:  # otherwise another process is doing it
        if held and not _says_dropped(files, last) and is_dropped(files, folder):
            files.remove_file(os.path.join(folder, MARKER))


def is_dropped(files: Files, folder: str) -> bool:
    """Whether the collection in this folder was dropped and not recreated."""
    return files.exists(os.path.join(folder, MARKER))


def remove_if_dropped(files: Files, folder: str) -> bool:
    """Removes the folder of a dropped collection; False if it is not dropped, or a process has it open."""
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
            return _bury(files, folder)  # under the role, so that no process is reusing the name right now
    return _bury(files, folder)


def create_after_drop(files: Files, folder: str, state: State, timeout: float) -> None:
    """Creates the next generation in the folder of a dropped collection that others still have open."""
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
            return  # another process was faster
        if not _says_dropped(files, os.path.join(folder, last)):
            if is_dropped(files, folder):  # another process was faster, and died before the last step
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
    except StoreError:  # another process was faster, or this system does not allow renaming open folders
        return False
    database = os.path.dirname(folder)
    files.sync_folder(database)
    for entry in files.list_folder(database):  # including those that a killed process left
        if entry.startswith("dead-") and is_passing(entry):
            files.remove_tree(os.path.join(database, entry))
    return True
