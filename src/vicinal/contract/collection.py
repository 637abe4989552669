"""The calls of a collection: written once in `vicinal.collection`, from where `make docs` brings them here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self, overload

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Self, Unpack, overload
    from uuid import UUID

    from ..arguments import (
        AnyId,
        EncoderLike,
        Examples,
        FusionMethod,
        Ids,
        Metadatas,
        OneTtl,
        Query,
        RangeOptions,
        RecommendOptions,
        Rows,
        SearchOptions,
        SearchSettings,
        Sparse,
        Sparses,
        SupportsArray,
        Texts,
        Ttl,
        Vector,
        Vectors,
    )
    from ..duplicates import Duplicates
    from ..explanation import Explanation, WhyNot
    from ..logged_query import LoggedQuery
    from ..types import Hits, Id, PurgeReceipt, Record, Snapshot, Stats, VerifyReport
    from .encoders import Reranker
    from .notes import Notes
    from .words import Metric, Mode, Part, Syntax


__all__ = ["AsyncCollection", "AsyncNotes", "Collection"]


class AsyncNotes(Protocol):
    """What a program keeps beside the rows, awaited; embedded the same is a mapping."""

    async def read(self) -> dict[str, bytes]:
        """All notes of the owner."""
        ...

    async def get(self, key: str, default: bytes | None = None) -> bytes | None:
        """One note."""
        ...

    async def update(self, notes: Mapping[str, bytes]) -> None:
        """All of these notes in one commit."""
        ...

    async def setdefault(self, key: str, default: bytes) -> bytes:
        """The note; where there is none, `default` becomes it."""
        ...

    async def replace(self, key: str, before: bytes | None, value: bytes) -> bool:
        """Writes a note if it still is `before`, None for none; False where it is not, and nothing is written."""
        ...

    async def remove(self, key: str) -> bool:
        """Whether there was one."""
        ...


class Collection(Protocol):
    """What a `Collection` owes its users, embedded or behind a server."""

    @property
    def name(self) -> str: ...

    @property
    def uuid(self) -> UUID:
        """The identity of the collection. A collection that is dropped and created again has a new one."""
        ...

    @overload
    def add(
        self,
        ids: Ids | None = None,
        *,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        progress: bool = False,
    ) -> list[Id]: ...

    @overload
    def add(self, *, rows: Rows, ttl: OneTtl | None = None, progress: bool = False) -> list[Id]: ...

    def add(
        self,
        ids: Any = None,
        *,
        texts: Any = None,
        vectors: Any = None,
        metadata: Any = None,
        sparse: Any = None,
        ttl: Any = None,
        rows: Any = None,
        progress: bool = False,
    ) -> list[Id]:
        """Stores new rows and returns their ids. Atomic (all rows or none); durable and searchable on return."""
        ...

    @overload
    def upsert(
        self,
        ids: Ids | None = None,
        *,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        progress: bool = False,
    ) -> list[Id]: ...

    @overload
    def upsert(self, *, rows: Rows, ttl: OneTtl | None = None, progress: bool = False) -> list[Id]: ...

    def upsert(
        self,
        ids: Any = None,
        *,
        texts: Any = None,
        vectors: Any = None,
        metadata: Any = None,
        sparse: Any = None,
        ttl: Any = None,
        rows: Any = None,
        progress: bool = False,
    ) -> list[Id]:
        """Like `add`, but replaces existing rows with the same id; if an id is repeated in a call, the last wins."""
        ...

    def update(
        self,
        ids: Ids | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        rows: Rows | None = None,
        merge: bool = True,
        remove: Sequence[str] = (),
    ) -> int:
        """Changes existing rows and returns how many. Atomic: all rows are changed or none."""
        ...

    def delete(self, ids: Ids | None = None, *, where: Mapping[str, Any] | None = None) -> int:
        """Deletes rows by id, by filter, or those selected by both, and returns how many were deleted."""
        ...

    def get(
        self,
        ids: Ids | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        limit: int | None = None,
        offset: int = 0,
        vectors: bool = False,
    ) -> list[Record]:
        """Rows by id in the requested order, skipping unknown ids; without ids all rows, in insertion order."""
        ...

    def scroll(
        self,
        where: Mapping[str, Any] | None = None,
        order_by: str | None = None,
        *,
        descending: bool = False,
        vectors: bool = False,
    ) -> Iterator[Record]:
        """Iterates over all rows that match, in the order of their ids; each is returned exactly once."""
        ...

    def peek(self, n: int = 10) -> list[Record]:
        """The first `n` rows."""
        ...

    def count(self, where: Mapping[str, Any] | None = None) -> int:
        """The number of rows that a search could return now, including those without a vector."""
        ...

    def facets(self, field: str, where: Mapping[str, Any] | None = None) -> list[tuple[Any, int]]:
        """Values of a field and the number of rows with each, most frequent first; a list counts for each element."""
        ...

    def ids(self, where: Mapping[str, Any] | None = None) -> list[Id]:
        """Ids of rows in insertion order. Fast even for many ids: texts, metadata and vectors are not read."""
        ...

    def distinct(self, field: str, where: Mapping[str, Any] | None = None) -> list[Any]:
        """The distinct values of a field, including the elements of lists, ascending."""
        ...

    def min_max(self, field: str, where: Mapping[str, Any] | None = None) -> tuple[Any, Any] | None:
        """The smallest and the largest value of a field; None if no row has one."""
        ...

    def __len__(self) -> int: ...

    def __contains__(self, id_: object) -> bool: ...

    def search(
        self,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        *,
        id: AnyId | None = None,
        vector: Vector | None = None,
        sparse: Sparse | None = None,
        mode: Mode = "dense",
        alpha: float | None = None,
        fusion: FusionMethod | None = None,
        weights: Mapping[str, float] | None = None,
        scorer: Any | None = None,
        syntax: Syntax | None = None,
        exact: bool = False,
        recall: float | None = None,
        effort: int | None = None,
        offset: int = 0,
        min_score: float | None = None,
        select: Sequence[Part] | None = None,
        mmr: float | None = None,
        group_by: str | None = None,
        group_size: int | None = None,
        rerank: str | Reranker | None = None,
        fetch_k: int | None = None,
    ) -> Hits:
        """The `k` best rows, or all if there are fewer; best first, ties by insertion order."""
        ...

    def search_many(
        self,
        queries: Sequence[Query] | Iterator[Query] | SupportsArray,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        *,
        vectors: Vectors | None = None,
        sparse: Iterable[Sparse] | None = None,
        mode: Mode = "dense",
        alpha: float | None = None,
        fusion: FusionMethod | None = None,
        weights: Mapping[str, float] | None = None,
        scorer: Any | None = None,
        syntax: Syntax | None = None,
        exact: bool = False,
        recall: float | None = None,
        effort: int | None = None,
        offset: int = 0,
        min_score: float | None = None,
        select: Sequence[Part] | None = None,
    ) -> list[Hits]:
        """One `Hits` per query: a list of texts and vectors, or an array of shape (queries, dim)."""
        ...

    def search_range(
        self,
        query: Query | None = None,
        where: Mapping[str, Any] | None = None,
        *,
        min_score: float | None = None,
        max_distance: float | None = None,
        **options: Unpack[RangeOptions],
    ) -> Hits:
        """All rows that score at least `min_score`, or are at most `max_distance` away, however many there are."""
        ...

    def recommend(
        self,
        positive: Examples,
        negative: Examples | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        **options: Unpack[RecommendOptions],
    ) -> Hits:
        """The `k` rows that are most like the positive examples and unlike the negative ones, without the examples."""
        ...

    def duplicates(
        self,
        threshold: float | None = None,
        where: Mapping[str, Any] | None = None,
        *,
        max_distance: float | None = None,
        max_pairs: int = 1000000,
        progress: bool = False,
    ) -> Duplicates:
        """Every pair of rows whose vectors are nearly the same, exactly, and the groups that these pairs form."""
        ...

    def log_queries(self, on: bool = True, *, keep: int = 10000, slower_than: float = 0.0) -> None:
        """Logs every search from now on, until it is turned off."""
        ...

    def logged_queries(self, n: int = 100) -> list[LoggedQuery]:
        """The last `n` logged searches, newest first."""
        ...

    def slow_queries(self, n: int = 10) -> list[LoggedQuery]:
        """The `n` slowest logged searches, slowest first."""
        ...

    def explain(
        self,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        **options: Unpack[SearchOptions],
    ) -> Explanation:
        """How a search with these arguments arrives at its hits: what the filter keeps, each step with its duration
        and reason, and for each hit the score of every leg and the matching terms of its text.
        """
        ...

    def why_not(
        self,
        id: AnyId,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        **settings: Unpack[SearchSettings],
    ) -> WhyNot:
        """Why the row with this id is not among the hits of a search with these arguments, or that it is."""
        ...

    def within(self, where: Mapping[str, Any]) -> Collection:
        """The same collection, restricted to the rows that match a filter, such as those of one tenant."""
        ...

    def notes(self, owner: str) -> Notes:
        """Values that a program keeps beside the rows: a mapping of str to bytes per owner, as durable as rows."""
        ...

    def stats(self) -> Stats:
        """The current rows, slots, sizes and settings."""
        ...

    def wait_indexed(self, seconds: float | None = None) -> bool:
        """Adds everything written so far to the vector index now, on all processors, instead of in the background."""
        ...

    def sync(self) -> None:
        """Makes all earlier writes survive power loss; with durability "full" they already do."""
        ...

    def verify(self) -> VerifyReport:
        """Checks every file of the collection while reads and writes continue. Changes nothing."""
        ...

    def compact(self) -> None:
        """Reclaims the space of dead rows now; this happens automatically once they outnumber the live ones."""
        ...

    def purge(self, *, drop_snapshots: bool = False) -> PurgeReceipt:
        """Erases deleted data: afterwards no file of the collection contains the text or vectors of a deleted row."""
        ...

    def backup(self, path: str | os.PathLike[str]) -> str:
        """Writes a consistent copy of the collection, even during writes, to the database folder `path`."""
        ...

    def snapshot(self, name: str) -> Snapshot:
        """Takes a snapshot: a copy that is kept beside the collection under `name`."""
        ...

    def snapshots(self) -> list[Snapshot]:
        """The snapshots, oldest first."""
        ...

    def restore(self, name: str) -> None:
        """Returns to a snapshot, atomically for every process; later changes are lost."""
        ...

    def drop_snapshot(self, name: str) -> None:
        """Deletes a snapshot."""
        ...

    def reembed(self, encoder: EncoderLike) -> None:
        """Re-encodes every text with another encoder, which becomes the collection's encoder."""
        ...

    def alter(self, *, metric: Metric | None = None, index: str | Mapping[str, Any] | None = None) -> None:
        """Changes how vectors are compared or found, without re-encoding anything."""
        ...

    def close(self) -> None:
        """Closes the handle; the files are closed with the last handle of this process."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class AsyncCollection(Protocol):
    """The same, awaited."""

    @property
    def name(self) -> str: ...

    @property
    def uuid(self) -> UUID:
        """The identity of the collection. A collection that is dropped and created again has a new one."""
        ...

    @overload
    async def add(
        self,
        ids: Ids | None = None,
        *,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        progress: bool = False,
    ) -> list[Id]: ...

    @overload
    async def add(self, *, rows: Rows, ttl: OneTtl | None = None, progress: bool = False) -> list[Id]: ...

    async def add(
        self,
        ids: Any = None,
        *,
        texts: Any = None,
        vectors: Any = None,
        metadata: Any = None,
        sparse: Any = None,
        ttl: Any = None,
        rows: Any = None,
        progress: bool = False,
    ) -> list[Id]:
        """Stores new rows and returns their ids. Atomic (all rows or none); durable and searchable on return."""
        ...

    @overload
    async def upsert(
        self,
        ids: Ids | None = None,
        *,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        progress: bool = False,
    ) -> list[Id]: ...

    @overload
    async def upsert(self, *, rows: Rows, ttl: OneTtl | None = None, progress: bool = False) -> list[Id]: ...

    async def upsert(
        self,
        ids: Any = None,
        *,
        texts: Any = None,
        vectors: Any = None,
        metadata: Any = None,
        sparse: Any = None,
        ttl: Any = None,
        rows: Any = None,
        progress: bool = False,
    ) -> list[Id]:
        """Like `add`, but replaces existing rows with the same id; if an id is repeated in a call, the last wins."""
        ...

    async def update(
        self,
        ids: Ids | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        rows: Rows | None = None,
        merge: bool = True,
        remove: Sequence[str] = (),
    ) -> int:
        """Changes existing rows and returns how many. Atomic: all rows are changed or none."""
        ...

    async def delete(self, ids: Ids | None = None, *, where: Mapping[str, Any] | None = None) -> int:
        """Deletes rows by id, by filter, or those selected by both, and returns how many were deleted."""
        ...

    async def get(
        self,
        ids: Ids | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        limit: int | None = None,
        offset: int = 0,
        vectors: bool = False,
    ) -> list[Record]:
        """Rows by id in the requested order, skipping unknown ids; without ids all rows, in insertion order."""
        ...

    def scroll(
        self,
        where: Mapping[str, Any] | None = None,
        order_by: str | None = None,
        *,
        descending: bool = False,
        vectors: bool = False,
    ) -> AsyncIterator[Record]:
        """Iterates over all rows that match, in the order of their ids; each is returned exactly once."""
        ...

    async def peek(self, n: int = 10) -> list[Record]:
        """The first `n` rows."""
        ...

    async def count(self, where: Mapping[str, Any] | None = None) -> int:
        """The number of rows that a search could return now, including those without a vector."""
        ...

    async def facets(self, field: str, where: Mapping[str, Any] | None = None) -> list[tuple[Any, int]]:
        """Values of a field and the number of rows with each, most frequent first; a list counts for each element."""
        ...

    async def ids(self, where: Mapping[str, Any] | None = None) -> list[Id]:
        """Ids of rows in insertion order. Fast even for many ids: texts, metadata and vectors are not read."""
        ...

    async def distinct(self, field: str, where: Mapping[str, Any] | None = None) -> list[Any]:
        """The distinct values of a field, including the elements of lists, ascending."""
        ...

    async def min_max(self, field: str, where: Mapping[str, Any] | None = None) -> tuple[Any, Any] | None:
        """The smallest and the largest value of a field; None if no row has one."""
        ...

    async def search(
        self,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        *,
        id: AnyId | None = None,
        vector: Vector | None = None,
        sparse: Sparse | None = None,
        mode: Mode = "dense",
        alpha: float | None = None,
        fusion: FusionMethod | None = None,
        weights: Mapping[str, float] | None = None,
        scorer: Any | None = None,
        syntax: Syntax | None = None,
        exact: bool = False,
        recall: float | None = None,
        effort: int | None = None,
        offset: int = 0,
        min_score: float | None = None,
        select: Sequence[Part] | None = None,
        mmr: float | None = None,
        group_by: str | None = None,
        group_size: int | None = None,
        rerank: str | Reranker | None = None,
        fetch_k: int | None = None,
    ) -> Hits:
        """The `k` best rows, or all if there are fewer; best first, ties by insertion order."""
        ...

    async def search_many(
        self,
        queries: Sequence[Query] | Iterator[Query] | SupportsArray,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        *,
        vectors: Vectors | None = None,
        sparse: Iterable[Sparse] | None = None,
        mode: Mode = "dense",
        alpha: float | None = None,
        fusion: FusionMethod | None = None,
        weights: Mapping[str, float] | None = None,
        scorer: Any | None = None,
        syntax: Syntax | None = None,
        exact: bool = False,
        recall: float | None = None,
        effort: int | None = None,
        offset: int = 0,
        min_score: float | None = None,
        select: Sequence[Part] | None = None,
    ) -> list[Hits]:
        """One `Hits` per query: a list of texts and vectors, or an array of shape (queries, dim)."""
        ...

    async def search_range(
        self,
        query: Query | None = None,
        where: Mapping[str, Any] | None = None,
        *,
        min_score: float | None = None,
        max_distance: float | None = None,
        **options: Unpack[RangeOptions],
    ) -> Hits:
        """All rows that score at least `min_score`, or are at most `max_distance` away, however many there are."""
        ...

    async def recommend(
        self,
        positive: Examples,
        negative: Examples | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        **options: Unpack[RecommendOptions],
    ) -> Hits:
        """The `k` rows that are most like the positive examples and unlike the negative ones, without the examples."""
        ...

    async def duplicates(
        self,
        threshold: float | None = None,
        where: Mapping[str, Any] | None = None,
        *,
        max_distance: float | None = None,
        max_pairs: int = 1000000,
        progress: bool = False,
    ) -> Duplicates:
        """Every pair of rows whose vectors are nearly the same, exactly, and the groups that these pairs form."""
        ...

    async def log_queries(self, on: bool = True, *, keep: int = 10000, slower_than: float = 0.0) -> None:
        """Logs every search from now on, until it is turned off."""
        ...

    async def logged_queries(self, n: int = 100) -> list[LoggedQuery]:
        """The last `n` logged searches, newest first."""
        ...

    async def slow_queries(self, n: int = 10) -> list[LoggedQuery]:
        """The `n` slowest logged searches, slowest first."""
        ...

    async def explain(
        self,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        **options: Unpack[SearchOptions],
    ) -> Explanation:
        """How a search with these arguments arrives at its hits: what the filter keeps, each step with its duration
        and reason, and for each hit the score of every leg and the matching terms of its text.
        """
        ...

    async def why_not(
        self,
        id: AnyId,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        **settings: Unpack[SearchSettings],
    ) -> WhyNot:
        """Why the row with this id is not among the hits of a search with these arguments, or that it is."""
        ...

    def within(self, where: Mapping[str, Any]) -> AsyncCollection:
        """The same collection, restricted to the rows that match a filter, such as those of one tenant."""
        ...

    def notes(self, owner: str) -> AsyncNotes:
        """Values that a program keeps beside the rows: a mapping of str to bytes per owner, as durable as rows."""
        ...

    async def stats(self) -> Stats:
        """The current rows, slots, sizes and settings."""
        ...

    async def wait_indexed(self, seconds: float | None = None) -> bool:
        """Adds everything written so far to the vector index now, on all processors, instead of in the background."""
        ...

    async def sync(self) -> None:
        """Makes all earlier writes survive power loss; with durability "full" they already do."""
        ...

    async def verify(self) -> VerifyReport:
        """Checks every file of the collection while reads and writes continue. Changes nothing."""
        ...

    async def compact(self) -> None:
        """Reclaims the space of dead rows now; this happens automatically once they outnumber the live ones."""
        ...

    async def purge(self, *, drop_snapshots: bool = False) -> PurgeReceipt:
        """Erases deleted data: afterwards no file of the collection contains the text or vectors of a deleted row."""
        ...

    async def backup(self, path: str | os.PathLike[str]) -> str:
        """Writes a consistent copy of the collection, even during writes, to the database folder `path`."""
        ...

    async def snapshot(self, name: str) -> Snapshot:
        """Takes a snapshot: a copy that is kept beside the collection under `name`."""
        ...

    async def snapshots(self) -> list[Snapshot]:
        """The snapshots, oldest first."""
        ...

    async def restore(self, name: str) -> None:
        """Returns to a snapshot, atomically for every process; later changes are lost."""
        ...

    async def drop_snapshot(self, name: str) -> None:
        """Deletes a snapshot."""
        ...

    async def reembed(self, encoder: EncoderLike) -> None:
        """Re-encodes every text with another encoder, which becomes the collection's encoder."""
        ...

    async def alter(self, *, metric: Metric | None = None, index: str | Mapping[str, Any] | None = None) -> None:
        """Changes how vectors are compared or found, without re-encoding anything."""
        ...

    async def close(self) -> None:
        """Closes the handle; the files are closed with the last handle of this process."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
