"""The query log: opt-in, bounded, stored beside the records of a collection and never part of them.

Searches leave their entries in memory; a housekeeping thread writes them, so that no search waits for a file. Only
entries not yet written are lost when a process is killed. The file also stores whether logging is on: if so, every
process that opens the collection logs.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import apsw

from ..errors import Damaged, DiskFull, StoreError, Unsupported, VicinalError, WriterBusy
from ..logged_query import LoggedQuery
from .files import Files
from .side_file import SideFile

__all__ = ["FILE_NAME", "LogSettings", "QueryLog"]

_log = logging.getLogger("vicinal.store")

FILE_NAME: Final = "query-log.db"

_WAITING_MAX: Final = 10_000  # entries not yet written by the thread
_CREATE: Final = """
CREATE TABLE IF NOT EXISTS settings(
  one INTEGER PRIMARY KEY CHECK (one = 1), keep INTEGER NOT NULL, slower_than REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS queries(
  number INTEGER PRIMARY KEY, at REAL NOT NULL, call TEXT NOT NULL, seconds REAL NOT NULL, mode TEXT NOT NULL,
  k INTEGER, query TEXT NOT NULL, filter TEXT NOT NULL, hits INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS queries_by_seconds ON queries(seconds);
"""
_REMEDY: Final = "log_queries() begins a new one and purge() erases it"
_COLUMNS: Final = "at, call, seconds, mode, k, query, filter, hits"


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What is logged.

    Attributes:
        keep: the number of entries to keep; older ones are removed.
        slower_than: only searches that take at least this many seconds are logged.
    """

    keep: int
    slower_than: float


class QueryLog:
    """The log of one collection. Thread-safe.

    Args:
        folder: the collection's folder; None for a collection in memory, whose log is in memory too.

    Attributes:
        settings: None if nothing is logged.
    """

    def __init__(self, files: Files, folder: str | None) -> None:
        self.settings: LogSettings | None = None
        self._files = files
        self._path = None if folder is None else os.path.join(folder, FILE_NAME)
        self._file = None if self._path is None else SideFile(self._path, files, _CREATE)
        self._waiting: deque[LoggedQuery] = deque(maxlen=_WAITING_MAX)  # in memory, this holds all entries

    def look(self) -> None:
        """Reads from the file whether searches are logged. Most collections have no log file."""
        if self._file is None or self._path is None or self._files.read_only or not self._files.exists(self._path):
            return
        try:
            found = self._file.use(lambda connection: connection.execute("SELECT keep, slower_than FROM settings").get)
        except VicinalError as error:
            _log.warning("the log of searches cannot be read, %s: %s", _REMEDY, error)
            return
        self.settings = None if found is None else LogSettings(*found)

    def switch(self, settings: LogSettings | None) -> None:
        """Starts or stops logging; existing entries are kept, if the file is readable.

        Raises:
            Unsupported: the medium is read-only.
            StoreError: the file cannot be written, and a new one cannot be created.
        """
        if self._files.read_only and self._path is not None:
            raise Unsupported("searches cannot be logged on a read-only medium", name="log_queries", place=self._path)
        if self._file is not None:
            self.flush()
            try:
                self._remember(settings)
            except (WriterBusy, DiskFull):
                raise
            except StoreError:  # it is damaged, so its setting is not valid
                self._file.remove()
                self._remember(settings)
        elif settings is not None:
            self._waiting = deque(self._waiting, maxlen=settings.keep)
        self.settings = settings

    def note(self, entry: LoggedQuery) -> None:
        """Records a search, if it is slow enough."""
        settings = self.settings
        if settings is not None and entry.seconds >= settings.slower_than:
            self._waiting.append(entry)

    def flush(self) -> None:
        """Writes waiting entries; those that cannot be written are lost, and reported in the program's log."""
        if self._file is None or not self._waiting:
            return
        rows = []
        while self._waiting:
            rows.append(_row(self._waiting.popleft()))
        keep = _WAITING_MAX if self.settings is None else self.settings.keep
        try:
            self._file.use(lambda connection: _append(connection, rows, keep))
        except VicinalError as error:
            _log.warning("%d entries of the log of searches are lost: %s", len(rows), error)

    def newest(self, count: int) -> list[LoggedQuery]:
        """The newest entries, newest first."""
        return self._ordered("number DESC", count)

    def slowest(self, count: int) -> list[LoggedQuery]:
        """The slowest entries, slowest first; ties by newest."""
        return self._ordered("seconds DESC, number DESC", count)

    def erase(self) -> None:
        """Erases all entries, including their bytes; a damaged file is deleted. Logging continues if it is on.

        Raises:
            StoreError: another process is using the file, or it cannot be removed.
        """
        self._waiting.clear()
        if self._file is not None and self._path is not None and self._files.exists(self._path):
            self._file.erase("DELETE FROM queries")
            if self.settings is not None:
                self._remember(self.settings)

    def remove(self) -> None:
        """Stops logging for good, and deletes the file."""
        self.settings = None
        self._waiting.clear()
        if self._file is None or self._path is None:
            return
        with contextlib.suppress(VicinalError):
            self._file.remove()

    def close(self) -> None:
        """Writes waiting entries and closes the file."""
        self.flush()
        if self._file is not None:
            self._file.close()

    def _ordered(self, order: str, count: int) -> list[LoggedQuery]:
        if self._file is None or self._path is None:
            found = list(self._waiting)[::-1]
            return (sorted(found, key=lambda one: -one.seconds) if order.startswith("seconds") else found)[:count]
        self.flush()
        if not self._files.exists(self._path):
            return []
        ask = f"SELECT {_COLUMNS} FROM queries ORDER BY {order} LIMIT ?"
        try:
            return self._file.use(lambda connection: [_entry(row) for row in connection.execute(ask, (count,))])
        except (WriterBusy, DiskFull):
            raise
        except StoreError as error:
            raise Damaged(
                f"the log of searches cannot be read: {error.message}",
                name="query log",
                place=self._path,
                remedy=f"The rows are as they were; {_REMEDY}.",
            ) from error

    def _remember(self, settings: LogSettings | None) -> None:
        assert self._file is not None  # checked by the callers
        kept = None if settings is None else astuple(settings)
        self._file.use(lambda connection: _keep(connection, kept))


def _keep(connection: apsw.Connection, settings: tuple[Any, ...] | None) -> None:
    with connection:
        connection.execute("DELETE FROM settings")
        if settings is not None:
            connection.execute("INSERT INTO settings VALUES (1, ?, ?)", settings)
            _trim(connection, settings[0])


def _append(connection: apsw.Connection, rows: Sequence[tuple[Any, ...]], keep: int) -> None:
    with connection:
        connection.executemany(f"INSERT INTO queries({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        _trim(connection, keep)


def _trim(connection: apsw.Connection, keep: int) -> None:
    connection.execute("DELETE FROM queries WHERE number <= (SELECT max(number) FROM queries) - ?", (keep,))


def _row(entry: LoggedQuery) -> tuple[Any, ...]:
    return (entry.at.timestamp(), entry.call, entry.seconds, entry.mode, entry.k, entry.query, entry.where, entry.hits)


def _entry(row: Sequence[Any]) -> LoggedQuery:
    at, call, seconds, mode, k, query, where, hits = row
    return LoggedQuery(datetime.fromtimestamp(at, UTC), call, seconds, mode, k, query, where, hits)
