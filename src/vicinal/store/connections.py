"""Connections to `records.db`: one writer, a pool of a few readers, and their waiting times."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar
from urllib.parse import quote

import apsw

from ..contract import Durability
from ..deadline import check_deadline, time_left
from ..errors import Damaged, DiskFull, StoreError, WriterBusy
from ..locks import new_rlock
from .files import Files
from .filesystems import read_only_error
from .forking import sqlite_in_use
from .lock_holders import holder_of

T = TypeVar("T")

_READERS_KEPT = 4
_SUSPEND_WAIT_SECONDS = 10.0  # a fork waits for the single connection
_PAGE_BYTES = 4096
_RETRY_SECONDS = 0.001  # with SQLite's own backoff, one of eight writers got in once while another got in 6,551 times
_EXCLUSIVE_WAIT_SECONDS = 1.0  # until a process with exclusive access has closed the files
_READ_TRIES_MAX = 30_000  # readers only wait for recovery and for the log's reset, both short

_OF_USE = re.compile(r"\b(?:transaction|savepoint)\b")  # in SQLite messages about a connection's state

_HARDENED = (
    (apsw.SQLITE_DBCONFIG_DEFENSIVE, 1),
    (apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
    (apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0),
)
_SYNCHRONOUS: dict[Durability, str] = {"full": "FULL", "process": "NORMAL"}


class translated:  # reads like contextlib's context managers; a generator would make each call slower
    """Translates SQLite's errors to errors of Vicinal that name the file. Stateless, so it is safe from interrupts."""

    __slots__ = ("_place",)

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if error is not None:
            _raise_translated(error, self._place)


def _raise_translated(error: BaseException, place: str) -> None:
    """Does nothing if it is not an SQLite error."""
    ours = _translation(error, place)
    if ours is not None:
        raise ours from error


def _translation(error: BaseException, place: str) -> StoreError | None:
    """The translation of an SQLite error; None for any other."""
    if isinstance(error, (apsw.FullError, apsw.IOError)):
        no_shared_memory = getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_SHMSIZE  # which is a file too
        if isinstance(error, apsw.IOError) and not no_shared_memory:
            return StoreError(f"SQLite reports: {error}", name="records", place=place)
        return DiskFull(
            "no space left on the disk", name="disk", place=place, remedy="Free space and try again; nothing changed."
        )
    if _says_damage(error):
        return Damaged(
            f"SQLite reports: {error}",
            name="records",
            place=place,
            remedy="Run verify() to see what is damaged, repair() to keep the rest, or restore a backup.",
        )
    if isinstance(error, apsw.BusyError):
        return WriterBusy(
            "another process or handle has the files to itself",
            name="records",
            place=place,
            remedy="Close it there: exclusive=True is for one process alone.",
        )
    if isinstance(error, apsw.CantOpenError):
        return StoreError(
            "the records cannot be opened",
            name="records",
            place=place,
            remedy="Check that the folder is there and that you may read and write it.",
        )
    return (
        StoreError(f"SQLite reports: {error}", name="records", place=place) if isinstance(error, apsw.Error) else None
    )


def _says_damage(error: BaseException) -> bool:
    """Whether the error is about the bytes in the file, and not about the use of a connection."""
    if isinstance(error, apsw.SQLError):
        # Our statements are fixed, so if they fail, the tables are not what we created.
        return not _OF_USE.search(str(error))
    return isinstance(error, (apsw.CorruptError, apsw.NotADBError, UnicodeDecodeError))


