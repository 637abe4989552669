"""What is in `chroma.sqlite3`: collections, rows in the order in which they came, vectors that the log still has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import apsw
import numpy as np
from numpy.typing import NDArray

from ...errors import Damaged, InvalidArgument
from .index_file import IndexFile

__all__ = ["Source", "SourceRow", "opened", "sources"]

_FILE: Final = "chroma.sqlite3"
_DOCUMENT: Final = "chroma:document"
_BATCH_ROWS: Final = 500
_DTYPES: Final = {"FLOAT32": np.dtype("<f4"), "INT32": np.dtype("<i4")}
_COLUMNS: Final = ("string_value", "int_value", "float_value", "bool_value")


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row.

    Attributes:
        at: its number in Chroma's table, ascending.
        vector: None where it is nowhere.
        from_index: whether only the index has it.
    """

    at: int
    id: str
    text: str | None
    metadata: dict[str, Any]
    vector: NDArray[np.float32] | None
    from_index: bool


@dataclass(slots=True)
class Source:
    """A collection of Chroma's.

    Attributes:
        problem: why vectors cannot be read from its index; empty where they can.
    """

    connection: apsw.Connection
    folder: Path
    id: str
    name: str
    dimension: int | None
    metadata: dict[str, Any]
    space: str
    function: dict[str, Any] | None
    rows_segment: str
    vector_segment: str
    count: int
    problem: str = ""
    _queued: dict[str, int] = field(default_factory=dict)
    _index: IndexFile | None = None

    def prepare(self) -> None:
        """Finds out where the vectors are."""
        query = (
            "SELECT id, max(seq_id) FROM embeddings_queue WHERE vector IS NOT NULL AND topic LIKE '%/' || ? GROUP BY id"
        )
        self._queued = dict(self.connection.execute(query, (self.id,)))
        if self.dimension is None:
            return
        try:
            self._index = IndexFile(self.folder / self.vector_segment, self.dimension)
            self.problem = self._index.problem
        except Damaged as error:
            self.problem = str(error)

    def batches(self, after: int = 0) -> Iterator[list[SourceRow]]:
        """The rows that come after one, in order."""
        query = "SELECT id, embedding_id FROM embeddings WHERE segment_id = ? AND id > ? ORDER BY id LIMIT ?"
        while found := list(self.connection.execute(query, (self.rows_segment, after, _BATCH_ROWS))):
            after = int(found[-1][0])
            yield self._rows([(int(at), str(id_)) for at, id_ in found])

    def _rows(self, found: Sequence[tuple[int, str]]) -> list[SourceRow]:
        metadata: dict[int, dict[str, Any]] = {at: {} for at, _ in found}
        for at, key, value in self._values("embedding_metadata", list(metadata)):
            metadata[at][key] = value
        for at, key, value in self._values("embedding_metadata_array", list(metadata)):
            metadata[at].setdefault(key, []).append(value)
        vectors = self._vectors([id_ for _, id_ in found])
        rows = []
        for at, id_ in found:
            text = metadata[at].pop(_DOCUMENT, None)
            vector = vectors.get(id_)
            from_index = vector is None and self._index is not None
            if self._index is not None and vector is None:
                vector = self._index.vector(id_)
            rows.append(SourceRow(at, id_, text, metadata[at], vector, from_index and vector is not None))
        return rows

    def _values(self, table: str, ids: list[int]) -> Iterator[tuple[int, str, Any]]:
        """Values of rows by key; older databases have fewer columns, or no table."""
        there = {row[1] for row in self.connection.execute(f"PRAGMA table_info({table})")}
        columns = [name for name in _COLUMNS if name in there]
        if not columns:
            return
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, key, {', '.join(columns)} FROM {table} WHERE id IN ({marks}) ORDER BY id, rowid"
        for at, key, *values in self.connection.execute(query, ids):
            for name, value in zip(columns, values):
                if value is not None:
                    yield at, key, bool(value) if name == "bool_value" else value

    def _vectors(self, ids: list[str]) -> dict[str, NDArray[np.float32]]:
        """Those that the log has: as they were given, where the index may keep them of length 1."""
        wanted = {self._queued[id_]: id_ for id_ in ids if id_ in self._queued}
        query = f"SELECT seq_id, vector, encoding FROM embeddings_queue WHERE seq_id IN ({','.join('?' * len(wanted))})"
        found = {}
        for seq, blob, encoding in self.connection.execute(query, list(wanted)):
            dtype = _DTYPES.get(encoding)
            if dtype is not None and self.dimension is not None and len(blob) == self.dimension * dtype.itemsize:
                vector = np.frombuffer(blob, dtype=dtype).astype(np.float32)
                if np.isfinite(vector).all():
                    found[wanted[seq]] = vector
        return found


