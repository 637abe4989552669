"""An SQLite file beside the records that may be lost at any time: a cache, a log."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable
from typing import TypeVar

import apsw

from ..errors import DiskFull, StoreError, WriterBusy
from ..locks import new_lock
from .connections import connect_file, translated
from .files import Files
from .forking import sqlite_in_use

__all__ = ["SideFile"]

T = TypeVar("T")

_BUSY_MILLISECONDS = 2000
_SUSPEND_WAIT_SECONDS = 2.0


class SideFile:
    """Opened on first use, and again after a fork. Several processes may share it. Thread-safe.

    It is written without waiting for the disk, and what is deleted in it is overwritten.

    Args:
        path: the file; created if missing.
        create: statements that create its tables if missing.
    """

    def __init__(self, path: str, files: Files, create: str) -> None:
        self._path = path
        self._files = files
        self._create = create
        self._lock = new_lock()
        self._connection: apsw.Connection | None = None
        _all.add(self)

    def use(self, work: Callable[[apsw.Connection], T]) -> T:
        """Runs `work` with the file open; see `Connections.write`.

        Raises:
            StoreError: it cannot be opened, or `work` fails on it.
        """
        with sqlite_in_use.own.lock, self._lock, translated(self._path):
            if self._connection is None:
                self._connection = self._open()
            return work(self._connection)

    def erase(self, delete: str) -> None:
        """Runs statements that delete rows, and leaves none of their bytes behind. A damaged file is deleted.

        Raises:
            StoreError: another process is using it, or it cannot be removed.
        """

        def erase(connection: apsw.Connection) -> None:
            with connection:
                connection.execute(delete)
            connection.execute("VACUUM")
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

        try:
            self.use(erase)
        except (WriterBusy, DiskFull):
            raise
        except StoreError:
            self.remove()

    def remove(self) -> None:
        """Deletes the file, or whatever is in its place; the next call creates it again.

        Raises:
            StoreError: it cannot be deleted.
        """
        with sqlite_in_use.own.lock, self._lock, translated(self._path):
            with contextlib.suppress(apsw.Error):  # raised for a damaged file
                self._close()
            self._connection = None
            for path in (self._path, f"{self._path}-wal", f"{self._path}-shm"):
                if os.path.isdir(path):
                    self._files.remove_tree(path)
                elif self._files.exists(path):
                    self._files.remove_file(path)

    def close(self) -> None:
        with sqlite_in_use.own.lock, self._lock, translated(self._path):
            self._close()

    def suspend(self) -> None:
        """Closes the file until the next call, before a fork."""
        if self._lock.acquire(timeout=_SUSPEND_WAIT_SECONDS):
            try:
                self._close()
            finally:
                self._lock.release()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> apsw.Connection:
        connection = connect_file(self._path, self._files, create=True)
        connection.set_busy_timeout(_BUSY_MILLISECONDS)
        connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA secure_delete=ON")
        connection.execute(self._create)
        return connection


_all: weakref.WeakSet[SideFile] = weakref.WeakSet()


def _suspend_all(_at_rest: bool) -> None:
    for file in list(_all):
        file.suspend()


sqlite_in_use.when_at_rest(_suspend_all)
