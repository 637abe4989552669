"""The noun that users hold. It checks how it was called and delegates; it holds no algorithm."""

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

# What other programs call methods of a collection.
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
    """A collection in this process: `connect(...).collection(name)` makes one. Thread-safe."""

    def __init__(self, context: Context, of: Collection | None = None) -> None:
        self._context = context
        self._of = of  # whose handle it shares
        self._finalizer: weakref.finalize[Any, Any]
        if of is not None:
            self._finalizer = of._finalizer
            return
        self._finalizer = weakref.finalize(self, partial(context.lease.release, forgotten=True))
        self._finalizer.atexit = False  # at exit all stores are closed together

    @property
    def name(self) -> str:
        return self._context.name

    @property
    def uuid(self) -> UUID:
        """Its identity: a collection that is made under the name of one that was dropped has another."""
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
        """Like `add`, but replaces whole rows of the same id; of equal ids in one call the last wins."""
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
        columns = RowArguments(ids, texts, vectors, metadata, ttl, sparse)
        if where is None:
            return update(self._context, columns, rows, merge=merge, remove=remove)
        if rows is not None:
            raise InvalidArgument("rows= and where= exclude each other", name="rows", remedy="Leave one of them out.")
        if columns.are_of_each_row:
            return update(self._context, columns, where=where, merge=merge, remove=remove)
        return update_where(self._context, where, columns, merge=merge, remove=remove)

    def delete(self, ids: Ids | None = None, *, where: Mapping[str, Any] | None = None) -> int:
        """Deletes rows by id, by filter, or those that both name, and returns how many existed."""
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
        """Rows by id in the order asked, skipping unknown ids; without ids all, in insertion order.

        Args:
            limit: at most so many; None for all.
            offset: how many to skip first.
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
        """All rows that match, one by one, in the order of their ids; each exactly once.

        What is written meanwhile does not disturb it: a row that is there throughout comes exactly once, and rows that
        are added do not come. It holds a page of rows and 8 bytes for each row to come.

        Args:
            order_by: a field; rows come by its value and then by id, those without a value last. Then all
                ids are held.
        """
        return _held_by(self, scroll(self._context, where, order_by, descending=descending, vectors=vectors))

    def peek(self, n: int = 10) -> list[Record]:
        """The first `n` rows."""
        return read(self._context, None, where=None, limit=checked_first(n), offset=0, vectors=False)

    def count(self, where: Mapping[str, Any] | None = None) -> int:
        """Rows that a search could return now, those without a vector included."""
        return summarize.count(self._context, where)

    def facets(self, field: str, where: Mapping[str, Any] | None = None) -> list[tuple[Any, int]]:
        """Values of a field and how many rows have them, most frequent first; a list counts for each element."""
        return summarize.facets(self._context, field, where)

    def ids(self, where: Mapping[str, Any] | None = None) -> list[Id]:
        """Ids of rows in insertion order. Texts, metadata and vectors are not read, so many ids take little time."""
        return read_ids(self._context, where)

    def distinct(self, field: str, where: Mapping[str, Any] | None = None) -> list[Any]:
        """Values of a field, and elements of its lists, each once, ascending."""
        return summarize.distinct(self._context, field, where)

    def min_max(self, field: str, where: Mapping[str, Any] | None = None) -> tuple[Any, Any] | None:
        """The smallest and the largest value of a field; None where no row has one."""
        return summarize.min_max(self._context, field, where)

    def __len__(self) -> int:
        return self.count()

    def __bool__(self) -> bool:
        """True, however few rows there are: `if collection:` asks whether there is one, and reads nothing."""
        return True

    def __contains__(self, id_: object) -> bool:
        try:
            checked = check_id(id_)
        except InvalidInput:  # what is no id is not here either
            return False
        return bool(self.get([checked], limit=1))

    def __getitem__(self, id_: object) -> NoReturn:
        """There is none: a hint at the call that is meant."""
        raise InvalidArgument(
            f"a collection cannot be indexed with [{shown(id_)}]",
            name="id",
            value=id_,
            remedy=f"Write docs.get({shown(id_)}), which returns a list.",
        )

    __iter__ = None  # what has [] would be iterated by it

    if not TYPE_CHECKING:  # a type checker shall know that there are no other attributes

        def __getattr__(self, name: str) -> NoReturn:
            """Names with an underscore are those of protocols, such as pickle's and notebooks'."""
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
            vectors, sparse: like `vector` and `sparse` of `search`, one a query.
            others: as of `search`.
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
        """Hits for each query of a call, wherever the rows are."""
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
        """Every row that scores at least `min_score`, or is at most `max_distance` away, however many there are.

        It is exact, whatever the collection's index. Best first, ties by insertion order.

        Args:
            options: as of `search`.

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
        return duplicates(self._context, threshold, max_distance, where, max_pairs, progress)

    def log_queries(self, on: bool = True, *, keep: int = 10_000, slower_than: float = 0.0) -> None:
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
        log_queries(self._context, on, keep, slower_than)

    def logged_queries(self, n: int = 100) -> list[LoggedQuery]:
        """The last `n` searches that were logged, the newest first."""
        return logged_queries(self._context, n)

    def slow_queries(self, n: int = 10) -> list[LoggedQuery]:
        """The `n` slowest searches that were logged, the slowest first."""
        return slow_queries(self._context, n)

    def explain(
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
        return explain(self._context, SearchArguments.of(query, k, options), where)

    def why_not(
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
        return why_not(self._context, id, SearchArguments.of(query, k, settings), where)

    # -- part of it

    def within(self, where: Mapping[str, Any] | Node) -> Collection:
        """The same collection, restricted to the rows that match a filter, such as those of one tenant.

        To such a handle other rows are not there: searches, reads, counts, updates and deletes skip them. What it
        would write must pass the filter before and after, an equality by its values alone: a list with others would
        pass their filters too. Ids, names of fields and the statistics of words are those of the whole collection.
        Closing it closes the handle that it was made from.

        Raises:
            NotAllowed, from calls that write: a row would not pass the filter, or not only filters like it; or its id
                is taken by one that does not pass.
        """
        return Collection(self._context.narrowed(part_of(where)), of=self)

    # -- notes

    def notes(self, owner: str) -> Notes:
        """What a program keeps beside the rows: a mapping of str to bytes, durable like rows, one for each owner.

        Args:
            owner: a text of 1 to 1,024 characters, such as the program's name.
        """
        return Notes(self._context, owner, self)

    # -- the rest of its life

    def stats(self) -> Stats:
        """Rows, slots, sizes and settings at this moment."""
        context, store = self._context, self._context.store
        published, builder = store.published(), store.upkeep.builder()
        (view, covered), state = store.at_moment(
            lambda index, _: (index.slots.view(), index.vectors.covered), lambda taken, reader: (taken, reader.state)
        )  # its arrays are never written again
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
        """Takes into the vector index what was written so far, with all processors, instead of in the background.

        Searches find every row without it; afterwards they are as fast as they will be.

        Args:
            seconds: at most about so many; None for as long as it takes.

        Returns:
            False where the time was up before all was done.
        """
        return wait_indexed(self._context, seconds)

    def sync(self) -> None:
        """Makes all earlier writes survive power loss; with durability "full" they do already."""
        self._context.store.sync(self._context.timeout)

    def verify(self) -> VerifyReport:
        """Checks every file of the collection, while others read and write. Changes nothing."""
        return rebuild.verify(self._context)

    def compact(self) -> None:
        """Reclaims the room of dead rows now; it happens by itself once they outnumber the rest."""
        rebuild.compact(self._context)

    def purge(self, *, drop_snapshots: bool = False) -> PurgeReceipt:
        """Erases what was deleted: afterwards neither its text nor its vectors are in any file of the collection.

        Args:
            drop_snapshots: delete the snapshots too; while there are any, purge refuses to run without this.
        """
        return rebuild.purge(self._context, drop_snapshots=drop_snapshots)

    def backup(self, path: str | os.PathLike[str]) -> str:
        """Copies the collection, consistently and while others write, into the database folder `path`.

        Returns:
            The folder of the copy. `connect(path).collection(name)` opens it.

        Raises:
            InvalidArgument: it is no path, or there is a collection of this name at the destination.
            Unsupported: it is a URL.
        """
        rebuild.require_disk(self._context, "backup")
        remedy = "Write docs.backup('./copies')."
        folder = check_database_path(path, "path", "backup takes a path", remedy=remedy)
        if folder == ":memory:":
            raise InvalidArgument("a backup needs a folder on disk", name="path", value=path, remedy=remedy)
        return self._context.store.upkeep.back_up(os.path.abspath(folder))

    def snapshot(self, name: str) -> Snapshot:
        """Keeps a copy of the collection beside it under `name`."""
        return rebuild.take_snapshot(self._context, name)

    def snapshots(self) -> list[Snapshot]:
        """The snapshots, oldest first."""
        return rebuild.list_snapshots(self._context)

    def restore(self, name: str) -> None:
        """Goes back to a snapshot, in one step for every process; what came later is gone."""
        rebuild.restore(self._context, name)

    def drop_snapshot(self, name: str) -> None:
        """Deletes a snapshot."""
        rebuild.drop_snapshot(self._context, name)

    def reembed(self, encoder: EncoderLike) -> None:
        """Re-encodes every text with another encoder, which the collection then remembers.

        Searches go on over the old vectors until the new ones are in place, all at once.

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
        """Gives the handle up; the files close with the last handle of this process."""
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
        except StoreError as error:  # closed, or dropped meanwhile: showing it must not fail
            return notebook.card(notebook.joined("Collection ", notebook.code(self.name)), {"state": error.message})

    def __repr__(self) -> str:
        if not self._finalizer.alive:
            return f"Collection({self.name!r}, closed)"
        store = self._context.store
        if store.is_over:
            return f"Collection({self.name!r}, {store.fate})"
        state = store.glance() or self._context.known  # no I/O: a debugger may ask at any moment
        return shown_as(self.name, state.dimension, state.metric, encoder_name(self._context, state))


def shown_as(name: str, dimension: int | None, metric: str, encoder: str | None) -> str:
    """A collection that is open, as `repr` has it."""
    dimension_known = "" if dimension is None else f"dimension={dimension}, "
    return f"Collection({name!r}, {dimension_known}metric={metric}, encoder={visible(encoder or 'none')})"


def part_of(where: Mapping[str, Any] | Node) -> Node:
    """The filter of a handle that sees a part of the rows.

    Raises:
        InvalidArgument: it is none.
    """
    tree = filter_of(where)
    if tree is None:
        raise no_part()
    return tree


def no_part() -> InvalidArgument:
    """The error of a handle that is told to see a part of the rows, and not which."""
    return InvalidArgument("within needs a filter", name="where", remedy="Such as {'tenant': 'a'}.")


def _held_by(owner: Collection, rows: Iterator[Record]) -> Iterator[Record]:
    """The rows, while which the handle stays open, although nobody else may hold it: `db.collection("c").scroll()`."""
    try:
        yield from rows
    except Closed:
        shutdown.wait_if_begun()
        raise


def encoder_name(context: Context, state: State) -> str | None:
    encoder = context.encoder(state)
    return None if encoder is None else encoder.identity.name


def settings_of(state: State) -> dict[str, Any]:
    """What is remembered of how the collection was made, as `Database.collection` takes it."""
    kept = {name: value for name, value in state.setting.items() if name != "analysis"}
    kept["analyzer"] = kept_analyzer(kept["analyzer"])
    return {**kept, "index": kept_index(kept.get("index", DEFAULT_INDEX))}
