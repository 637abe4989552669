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
        """Its identity: a collection that is made under the name of one that was dropped has another."""
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
        """Stores new rows and returns their ids. All of them or none; durable and searchable on return.

        Args:
            ids: str, int or UUID, one a row; left out, the collection makes them.
            texts: str or None, one a row. A row without a vector gets one from the collection's encoder.
            vectors: shape (rows, dim), any real dtype, kept as float32; None for a row without. Arrays, lists, tables
                and tensors of any library: docs/import.md has the list.
            metadata: dicts of any JSON plus date, datetime, Decimal and UUID, one a row.
            ttl: seconds to live, a timedelta or a datetime (naive means UTC), one for all or one a row.
            sparse: sparse vectors, {dimension: weight} or None, one a row; hybrid search compares them.
            rows: instead of lists: dicts with the keys id, text, vector, metadata, sparse, ttl; a data frame with
                such columns, of which all others become metadata; or a generator of such dicts, which commits every
                8,192 rows.
            progress: a bar on the terminal, with the rate and, where the number of rows is known, the time left. A
                generator that is stopped leaves the batches that were committed.

        Raises:
            DuplicateId: an id exists already, or stands twice in the call.
            InvalidInput: see its subclasses; nothing was changed.
            WriterBusy, DiskFull, CommitFailed: the store could not take it.
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
        """Like `add`, but replaces whole rows of the same id; of equal ids in one call the last wins."""
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
        """Changes existing rows and returns how many. All of them or none.

        Top-level metadata keys merge, None as a value stores null. A new text is encoded again unless a vector
        comes with it. One dict of metadata serves all rows. What is not given stays. With `where`, metadata and
        ttl of the rows that pass change; with ids too, of those among them, and texts and vectors as well: so a row
        changes only if it still is what was read.

        Args:
            ttl: as in `add`; math.inf lets a row stay that would have expired.
            rows: instead of lists: dicts, a data frame or a generator as in `add`, each row with its id and what
                changes; a generator commits every 8,192 rows.
            merge: False puts the metadata given, if any is, in the place of all that a row has.
            remove: top-level metadata keys that go; rows without them are as right.

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
        """Deletes rows by id, by filter, or those that both name, and returns how many existed."""
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
        """Rows by id in the order asked, skipping unknown ids; without ids all, in insertion order.

        Args:
            limit: at most so many; None for all.
            offset: how many to skip first.
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
        """All rows that match, one by one, in the order of their ids; each exactly once.

        What is written meanwhile does not disturb it: a row that is there throughout comes exactly once, and rows that
        are added do not come. It holds a page of rows and 8 bytes for each row to come.

        Args:
            order_by: a field; rows come by its value and then by id, those without a value last. Then all
                ids are held.
        """
        return self._backend.rows(
            "scroll", {"where": where, "order_by": order_by, "descending": descending, "vectors": vectors}
        )

    async def peek(self, n: int = 10) -> list[Record]:
        """The first `n` rows."""
        found: list[Record] = await self._backend.call("peek", {"n": n})
        return found

    async def count(self, where: Mapping[str, Any] | None = None) -> int:
        """Rows that a search could return now, those without a vector included."""
        found: int = await self._backend.call("count", {"where": where})
        return found

    async def facets(self, field: str, where: Mapping[str, Any] | None = None) -> list[tuple[Any, int]]:
        """Values of a field and how many rows have them, most frequent first; a list counts for each element."""
        found: list[tuple[Any, int]] = await self._backend.call("facets", {"field": field, "where": where})
        return found

    async def ids(self, where: Mapping[str, Any] | None = None) -> list[Id]:
        """Ids of rows in insertion order. Texts, metadata and vectors are not read, so many ids take little time."""
        found: list[Id] = await self._backend.call("ids", {"where": where})
        return found

    async def distinct(self, field: str, where: Mapping[str, Any] | None = None) -> list[Any]:
        """Values of a field, and elements of its lists, each once, ascending."""
        found: list[Any] = await self._backend.call("distinct", {"field": field, "where": where})
        return found

    async def min_max(self, field: str, where: Mapping[str, Any] | None = None) -> tuple[Any, Any] | None:
        """The smallest and the largest value of a field; None where no row has one."""
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
        """The `k` best rows, or all there are; best first, ties by insertion order.

        Args:
            query: a text, or a vector of shape (dim,).
            k: how many hits, at least 1.
            where: only rows that match, such as {"year": {"$gte": 2020}, "tags": "gold"}; docs/filters.md has all.
                A tree of `vicinal.filters.tree` does too.
            id: instead of a query: a stored row whose neighbours are wanted; it is not among them.
            vector: in hybrid search the vector that goes with the text, instead of one by the encoder.
            sparse: in hybrid search a sparse vector, {dimension: weight}, that is compared with those of rows.
            mode: "dense" by vectors, "keyword" by words, "hybrid" by all that is given.
            alpha: from 0 to 1, 0.5 by default: in hybrid search the weight of vectors; the rest is that of words.
            fusion: "weighted" (default), "rrf", "combsum", "combmnz" or "borda": how hybrid search makes one ranking.
            weights: of the legs, such as {"dense": 2, "keyword": 1}, in place of alpha.
            scorer: of words: Bm25(k1=1.2, b=0.75), which is the default, or TfIdf().
            syntax: of a text whose words are searched: "plain" (default), where each word may be there and nothing is
                an operator; or "operators": "words in a row", +required, -excluded; docs/keywords.md has all.
            exact: the true answer, even where the collection's index may miss some of it.
            recall: the share of the true answer that is enough, above 0 and up to 1; it decides how far an index looks
                that may miss some.
            effort: instead of recall: how far such an index looks, in its own unit: what its setting `ef_search`,
                `nprobe` or `probes` says for all searches.
            offset: how many of the best rows to skip before the `k`: the second page of ten has offset=10.
            min_score: rows with a lower score are left out, even if fewer than `k` are left; what a score is, the mode
                and the metric say.
            select: parts of rows that hits are to have, "text" and "metadata", all by default; `()` gives ids and
                scores only, which is quickest.
            mmr: maximal marginal relevance, from 0 to 1: hits that are relevant and unlike each other, chosen one by
                one from the best `fetch_k`. It is the weight of relevance: 1 changes nothing, 0.5 is usual. Hits come
                in the order in which they are chosen, with the scores that they have without it.
            group_by: a field: only the best hits of each of its values, `group_size` of them, one by default. `k` and
                `offset` then count values, hits come value by value, and `hits.groups` has them so. Rows without a
                value are a group of their own.
            rerank: "lexical", "onnx:model.onnx" (a cross-encoder) or an object with `rerank(query, texts)`: the best
                `fetch_k` hits in the order of its scores, which they have then; `min_score` is one of these. What the
                search itself said is in `hit.legs["search"]`.
            fetch_k: how many of the best rows `mmr` and `rerank` look at; 100, or more where `k` is.

        Raises:
            NoEncoder: a text, where the collection has no encoder and the mode needs vectors.
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
            vectors, sparse: like `vector` and `sparse` of `search`, one a query.
            others: as of `search`.
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
        """Every row that scores at least `min_score`, or is at most `max_distance` away, however many there are.

        It is exact, whatever the collection's index. Best first, ties by insertion order.

        Args:
            options: as of `search`.

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
        """The `k` rows that are most like the positive examples and unlike the negative ones, examples left out.

        Rows are compared with twice the mean of the positive examples less the mean of the negative ones.

        Args:
            positive: ids of rows, vectors, or both; at least one.
            negative: likewise.
            options: as of `search`.

        Raises:
            IdNotFound, Unsupported: an example does not exist, or has no vector.
            InvalidArgument: examples cancel each other out.
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
        """Every pair of rows whose vectors are nearly the same, exactly, and the groups that these make.

        All rows are compared with all others: 100,000 rows of 384 dimensions take one to two minutes on two cores.
        Searches and writes go on meanwhile, and are not seen.

        Args:
            threshold: the least score of a pair; by default 0.95, under cosine.
            max_distance: in its place the greatest distance.
            max_pairs: more are an error, as they would fill the memory.
            progress: a bar on the terminal.

        Raises:
            InvalidArgument: neither is given, and the metric is not cosine.
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
        """Logs every search from now on, until told not to.

        So does each process that opens the collection later. The log lies beside the rows, in a file of its own. It
        holds the texts that are searched for; `purge` erases it, `backup` and snapshots leave it out. Searches do not
        wait for it.

        Args:
            on: False ends it; what was logged stays.
            keep: so many searches; older ones leave.
            slower_than: only those that take at least so many seconds.

        Raises:
            NotAllowed: the handle sees a part of the rows.
        """
        await self._backend.call("log_queries", {"on": on, "keep": keep, "slower_than": slower_than})

    async def logged_queries(self, n: int = 100) -> list[LoggedQuery]:
        """The last `n` searches that were logged, the newest first."""
        found: list[LoggedQuery] = await self._backend.call("logged_queries", {"n": n})
        return found

    async def slow_queries(self, n: int = 10) -> list[LoggedQuery]:
        """The `n` slowest searches that were logged, the slowest first."""
        found: list[LoggedQuery] = await self._backend.call("slow_queries", {"n": n})
        return found

    async def explain(
        self,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | Node | None = None,
        **options: Unpack[SearchOptions],
    ) -> Explanation:
        """How a search with these arguments arrives at its hits: what the filter keeps, each step with its time
        and reason, and of each hit what every leg says and which terms its text has.

        Args:
            options: as of `search`.
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
        """Why the row of an id is not among the hits of a search with these arguments, or that it is.

        Args:
            id: of the row that is missed.
            settings: as of `search`. For the neighbours of a row pass its vector as query.
        """
        found: WhyNot = await self._backend.call(
            "why_not", {"id": id, "query": query, "k": k, "where": where, **settings}
        )
        return found

    def within(self, where: Mapping[str, Any] | Node) -> AsyncCollection:
        """The same collection, restricted to the rows that match a filter, such as those of one tenant.

        To such a handle other rows are not there: searches, reads, counts, updates and deletes skip them. What it
        would write must pass the filter before and after, an equality by its values alone: a list with others would
        pass their filters too. Ids, names of fields and the statistics of words are those of the whole collection.
        Closing it closes the handle that it was made from.

        Raises:
            NotAllowed, from calls that write: a row would not pass the filter, or not only filters like it; or its id
                is taken by one that does not pass.
        """
        return AsyncCollection(self._backend.within(where))

    def notes(self, owner: str) -> AsyncNotes:
        """What a program keeps beside the rows: a mapping of str to bytes, durable like rows, one for each owner.

        Args:
            owner: a text of 1 to 1,024 characters, such as the program's name.
        """
        return AsyncNotes(self._backend, owner)

    async def stats(self) -> Stats:
        """Rows, slots, sizes and settings at this moment."""
        found: Stats = await self._backend.call("stats", {})
        return found

    async def wait_indexed(self, seconds: float | None = None) -> bool:
        """Takes into the vector index what was written so far, with all processors, instead of in the background.

        Searches find every row without it; afterwards they are as fast as they will be.

        Args:
            seconds: at most about so many; None for as long as it takes.

        Returns:
            False where the time was up before all was done.
        """
        found: bool = await self._backend.call("wait_indexed", {"seconds": seconds})
        return found

    async def sync(self) -> None:
        """Makes all earlier writes survive power loss; with durability "full" they do already."""
        await self._backend.call("sync", {})

    async def verify(self) -> VerifyReport:
        """Checks every file of the collection, while others read and write. Changes nothing."""
        found: VerifyReport = await self._backend.call("verify", {})
        return found

    async def compact(self) -> None:
        """Reclaims the room of dead rows now; it happens by itself once they outnumber the rest."""
        await self._backend.call("compact", {})

    async def purge(self, *, drop_snapshots: bool = False) -> PurgeReceipt:
        """Erases what was deleted: afterwards neither its text nor its vectors are in any file of the collection.

        Args:
            drop_snapshots: delete the snapshots too; while there are any, purge refuses to run without this.
        """
        found: PurgeReceipt = await self._backend.call("purge", {"drop_snapshots": drop_snapshots})
        return found

    async def backup(self, path: str | os.PathLike[str]) -> str:
        """Copies the collection, consistently and while others write, into the database folder `path`.

        Returns:
            The folder of the copy. `connect(path).collection(name)` opens it.

        Raises:
            InvalidArgument: it is no path, or there is a collection of this name at the destination.
            Unsupported: it is a URL.
        """
        found: str = await self._backend.call("backup", {"path": path})
        return found

    async def snapshot(self, name: str) -> Snapshot:
        """Keeps a copy of the collection beside it under `name`."""
        found: Snapshot = await self._backend.call("snapshot", {"name": name})
        return found

    async def snapshots(self) -> list[Snapshot]:
        """The snapshots, oldest first."""
        found: list[Snapshot] = await self._backend.call("snapshots", {})
        return found

    async def restore(self, name: str) -> None:
        """Goes back to a snapshot, in one step for every process; what came later is gone."""
        await self._backend.call("restore", {"name": name})

    async def drop_snapshot(self, name: str) -> None:
        """Deletes a snapshot."""
        await self._backend.call("drop_snapshot", {"name": name})

    async def reembed(self, encoder: EncoderLike) -> None:
        """Re-encodes every text with another encoder, which the collection then remembers.

        Searches go on over the old vectors until the new ones are in place, all at once.

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
