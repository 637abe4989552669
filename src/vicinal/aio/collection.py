"""The `async` twin of `vicinal.collection`, from where `make docs` brings its calls here."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Unpack, overload
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
from ..contract import Metric, Mode, Part, Reranker, Syntax
from ..duplicates import Duplicates
from ..explanation import Explanation, WhyNot
from ..filters.tree import Node
from ..indexes.text_query import Scorer
from ..inputs.calls import for_users
from ..logged_query import LoggedQuery
from ..types import Hits, Id, PurgeReceipt, Record, Snapshot, Stats, VerifyReport
from .awaited import Awaited
from .notes import AsyncNotes

__all__ = ["AsyncCollection"]


@for_users
class AsyncCollection(Awaited):
    """A `vicinal.Collection` whose calls are awaited."""

    @property
    def name(self) -> str:
        found: str = self._backend.known("name")
        return found

    @property
    def uuid(self) -> UUID:
        """The identity of the collection. A collection that is dropped and created again has a new one."""
        found: UUID = self._backend.known("uuid")
        return found

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
        """Stores new rows and returns their ids. Atomic (all rows or none); durable and searchable on return.

        Args:
            ids: one str, int or UUID per row; if omitted, the collection generates them.
            texts: one str or None per row. A row without a vector is encoded by the collection's encoder.
            vectors: shape (rows, dim), any real dtype, stored as float32; None for a row without a vector. Arrays,
                lists, tables and tensors of any library are accepted; docs/import.md has the list.
            metadata: one dict per row, of any JSON plus date, datetime, Decimal and UUID.
            ttl: time to live: seconds, a timedelta or a datetime (naive means UTC), one for all rows or one per row.
            sparse: one sparse vector, {dimension: weight}, or None per row; hybrid search compares them.
            rows: instead of lists: dicts with the keys id, text, vector, metadata, sparse, ttl; a data frame with
                such columns, in which all other columns become metadata; or a generator of such dicts, which is
                committed every 8,192 rows.
            progress: shows a progress bar on the terminal, with the rate and, if the number of rows is known, the
                time left. If a generator is interrupted, the batches committed so far remain.

        Raises:
            DuplicateId: an id already exists, or is given twice in the call.
            InvalidInput: see its subclasses; nothing was changed.
            WriterBusy, DiskFull, CommitFailed: the store could not write the rows.
        """
        found: list[Id] = await self._backend.call(
            "add",
            {
                "ids": ids,
                "texts": texts,
                "vectors": vectors,
                "metadata": metadata,
                "sparse": sparse,
                "ttl": ttl,
                "rows": rows,
                "progress": progress,
            },
        )
        return found

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
        found: list[Id] = await self._backend.call(
            "upsert",
            {
                "ids": ids,
                "texts": texts,
                "vectors": vectors,
                "metadata": metadata,
                "sparse": sparse,
                "ttl": ttl,
                "rows": rows,
                "progress": progress,
            },
        )
        return found

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
        """Changes existing rows and returns how many. Atomic: all rows are changed or none.

        Metadata is merged by top-level key; the value None stores null. A new text is encoded again unless a vector
        is given with it. A single dict of metadata applies to all rows. Whatever is not given stays unchanged. With
        `where`, metadata and ttl of the matching rows change. With `where` and ids, only the given rows that match are
        changed, and texts and vectors can be changed too: this updates a row only if it still is what was read.

        Args:
            ttl: as in `add`; math.inf removes the expiry of a row.
            rows: instead of lists: dicts, a data frame or a generator as in `add`, each row with its id and what
                changes; a generator is committed every 8,192 rows.
            merge: if False, the given metadata, if any, replaces all metadata of a row.
            remove: top-level metadata keys to remove; rows that do not have them are not an error.

        Raises:
            IdNotFound: an id is unknown; nothing was changed.
        """
        found: int = await self._backend.call(
            "update",
            {
                "ids": ids,
                "where": where,
                "texts": texts,
                "vectors": vectors,
                "metadata": metadata,
                "sparse": sparse,
                "ttl": ttl,
                "rows": rows,
                "merge": merge,
                "remove": remove,
            },
        )
        return found

    async def delete(self, ids: Ids | None = None, *, where: Mapping[str, Any] | None = None) -> int:
        """Deletes rows by id, by filter, or those selected by both, and returns how many were deleted."""
        found: int = await self._backend.call("delete", {"ids": ids, "where": where})
        return found

    async def get(
        self,
        ids: Ids | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        limit: int | None = None,
        offset: int = 0,
        vectors: bool = False,
    ) -> list[Record]:
        """Rows by id in the requested order, skipping unknown ids; without ids all rows, in insertion order.

        Args:
            limit: the maximum number of rows; None for all.
            offset: how many rows to skip first.
            vectors: whether `Record.vector` is filled.
        """
        found: list[Record] = await self._backend.call(
            "get", {"ids": ids, "where": where, "limit": limit, "offset": offset, "vectors": vectors}
        )
        return found

    def scroll(
        self,
        where: Mapping[str, Any] | None = None,
        order_by: str | None = None,
        *,
        descending: bool = False,
        vectors: bool = False,
    ) -> AsyncIterator[Record]:
        """Iterates over all rows that match, in the order of their ids; each is returned exactly once.

        Concurrent writes do not disturb it: a row that exists throughout is returned exactly once, and rows added
        meanwhile are not returned. It holds one page of rows in memory, and 8 bytes for each remaining row.

        Args:
            order_by: a field; rows are ordered by its value and then by id, those without a value last. All ids are
                then held in memory.
        """
        return self._backend.rows(
            "scroll", {"where": where, "order_by": order_by, "descending": descending, "vectors": vectors}
        )

    async def peek(self, n: int = 10) -> list[Record]:
        """The first `n` rows."""
        found: list[Record] = await self._backend.call("peek", {"n": n})
        return found

    async def count(self, where: Mapping[str, Any] | None = None) -> int:
        """The number of rows that a search could return now, including those without a vector."""
        found: int = await self._backend.call("count", {"where": where})
        return found

    async def facets(self, field: str, where: Mapping[str, Any] | None = None) -> list[tuple[Any, int]]:
        """Values of a field and the number of rows with each, most frequent first; a list counts for each element."""
        found: list[tuple[Any, int]] = await self._backend.call("facets", {"field": field, "where": where})
        return found

    async def ids(self, where: Mapping[str, Any] | None = None) -> list[Id]:
        """Ids of rows in insertion order. Fast even for many ids: texts, metadata and vectors are not read."""
        found: list[Id] = await self._backend.call("ids", {"where": where})
        return found

    async def distinct(self, field: str, where: Mapping[str, Any] | None = None) -> list[Any]:
        """The distinct values of a field, including the elements of lists, ascending."""
        found: list[Any] = await self._backend.call("distinct", {"field": field, "where": where})
        return found

    async def min_max(self, field: str, where: Mapping[str, Any] | None = None) -> tuple[Any, Any] | None:
        """The smallest and the largest value of a field; None if no row has one."""
        found: tuple[Any, Any] | None = await self._backend.call("min_max", {"field": field, "where": where})
        return found

    async def search(
        self,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | Node | None = None,
        *,
        id: AnyId | None = None,
        vector: Vector | None = None,
        sparse: Sparse | None = None,
        mode: Mode = "dense",
        alpha: float | None = None,
        fusion: FusionMethod | None = None,
        weights: Mapping[str, float] | None = None,
        scorer: Scorer | None = None,
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
        """The `k` best rows, or all if there are fewer; best first, ties by insertion order.

        Args:
            query: a text, or a vector of shape (dim,).
            k: the number of hits, at least 1.
            where: only rows that match, such as {"year": {"$gte": 2020}, "tags": "gold"}; docs/filters.md has all
                operators. A tree of `vicinal.filters.tree` is accepted too.
            id: instead of a query: a stored row, to search for its neighbours; the row itself is not among the hits.
            vector: in hybrid search, the vector that goes with the text, instead of one from the encoder.
            sparse: in hybrid search, a sparse vector, {dimension: weight}, to compare with those of the rows.
            mode: "dense" by vectors, "keyword" by words, "hybrid" by everything that is given.
            alpha: from 0 to 1, 0.5 by default: the weight of vectors in hybrid search; words have the rest.
            fusion: "weighted" (default), "rrf", "combsum", "combmnz" or "borda": how hybrid search fuses its rankings.
            weights: of the legs, such as {"dense": 2, "keyword": 1}, instead of alpha.
            scorer: for keywords: Bm25(k1=1.2, b=0.75), which is the default, or TfIdf().
            syntax: how the text of a keyword search is read: "plain" (default), where every word is optional and
                there are no operators; or "operators": "an exact phrase", +required, -excluded; docs/keywords.md has
                all.
            exact: returns the true hits, even if the collection's index may miss some.
            recall: the share of the true hits that is enough, above 0 and up to 1; it determines how far an
                approximate index searches.
            effort: instead of recall: how far such an index searches, in its own unit: what its setting `ef_search`,
                `nprobe` or `probes` says for all searches.
            offset: how many of the best rows to skip before the `k`: the second page of ten has offset=10.
            min_score: leaves out rows with a lower score, even if fewer than `k` remain; what a score means depends on
                the mode and the metric.
            select: the parts of rows that hits include, "text" and "metadata", all by default; `()` returns only ids
                and scores, which is fastest.
            mmr: maximal marginal relevance, from 0 to 1: hits that are relevant and unlike each other, chosen one by
                one from the best `fetch_k`. The value is the weight of relevance: 1 changes nothing, 0.5 is usual. Hits
                are in the order in which they were chosen, with their original scores.
            group_by: a field: only the best hits for each of its values, `group_size` of them, one by default. `k` and
                `offset` then count values, hits are ordered by value, and `hits.groups` holds them grouped. Rows
                without a value form a group of their own.
            rerank: "lexical", "onnx:model.onnx" (a cross-encoder) or an object with `rerank(query, texts)`: orders the
                best `fetch_k` hits by its scores, which become the scores of the hits; `min_score` applies to them.
                The rank and score of the search itself are in `hit.legs["search"]`.
            fetch_k: how many of the best rows `mmr` and `rerank` consider; 100, or `k` if that is more.

        Raises:
            NoEncoder: a text was given, the mode needs vectors, and the collection has no encoder.
            DimensionMismatch, InvalidVector, ZeroVector, IdNotFound, InvalidArgument.
        """
        found: Hits = await self._backend.call(
            "search",
            {
                "query": query,
                "k": k,
                "where": where,
                "id": id,
                "vector": vector,
                "sparse": sparse,
                "mode": mode,
                "alpha": alpha,
                "fusion": fusion,
                "weights": weights,
                "scorer": scorer,
                "syntax": syntax,
                "exact": exact,
                "recall": recall,
                "effort": effort,
                "offset": offset,
                "min_score": min_score,
                "select": select,
                "mmr": mmr,
                "group_by": group_by,
                "group_size": group_size,
                "rerank": rerank,
                "fetch_k": fetch_k,
            },
        )
        return found

    async def search_many(
        self,
        queries: Sequence[Query] | Iterator[Query] | SupportsArray,
        k: int = 10,
        where: Mapping[str, Any] | Node | None = None,
        *,
        vectors: Vectors | None = None,
        sparse: Iterable[Sparse] | None = None,
        mode: Mode = "dense",
        alpha: float | None = None,
        fusion: FusionMethod | None = None,
        weights: Mapping[str, float] | None = None,
        scorer: Scorer | None = None,
        syntax: Syntax | None = None,
        exact: bool = False,
        recall: float | None = None,
        effort: int | None = None,
        offset: int = 0,
        min_score: float | None = None,
        select: Sequence[Part] | None = None,
    ) -> list[Hits]:
        """One `Hits` per query: a list of texts and vectors, or an array of shape (queries, dim).

        Args:
            vectors, sparse: like `vector` and `sparse` of `search`, one per query.
            others: as for `search`.
        """
        found: list[Hits] = await self._backend.call(
            "search_many",
            {
                "queries": queries,
                "k": k,
                "where": where,
                "vectors": vectors,
                "sparse": sparse,
                "mode": mode,
                "alpha": alpha,
                "fusion": fusion,
                "weights": weights,
                "scorer": scorer,
                "syntax": syntax,
                "exact": exact,
                "recall": recall,
                "effort": effort,
                "offset": offset,
                "min_score": min_score,
                "select": select,
            },
        )
        return found

    async def search_range(
        self,
        query: Query | None = None,
        where: Mapping[str, Any] | Node | None = None,
        *,
        min_score: float | None = None,
        max_distance: float | None = None,
        **options: Unpack[RangeOptions],
    ) -> Hits:
        """All rows that score at least `min_score`, or are at most `max_distance` away, however many there are.

        The search is exact, whatever the collection's index. Best first, ties by insertion order.

        Args:
            options: as for `search`.

        Raises:
            InvalidArgument: neither bound is given.
        """
        found: Hits = await self._backend.call(
            "search_range",
            {"query": query, "where": where, "min_score": min_score, "max_distance": max_distance, **options},
        )
        return found

    async def recommend(
        self,
        positive: Examples,
        negative: Examples | None = None,
        k: int = 10,
        where: Mapping[str, Any] | Node | None = None,
        **options: Unpack[RecommendOptions],
    ) -> Hits:
        """The `k` rows that are most like the positive examples and unlike the negative ones, without the examples.

        The query vector is twice the mean of the positive examples minus the mean of the negative ones.

        Args:
            positive: ids of rows, vectors, or both; at least one.
            negative: likewise; may be empty.
            options: as for `search`.

        Raises:
            IdNotFound, Unsupported: an example does not exist, or has no vector.
            InvalidArgument: the examples cancel each other out.
        """
        found: Hits = await self._backend.call(
            "recommend", {"positive": positive, "negative": negative, "k": k, "where": where, **options}
        )
        return found

    async def duplicates(
        self,
        threshold: float | None = None,
        where: Mapping[str, Any] | Node | None = None,
        *,
        max_distance: float | None = None,
        max_pairs: int = 1000000,
        progress: bool = False,
    ) -> Duplicates:
        """Every pair of rows whose vectors are nearly the same, exactly, and the groups that these pairs form.

        All rows are compared with all others: 100,000 rows of 384 dimensions take one to two minutes on two cores.
        Searches and writes continue meanwhile; the writes are not seen.

        Args:
            threshold: the lowest score of a pair; by default 0.95, under cosine.
            max_distance: instead of the threshold, the greatest distance.
            max_pairs: more pairs than this are an error, since they would fill the memory.
            progress: shows a progress bar on the terminal.

        Raises:
            InvalidArgument: neither bound is given, and the metric is not cosine.
            LimitExceeded: there are more than `max_pairs`.
        """
        found: Duplicates = await self._backend.call(
            "duplicates",
            {
                "threshold": threshold,
                "where": where,
                "max_distance": max_distance,
                "max_pairs": max_pairs,
                "progress": progress,
            },
        )
        return found

    async def log_queries(self, on: bool = True, *, keep: int = 10000, slower_than: float = 0.0) -> None:
        """Logs every search from now on, until it is turned off.

        Every process that opens the collection later logs too. The log is a separate file beside the rows. It
        contains the texts that are searched for; `purge` erases it, `backup` and snapshots leave it out. Searches do
        not wait for it.

        Args:
            on: False stops logging; what was logged is kept.
            keep: the number of searches to keep; older ones are removed.
            slower_than: only log searches that take at least this many seconds.

        Raises:
            NotAllowed: the handle is restricted to some of the rows.
        """
        await self._backend.call("log_queries", {"on": on, "keep": keep, "slower_than": slower_than})

    async def logged_queries(self, n: int = 100) -> list[LoggedQuery]:
        """The last `n` logged searches, newest first."""
        found: list[LoggedQuery] = await self._backend.call("logged_queries", {"n": n})
        return found

    async def slow_queries(self, n: int = 10) -> list[LoggedQuery]:
        """The `n` slowest logged searches, slowest first."""
        found: list[LoggedQuery] = await self._backend.call("slow_queries", {"n": n})
        return found

    async def explain(
        self,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | Node | None = None,
        **options: Unpack[SearchOptions],
    ) -> Explanation:
        """How a search with these arguments arrives at its hits: what the filter keeps, each step with its duration
        and reason, and for each hit the score of every leg and the matching terms of its text.

        Args:
            options: as for `search`.
        """
        found: Explanation = await self._backend.call("explain", {"query": query, "k": k, "where": where, **options})
        return found

    async def why_not(
        self,
        id: AnyId,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | Node | None = None,
        **settings: Unpack[SearchSettings],
    ) -> WhyNot:
        """Why the row with this id is not among the hits of a search with these arguments, or that it is.

        Args:
            id: the id of the missing row.
            settings: as for `search`. To ask about the neighbours of a row, pass its vector as the query.
        """
        found: WhyNot = await self._backend.call(
            "why_not", {"id": id, "query": query, "k": k, "where": where, **settings}
        )
        return found

    def within(self, where: Mapping[str, Any] | Node) -> AsyncCollection:
        """The same collection, restricted to the rows that match a filter, such as those of one tenant.

        For such a handle, other rows do not exist: searches, reads, counts, updates and deletes skip them. A row that
        it writes must match the filter before and after. Where the filter expects one value, the row must have that
        value alone: a list with other values would also match filters for those. Ids, field names and term statistics
        are those of the whole collection. Closing it closes the handle that it was made from.

        Raises:
            NotAllowed, from calls that write: a row would not match the filter, or would also match filters for other
                values; or its id belongs to a row that does not match.
        """
        return AsyncCollection(self._backend.within(where))

    def notes(self, owner: str) -> AsyncNotes:
        """Values that a program keeps beside the rows: a mapping of str to bytes per owner, as durable as rows.

        Args:
            owner: a text of 1 to 1,024 characters, such as the program's name.
        """
        return AsyncNotes(self._backend, owner)

    async def stats(self) -> Stats:
        """The current rows, slots, sizes and settings."""
        found: Stats = await self._backend.call("stats", {})
        return found

    async def wait_indexed(self, seconds: float | None = None) -> bool:
        """Adds everything written so far to the vector index now, on all processors, instead of in the background.

        Searches find every row without this call; after it they run at full speed.

        Args:
            seconds: the maximum time to take, approximately; None for no limit.

        Returns:
            False if the time ran out before the index was complete.
        """
        found: bool = await self._backend.call("wait_indexed", {"seconds": seconds})
        return found

    async def sync(self) -> None:
        """Makes all earlier writes survive power loss; with durability "full" they already do."""
        await self._backend.call("sync", {})

    async def verify(self) -> VerifyReport:
        """Checks every file of the collection while reads and writes continue. Changes nothing."""
        found: VerifyReport = await self._backend.call("verify", {})
        return found

    async def compact(self) -> None:
        """Reclaims the space of dead rows now; this happens automatically once they outnumber the live ones."""
        await self._backend.call("compact", {})

    async def purge(self, *, drop_snapshots: bool = False) -> PurgeReceipt:
        """Erases deleted data: afterwards no file of the collection contains the text or vectors of a deleted row.

        Args:
            drop_snapshots: delete the snapshots too; if there are any, purge refuses to run without this.
        """
        found: PurgeReceipt = await self._backend.call("purge", {"drop_snapshots": drop_snapshots})
        return found

    async def backup(self, path: str | os.PathLike[str]) -> str:
        """Writes a consistent copy of the collection, even during writes, to the database folder `path`.

        Returns:
            The folder of the copy. `connect(path).collection(name)` opens it.

        Raises:
            InvalidArgument: `path` is not a path, or the destination already has a collection of this name.
            Unsupported: `path` is a URL.
        """
        found: str = await self._backend.call("backup", {"path": path})
        return found

    async def snapshot(self, name: str) -> Snapshot:
        """Takes a snapshot: a copy that is kept beside the collection under `name`."""
        found: Snapshot = await self._backend.call("snapshot", {"name": name})
        return found

    async def snapshots(self) -> list[Snapshot]:
        """The snapshots, oldest first."""
        found: list[Snapshot] = await self._backend.call("snapshots", {})
        return found

    async def restore(self, name: str) -> None:
        """Returns to a snapshot, atomically for every process; later changes are lost."""
        await self._backend.call("restore", {"name": name})

    async def drop_snapshot(self, name: str) -> None:
        """Deletes a snapshot."""
        await self._backend.call("drop_snapshot", {"name": name})

    async def reembed(self, encoder: EncoderLike) -> None:
        """Re-encodes every text with another encoder, which becomes the collection's encoder.

        Searches use the old vectors until all new ones are ready and replace them atomically.

        Raises:
            InvalidArgument: a row has a vector but no text; nothing was changed.
        """
        await self._backend.call("reembed", {"encoder": encoder})

    async def alter(self, *, metric: Metric | None = None, index: str | Mapping[str, Any] | None = None) -> None:
        """Changes how vectors are compared or found, without re-encoding anything.

        Args:
            metric: "cosine", "ip", "l2" or "l1".
            index: as for `Database.collection`.
        """
        await self._backend.call("alter", {"metric": metric, "index": index})
