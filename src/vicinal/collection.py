"""The collection handle, as users see it. It checks the arguments and delegates; it contains no algorithm."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Never, NoReturn, Self, Unpack, overload
from uuid import UUID

import numpy as np

from . import notebook, shutdown
from .analyzers import kept_analyzer
from .arguments import (
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
from .contract import Metric, Mode, Part, Reranker, Syntax
from .duplicates import Duplicates
from .errors import Closed, InvalidArgument, InvalidInput, StoreError
from .explanation import Explanation, WhyNot
from .filters.bitmap import popcount
from .filters.tree import Node
from .indexes.text_query import Scorer
from .indexes.vector_index import DEFAULT_INDEX, kept_index
from .inputs.calls import for_users, no_attribute
from .inputs.columns import RowArguments
from .inputs.ids import check_id
from .inputs.paths import check_database_path
from .logged_query import LoggedQuery
from .query.arguments import SearchArguments, lists_of, refuse_unknown
from .query.shaping import Shaping
from .records import rebuild, summarize
from .records.context import Context, now
from .records.insert import insert
from .records.notes import Notes
from .records.read import checked_first, read, read_ids
from .records.remove import remove, remove_where
from .records.scroll import scroll
from .records.selection import filter_of
from .records.update import update, update_where
from .records.waiting import wait_indexed
from .searching.duplicates import duplicates
from .searching.explain import explain, why_not
from .searching.query_log import log_queries, logged_queries, slow_queries
from .searching.recommend import recommend
from .searching.search import search
from .searching.search_range import search_range
from .store.state import State
from .types import Hits, Id, PurgeReceipt, Record, Snapshot, Stats, VerifyReport
from .visible import shown, visible

# What other vector databases call methods of a collection.
_CALLS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("query", "similarity_search", "find", "search_text"), "docs.search(query, k=10)"),
    **dict.fromkeys(("insert", "add_texts", "add_documents", "append"), "docs.add(ids, texts=texts)"),
    **dict.fromkeys(("remove", "delete_many", "discard", "pop"), "docs.delete(ids)"),
    **dict.fromkeys(("fetch", "retrieve", "find_one", "get_by_id"), "docs.get(ids)"),
    **dict.fromkeys(("head", "sample"), "docs.peek()"),
    **dict.fromkeys(("size", "length", "num_entities", "count_rows"), "docs.count()"),
}


@for_users
class Collection:
    """A handle on a collection, as returned by `connect(...).collection(name)`. Thread-safe."""

    def __init__(self, context: Context, of: Collection | None = None) -> None:
        self._context = context
        self._of = of  # the collection whose handle this one shares
        self._finalizer: weakref.finalize[Any, Any]
        if of is not None:
            self._finalizer = of._finalizer
            return
        self._finalizer = weakref.finalize(self, partial(context.lease.release, forgotten=True))
        self._finalizer.atexit = False  # at exit, all stores are closed together

    @property
    def name(self) -> str:
        return self._context.name

    @property
    def uuid(self) -> UUID:
        """The identity of the collection. A collection that is dropped and created again has a new one."""
        return UUID(bytes=self._context.known.uuid)

    # -- insert

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
        columns = RowArguments(ids, texts, vectors, metadata, ttl, sparse)
        return insert(self._context, columns, rows, replace=False, show=progress)

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
        columns = RowArguments(ids, texts, vectors, metadata, ttl, sparse)
        return insert(self._context, columns, rows, replace=True, show=progress)

    # -- update and remove

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
        columns = RowArguments(ids, texts, vectors, metadata, ttl, sparse)
        if where is None:
            return update(self._context, columns, rows, merge=merge, remove=remove)
        if rows is not None:
            raise InvalidArgument("rows= and where= exclude each other", name="rows", remedy="Leave one of them out.")
        if columns.are_of_each_row:
            return update(self._context, columns, where=where, merge=merge, remove=remove)
        return update_where(self._context, where, columns, merge=merge, remove=remove)

    def delete(self, ids: Ids | None = None, *, where: Mapping[str, Any] | None = None) -> int:
        """Deletes rows by id, by filter, or those selected by both, and returns how many were deleted."""
        if where is not None:
            return remove_where(self._context, where, ids)
        if ids is None:
            raise InvalidArgument(
                "delete needs ids= or where=",
                name="ids",
                remedy="Pass ids=[...] or where={...}.",
            )
        return remove(self._context, ids)

    # -- read

    def get(
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
        return read(self._context, ids, where=where, limit=limit, offset=offset, vectors=vectors)

    def scroll(
        self,
        where: Mapping[str, Any] | None = None,
        order_by: str | None = None,
        *,
        descending: bool = False,
        vectors: bool = False,
    ) -> Iterator[Record]:
        """Iterates over all rows that match, in the order of their ids; each is returned exactly once.

        Concurrent writes do not disturb it: a row that exists throughout is returned exactly once, and rows added
        meanwhile are not returned. It holds one page of rows in memory, and 8 bytes for each remaining row.

        Args:
            order_by: a field; rows are ordered by its value and then by id, those without a value last. All ids are
                then held in memory.
        """
        return _held_by(self, scroll(self._context, where, order_by, descending=descending, vectors=vectors))

    def peek(self, n: int = 10) -> list[Record]:
        """The first `n` rows."""
        return read(self._context, None, where=None, limit=checked_first(n), offset=0, vectors=False)

    def count(self, where: Mapping[str, Any] | None = None) -> int:
        """The number of rows that a search could return now, including those without a vector."""
        return summarize.count(self._context, where)

    def facets(self, field: str, where: Mapping[str, Any] | None = None) -> list[tuple[Any, int]]:
        """Values of a field and the number of rows with each, most frequent first; a list counts for each element."""
        return summarize.facets(self._context, field, where)

    def ids(self, where: Mapping[str, Any] | None = None) -> list[Id]:
        """Ids of rows in insertion order. Fast even for many ids: texts, metadata and vectors are not read."""
        return read_ids(self._context, where)

    def distinct(self, field: str, where: Mapping[str, Any] | None = None) -> list[Any]:
        """The distinct values of a field, including the elements of lists, ascending."""
        return summarize.distinct(self._context, field, where)

    def min_max(self, field: str, where: Mapping[str, Any] | None = None) -> tuple[Any, Any] | None:
        """The smallest and the largest value of a field; None if no row has one."""
        return summarize.min_max(self._context, field, where)

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        """Always True, even for an empty collection: `if collection:` tests for None and reads nothing."""
        return True

    def __contains__(self, id_: object) -> bool:
        try:
            checked = check_id(id_)
        except InvalidInput:  # something that is not an id cannot be in the collection
            return False
        return bool(self.get([checked], limit=1))

    def __getitem__(self, id_: object) -> NoReturn:
        """Not supported: raises an error that names the method to use."""
        raise InvalidArgument(
            f"a collection cannot be indexed with [{shown(id_)}]",
            name="id",
            value=id_,
            remedy=f"Write docs.get({shown(id_)}), which returns a list.",
        )

    __iter__ = None  # otherwise Python would iterate through __getitem__

    if not TYPE_CHECKING:  # type checkers must see that there are no other attributes

        def __getattr__(self, name: str) -> NoReturn:
            """Names with an underscore belong to protocols, such as those of pickle and notebooks."""
            raise no_attribute(self, name, _CALLS)

    # -- search

    def search(
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
        **unknown: Never,
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
        if unknown:
            refuse_unknown(unknown)
        arguments = SearchArguments(
            [query],
            k,
            id,
            None if vector is None else [vector],
            None if sparse is None else [sparse],
            mode,
            alpha,
            fusion,
            weights,
            scorer,
            syntax,
            exact,
            recall,
            effort,
            offset,
            min_score,
            select,
        )
        if not (mmr is None and fetch_k is None and group_by is None and group_size is None and rerank is None):
            arguments.shaping = Shaping(mmr, fetch_k, group_by, group_size, rerank)
        return self._hits(arguments, where)[0]

    def search_many(
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
        **unknown: Never,
    ) -> list[Hits]:
        """One `Hits` per query: a list of texts and vectors, or an array of shape (queries, dim).

        Args:
            vectors, sparse: like `vector` and `sparse` of `search`, one per query.
            others: as for `search`.
        """
        refuse_unknown(unknown)
        asked_for, given = lists_of(queries, vectors=vectors, sparse=sparse)
        arguments = SearchArguments(
            asked_for,
            k,
            None,
            given["vectors"],
            given["sparse"],
            mode,
            alpha,
            fusion,
            weights,
            scorer,
            syntax,
            exact,
            recall,
            effort,
            offset=offset,
            min_score=min_score,
            select=select,
            single=False,
        )
        return self._hits(arguments, where)

    def _hits(self, arguments: SearchArguments, where: Mapping[str, Any] | Node | None) -> list[Hits]:
        """Hits for each query of a call, wherever the rows are stored."""
        return search(self._context, arguments, where)

    def search_range(
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
        return search_range(self._context, query, where, min_score, max_distance, options)

    def recommend(
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
        return recommend(self._context, positive, negative, k, where, options)

    def duplicates(
        self,
        threshold: float | None = None,
        where: Mapping[str, Any] | Node | None = None,
        *,
        max_distance: float | None = None,
        max_pairs: int = 1_000_000,
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
        return duplicates(self._context, threshold, max_distance, where, max_pairs, progress)

    def log_queries(self, on: bool = True, *, keep: int = 10_000, slower_than: float = 0.0) -> None:
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
        log_queries(self._context, on, keep, slower_than)

    def logged_queries(self, n: int = 100) -> list[LoggedQuery]:
        """The last `n` logged searches, newest first."""
        return logged_queries(self._context, n)

    def slow_queries(self, n: int = 10) -> list[LoggedQuery]:
        """The `n` slowest logged searches, slowest first."""
        return slow_queries(self._context, n)

    def explain(
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
        return explain(self._context, SearchArguments.of(query, k, options), where)

    def why_not(
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
        return why_not(self._context, id, SearchArguments.of(query, k, settings), where)

    # -- restricted handles

    def within(self, where: Mapping[str, Any] | Node) -> Collection:
        """The same collection, restricted to the rows that match a filter, such as those of one tenant.

        For such a handle, other rows do not exist: searches, reads, counts, updates and deletes skip them. A row that
        it writes must match the filter before and after. Where the filter expects one value, the row must have that
        value alone: a list with other values would also match filters for those. Ids, field names and term statistics
        are those of the whole collection. Closing it closes the handle that it was made from.

        Raises:
            NotAllowed, from calls that write: a row would not match the filter, or would also match filters for other
                values; or its id belongs to a row that does not match.
        """
        return Collection(self._context.narrowed(part_of(where)), of=self)

    # -- notes

    def notes(self, owner: str) -> Notes:
        """Values that a program keeps beside the rows: a mapping of str to bytes per owner, as durable as rows.

        Args:
            owner: a text of 1 to 1,024 characters, such as the program's name.
        """
        return Notes(self._context, owner, self)

    # -- upkeep

    def stats(self) -> Stats:
        """The current rows, slots, sizes and settings."""
        context, store = self._context, self._context.store
        published, builder = store.published(), store.upkeep.builder()
        (view, covered), state = store.at_moment(
            lambda index, _: (index.slots.view(), index.vectors.covered), lambda taken, reader: (taken, reader.state)
        )  # the view's arrays are never written again
        rows, live = popcount(view.visible(now())), int(np.count_nonzero(view.live))
        searchable = int(np.count_nonzero(view.searchable))
        indexed = int(np.count_nonzero(view.searchable[:covered]))
        return Stats(
            name=context.name,
            path=store.place,
            rows=rows,
            expired=live - rows,
            dead_slots=state.next_slot - live,
            indexed=indexed,
            pending=searchable - indexed,
            dimension=state.dimension,
            metric=state.metric,
            encoder=encoder_name(context, state),
            bytes_on_disk=store.bytes_on_disk(),
            change=state.change,
            synced=state.synced,
            published=None if published is None else published.change,
            tail=state.next_slot - (0 if published is None else published.slot_count),
            builder=builder,
            recovery=store.recovery,
            postponed=store.upkeep.postponed(),
            settings=settings_of(state),
        )

    def wait_indexed(self, seconds: float | None = None) -> bool:
        """Adds everything written so far to the vector index now, on all processors, instead of in the background.

        Searches find every row without this call; after it they run at full speed.

        Args:
            seconds: the maximum time to take, approximately; None for no limit.

        Returns:
            False if the time ran out before the index was complete.
        """
        return wait_indexed(self._context, seconds)

    def sync(self) -> None:
        """Makes all earlier writes survive power loss; with durability "full" they already do."""
        self._context.store.sync(self._context.timeout)

    def verify(self) -> VerifyReport:
        """Checks every file of the collection while reads and writes continue. Changes nothing."""
        return rebuild.verify(self._context)

    def compact(self) -> None:
        """Reclaims the space of dead rows now; this happens automatically once they outnumber the live ones."""
        rebuild.compact(self._context)

    def purge(self, *, drop_snapshots: bool = False) -> PurgeReceipt:
        """Erases deleted data: afterwards no file of the collection contains the text or vectors of a deleted row.

        Args:
            drop_snapshots: delete the snapshots too; if there are any, purge refuses to run without this.
        """
        return rebuild.purge(self._context, drop_snapshots=drop_snapshots)

    def backup(self, path: str | os.PathLike[str]) -> str:
        """Writes a consistent copy of the collection, even during writes, to the database folder `path`.

        Returns:
            The folder of the copy. `connect(path).collection(name)` opens it.

        Raises:
            InvalidArgument: `path` is not a path, or the destination already has a collection of this name.
            Unsupported: `path` is a URL.
        """
        rebuild.require_disk(self._context, "backup")
        remedy = "Write docs.backup('./copies')."
        folder = check_database_path(path, "path", "backup takes a path", remedy=remedy)
        if folder == ":memory:":
            raise InvalidArgument("a backup needs a folder on disk", name="path", value=path, remedy=remedy)
        return self._context.store.upkeep.back_up(os.path.abspath(folder))

    def snapshot(self, name: str) -> Snapshot:
        """Takes a snapshot: a copy that is kept beside the collection under `name`."""
        return rebuild.take_snapshot(self._context, name)

    def snapshots(self) -> list[Snapshot]:
        """The snapshots, oldest first."""
        return rebuild.list_snapshots(self._context)

    def restore(self, name: str) -> None:
        """Returns to a snapshot, atomically for every process; later changes are lost."""
        rebuild.restore(self._context, name)

    def drop_snapshot(self, name: str) -> None:
        """Deletes a snapshot."""
        rebuild.drop_snapshot(self._context, name)

    def reembed(self, encoder: EncoderLike) -> None:
        """Re-encodes every text with another encoder, which becomes the collection's encoder.

        Searches use the old vectors until all new ones are ready and replace them atomically.

        Raises:
            InvalidArgument: a row has a vector but no text; nothing was changed.
        """
        rebuild.reembed(self._context, encoder)

    def alter(self, *, metric: Metric | None = None, index: str | Mapping[str, Any] | None = None) -> None:
        """Changes how vectors are compared or found, without re-encoding anything.

        Args:
            metric: "cosine", "ip", "l2" or "l1".
            index: as for `Database.collection`.
        """
        rebuild.alter(self._context, metric, index)

    def close(self) -> None:
        """Closes the handle; the files are closed with the last handle of this process."""
        if self._finalizer.detach() is not None:
            self._context.lease.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        """For notebooks."""
        try:
            return self.stats()._repr_html_()
        except StoreError as error:  # closed or dropped meanwhile: displaying it must not fail
            return notebook.card(notebook.joined("Collection ", notebook.code(self.name)), {"state": error.message})

    def __repr__(self) -> str:
        if not self._finalizer.alive:
            return f"Collection({self.name!r}, closed)"
        store = self._context.store
        if store.is_over:
            return f"Collection({self.name!r}, {store.fate})"
        state = store.glance() or self._context.known  # no I/O: a debugger may call this at any moment
        return shown_as(self.name, state.dimension, state.metric, encoder_name(self._context, state))


def shown_as(name: str, dimension: int | None, metric: str, encoder: str | None) -> str:
    """The `repr` of an open collection."""
    dimension_known = "" if dimension is None else f"dimension={dimension}, "
    return f"Collection({name!r}, {dimension_known}metric={metric}, encoder={visible(encoder or 'none')})"


def part_of(where: Mapping[str, Any] | Node) -> Node:
    """The filter of a restricted handle.

    Raises:
        InvalidArgument: it is not a filter.
    """
    tree = filter_of(where)
    if tree is None:
        raise no_part()
    return tree


def no_part() -> InvalidArgument:
    """The error of `within` without a filter."""
    return InvalidArgument("within needs a filter", name="where", remedy="Such as {'tenant': 'a'}.")


def _held_by(owner: Collection, rows: Iterator[Record]) -> Iterator[Record]:
    """The rows, keeping the handle open while they are read, even if it is not held elsewhere:
    `db.collection("c").scroll()`."""
    try:
        yield from rows
    except Closed:
        shutdown.wait_if_begun()
        raise


def encoder_name(context: Context, state: State) -> str | None:
    encoder = context.encoder(state)
    return None if encoder is None else encoder.identity.name


def settings_of(state: State) -> dict[str, Any]:
    """The stored settings of the collection, as arguments of `Database.collection`."""
    kept = {name: value for name, value in state.setting.items() if name != "analysis"}
    kept["analyzer"] = kept_analyzer(kept["analyzer"])
    return {**kept, "index": kept_index(kept.get("index", DEFAULT_INDEX))}