class Connections:
    """All connections of one generation in one process.

    If `path` is None, it is a private database in memory. There, and if `files` are exclusive, reader and writer are
    the same connection, and one lock serves both.

    Args:
        secure_delete: whether deleted rows are overwritten.
    """

    def __init__(self, path: str | None, files: Files, *, secure_delete: bool = False) -> None:
        self._path = path
        self._files = files
        self.lock = new_rlock()
        self.is_one = path is None or files.exclusive
        self._secure_delete = secure_delete
        self._idle: list[apsw.Connection] = []
        self._readers: set[weakref.ref[apsw.Connection]] = set()  # all open ones, idle or not
        self._closed = False
        self._write_lock = self.lock if self.is_one else new_rlock()
        self._is_writing = False
        self._deadline = 0.0
        self._writer: apsw.Connection | None = None
        self._synchronous = ""
        self.place = path or ":memory:"
        self.log_bytes = 0  # size of SQLite's log after our last commit
        self.checkpoint_at = 0  # after a failed attempt: not before the log is this long
        _all.add(self)

    @property
    def turn(self) -> threading.RLock:
        """The lock held by every user of a connection, taken by a `with` in C: forks wait for it.

        If there is a single connection, it is the lock of that connection.
        """
        return self.lock if self.is_one else sqlite_in_use.own.lock

    def reader(self) -> LentReader:
        """A connection for the duration of one call: `with connections.turn, connections.reader() as connection`.

        To hold one moment until the block ends, add `connection` itself as the last item of that `with`.
        """
        return LentReader(self)

    def first(self, sql: str) -> tuple[Any, ...] | None:
        """The first row found by a statement: for the single statement at the beginning of every call.

        It is equivalent to `reader` in a single function, whose calls would take longer than SQLite does.
        """
        with self.lock if self.is_one else sqlite_in_use.own.lock:
            try:
                connection = self.lend()
                try:
                    return connection.execute(sql).fetchone()
                finally:
                    if not self.is_one:
                        self.take_back(connection)
            except (apsw.Error, UnicodeDecodeError) as error:
                _raise_translated(error, self.place)
                raise

    def lend(self) -> apsw.Connection:
        """For `LentReader`, which returns it. If an interrupt prevents that, the last reference to it closes it."""
        if self.is_one:
            return self._open_writer(None)
        try:
            return self._idle.pop()
        except IndexError:
            pass
        connection = self._connect(_wait_by_count)
        self._readers.add(weakref.ref(connection, self._readers.discard))
        return connection

    def take_back(self, connection: apsw.Connection) -> None:
        if self.is_one:
            return
        with self.lock:
            if not self._closed and len(self._idle) < _READERS_KEPT and _is_at_rest(connection):
                self._idle.append(connection)
                return
        connection.close()

    def write(self, work: Callable[[apsw.Connection], T], timeout: float, durability: Durability) -> T:
        """Runs `work` with the writer inside `BEGIN IMMEDIATE`; rolls back what it leaves open.

        A function instead of a `with` block, so that no interrupt can come between taking the lock and noting it.

        Raises:
            WriterBusy: the lock was not available within `timeout` seconds.
            Unsupported: the files are read-only.
        """
        if self._files.read_only:
            raise read_only_error(self.place)
        timeout = time_left(timeout)
        deadline = time.monotonic() + timeout
        wait = max(0.0, min(timeout, threading.TIMEOUT_MAX))
        taken: list[bool] = []
        outermost = False
        try:
            # Writers of this process queue here, those of others in SQLite's busy handler: one deadline for both.
            taken.extend(map(self._write_lock.acquire, (True,), (wait,)))  # one call into C acquires and notes it
            if not taken[0]:
                check_deadline()
                raise _busy(self.place, timeout)
            if self._is_writing:
                raise _inside_write(self.place)
            self._is_writing = outermost = True
            with self.turn, translated(self.place):
                self._deadline = deadline
                return self._in_transaction(work, timeout, durability)
        finally:
            if outermost:
                self._is_writing = False
            if taken and taken[0]:
                self._write_lock.release()

    def _in_transaction(self, work: Callable[[apsw.Connection], T], timeout: float, durability: Durability) -> T:
        connection = self._open_writer(durability)
        try:
            if connection.in_transaction:  # something kept the last writer from ending it
                connection.execute("ROLLBACK")
            self._begin(connection, timeout)
            return work(connection)
        finally:
            # The first call is SQLite's own, so an interrupt can only come after it.
            if self._writer is connection and connection.in_transaction:
                connection.execute("ROLLBACK")
            if self._writer is connection and not _is_at_rest(connection):
                self.reopen_writer()

    def reopen_writer(self) -> None:
        """Discards the writer's connection, whose transaction may be in an unknown state."""
        if self._path is not None and self._writer is not None:
            broken, self._writer = self._writer, None
            self._synchronous = ""
            with contextlib.suppress(apsw.Error):
                broken.close()

    def checkpoint(self, wait_seconds: float) -> None:
        """Empties SQLite's log, waiting at most `wait_seconds` for other connections.

        Raises:
            apsw.Error: another connection is reading from it.
        """
        with self._write_lock, self.turn:
            self._deadline = time.monotonic() + wait_seconds
            with translated(self.place):
                connection = self._open_writer(None)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        with self._write_lock, self.turn, translated(self.place), self.lock:
            self._closed = True
            for connection in [*self._idle, self._writer]:
                if connection is not None:
                    connection.close()
            self._idle, self._writer = [], None

    def _begin(self, connection: apsw.Connection, timeout: float) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            check_deadline()
            raise _busy(self.place, timeout) from error
        check_deadline()  # if it passed while waiting, nothing is written

    def _open_writer(self, durability: Durability | None) -> apsw.Connection:
        if self._writer is None:
            if self.is_one:
                self._deadline = max(self._deadline, time.monotonic() + _EXCLUSIVE_WAIT_SECONDS)
            self._writer = self._connect(self._wait_by_deadline)
            self._writer.set_wal_hook(self._note_log_pages)
        if durability is not None and _SYNCHRONOUS[durability] != self._synchronous:
            self._writer.execute(f"PRAGMA synchronous={_SYNCHRONOUS[durability]}")
            self._synchronous = _SYNCHRONOUS[durability]
        return self._writer

    def suspend(self, at_rest: bool) -> bool:
        """Closes all connections, to be reopened when needed; False if one is in use, which stays open.

        Args:
            at_rest: no other thread is using one, so any that is not idle was left behind by an interrupt, or belongs
                to this thread.
        """
        if self._path is None:
            return True
        if not self.lock.acquire(timeout=_SUSPEND_WAIT_SECONDS):
            return False
        try:
            for connection in self._idle:
                connection.close()
            self._idle = []
            for connection in filter(_is_open, [known() for known in list(self._readers)] if at_rest else []):
                if _is_at_rest(connection):
                    connection.close()
            if self._writer is not None and not self._writer.in_transaction:
                self._writer.close()
                self._writer, self._synchronous = None, ""
            return self._writer is None and not any(_is_open(known()) for known in list(self._readers))
        finally:
            self.lock.release()

    def _wait_by_deadline(self, _tries: int) -> bool:
        return time.monotonic() < self._deadline and _pause()

    def _note_log_pages(self, connection: apsw.Connection, _database: str, pages: int) -> int:
        self.log_bytes = pages * _PAGE_BYTES
        return apsw.SQLITE_OK

    def _connect(self, wait: Callable[[int], bool]) -> apsw.Connection:
        if self._path is None:
            return apsw.Connection(":memory:")
        if self._path in _torn:
            raise StoreError(
                "this process was forked while another thread was using the collection",
                name="fork",
                place=self.place,
                remedy="Fork when no other thread is writing, or use the spawn start method.",
            )
        if self._files.read_only:
            return _connect_read_only(self._path, self._files)
        connection = connect_file(self._path, self._files)
        connection.set_busy_handler(wait)
        connection.execute("PRAGMA wal_autocheckpoint=0")  # our own checkpoint syncs the vectors first
        if self._files.vfs is None:
            connection.execute("PRAGMA fullfsync=1")  # only has an effect on macOS
        if self._secure_delete:
            connection.execute("PRAGMA secure_delete=ON")
        return connection


