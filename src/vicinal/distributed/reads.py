"""Reads rows, ids, counts and values of fields from an engine."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np

from ..contract import Slots
from ..filters.bitmap import pack
from ..filters.columns import Columns
from ..filters.tree import Node, Path
from ..filters.where import check_path, parse_path
from ..inputs.columns import id_list
from ..metadata import loads
from ..records.read import checked_count, record_of
from ..records.read import read as read_by_ids
from ..records.scroll import checked_order, comparable_id, pages
from ..records.selection import filter_of
from ..records.summarize import checked_field
from ..store.rows import Row, user_id
from ..types import Id, Record
from .context import EngineContext
from .payloads import PARTS_OF_ROW, PARTS_OF_VECTOR, row_of

__all__ = ["count", "ids", "read", "rows_passing", "scroll", "summarized"]

T = TypeVar("T")

_FIRST_MAX: Final = 10_000  # rows that an engine is asked to sort
_ID_PARTS: Final = ("id", "order")


def count(context: EngineContext, where: Any) -> int:
    found = context.condition(filter_of(where))
    return context.far.on_points(lambda points, _: context.far.engine.count(points, found))


def read(context: EngineContext, ids: Any, *, where: Any, limit: Any, offset: Any, vectors: bool) -> list[Record]:
    """Returns rows by id in the requested order, or all in insertion order; unknown ids are ignored."""
    if ids is not None and where is None:
        return read_by_ids(context, ids, where=None, limit=limit, offset=offset, vectors=vectors)
    first, skipped = None if limit is None else checked_count("limit", limit), checked_count("offset", offset)
    tree = filter_of(where, ids)
    if first == 0:
        return []
    end = None if first is None else skipped + first
    named = None if ids is None else id_list(ids)
    wanted = end if named is None and end is not None and end <= _FIRST_MAX else None
    parts = (*PARTS_OF_ROW, *PARTS_OF_VECTOR) if vectors else PARTS_OF_ROW

    def find(points: str, state: Any) -> list[Record]:
        reader = context.far.reader(points, state)
        found = context.far.engine.passing(points, context.condition(tree), parts, vectors=vectors, first=wanted)
        rows = sorted(map(reader.row, found), key=_slot)
        if named is not None:
            by_id = {user_id(row.id): row for row in rows}
            rows = [by_id[id_] for id_ in named if id_ in by_id]  # in the requested order: an id may occur twice
        return [record_of(reader, row, vectors=vectors) for row in rows[skipped:end]]

    return context.far.on_points(find)


def ids(context: EngineContext, where: Any) -> list[Id]:
    """Returns ids in insertion order."""
    return [user_id(row.id) for row in rows_passing(context, filter_of(where), _ID_PARTS)]


def rows_passing(context: EngineContext, tree: Node | None, parts: Sequence[str]) -> list[Row]:
    """Returns rows that match, in insertion order, with some of their parts."""
    found, store = context.condition(tree), context.far

    def find(points: str, _: Any) -> list[Row]:
        return [row_of(one.payload, store.place) for one in store.engine.passing(points, found, parts, vectors=False)]

    return sorted(store.on_points(find), key=_slot)


def scroll(context: EngineContext, where: Any, order_by: Any, *, descending: bool, vectors: bool) -> Iterator[Record]:
    """Yields rows in the order of their ids, or of a field and then of their ids; see `records.scroll`."""
    tree = filter_of(where)
    if order_by is None:
        rows = rows_passing(context, tree, _ID_PARTS)
        keyed = [(0, comparable_id(row.id), row.id) for row in rows]
    else:
        path = parse_path(checked_order(order_by))
        rows = rows_passing(context, tree, (*_ID_PARTS, "metadata"))
        table = _Table(rows)
        if tree is None and context.within is None:  # otherwise there may be rows that were not read
            check_path(path, table.columns.known_paths(), "order_by", table.columns.was_known)
        _, ranks = table.columns.ranks(path, pack(np.ones(len(rows), dtype=bool)), table)
        keyed = [(rank, comparable_id(row.id), row.id) for rank, row in zip(ranks.tolist(), rows, strict=True)]
    keyed.sort(reverse=descending)
    # Rows without a value come last in both directions.
    ordered = [row for row in keyed if row[0] >= 0] + [row for row in keyed if row[0] < 0]
    return pages(context, [id_ for _, _, id_ in ordered], vectors)


def summarized(context: EngineContext, field: Any, where: Any, ask: Callable[[Columns, Path, Any], T]) -> T:
    """Returns what `ask` computes from the values of a field: reads it from the metadata of all matching rows."""
    tree, path = filter_of(where), parse_path(checked_field(field))
    table = _Table(rows_passing(context, tree, (*_ID_PARTS, "metadata", "text")))
    check_path(path, table.columns.known_paths(), "field", table.columns.was_known)
    return ask(table.columns, path, table)


class _Table:
    """Rows in the columns that an embedded collection would use; a row's slot is its position."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self.columns = Columns()
        none = np.empty(0, dtype=np.uint32)
        slots = np.arange(len(rows), dtype=np.uint32)
        self.columns.apply(len(rows), none, slots, [row.metadata for row in rows], none, [])

    def metadata(self, slots: Slots) -> Sequence[Mapping[str, Any]]:
        return [loads(self._rows[slot].metadata or "{}") for slot in slots.tolist()]

    def ids_and_texts(self, slots: Slots) -> Sequence[tuple[Id, str | None]]:
        return [(user_id(self._rows[slot].id), self._rows[slot].text) for slot in slots.tolist()]

    def slots_of(self, ids: Collection[Id]) -> Slots:
        wanted = set(ids)
        return np.array([i for i, row in enumerate(self._rows) if user_id(row.id) in wanted], dtype=np.uint32)


def _slot(row: Row) -> int:
    return row.slot
