"""Buckets in a file: one machine, no server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import apsw

from vicinal.locks import new_lock

from .base import Storage

__all__ = ["FileStorage"]

_INDEX_MAX: Final = (1 << 63) - 1  # of an integer in SQLite
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS buckets (
    band INTEGER NOT NULL, signature BLOB NOT NULL, member INTEGER NOT NULL,
    PRIMARY KEY (band, signature, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members ON buckets (member);
"""


class FileStorage(Storage):
    """Buckets in a SQLite file; many threads and processes may use it. Additions survive a crash.

    Args:
        path: the file, created if it does not exist; its folder must exist.

    Raises:
        apsw.CantOpenError: the file cannot be opened or created.
        apsw.NotADBError: the file is something else.
    """

    index_max = _INDEX_MAX

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self._lock = new_lock()
        with self._noting():
            self._connection = apsw.Connection(str(self.path))
            self._connection.set_busy_timeout(30_000)
            self._connection.execute(_SCHEMA).fetchall()

    def add_to_bucket(self, band_id: int, signature: bytes, index: int) -> None:
        self.batch_add([(band_id, signature, index)])

    def get_bucket(self, band_id: int, signature: bytes) -> set[int]:
        with self._lock, self._noting():
            rows = self._connection.execute(
                "SELECT member FROM buckets WHERE band = ? AND signature = ?", (band_id, bytes(signature))
            )
            return {member for (member,) in rows}

    def batch_add(self, operations: Sequence[tuple[int, bytes, int]]) -> None:
        rows = [(band_id, bytes(signature), index) for band_id, signature, index in operations]
        with self._lock, self._noting(), self._connection:
            self._connection.executemany("INSERT OR IGNORE INTO buckets VALUES (?, ?, ?)", rows)

    def remove_indices(self, indices: Sequence[int]) -> None:
        with self._lock, self._noting(), self._connection:
            self._connection.executemany(
                "DELETE FROM buckets WHERE member = ?", [(index,) for index in indices if index <= _INDEX_MAX]
            )

    def clear(self) -> None:
        with self._lock, self._noting(), self._connection:
            self._connection.execute("DELETE FROM buckets")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """Adds the name of the file to an error of SQLite."""
        try:
            yield
        except apsw.Error as error:
            error.add_note(f"in the buckets of {self.path}")
            raise

    def __repr__(self) -> str:
        return f"FileStorage({str(self.path)!r})"
