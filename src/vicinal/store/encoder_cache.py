"""Optional cache of texts' vectors on disk, kept between runs.

Losing it only costs time, so it is written without waiting for the disk. Keys are hashes, so it contains no text;
`clear` leaves no vector bytes behind either.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from zlib import crc32

import apsw
import numpy as np

from ..contract import FloatMatrix, FloatVector
from ..errors import VicinalError
from .files import Files
from .side_file import SideFile

_log = logging.getLogger("vicinal.store")

FILE_NAME = "encoder-cache.db"

_MAX_BYTES = 1 << 30
_CREATE = """
CREATE TABLE IF NOT EXISTS vectors(
  key BLOB PRIMARY KEY, vector BLOB NOT NULL, crc INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors(used);
CREATE TABLE IF NOT EXISTS size(one INTEGER PRIMARY KEY CHECK (one = 1), bytes INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO size VALUES (1, 0);
"""


class DiskStore:
    """An `EmbeddingStore` in a single SQLite file, which several processes may share. Thread-safe.

    A file that cannot be read or written counts as empty, and is reported in the log.

    Args:
        path: the file; created if missing.
        max_bytes: limit for the vectors; the oldest are removed first.
    """

    def __init__(self, path: str, files: Files, max_bytes: int = _MAX_BYTES) -> None:
        self._file = SideFile(path, files, _CREATE)
        self._max_bytes = max_bytes

    def get_many(self, keys: Sequence[bytes]) -> list[FloatVector | None]:
        try:
            return self._file.use(lambda connection: [_get(connection, key) for key in keys])
        except VicinalError as error:
            _log.warning("encoder cache not read: %s", error)
            return [None] * len(keys)

    def put_many(self, keys: Sequence[bytes], vectors: FloatMatrix) -> None:
        def put(connection: apsw.Connection) -> None:
            with connection:
                turn = int(connection.execute("SELECT coalesce(max(used), 0) + 1 FROM vectors").get)
                for key, vector in zip(keys, vectors, strict=True):
                    _put(connection, key, vector, turn)
                _shrink(connection, self._max_bytes)

        try:
            self._file.use(put)
        except VicinalError as error:
            _log.warning("encoder cache not written: %s", error)

    def clear(self) -> None:
        """Erases everything, including the bytes; a damaged file is deleted.

        Raises:
            StoreError: another process is using it, or it cannot be removed.
        """
        self._file.erase("DELETE FROM vectors; UPDATE size SET bytes = 0")

    def close(self) -> None:
        self._file.close()


def _get(connection: apsw.Connection, key: bytes) -> FloatVector | None:
    found = connection.execute("SELECT vector, crc FROM vectors WHERE key = ?", (key,)).fetchone()
    if found is None or crc32(found[0]) != found[1]:
        return None
    return np.frombuffer(found[0], dtype=np.float32)


def _put(connection: apsw.Connection, key: bytes, vector: FloatVector, turn: int) -> None:
    _remove(connection, key)
    raw = vector.tobytes()
    connection.execute("INSERT INTO vectors VALUES (?, ?, ?, ?)", (key, raw, crc32(raw), turn))
    connection.execute("UPDATE size SET bytes = bytes + ?", (len(raw),))


def _remove(connection: apsw.Connection, key: bytes) -> None:
    found = connection.execute("DELETE FROM vectors WHERE key = ? RETURNING length(vector)", (key,)).fetchone()
    if found is not None:
        connection.execute("UPDATE size SET bytes = bytes - ?", (found[0],))


def _shrink(connection: apsw.Connection, max_bytes: int) -> None:
    """Removes the oldest until the rest fits."""
    while int(connection.execute("SELECT bytes FROM size").get) > max_bytes:
        oldest = connection.execute("SELECT key FROM vectors ORDER BY used LIMIT 1").fetchone()
        if oldest is None:
            return
        _remove(connection, oldest[0])
