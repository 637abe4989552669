"""Operations that build the next generation: `compact`, `reembed`, `alter`, `restore`, `purge`."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast, get_args

import numpy as np

from ..contract import Encoder, Metric
from ..encoders.identity import identity_of
from ..encoders.registry import as_encoder
from ..errors import InvalidArgument, StoreError, Unsupported
from ..indexes.kernels import kernels
from ..indexes.vector_index import DEFAULT_INDEX, index_setting, kept_index
from ..inputs.names import nearest
from ..inputs.unicode import check_unicode
from ..inputs.vectors import VectorRules, check_block, check_encoder_dimension, check_lengths
from ..store.encoder_cache import FILE_NAME, DiskStore
from ..store.query_log import FILE_NAME as QUERY_LOG
from ..store.rows import user_id
from ..store.state import State
from ..store.switch import Copied, Plan, Transform
from ..store.verify import verify_collection
from ..types import PurgeReceipt, Snapshot, VerifyReport
from ..visible import shown
from .context import Context, now

_PURGE_WAIT_SECONDS = 10.0  # idle processes check for a switch every two seconds
_PURGE_RETRY_SECONDS = 0.05
_STILL_THERE = "Another process has it open, or it cannot be deleted: {}."
_OUTSIDE = (
    "Copies made by backup() or by others, the file system's own history and what the medium keeps "
    "of overwritten blocks are outside this receipt."
)


def require_disk(context: Context, verb: str) -> None:
    if not context.store.on_disk:
        raise Unsupported(
            f"{verb} needs a collection on disk, this one is in memory", name=verb, remedy="Use connect(path)."
        )


def verify(context: Context) -> VerifyReport:
    """Checks every file of the collection."""
    require_disk(context, "verify")
    store = context.store
    assert store.folder is not None  # it is on disk
    if store.files.exclusive:
        store.sleep()  # releases the files; the next call opens them again
    return verify_collection(store.files, store.folder, store.make_index)


def compact(context: Context) -> None:
    """Copies the live rows only: dense slots, no dead bytes."""
    context.store.upkeep.rebuild(Plan(), timeout=context.timeout, now=now())


def restore(context: Context, name: str) -> None:
    require_disk(context, "restore")
    checked_snapshot_name(name)
    context.store.upkeep.restore(name, timeout=context.timeout, now=now())


def alter(context: Context, metric: Any, index: Any) -> None:
    """Changes the metric or the vector index; vectors stay the same."""
    if metric is None and index is None:
        return
    if metric is not None:
        checked_metric(metric)
    known = context.store.current()
    # A vector that the new metric does not allow may not be allowed by the existing index either.
    kept = known.setting.get("index", DEFAULT_INDEX)
    setting = index_setting(kept_index(kept) if index is None else index, kernels(), metric or known.metric)

    def state(old: State) -> State:
        settings = json.dumps({**old.setting, "index": setting}, sort_keys=True) if index is not None else old.settings
        return replace(old, metric=metric or old.metric, settings=settings)

    transform = None if metric is None else _lengths_checked(metric, context.rules(known).zero_allowed)
    context.store.upkeep.rebuild(Plan(state=state, transform=transform), timeout=context.timeout, now=now())


def checked_metric(metric: Any) -> Metric:
    """Raises InvalidArgument for a value that is not a metric."""
    if not isinstance(metric, str) or metric not in get_args(Metric):
        raise InvalidArgument(
            f"there is no metric {metric!r}",
            name="metric",
            value=metric,
            remedy=f"{nearest(str(metric), get_args(Metric))}Choose one of {', '.join(get_args(Metric))}.",
        )
    return cast(Metric, metric)


def _lengths_checked(metric: Metric, zero_allowed: bool) -> Transform:
    """A check that raises ZeroVector for the first row that the new metric cannot compare."""

    def check(copied: list[Copied]) -> list[Copied]:
        rules = VectorRules(metric, None, zero_allowed)
        with_vector = [(row, raw) for row, raw in copied if row.space is not None]
        if with_vector:
            block = np.stack([np.frombuffer(raw, np.float32) for _, raw in with_vector])
            check_lengths(block, rules, lambda i: f"id {user_id(with_vector[i][0].id)!r}")
        return copied

    return check


def reembed(context: Context, given: Any) -> None:
    """Re-encodes every text; the new encoder becomes the collection's at the switch."""
    encoder = as_encoder(given)
    check_encoder_dimension(encoder)
    remembered = identity_of(encoder).to_json()

    def state(old: State) -> State:
        return replace(old, encoder=remembered, dimension=encoder.dim)

    def encode(copied: list[Copied]) -> list[Copied]:
        return _encoded(context, encoder, copied)

    context.store.upkeep.rebuild(Plan(state=state, transform=encode), timeout=context.timeout, now=now())