class LentReader:
    """A reading connection in a `with` block. A class for speed, because every search needs one or two."""

    __slots__ = ("_connection", "_connections")

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def __enter__(self) -> apsw.Connection:
        try:
            self._connection = self._connections.lend()
        except BaseException as error:
            _raise_translated(error, self._connections.place)
            raise
        return self._connection

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        try:
            self._connections.take_back(self._connection)
        finally:
            if error is not None:
                _raise_translated(error, self._connections.place)


def connect_file(path: str, files: Files, *, create: bool = False) -> apsw.Connection:
    """A connection to an SQLite file, opened in the same mode as the database."""
    flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if create else 0)
    connection = open_hardened(path, flags, files.vfs)
    if files.exclusive:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # before the first access, so that no memory is shared
    return connection


def _connect_read_only(path: str, files: Files) -> apsw.Connection:
    """Only for a collection that was closed cleanly: SQLite would silently ignore a log."""
    if files.exists(f"{path}-wal"):
        raise StoreError(
            "the collection was not closed: its log is there, which cannot be read where nothing can be written",
            name="records",
            place=f"{path}-wal",
            remedy="Open and close it once where it can be written, or copy its folder to such a place.",
        )
    uri = f"file:{quote(path)}?immutable=1"
    return open_hardened(uri, apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI, files.vfs)


def open_hardened(path: str, flags: int, vfs: str | None) -> apsw.Connection:
    """A connection that executes nothing from the file itself: no trigger, no view, no function in its schema.

    As sqlite.org/security.html recommends for files of unknown origin.
    """
    connection = apsw.Connection(path, flags=flags, vfs=vfs)
    for option, value in _HARDENED:
        connection.config(option, value)
    return connection


def _is_at_rest(connection: apsw.Connection) -> bool:
    """False if a statement was left half read: its cursor may be alive in a traceback, and pins its snapshot."""
    return connection.txn_state() == apsw.SQLITE_TXN_NONE


def _is_open(connection: apsw.Connection | None) -> TypeGuard[apsw.Connection]:
    try:
        return connection is not None and connection.filename is not None
    except apsw.ConnectionClosedError:
        return False


def _wait_by_count(tries: int) -> bool:
    return tries < _READ_TRIES_MAX and _pause()


def _pause() -> bool:
    """Retry after 1 ms, so that every writer gets a turn."""
    time.sleep(_RETRY_SECONDS)
    return True


def _busy(place: str, timeout: float) -> WriterBusy:
    return WriterBusy(
        f"another writer held the collection during the whole timeout of {timeout:g} s{_holder(place)}",
        name="timeout",
        value=timeout,
        place=place,
        remedy="Raise `timeout=`, or find the process that writes without pause.",
    )


def _inside_write(place: str) -> StoreError:
    return StoreError(
        "this thread is in the middle of a write to this collection",
        name="write",
        place=place,
        remedy="Do not write from a signal handler or a destructor, which may run at any moment.",
    )


def _holder(place: str) -> str:
    holder = holder_of(f"{place}-shm")  # where a WAL database has its write lock
    return f" (now: {holder})" if holder else ""


_all: weakref.WeakSet[Connections] = weakref.WeakSet()
_in_use_at_fork: set[str] = set()
_torn: set[str] = set()  # in a child: paths of connections that it inherited while they were open


def _suspend_all(at_rest: bool) -> None:
    _in_use_at_fork.clear()
    _in_use_at_fork.update(connections.place for connections in list(_all) if not connections.suspend(at_rest))


sqlite_in_use.when_at_rest(_suspend_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _torn.update(_in_use_at_fork))
