"""A collection on an engine, with the calls of `vicinal.Collection`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, NoReturn, TypeVar, Unpack

from .. import notebook
from ..arguments import (
    Examples,
    Ids,
    Metadatas,
    Query,
    RangeOptions,
    RecommendOptions,
    Rows,
    Sparses,
    Texts,
    Ttl,
    Vectors,
)
from ..collection import Collection, encoder_name, part_of, settings_of, shown_as
from ..filters.columns import Columns
from ..filters.tree import Node
from ..inputs.calls import for_users
from ..inputs.columns import RowArguments
from ..query.arguments import SearchArguments
from ..records.context import now
from ..records.read import checked_first
from ..records.remove import remove
from ..records.waiting import checked_seconds
from ..searching.recommend import recommend_arguments
from ..searching.search_range import range_arguments
from ..types import Hits, Id, Record, Stats
from . import reads, searching, writes
from .conditions import NumberIs
from .context import EngineContext
from .lacking import FEATURES

__all__ = ["EngineCollection"]

C = TypeVar("C", bound=type)


def _without_what_is_lacking(cls: C) -> C:
    """Makes calls that no engine supports raise `Unsupported`."""
    for feature, about in FEATURES.items():
        for call in about.calls:
            setattr(cls, call, _refused(getattr(cls, call), feature))
    return cls


def _refused(method: Callable[..., Any], feature: str) -> Callable[..., NoReturn]:
    @wraps(method)
    def call(self: EngineCollection, *args: Any, **kwargs: Any) -> NoReturn:
        raise self._context.lacking(feature, method.__name__)

    return call


@for_users
@_without_what_is_lacking
class EngineCollection(Collection):
    """A collection on an engine, returned by `connect("qdrant://...").collection(name)`. Thread-safe.

    Everything else is inherited: it works on `context.store`, which is backed by the engine.
    """

    _context: EngineContext

    def __init__(self, context: EngineContext) -> None:
        self._context = context

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
        """See `Collection.update`."""
        columns = RowArguments(ids, texts, vectors, metadata, ttl, sparse)
        if where is None or rows is not None or columns.are_of_each_row:
            return super().update(
                ids,
                where=where,
                texts=texts,
                vectors=vectors,
                metadata=metadata,
                sparse=sparse,
                ttl=ttl,
                rows=rows,
                merge=merge,
                remove=remove,
            )
        return writes.update_where(self._context, where, columns, merge=merge, remove=remove)

    def delete(self, ids: Ids | None = None, *, where: Mapping[str, Any] | None = None) -> int:
        """See `Collection.delete`."""
        if ids is not None and where is None and self._context.within is None:
            return remove(self._context, ids)
        return writes.remove_where(self._context, where, ids)

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
        """See `Collection.get`."""
        return reads.read(self._context, ids, where=where, limit=limit, offset=offset, vectors=vectors)

    def scroll(
        self,
        where: Mapping[str, Any] | None = None,
        order_by: str | None = None,
        *,
        descending: bool = False,
        vectors: bool = False,
    ) -> Iterator[Record]:
        """See `Collection.scroll`. Holds the ids of all matching rows in memory, to return them in order."""
        return reads.scroll(self._context, where, order_by, descending=descending, vectors=vectors)

    def peek(self, n: int = 10) -> list[Record]:
        """The first `n` rows."""
        return reads.read(self._context, None, where=None, limit=checked_first(n), offset=0, vectors=False)

    def count(self, where: Mapping[str, Any] | None = None) -> int:
        """The number of rows that a search could return now, including those without a vector."""
        return reads.count(self._context, where)

    def facets(self, field: str, where: Mapping[str, Any] | None = None) -> list[tuple[Any, int]]:
        """See `Collection.facets`. Reads the metadata of all matching rows."""
        return reads.summarized(self._context, field, where, Columns.facets)

    def ids(self, where: Mapping[str, Any] | None = None) -> list[Id]:
        """The ids of rows in insertion order."""
        return reads.ids(self._context, where)

    def distinct(self, field: str, where: Mapping[str, Any] | None = None) -> list[Any]:
        """See `Collection.distinct`. Reads the metadata of all matching rows."""
        return reads.summarized(self._context, field, where, Columns.distinct)

    def min_max(self, field: str, where: Mapping[str, Any] | None = None) -> tuple[Any, Any] | None:
        """See `Collection.min_max`. Reads the metadata of all matching rows."""
        return reads.summarized(self._context, field, where, Columns.min_max)

    # -- search

    def _hits(self, arguments: SearchArguments, where: Mapping[str, Any] | Node | None) -> list[Hits]:
        return searching.search(self._context, arguments, where)

    def search_range(
        self,
        query: Query | None = None,
        where: Mapping[str, Any] | Node | None = None,
        *,
        min_score: float | None = None,
        max_distance: float | None = None,
        **options: Unpack[RangeOptions],
    ) -> Hits:
        """See `Collection.search_range`. The engine ranks all matching rows for it."""
        arguments, bounds = range_arguments(query, min_score, max_distance, options)
        return searching.search_range(self._context, arguments, bounds, where)

    def recommend(
        self,
        positive: Examples,
        negative: Examples | None = None,
        k: int = 10,
        where: Mapping[str, Any] | Node | None = None,
        **options: Unpack[RecommendOptions],
    ) -> Hits:
        """See `Collection.recommend`."""
        return self._hits(recommend_arguments(positive, negative, k, options), where)[0]

    # -- part of it, and the rest of its life

    def within(self, where: Mapping[str, Any] | Node) -> EngineCollection:
        """See `Collection.within`."""
        narrowed = self._context.narrowed(part_of(where))
        narrowed.condition()  # conditions that the engine cannot evaluate are rejected now
        return EngineCollection(narrowed)

    def stats(self) -> Stats:
        """Rows and settings now. For files and indexes, use the engine's own tools."""
        context, store = self._context, self._context.far
        state, expired = store.current(), NumberIs(("", "expires"), "lte", float(now()))
        rows = store.on_points(lambda points, _: store.engine.count(points, context.condition()))
        return Stats(
            name=self.name,
            path=store.engine.place,
            rows=rows,
            expired=store.on_points(lambda points, _: store.engine.count(points, expired)),
            dead_slots=0,
            indexed=rows,
            pending=0,
            dimension=state.dimension,
            metric=state.metric,
            encoder=encoder_name(context, state),
            bytes_on_disk=0,
            change=0,
            synced=0,
            published=None,
            tail=0,
            builder=None,
            recovery=(),
            settings={name: value for name, value in settings_of(state).items() if name != "index"},
        )

    def wait_indexed(self, seconds: float | None = None) -> bool:
        """Returns True at once: the engine indexes by itself."""
        if seconds is not None:
            checked_seconds(seconds)
        self._context.far.current()
        return True

    def sync(self) -> None:
        """Does nothing: writes are in the engine's log when they return."""
        self._context.far.current()

    def compact(self) -> None:
        """Deletes expired rows. The engine reclaims the space of deleted rows by itself."""
        writes.reclaim(self._context)

    def close(self) -> None:
        """Closes the handle, and the one that it was derived from."""
        self._context.close()

    def _repr_html_(self) -> str:
        """A description for notebooks; makes no request."""
        return notebook.card(notebook.joined("Collection ", notebook.code(self.name)), {"on": repr(self)})

    def __repr__(self) -> str:
        if self._context.is_closed:
            return f"Collection({self.name!r}, closed)"
        state = self._context.known  # makes no request
        return shown_as(self.name, state.dimension, state.metric, encoder_name(self._context, state))