def _encoded(context: Context, encoder: Encoder, copied: list[Copied]) -> list[Copied]:
    for row, _ in copied:
        if row.text is None and row.space is not None:
            raise InvalidArgument(
                f"the row of id {user_id(row.id)!r} has a vector but no text, so it cannot be re-encoded",
                name="reembed",
                value=user_id(row.id),
                remedy="Delete such rows or give them a text first; nothing was changed.",
            )
    texts = [row.text for row, _ in copied if row.text is not None]
    if not texts:
        return copied
    rules = replace(context.rules(context.store.current()), dimension=encoder.dim)
    block = iter(check_block(encoder.encode(texts), rules, lambda i: f"text {texts[i]!r:.60}, as encoded"))
    return [
        (row, raw) if row.text is None else (replace(row, space="text"), next(block).tobytes()) for row, raw in copied
    ]


def purge(context: Context, *, drop_snapshots: bool) -> PurgeReceipt:
    """Rewrites all files without the deleted data, and waits until the old files are gone."""
    require_disk(context, "purge")
    upkeep = context.store.upkeep
    snapshots = upkeep.snapshot_names()
    if snapshots and not drop_snapshots:
        raise Unsupported(
            f"purge would leave deleted rows in {len(snapshots)} snapshots: {', '.join(snapshots)}",
            name="drop_snapshots",
            value=snapshots,
            remedy="Pass drop_snapshots=True to delete them too.",
        )
    before = context.store.bytes_on_disk()
    upkeep.rebuild(Plan(), timeout=context.timeout, now=now())  # first, since it may fail, such as for lack of space
    dropped = upkeep.drop_snapshots(context.timeout) if snapshots else []
    damaged = upkeep.remove_damaged(context.timeout)
    still_there = _cleared_up(context) + _forget_encoded(context) + _forget_queries(context)
    with context.store.snapshot(lambda index, _: index.live_count()) as (rows, _):
        return PurgeReceipt(
            collection=context.name,
            at=datetime.now(UTC),
            rows=rows,
            bytes_before=before,
            bytes_after=context.store.bytes_on_disk(),
            complete=not still_there,
            snapshots_dropped=tuple(dropped),
            damaged_removed=tuple(damaged),
            note=f"{_STILL_THERE.format(', '.join(still_there))} {_OUTSIDE}" if still_there else _OUTSIDE,
        )


def _cleared_up(context: Context) -> list[str]:
    """Waits until other processes close the old files; returns the files that still exist."""
    upkeep = context.store.upkeep
    deadline = time.monotonic() + min(context.timeout, _PURGE_WAIT_SECONDS)
    upkeep.clear_up()
    while (still_there := upkeep.leftovers()) and time.monotonic() < deadline:
        time.sleep(_PURGE_RETRY_SECONDS)
        upkeep.clear_up()
    return still_there


def _forget_encoded(context: Context) -> list[str]:
    """Erases cached vectors of texts, including those of other handles; returns the file that cannot be erased."""
    store, cache = context.store, context.cache
    assert store.folder is not None  # it is on disk
    path = os.path.join(os.path.dirname(store.folder), FILE_NAME)
    try:
        cache.clear()
        if not isinstance(cache, DiskStore) and store.files.exists(path):
            other = DiskStore(path, store.files)
            other.clear()
            other.close()
    except StoreError:
        return [FILE_NAME]
    return []


def _forget_queries(context: Context) -> list[str]:
    """Erases the query log; returns the file that cannot be erased."""
    try:
        context.store.query_log.erase()
    except StoreError:
        return [QUERY_LOG]
    return []


def take_snapshot(context: Context, name: str) -> Snapshot:
    require_disk(context, "snapshot")
    checked_snapshot_name(name)
    taken = context.store.upkeep.take_snapshot(name, context.timeout)
    return Snapshot(taken.name, taken.created_at, taken.rows)


def drop_snapshot(context: Context, name: str) -> None:
    require_disk(context, "drop_snapshot")
    checked_snapshot_name(name)
    context.store.upkeep.drop_snapshot(name, context.timeout)


def checked_snapshot_name(name: Any) -> str:
    """Raises InvalidArgument for a value that is not a snapshot name."""
    if not isinstance(name, str) or not name:
        raise InvalidArgument(f"a snapshot's name is a text, not {shown(name)}", name="name", value=name)
    check_unicode(name, "the name", "name")
    return name


def list_snapshots(context: Context) -> list[Snapshot]:
    if not context.store.on_disk:
        return []
    return [Snapshot(found.name, found.created_at, found.rows) for found in context.store.upkeep.snapshots()]
