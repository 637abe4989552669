"""`add` and `upsert`: validated rows are encoded and written in one commit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from operator import length_hint
from typing import TypeVar

import numpy as np

from ..contract import FloatMatrix, Metric
from ..deadline import check_deadline, in_a_hurry
from ..errors import DuplicateId, LimitExceeded, NotAllowed
from ..filters.tree import Node
from ..filters.within import check_within, is_within
from ..inputs.columns import Batch, RowArguments, batches, check_unique
from ..inputs.values import NEVER
from ..inputs.vectors import VectorRules, check_block
from ..progress import progress
from ..store.rows import Row, Space, StoredId, stored_id, user_id
from ..store.state import EncoderChanged, State
from ..store.writing import NewRow, Transaction
from ..types import Id
from .context import Context, now

_INT64_MAX = 2**63 - 1


T = TypeVar("T")

_ENCODER_CHANGES_MAX = 3
_ENCODED_AT_ONCE = 128  # texts, when progress is shown or there is a deadline


def insert(context: Context, columns: RowArguments, rows: object, *, replace: bool, show: bool = False) -> list[Id]:
    """Stores the rows and returns their ids, in the order given.

    A list is one commit. A generator is committed every 8,192 rows; an error keeps the commits before it.
    """
    ids: list[Id] = []
    state = context.store.current()

    def rules() -> VectorRules:
        nonlocal state
        state = context.store.current()
        return context.rules(state)

    with _progress(columns, rows) if show else nullcontext(_nobody) as advance:
        for batch in batches(columns, rows, rules, now):
            progress = _BatchProgress(advance, len(batch))
            write = partial(_insert_batch, context, batch, state.metric, progress, replace=replace)
            ids.extend(until_encoder_stays(write))
            progress.finish()
    return ids


def _nobody(done: int) -> None:
    """The progress function when no progress is shown."""


def _progress(columns: RowArguments, rows: object) -> AbstractContextManager[Callable[[int], None]]:
    """A progress bar, with the time left if the number of rows is known."""
    source = rows if rows is not None else next((value for _, value in columns.given()), None)
    return progress("Storing rows", length_hint(source, 0) or None)


class _BatchProgress:
    """Progress within a batch: encoding takes most of the time; rows without a text count when they are stored."""

    def __init__(self, advance: Callable[[int], None], rows: int) -> None:
        self._advance = advance
        self._left = rows

    @property
    def is_watched(self) -> bool:
        return self._advance is not _nobody

    def done(self, rows: int) -> None:
        rows = min(rows, self._left)  # a batch may be encoded twice
        self._left -= rows
        self._advance(rows)

    def finish(self) -> None:
        self.done(self._left)


def until_encoder_stays(write: Callable[[], T]) -> T:
    """Encodes and writes again if the collection was re-embedded between the two."""
    for _ in range(_ENCODER_CHANGES_MAX):
        try:
            return write()
        except EncoderChanged:
            continue
    return write()


def _insert_batch(
    context: Context, batch: Batch, metric: Metric, progress: _BatchProgress, *, replace: bool
) -> list[Id]:
    """Writes a batch that was validated under `metric`."""
    if len(batch) == 0:
        return []
    moment = now()
    if replace:
        kept = _last_of_equal_ids(batch)
    else:
        check_unique(batch)
        if not all(batch.has_vector):
            _refuse_known(context, batch, moment)  # before texts are encoded; checked again under the lock
        kept = list(range(len(batch)))
    _check_rows_within(context, batch, kept)
    state = context.store.current()
    block, spaces = with_encoded_texts(context, state, batch, kept, progress)
    if state.encoder is None and any(spaces[i] is None and batch.texts[i] is not None for i in kept):
        context.warn_of_texts_without_encoder()

    def plan(transaction: Transaction) -> list[Id]:
        check_encoder(state, transaction, spaces)
        block_now = _fit(context, transaction, block, batch)
        if block_now is not None and transaction.state.metric != metric:
            check_lengths_again(context, transaction, block_now, batch, kept, spaces)
        ids = _given_or_made(transaction, batch)
        stored = [stored_id(ids[i]) for i in kept]
        _clear_the_way(transaction, batch, stored, moment, context.within, replace=replace)
        new = [
            NewRow(id_, batch.texts[i], batch.metadata[i], stored_expiry(batch.expires[i]), spaces[i], batch.sparse[i])
            for id_, i in zip(stored, kept, strict=True)
        ]
        transaction.append(new, block_now)
        return ids

    return context.store.write(plan, timeout=context.timeout, durability=context.durability)


def _in_parts(
    context: Context, state: State, texts: list[str], progress: _BatchProgress | None
) -> Iterator[FloatMatrix]:
    for start in range(0, len(texts), _ENCODED_AT_ONCE):
        check_deadline()
        part = texts[start : start + _ENCODED_AT_ONCE]
        yield context.encode(part, state)
        if progress is not None:
            progress.done(len(part))


def stored_expiry(expires: int | None) -> int | None:
    """The expiry in stored form: None for a row that never expires."""
    return None if expires == NEVER else expires


def check_encoder(state: State, transaction: Transaction, spaces: list[Space | None]) -> None:
    """Under the lock: checks that the collection still has the encoder that encoded the texts."""
    if "text" in spaces and transaction.state.encoder != state.encoder:
        raise EncoderChanged


def with_encoded_texts(
    context: Context, state: State, batch: Batch, kept: list[int], progress: _BatchProgress | None = None
) -> tuple[FloatMatrix | None, list[Space | None]]:
    """The vectors of the rows `kept`, encoded from text if not given, and the space of each."""
    spaces: list[Space | None] = ["given" if there else None for there in batch.has_vector]
    to_encode = [i for i in kept if spaces[i] is None and batch.texts[i] is not None]
    block = batch.block if batch.block is None or len(kept) == len(batch) else batch.block[kept]
    if not to_encode or state.encoder is None:
        return block, spaces
    texts = [text for i in to_encode if (text := batch.texts[i]) is not None]
    if not in_a_hurry() and (progress is None or not progress.is_watched):
        encoded = context.encode(texts, state)
    else:
        encoded = np.concatenate(list(_in_parts(context, state, texts, progress)))
    encoded = check_block(encoded, context.rules(state), lambda i: f"{batch.place(to_encode[i])}, as encoded")
    for i in to_encode:
        spaces[i] = "text"
    if block is None and len(to_encode) == len(kept):
        return encoded, spaces
    position = {row: at for at, row in enumerate(kept)}
    whole = np.zeros((len(kept), encoded.shape[1]), dtype=np.float32) if block is None else block.copy()
    whole[[position[i] for i in to_encode]] = encoded
    return whole, spaces


def _fit(context: Context, transaction: Transaction, block: FloatMatrix | None, batch: Batch) -> FloatMatrix | None:
    """Under the lock: another process may have set the dimension since the batch was checked."""
    if block is None:
        return None
    if transaction.state.dimension is None:
        transaction.fix_dimension(block.shape[1])
    if block.shape[1] != transaction.state.dimension:
        check_block(block, context.rules(transaction.state), batch.place)
    return block


def check_lengths_again(
    context: Context,
    transaction: Transaction,
    block: FloatMatrix,
    batch: Batch,
    kept: list[int],
    spaces: list[Space | None],
) -> None:
    """Under the lock: the metric may have changed since the batch was checked, and refuse vectors of length zero."""
    there = [at for at, row in enumerate(kept) if spaces[row] is not None]
    check_block(block[there], context.rules(transaction.state), lambda i: batch.place(kept[there[i]]))


def _refuse_known(context: Context, batch: Batch, moment: int) -> None:
    if batch.ids is None:
        return
    stored = [stored_id(id_) for id_ in batch.ids]
    found = context.store.read(lambda reader: reader.slots_of(stored))
    _raise_if_known(batch, stored, found, moment)


def _raise_if_known(
    batch: Batch, stored: list[StoredId], found: dict[StoredId, tuple[int, int | None]], moment: int
) -> None:
    assert batch.ids is not None
    known = [i for i, id_ in enumerate(stored) if id_ in found and not _is_expired(found[id_][1], moment)]
    if known:
        more = f", and {len(known) - 1} more" if len(known) > 1 else ""
        raise DuplicateId(
            f"the id {batch.ids[known[0]]!r} exists already{more}",
            name="ids",
            value=[batch.ids[i] for i in known],
            place=f"row {batch.first_row + known[0]}",
            remedy="Use upsert to replace rows, or update to change them.",
        )


def _clear_the_way(
    transaction: Transaction,
    batch: Batch,
    stored: list[StoredId],
    moment: int,
    within: Node | None,
    *,
    replace: bool,
) -> None:
    """Ends the rows that the new ones replace; for `add`, only expired rows may have the same ids.

    Raises:
        NotAllowed: the handle does not see one of them.
    """
    if batch.ids is None:
        return
    found = transaction.slots_of(stored)
    if not replace:
        _raise_if_known(batch, stored, found, moment)
    if within is not None and found:
        _refuse_others(batch, stored, transaction.rows_by_id(list(found)), within)
    transaction.end([slot for slot, _ in found.values()])


def _refuse_others(batch: Batch, stored: list[StoredId], found: dict[StoredId, Row], within: Node) -> None:
    assert batch.ids is not None
    at = {id_: i for i, id_ in enumerate(stored)}
    for id_, row in found.items():
        if not is_within(row, within):
            raise NotAllowed(
                "this id belongs to a row that may not be written here",
                name="ids",
                value=user_id(id_),
                place=f"row {batch.first_row + at[id_]}",
                remedy="Choose another id; nothing was changed.",
            )


def _check_rows_within(context: Context, batch: Batch, kept: list[int]) -> None:
    """Before texts are encoded: raises an error for rows that the handle would not see, since it may not write them."""
    if context.within is not None:
        for i in kept:
            id_ = None if batch.ids is None else batch.ids[i]
            check_within(context.within, id_, batch.metadata[i], batch.texts[i], batch.place(i))


def _given_or_made(transaction: Transaction, batch: Batch) -> list[Id]:
    by_integer = transaction.state.setting["auto_ids"] == "integer"
    if batch.ids is None:
        if by_integer:
            return _made_integers(transaction, len(batch))
        return [str(uuid.uuid4()) for _ in range(len(batch))]
    if by_integer:
        highest = max((id_ for id_ in batch.ids if isinstance(id_, int)), default=0)
        transaction.pass_over_ids(min(highest, _INT64_MAX - 1))  # the next id must still be an int64
    return batch.ids


def _made_integers(transaction: Transaction, count: int) -> list[Id]:
    if transaction.state.next_id > _INT64_MAX - count:
        raise LimitExceeded(
            f"the automatic integer ids are used up: the next would be {transaction.state.next_id}",
            name="ids",
            value=transaction.state.next_id,
            remedy="Give ids yourself.",
        )
    return list(transaction.next_ids(count))


def _last_of_equal_ids(batch: Batch) -> list[int]:
    if batch.ids is None:
        return list(range(len(batch)))
    return sorted({id_: i for i, id_ in enumerate(batch.ids)}.values())


def _is_expired(expires_at: int | None, moment: int) -> bool:
    return expires_at is not None and expires_at <= moment
