"""The builder role: of all processes on a generation, one publishes indexes, compacts and clears up.

The role is SQLite's exclusive lock on `builder.db`, so it is released if its holder dies.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
import weakref
from collections.abc import Iterator

import apsw

from .connections import connect_file, open_hardened, translated
from .files import Files
from .filesystems import read_only_error
from .forking import building, sqlite_in_use
from .generation import generations

_RETRY_SECONDS = 0.01


class _OpenedByThread(threading.local):
    """Connections that this thread opened to hold roles, and has not closed or could not close."""

    def __init__(self) -> None:
        self.connections: set[weakref.ref[apsw.Connection]] = set()


_mine = _OpenedByThread()


@contextlib.contextmanager
def builder_role(files: Files, generation: str, wait_seconds: float = 0.0) -> Iterator[bool]:
    """Holds the role for the block; yields False if another process holds it for longer than `wait_seconds`."""
    path = os.path.join(generation, "builder.db")
    if files.read_only:
        raise read_only_error(generation)
    deadline = time.monotonic() + wait_seconds
    if not building.own.lock._is_owned():  # type: ignore[attr-defined]
        _close_left_behind()
    with building.own.lock, contextlib.ExitStack() as stack:
        with sqlite_in_use.own.lock, translated(path):
            connection = open_hardened(path, apsw.SQLITE_OPEN_READWRITE, files.vfs)
            _mine.connections.add(weakref.ref(connection, _mine.connections.discard))
        stack.callback(_close, connection, path)
        held = _lock(connection, path)
        while not held and time.monotonic() < deadline:
            time.sleep(_RETRY_SECONDS)
            held = _lock(connection, path)
        yield held


def _close_left_behind() -> None:
    """This thread holds no role: anything it has open was left by an interrupt, and a traceback may keep it alive."""
    for known in list(_mine.connections):
        connection = known()
        if connection is not None:
            connection.close()  # closing twice is harmless
        _mine.connections.discard(known)


def _lock(connection: apsw.Connection, path: str) -> bool:
    with sqlite_in_use.own.lock, translated(path):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except apsw.BusyError:
            return False
        return True


def _close(connection: apsw.Connection, path: str) -> None:
    with sqlite_in_use.own.lock, translated(path):
        connection.close()


def clear_up(files: Files, folder: str, in_force: str) -> bool:
    """Removes what no current generation needs; True if nothing is left to remove. Holds the role.

    Older generations are removed once no process has them open, oldest first: each points to the next. Newer ones are
    left over from a switch that did not commit. `new-*` can only belong to a builder that died.
    """
    for entry in files.list_folder(folder):
        if entry.startswith(("new-", "dead-")):
            files.remove_tree(os.path.join(folder, entry))
    names = generations(files, folder)
    for name in names[names.index(in_force) + 1 :]:
        _bury(files, folder, name)
    return all(_remove_superseded(files, folder, name) for name in names[: names.index(in_force)])


def is_unused(files: Files, generation: str) -> bool:
    """Whether no process has the records of a generation open: only then does SQLite delete its log."""
    path = os.path.join(generation, "records.db")
    with sqlite_in_use.own.lock, translated(path):
        connection = connect_file(path, files)
        try:
            return bool(connection.execute("PRAGMA journal_mode=DELETE").get == "delete")
        except apsw.BusyError:
            return False
        finally:
            connection.close()


def _remove_superseded(files: Files, folder: str, name: str) -> bool:
    if not is_unused(files, os.path.join(folder, name)):
        return False
    _bury(files, folder, name)
    return True


def _bury(files: Files, folder: str, name: str) -> None:
    """Renames the folder first, so that an interrupted removal leaves no partial generation to open."""
    grave = os.path.join(folder, f"dead-{name}-{secrets.token_hex(4)}")
    files.rename(os.path.join(folder, name), grave)
    files.sync_folder(folder)
    files.remove_tree(grave)
