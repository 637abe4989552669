"""`scroll`: every row once, page by page, however many there are and whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Slots
from ..deadline import check_deadline
from ..errors import InvalidArgument
from ..filters.tree import Node
from ..filters.where import check_path, parse_path
from ..filters.within import is_within
from ..indexes.derived import DerivedIndex, RowsAt, viewing
from ..inputs.unicode import check_unicode
from ..store.reading import Reader
from ..store.rows import StoredId
from ..types import Record
from .context import Context, now
from .read import record_of
from .selection import filter_of, slots_in

_PAGE_ROWS = 1000


def scroll(
    context: Context, where: Mapping[str, Any] | None, order_by: str | None, *, descending: bool, vectors: bool
) -> Iterator[Record]:
    """Rows in the order of their ids, or of a field and then of their ids.

    The ids of what matches are read first, at one moment; rows are read page by page later, and no transaction
    stays open between pages. So a row that is there throughout comes exactly once, and one that was deleted
    meanwhile does not come.
    """
    if order_by is not None:
        checked_order(order_by)
    tree = filter_of(where)
    ids = _ids_in_order(context, tree, order_by, descending)
    return pages(context, ids, vectors)


def checked_order(order_by: Any) -> str:
    """Raises InvalidArgument for what names no field."""
    if not isinstance(order_by, str) or not order_by:
        raise InvalidArgument(
            f"order_by must be the name of a field, not {order_by!r}",
            name="order_by",
            value=order_by,
            remedy="Leave it out for the order of ids.",
        )
    check_unicode(order_by, "the name of a field", "order_by")
    return order_by


def _ids_in_order(context: Context, tree: Node | None, order_by: str | None, descending: bool) -> list[StoredId]:
    moment = now()

    def take(index: DerivedIndex, reader: Reader) -> tuple[Slots, NDArray[np.int64]]:
        view = viewing(tree, within=context.within)(index, reader)
        if order_by is None:
            slots = slots_in(view, moment)
            return slots, np.zeros(len(slots), dtype=np.int64)
        path = parse_path(order_by)
        check_path(path, index.columns.known_paths(), "order_by", index.columns.was_known)
        return index.columns.ranks(path, view.rows(moment), RowsAt(reader, view.change))

    def with_ids(taken: tuple[Slots, NDArray[np.int64]], reader: Reader) -> tuple[NDArray[np.int64], list[StoredId]]:
        return taken[1], reader.ids_of(taken[0])

    ranks, ids = context.store.at_moment(take, with_ids)
    if order_by is None:
        return _sorted(ids, descending)
    keyed = sorted(zip(ranks.tolist(), map(comparable_id, ids), ids, strict=True), reverse=descending)
    keyed = [row for row in keyed if row[0] >= 0] + [row for row in keyed if row[0] < 0]  # no value: always last
    return [id_ for _, _, id_ in keyed]


def _sorted(ids: list[StoredId], descending: bool) -> list[StoredId]:
    """In the order of `comparable_id`, kind by kind: its keys would take three times the room of the ids."""
    kinds: tuple[list[Any], ...] = ([], [], [])
    while ids:
        id_ = ids.pop()
        kinds[_kind(id_)].append(id_)
    for some in kinds:
        some.sort(reverse=descending)
    found: list[StoredId] = []
    for some in reversed(kinds) if descending else kinds:
        found += some
        some.clear()
    return found


def _kind(id_: StoredId) -> int:
    return 0 if isinstance(id_, int) else 1 if isinstance(id_, str) else 2


def comparable_id(id_: StoredId) -> tuple[int, StoredId]:
    """Integers come before texts, texts before UUIDs, as SQLite orders them."""
    return _kind(id_), id_


def pages(context: Context, ids: Sequence[StoredId], vectors: bool) -> Iterator[Record]:
    """The rows of these ids that are there when it comes to them."""
    for start in range(0, len(ids), _PAGE_ROWS):
        check_deadline()
        page = ids[start : start + _PAGE_ROWS]
        yield from context.store.read(partial(_records, context, page, now(), vectors))


def _records(context: Context, page: Sequence[StoredId], moment: int, vectors: bool, reader: Reader) -> list[Record]:
    found = reader.rows_by_id(page)
    return [
        record_of(reader, found[id_], vectors=vectors)
        for id_ in page
        if id_ in found and not found[id_].is_expired(moment) and is_within(found[id_], context.within)
    ]
