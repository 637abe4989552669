"""`scroll`: every row exactly once, page by page, however many there are and despite concurrent writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import Any, Final

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
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import StoredId
from ..types import Record
from .context import Context, now
from .read import record_of
from .selection import filter_of, slots_in

_PAGE_ROWS: Final = 1000
_HELD_IDS_MAX: Final = 16_384  # beyond this, only hashes of ids are held, 8 bytes each
_SCANNED_AT_ONCE: Final = 1024
_SCANNED_MAX: Final = 64 * _PAGE_ROWS  # rows per transaction


def scroll(
    context: Context, where: Mapping[str, Any] | None, order_by: str | None, *, descending: bool, vectors: bool
) -> Iterator[Record]:
    """Iterates over rows in the order of their ids, or of a field and then of their ids.

    The set of rows is determined first, on one snapshot; the rows are read page by page later, and no transaction
    stays open between pages. So a row that exists throughout is returned exactly once, a row deleted meanwhile is not
    returned, and a loop that adds rows cannot make the iteration endless.
    """
    if order_by is not None:
        checked_order(order_by)
    tree = filter_of(where)
    if order_by is not None:
        return pages(context, _ids_in_order_of(context, tree, order_by, descending), vectors)
    chosen = _chosen(context, tree, descending)
    if isinstance(chosen, list):
        return pages(context, chosen, vectors)
    return _pages_of(context, chosen, vectors, descending)


def checked_order(order_by: Any) -> str:
    """Raises InvalidArgument for a value that is not the name of a field."""
    if not isinstance(order_by, str) or not order_by:
        raise InvalidArgument(
            f"order_by must be the name of a field, not {order_by!r}",
            name="order_by",
            value=order_by,
            remedy="Leave it out for the order of ids.",
        )
    check_unicode(order_by, "the name of a field", "order_by")
    return order_by


def _chosen(context: Context, tree: Node | None, descending: bool) -> list[StoredId] | NDArray[np.int64]:
    """The ids of the rows that match, in order; if there are many, their hashes, ascending."""
    moment, view = now(), viewing(tree, within=context.within)

    def ids(slots: Slots, reader: Reader) -> list[StoredId] | NDArray[np.int64]:
        if len(slots) <= _HELD_IDS_MAX:
            return _sorted(reader.ids_of(slots), descending)
        passes = np.zeros(int(slots[-1]) + 1, dtype=np.bool_)
        passes[slots] = True
        return _hashes_of(reader, passes, len(slots))

    return context.store.at_moment(lambda index, reader: slots_in(view(index, reader), moment), ids)


def _hashes_of(reader: Reader, passes: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    """Hashes of the ids of the matching rows, ascending.

    Raises:
        ChangedMeanwhile: a row no longer exists.
    """
    hashes, known, after = np.empty(count, dtype=np.int64), 0, None
    while found := reader.ids_after(after, limit=_SCANNED_AT_ONCE):
        check_deadline()
        some = [_hash_of(id_) for id_, slot in found if slot < len(passes) and passes[slot]]
        if known + len(some) > count:
            break
        hashes[known : known + len(some)] = some
        known, after = known + len(some), found[-1][0]
    if known != count:
        raise ChangedMeanwhile
    hashes.sort()
    return hashes


def _hash_of(id_: StoredId) -> int:
    """A 64-bit hash, keyed per process. Numbers are hashed as text: Python's own hash of -1 equals that of -2."""
    return hash(repr(id_))


def _ids_in_order_of(context: Context, tree: Node | None, order_by: str, descending: bool) -> list[StoredId]:
    moment, path = now(), parse_path(order_by)

    def take(index: DerivedIndex, reader: Reader) -> tuple[Slots, NDArray[np.int64]]:
        view = viewing(tree, within=context.within)(index, reader)
        check_path(path, index.columns.known_paths(), "order_by", index.columns.was_known)
        return index.columns.ranks(path, view.rows(moment), RowsAt(reader, view.change))

    def with_ids(taken: tuple[Slots, NDArray[np.int64]], reader: Reader) -> tuple[NDArray[np.int64], list[StoredId]]:
        return taken[1], reader.ids_of(taken[0])

    ranks, ids = context.store.at_moment(take, with_ids)
    keyed = sorted(zip(ranks.tolist(), map(comparable_id, ids), ids, strict=True), reverse=descending)
    keyed = [row for row in keyed if row[0] >= 0] + [row for row in keyed if row[0] < 0]  # without a value: always last
    return [id_ for _, _, id_ in keyed]


def _sorted(ids: list[StoredId], descending: bool) -> list[StoredId]:
    """Sorts as `comparable_id`, but kind by kind: its keys would take three times the memory of the ids."""
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
    """A sort key: integers come before texts, texts before UUIDs, as SQLite orders them."""
    return _kind(id_), id_


def pages(context: Context, ids: Sequence[StoredId], vectors: bool) -> Iterator[Record]:
    """The rows with these ids that still exist when their page is read."""
    for start in range(0, len(ids), _PAGE_ROWS):
        check_deadline()
        page = ids[start : start + _PAGE_ROWS]
        yield from context.store.read(partial(_records, context, page, now(), vectors))


def _pages_of(context: Context, hashes: NDArray[np.int64], vectors: bool, descending: bool) -> Iterator[Record]:
    """The rows whose ids have one of these hashes, in the order of their ids, as of when their page is read."""
    after: StoredId | None = None
    while True:
        check_deadline()
        read = partial(_page_after, context, after, hashes, now(), vectors, descending)
        page, after = context.store.read(read)
        yield from page
        if after is None:
            return


def _page_after(
    context: Context,
    after: StoredId | None,
    hashes: NDArray[np.int64],
    moment: int,
    vectors: bool,
    descending: bool,
    reader: Reader,
) -> tuple[list[Record], StoredId | None]:
    """A page, and the id to continue from; None at the end. The page may be empty if few of many rows match."""
    page: list[StoredId] = []
    for _ in range(0, _SCANNED_MAX, _PAGE_ROWS):
        found = [id_ for id_, _ in reader.ids_after(after, limit=_PAGE_ROWS, descending=descending)]
        after = found[-1] if len(found) == _PAGE_ROWS else None
        page += _among(found, hashes)
        if after is None or len(page) >= _PAGE_ROWS:
            break
    return _records(context, page, moment, vectors, reader), after


def _among(ids: Sequence[StoredId], hashes: NDArray[np.int64]) -> list[StoredId]:
    """The ids that have one of the hashes, which are ascending."""
    own = np.fromiter(map(_hash_of, ids), dtype=np.int64, count=len(ids))
    at = np.searchsorted(hashes, own)
    there = hashes[np.minimum(at, len(hashes) - 1)] == own
    return list(compress(ids, there))


def _records(context: Context, page: Sequence[StoredId], moment: int, vectors: bool, reader: Reader) -> list[Record]:
    found = reader.rows_by_id(page)
    return [
        record_of(reader, found[id_], vectors=vectors)
        for id_ in page
        if id_ in found and not found[id_].is_expired(moment) and is_within(found[id_], context.within)
    ]
