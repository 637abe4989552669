"""`get` and `peek`: rows as records; `ids`: their ids only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ..contract import Slots
from ..errors import InvalidArgument
from ..filters.within import is_within
from ..indexes.derived import View, viewing
from ..inputs.columns import id_list
from ..inputs.sparse import unpack
from ..metadata import loads
from ..store.reading import Reader
from ..store.rows import Row, StoredId, stored_id, user_id
from ..types import Id, Record
from .context import Context, now
from .selection import filter_of, slots_in

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALL = 2**63 - 1


def read(
    context: Context, ids: Any, *, where: Mapping[str, Any] | None, limit: int | None, offset: int, vectors: bool
) -> list[Record]:
    """Rows by id in the requested order, or all in insertion order; unknown ids are skipped."""
    limit = _ALL if limit is None else checked_count("limit", limit)
    offset = checked_count("offset", offset)
    moment = now()
    stored = None if ids is None else [stored_id(id_) for id_ in id_list(ids)]
    if where is not None or (stored is None and context.within is not None):
        return _read_where(context, where, stored, slice(offset, offset + limit), vectors)

    def records(reader: Reader) -> list[Record]:
        if stored is None:
            rows = reader.rows_in_order(now=moment, limit=limit, offset=offset)
        else:
            found = reader.rows_by_id(stored)
            rows = [found[id_] for id_ in stored if id_ in found and not found[id_].is_expired(moment)]
            rows = [row for row in rows if is_within(row, context.within)]
            rows = rows[offset : offset + limit]
        return [record_of(reader, row, vectors=vectors) for row in rows]

    return context.store.read(records)


def _read_where(
    context: Context, where: Mapping[str, Any] | None, stored: list[StoredId] | None, part: slice, vectors: bool
) -> list[Record]:
    tree = filter_of(where, None if stored is None else [user_id(id_) for id_ in stored])

    def records(view: View, reader: Reader) -> list[Record]:
        slots: list[int] = slots_in(view, now()).tolist()
        if stored is None:
            slots = slots[part]
        rows = list(reader.rows_by_slot(slots).values())
        if stored is not None:
            found = {row.id: row for row in rows}
            rows = [found[id_] for id_ in stored if id_ in found][part]  # in the requested order: an id may be repeated
        else:
            rows.sort(key=lambda row: row.slot)
        return [record_of(reader, row, vectors=vectors) for row in rows]

    return context.store.at_moment(viewing(tree, within=context.within), records)


def read_ids(context: Context, where: Mapping[str, Any] | None) -> list[Id]:
    """Ids of the rows that match, in insertion order; nothing else is read."""
    view, moment = viewing(filter_of(where), within=context.within), now()

    def ids(slots: Slots, reader: Reader) -> list[Id]:
        return [user_id(id_) for id_ in reader.ids_of(slots)]

    return context.store.at_moment(lambda index, reader: slots_in(view(index, reader), moment), ids)


def record_of(reader: Reader, row: Row, *, vectors: bool) -> Record:
    return Record(
        id=user_id(row.id),
        text=row.text,
        metadata={} if row.metadata is None else loads(row.metadata),
        vector=reader.vector(row) if vectors else None,
        expires_at=None if row.expires_at is None else _EPOCH + timedelta(microseconds=row.expires_at),
        sparse=_sparse_of(row) if vectors else None,
    )


def _sparse_of(row: Row) -> dict[int, float] | None:
    if row.sparse is None:
        return None
    dimensions, weights = unpack(row.sparse)
    return dict(zip(dimensions.tolist(), weights.tolist(), strict=True))


def checked_first(n: Any) -> int:
    """A valid argument of `peek`: how many of the first rows."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
        raise InvalidArgument(
            f"n must be a whole number of at least 0, not {n!r}", name="n", value=n, remedy="Leave it out for 10."
        )
    return min(int(n), _ALL)


def checked_count(name: str, value: Any) -> int:
    """A valid number of rows, limited to what SQLite can count."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
        raise InvalidArgument(
            f"{name} must be a whole number of at least 0, not {value!r}",
            name=name,
            value=value,
            remedy=f"Leave {name} out for all rows.",
        )
    return min(int(value), _ALL)  # SQLite accepts int64
