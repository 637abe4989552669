"""`update`: merges metadata; a new text or vector moves the row to a new slot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np

from ..contract import FloatMatrix, Metric, Slots
from ..errors import IdNotFound, InvalidArgument
from ..filters.tree import Node
from ..filters.within import check_within, is_within
from ..indexes.derived import viewing
from ..inputs.columns import Batch, RowArguments, batches, check_unique, id_list, read_batch
from ..inputs.ids import is_scalar_id
from ..inputs.unicode import check_unicode
from ..inputs.values import expiry
from ..inputs.vectors import VectorRules, check_block
from ..metadata import dumps, loads
from ..store.rows import Row, Space, StoredId, stored_id, user_id
from ..store.state import State
from ..store.writing import NewRow, Transaction
from ..visible import shown
from .context import Context, now
from .insert import check_encoder, check_lengths_again, stored_expiry, until_encoder_stays, with_encoded_texts
from .selection import filter_of, slots_in

_TOUCHED_AT_ONCE: Final = 8192  # rows whose checksums are computed together


@dataclass(frozen=True, slots=True)
class _How:
    """How rows are changed.

    Attributes:
        merge: whether new metadata is merged with the row's.
        removed: top-level metadata keys to remove.
        where: only rows that match it are changed; others, and ids that do not exist, are skipped.
    """

    merge: bool
    removed: frozenset[str]
    where: Node | None = None


def update(
    context: Context,
    columns: RowArguments,
    rows: object = None,
    *,
    where: Mapping[str, Any] | None = None,
    merge: bool = True,
    remove: Sequence[str] = (),
) -> int:
    """Changes existing rows and returns how many. One commit; a generator is committed every 8,192 rows.

    Args:
        where: of the given rows, change only those that match it at the time of writing.

    Raises:
        IdNotFound: an id is unknown, and there is no `where`; no row changes.
        DuplicateId: an id is given twice.
    """
    moment = now()
    state = context.store.current()
    check_merge(merge)
    removed = checked_keys(remove)
    if rows is not None:
        return _update_rows(context, columns, rows, merge, removed)
    how = _How(merge or columns.metadata is None, removed, filter_of(where))
    batch = _read(context, columns, state, moment, removed)
    return _update_checked(context, batch, state.metric, moment, how)


def _update_rows(context: Context, columns: RowArguments, rows: object, merge: bool, removed: frozenset[str]) -> int:
    state, count = context.store.current(), 0

    def rules() -> VectorRules:
        nonlocal state
        state = context.store.current()
        return context.rules(state)

    for batch in batches(columns, rows, rules, now, changes=True):
        merges = merge or all(metadata is None for metadata in batch.metadata)
        count += _update_checked(context, batch, state.metric, now(), _How(merges, removed))
    return count


def _update_checked(context: Context, batch: Batch, metric: Metric, moment: int, how: _How) -> int:
    if len(batch) == 0:
        return 0
    if batch.ids is None:
        raise InvalidArgument(
            "the rows have no ids, so it is unclear which rows to change", name="rows", remedy="Give each row its 'id'."
        )
    check_unique(batch)
    return until_encoder_stays(lambda: _update_batch(context, batch, metric, moment, how))


def checked_keys(remove: object) -> frozenset[str]:
    """The top-level metadata keys to remove."""
    keys = [remove] if isinstance(remove, str) else remove
    if not isinstance(keys, (list, tuple, set, frozenset)) or not all(isinstance(key, str) for key in keys):
        raise InvalidArgument(
            f"remove must be names of metadata keys, not {shown(remove)}",
            name="remove",
            value=remove,
            remedy="Write remove=['key'].",
        )
    for key in keys:
        check_unicode(key, "a metadata key", "remove")
    return frozenset(keys)


def _update_batch(context: Context, batch: Batch, metric: Metric, moment: int, how: _How) -> int:
    """Writes a batch that was validated under `metric`."""
    state = context.store.current()
    block, spaces = with_encoded_texts(context, state, batch, list(range(len(batch))))
    without_vector: list[StoredId] = []  # rows that have a text, but neither had nor get a vector

    def plan(transaction: Transaction) -> int:
        check_encoder(state, transaction, spaces)
        assert batch.ids is not None  # ensured by _read
        ids = [stored_id(id_) for id_ in batch.ids]
        found = _found(context, transaction, batch, ids, moment, how)
        if not found:
            return 0
        rows = [i for i, id_ in enumerate(ids) if id_ in found]
        _check_block(context, transaction, batch, block, spaces, metric)
        moved = [i for i in rows if (batch.texts[i], spaces[i], batch.sparse[i]) != (None, None, None)]
        for i in sorted(set(rows).difference(moved)):
            row = found[ids[i]]
            transaction.touch(row, metadata=_metadata(row, batch, i, how), expires_at=_expiry(row, batch, i))
        _move(transaction, batch, [(i, found[ids[i]]) for i in moved], block, spaces, how)
        without_vector[:] = [
            ids[i] for i in moved if batch.texts[i] is not None and (spaces[i] or found[ids[i]].space) is None
        ]
        return len(rows)

    count = context.store.write(plan, timeout=context.timeout, durability=context.durability)
    if without_vector and state.encoder is None:
        context.warn_of_texts_without_encoder()
    return count


def _found(
    context: Context, transaction: Transaction, batch: Batch, ids: list[StoredId], moment: int, how: _How
) -> dict[StoredId, Row]:
    """The rows to change, as they are under the lock."""
    found = {id_: row for id_, row in transaction.rows_by_id(ids).items() if is_within(row, context.within)}
    if how.where is None:
        _refuse_unknown(batch, ids, found, moment)
    else:
        found = {id_: row for id_, row in found.items() if not row.is_expired(moment) and is_within(row, how.where)}
    if context.within is not None:
        for i, id_ in enumerate(ids):
            if id_ in found:
                row = found[id_]
                text = row.text if batch.texts[i] is None else batch.texts[i]
                check_within(context.within, user_id(id_), _metadata(row, batch, i, how), text, batch.place(i))
    return found


def _check_block(
    context: Context,
    transaction: Transaction,
    batch: Batch,
    block: FloatMatrix | None,
    spaces: list[Space | None],
    metric: Metric,
) -> None:
    """Under the lock: dimension and metric may have changed since the vectors were checked."""
    if block is None:
        return
    if transaction.state.dimension is None:
        transaction.fix_dimension(block.shape[1])
    check_block(block[:1], _dimension_only(context, transaction), batch.place)
    if transaction.state.metric != metric:
        check_lengths_again(context, transaction, block, batch, list(range(len(batch))), spaces)


def update_where(
    context: Context, where: Mapping[str, Any], columns: RowArguments, *, merge: bool = True, remove: Sequence[str] = ()
) -> int:
    """Merges one dict of metadata into the rows that match a filter, and sets one expiry. One commit."""
    moment = now()
    changed = change_of_rows(context, columns, moment, merge=merge, remove=remove)

    def plan(transaction: Transaction, slots: Slots) -> int:
        rows = transaction.rows_by_slot(slots.tolist())
        for start in range(0, len(rows), _TOUCHED_AT_ONCE):
            transaction.touch_all(map(changed, rows[start : start + _TOUCHED_AT_ONCE]))
        return len(rows)

    return context.store.write_selected(
        viewing(filter_of(where, columns.ids), within=context.within),
        partial(slots_in, now=moment),
        plan,
        timeout=context.timeout,
        durability=context.durability,
    )


def change_of_rows(
    context: Context, columns: RowArguments, moment: int, *, merge: bool, remove: Sequence[str]
) -> Callable[[Row], tuple[Row, str | None, int | None]]:
    """A function that returns, for a row found by `update(where=...)`, the row, its metadata and its expiry."""
    check_merge(merge)
    removed = checked_keys(remove)
    if any(given is not None for given in (columns.texts, columns.vectors, columns.sparse)):
        raise InvalidArgument(
            "update with where= changes metadata and ttl only",
            name="where",
            remedy="Name the rows by ids=.",
        )
    if columns.metadata is None and columns.ttl is None and not removed:
        raise _nothing_to_change()
    given = None if columns.metadata is None else dumps(columns.metadata, place="metadata=")
    merge = merge or given is None
    expires = expiry(columns.ttl, moment, "ttl=")

    def changed(row: Row) -> tuple[Row, str | None, int | None]:
        place = f"id {user_id(row.id)!r}"
        metadata = _without(_merged(row.metadata if merge else None, given, place), removed)
        check_within(context.within, user_id(row.id), metadata, row.text, place)
        return row, metadata, row.expires_at if expires is None else stored_expiry(expires)

    return changed


def check_merge(merge: object) -> None:
    """Raises InvalidArgument for a value that is not a bool."""
    if not isinstance(merge, bool):
        raise InvalidArgument(
            f"merge must be True or False, not {merge!r:.80}",
            name="merge",
            value=merge,
            remedy="Leave it out for True.",
        )


def _nothing_to_change() -> InvalidArgument:
    return InvalidArgument(
        "update needs something to change", name="update", remedy="Pass texts=, vectors=, metadata=, ttl= or remove=."
    )


def _read(context: Context, columns: RowArguments, state: State, moment: int, removed: frozenset[str]) -> Batch:
    if columns.ids is None:
        raise InvalidArgument(
            "update needs the ids of the rows to change",
            name="ids",
            remedy="Pass ids=[...], where={...} or rows=[...].",
        )
    if len(columns.given()) == 1 and columns.ttl is None and not removed:
        raise _nothing_to_change()
    if isinstance(columns.metadata, Mapping) and not is_scalar_id(columns.ids):
        ids = id_list(columns.ids)  # one dict for all rows
        columns = replace(columns, ids=ids, metadata=[columns.metadata] * len(ids))
    return read_batch(columns, context.rules(state), moment)


def _dimension_only(context: Context, transaction: Transaction) -> Any:
    rules = context.rules(transaction.state)
    return type(rules)(rules.metric, rules.dimension, zero_allowed=True)


def _refuse_unknown(batch: Batch, ids: list[StoredId], found: Mapping[StoredId, Row], moment: int) -> None:
    assert batch.ids is not None
    unknown = [i for i, id_ in enumerate(ids) if id_ not in found or found[id_].is_expired(moment)]
    if unknown:
        more = f", nor {len(unknown) - 1} more of those given" if len(unknown) > 1 else ""
        raise IdNotFound(
            f"no row has the id {batch.ids[unknown[0]]!r}{more}",
            name="ids",
            value=[batch.ids[i] for i in unknown],
            place=f"row {unknown[0]}",
            remedy="Use upsert for rows that may not exist yet; nothing was changed.",
        )


def _metadata(row: Row, batch: Batch, i: int, how: _How) -> str | None:
    given = batch.metadata[i]
    return _without(_merged(row.metadata, given, batch.place(i)) if how.merge else given, how.removed)


def _without(metadata: str | None, removed: frozenset[str]) -> str | None:
    """The metadata without some of its top-level keys."""
    if metadata is None or not removed:
        return metadata
    values = loads(metadata)
    kept = {key: value for key, value in values.items() if key not in removed}
    return metadata if len(kept) == len(values) else dumps(kept) if kept else None


def _merged(old: str | None, given: str | None, place: str) -> str | None:
    """The old metadata, with the top-level keys of the new metadata replaced."""
    if given is None or old is None:
        return old if given is None else given
    return dumps({**loads(old), **loads(given)}, place=place)


def _expiry(row: Row, batch: Batch, i: int) -> int | None:
    return row.expires_at if batch.expires[i] is None else stored_expiry(batch.expires[i])


def _move(
    transaction: Transaction,
    batch: Batch,
    moved: list[tuple[int, Row]],
    block: FloatMatrix | None,
    spaces: list[Space | None],
    how: _How,
) -> None:
    """Rewrites the rows; values that were not given are carried over."""
    if not moved:
        return
    dimension = transaction.state.dimension
    vectors = None if dimension is None else np.zeros((len(moved), dimension), dtype=np.float32)
    new = []
    for at, (i, row) in enumerate(moved):
        space: str | None = spaces[i]
        if space is not None and vectors is not None and block is not None:
            vectors[at] = block[i]
        elif row.space is not None and vectors is not None:
            space = row.space
            vectors[at] = transaction.vector(row.slot)
        text = row.text if batch.texts[i] is None else batch.texts[i]
        sparse = row.sparse if batch.sparse[i] is None else batch.sparse[i]
        new.append(NewRow(row.id, text, _metadata(row, batch, i, how), _expiry(row, batch, i), space, sparse))
    transaction.end([row.slot for _, row in moved])
    transaction.append(new, vectors)