@contextmanager
def opened(folder: Path) -> Iterator[apsw.Connection]:
    """Chroma's database as it is at one point in time; it is read only.

    Raises:
        InvalidArgument: the folder has none.
        Damaged: it cannot be read.
    """
    path = folder / _FILE
    if not path.is_file():
        raise InvalidArgument(
            f"there is no {_FILE} in {str(folder)!r}", name="--from", value=folder, remedy="Name the folder of Chroma."
        )
    uri = f"file:{quote(str(path.resolve()))}?mode=ro"
    try:
        connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
            connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()
    except apsw.Error as error:
        raise Damaged(f"Chroma's database cannot be read: {error}", name="--from", place=str(path)) from None


def sources(connection: apsw.Connection, folder: Path) -> list[Source]:
    """The collections.

    Raises:
        InvalidArgument: two databases of Chroma have one of the same name.
    """
    found = [_source(connection, folder, row) for row in _collections(connection)]
    names = [source.name for source in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidArgument(
                f"several databases of Chroma have a collection {name!r}", name="--from", remedy="Rename one in Chroma."
            )
    return found


def _collections(connection: apsw.Connection) -> list[dict[str, Any]]:
    there = [row[1] for row in connection.execute("PRAGMA table_info(collections)")]
    columns = [name for name in ("id", "name", "dimension", "config_json_str", "schema_str") if name in there]
    return [dict(zip(columns, row)) for row in connection.execute(f"SELECT {', '.join(columns)} FROM collections")]


def _source(connection: apsw.Connection, folder: Path, row: dict[str, Any]) -> Source:
    segments = dict(connection.execute("SELECT scope, id FROM segments WHERE collection = ?", (row["id"],)))
    query = "SELECT key, coalesce(str_value, int_value, float_value), bool_value FROM collection_metadata"
    there = {one[1] for one in connection.execute("PRAGMA table_info(collection_metadata)")}
    if "bool_value" not in there:
        query = query.replace("bool_value", "NULL")
    metadata = {
        key: value if truth is None else bool(truth)
        for key, value, truth in connection.execute(f"{query} WHERE collection_id = ?", (row["id"],))
    }
    known = _configuration(row)
    rows = segments.get("METADATA", "")
    [(count,)] = connection.execute("SELECT count(*) FROM embeddings WHERE segment_id = ?", (rows,))
    return Source(
        connection,
        folder,
        id=row["id"],
        name=row["name"],
        dimension=row["dimension"],
        metadata=metadata,
        space=str(known.get("space") or metadata.get("hnsw:space") or "l2"),
        function=known.get("embedding_function"),
        rows_segment=rows,
        vector_segment=segments.get("VECTOR", ""),
        count=int(count),
    )


def _configuration(row: dict[str, Any]) -> dict[str, Any]:
    """Space and embedding function, wherever this version of Chroma keeps them."""
    schema, config = (json.loads(row.get(name) or "{}") for name in ("schema_str", "config_json_str"))
    for names in (("keys", "#embedding", "float_list", "vector_index", "config"), ("hnsw",), ("hnsw_configuration",)):
        found: Any = schema if names[0] == "keys" else config
        for name in names:
            found = found.get(name) or {} if isinstance(found, dict) else {}
        if found.get("space"):
            return {"embedding_function": config.get("embedding_function"), **found}
    return {"embedding_function": config.get("embedding_function")}
