"""A store: vectors with metadata and texts in a folder, and snapshots of them."""

from __future__ import annotations

from typing import Any, Final, overload

from vicinal.errors import IdNotFound
from vicinal.inputs import checks
from vicinal.inputs.calls import for_users

from . import records
from .errors import doing, written
from .names import checked_name
from .opening import Opened, Path, connect
from .queries import HybridQuery, Query, Vector
from .results import SearchResult

# The name under which `vicinal stats` and `vicinal search` show a store.
COLLECTION: Final = "vectors"


@for_users
class VecStore(Opened):
    """Vectors by id in a folder, which is created if it does not exist. Thread-safe; other processes may use it too.

    Every call that changes something is durable when it returns.

    Args:
        path: the folder; or the URL of a Vicinal server.

    Raises:
        ValueError: it cannot be opened or created, or its content is damaged.
    """

    def __init__(self, path: Path) -> None:
        with doing("Failed to open store"):
            self._db = connect(path)
            try:
                self._rows = self._db.collection(COLLECTION, **records.SETTINGS)
                self._rows.count()  # so that unreadable data is reported now
            except BaseException:
                self._db.close()
                raise

    @staticmethod
    def open(path: Path) -> VecStore:
        """The same as `VecStore(path)`."""
        return VecStore(path)

    def upsert(self, id: str, vector: Vector, metadata: dict[str, Any]) -> None:
        """Stores a record, or replaces vector and metadata of the one with this id; its indexed text stays.

        Args:
            id: any non-empty text.
            vector: numbers, kept as float32. The first vector fixes the dimension.
            metadata: JSON-like values by name.

        Raises:
            ValueError: another dimension, NaN or infinity, or metadata that would not be returned as given.
        """
        with doing("Upsert failed"):
            records.upsert(self._rows, id, vector, metadata)

    def remove(self, id: str) -> None:
        """Removes a record and its text.

        Raises:
            ValueError: no record has this id.
        """
        with doing("Remove failed"):
            found = records.remove(self._rows, id)
        if not found:
            raise ValueError(f"Remove failed: ID not found: {written(id)}")

    @overload
    def query(self, vector: Query) -> list[SearchResult]: ...
    @overload
    def query(self, vector: Vector, k: int, filter: str | None = None) -> list[SearchResult]: ...
    def query(self, vector: Vector | Query, k: int | None = None, filter: str | None = None) -> list[SearchResult]:
        """Returns the `k` records nearest to `vector`, or all if there are fewer; best first, ties in insertion order.

        Args:
            vector: numbers, of the dimension of the store; or a `Query` as the only argument.
            filter: an expression such as "year >= 2024 AND lang = 'en'"; only records that match are searched.

        Raises:
            ValueError: another dimension, or an invalid expression.
        """
        if isinstance(vector, Query):
            _refuse_more("query", vector, k, filter)
            asked = vector
        elif isinstance(vector, HybridQuery):
            raise TypeError("query() takes a Query: pass this HybridQuery to hybrid_query()")
        else:
            asked = Query(vector, k, filter)  # type: ignore[arg-type]  # checked below
        where, count = records.filter_of(asked.filter), records.count_of(asked.k)
        with doing("Query failed"):
            return records.search(self._rows, asked.vector, count, where)

    @overload
    def hybrid_query(self, vector: HybridQuery) -> list[SearchResult]: ...
    @overload
    def hybrid_query(
        self, vector: Vector, keywords: str, k: int, alpha: float, filter: str | None = None
    ) -> list[SearchResult]: ...
    def hybrid_query(
        self,
        vector: Vector | HybridQuery,
        keywords: str | None = None,
        k: int | None = None,
        alpha: float | None = None,
        filter: str | None = None,
    ) -> list[SearchResult]:
        """Returns the `k` best records by vector and by keywords of their indexed texts, best first.

        The score is `alpha` times the cosine over the best one, plus `1 - alpha` times BM25 over the best one.

        Args:
            vector: numbers, or a `HybridQuery` as the only argument.
            keywords: words; empty for none.
            alpha: from 0, keywords alone, to 1, vectors alone.
            filter: as in `query`.
        """
        if isinstance(vector, HybridQuery):
            _refuse_more("hybrid_query", vector, keywords, k, alpha, filter)
            asked = vector
        elif isinstance(vector, Query):
            raise TypeError("hybrid_query() takes a HybridQuery: pass this Query to query()")
        else:
            asked = HybridQuery(vector, keywords, k, alpha, filter)  # type: ignore[arg-type]  # checked below
        for name, needed in (("keywords", asked.keywords), ("alpha", asked.alpha)):
            if needed is None:
                raise TypeError(f"{name} is missing: hybrid_query takes vector, keywords, k and alpha")
        words, count = checks.text("keywords", asked.keywords), records.count_of(asked.k)
        weight, where = checks.number("alpha", asked.alpha), records.filter_of(asked.filter)
        with doing("Hybrid query failed"):
            return records.hybrid(self._rows, asked.vector, words, count, weight, where)

    def index_text(self, id: str, text: str) -> None:
        """Makes a record searchable by the words of a text, which replaces an earlier one.

        Raises:
            ValueError: no record has this id.
        """
        id, text = checks.text("id", id), checks.text("text", text)
        with doing("Text indexing failed"):
            try:
                self._rows.update([id], texts=[text])
            except IdNotFound as error:
                raise ValueError(f"Text indexing failed: ID not found: {written(id)}") from error

    def save(self) -> None:
        """Does nothing: each call that changes something has already made it durable."""
        with doing("Save failed"):
            self._rows.sync()

    def len(self) -> int:
        """The number of records."""
        with doing("Count failed"):
            return self._rows.count()

    def is_empty(self) -> bool:
        return self.len() == 0

    def create_snapshot(self, name: str) -> None:
        """Keeps a copy of all records, as of one point in time, under `name`.

        Raises:
            ValueError: the name is taken, or has characters other than letters, digits, '_', '-' and '.'.
        """
        with doing("Snapshot creation failed"):
            self._rows.snapshot(_named(name, "Snapshot creation failed"))

    def restore_snapshot(self, name: str) -> None:
        """Restores a snapshot atomically, for every program that uses the store; later records are lost.

        Raises:
            ValueError: no snapshot has this name. Nothing was changed.
        """
        with doing("Snapshot restore failed"):
            self._rows.restore(_named(name, "Snapshot restore failed"))

    def list_snapshots(self) -> list[tuple[str, str, int]]:
        """Returns name, time of creation (RFC 3339, UTC) and number of records of each snapshot, newest first."""
        with doing("Failed to list snapshots"):
            found = self._rows.snapshots()
        return [(one.name, one.created_at.isoformat(), one.rows) for one in reversed(found)]

    def optimize(self) -> int:
        """Reclaims the space of removed and replaced records, and returns their number. Results do not change.

        A record is replaced by `upsert`, and by `index_text`, which replaces its text.
        """
        with doing("Optimization failed"):
            dead = self._rows.stats().dead_slots
            if dead:
                self._rows.compact()
            return dead

    def __len__(self) -> int:
        return self.len()

    def __repr__(self) -> str:
        try:
            return f"VecStore(vectors={self.len()})"
        except ValueError:
            return "VecStore(closed)"


def _named(name: str, what: str) -> str:
    try:
        return checked_name(name)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None


def _refuse_more(call: str, query: object, *others: object) -> None:
    if any(other is not None for other in others):
        raise TypeError(f"{call}() takes a {type(query).__name__} alone: its attributes say the rest")
