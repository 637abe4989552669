"""Migrates one collection: writes missing rows until both hold the same rows in the same order."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..collection import Collection
from ..errors import Damaged, InvalidArgument, StoreError
from ..progress import progress
from ..types import Id, Record
from .claim import CLAIM_ID, Claim, ids_without_claim
from .equality import difference, first_difference, same_neighbours, sample
from .reading import all_ids, batches, common_start
from .receipt import MigratedCollection

__all__ = ["Plan", "move", "plan"]

_ROUNDS: Final = 5  # for a source that is being written to


@dataclass(frozen=True, slots=True)
class Plan:
    """What remains to be done, given the current state of both.

    Attributes:
        ids: all ids of the source, in their order.
        same: this many rows, from the first on, are in the target; the others must be written.
        gone: ids of the target that the source no longer has.
        change: the number of the source's last commit; 0 if commits are not counted.
    """

    ids: list[Id]
    same: int
    gone: list[Id]
    change: int

    @property
    def is_done(self) -> bool:
        return self.same == len(self.ids) and not self.gone


def plan(source: Collection, target: Collection | None, claim: Claim | None) -> Plan:
    """Compares the two collections.

    Args:
        target: None if it does not exist yet.
        claim: the target's claim, as this run found it.

    Raises:
        InvalidArgument: the target holds other rows, or one of the two is the target of another unfinished migration.
    """
    change = source.stats().change
    ids = all_ids(source)
    if CLAIM_ID in ids:
        raise InvalidArgument(
            f"collection {source.name!r} is the target of a migration, which has not been finished",
            name="source",
            remedy="Finish it first, by the same call as before.",
        )
    if target is None or claim is None:
        return Plan(ids, 0, [], change)
    there = ids_without_claim(target)
    known = set(ids)
    gone = [id_ for id_ in there if id_ not in known]
    same = common_start(ids, there)
    certain = min(same, claim.rows_certain(change))
    same = certain + first_difference(source, target, ids[certain:same])
    if not claim.is_there and (gone or same < len(there)):
        raise _other_rows(target, gone[0] if gone else there[same])
    return Plan(ids, same, gone, change)


def move(source: Collection, target: Collection, sampled: int | None, left_behind: Sequence[str]) -> MigratedCollection:
    """Copies all rows and verifies them afterwards.

    Args:
        sampled: how many rows are compared; None for all.

    Raises:
        InvalidArgument: the target holds other rows; nothing was changed.
        WriterBusy: another run has taken over.
        Damaged: what was written differs from what was read.
        StoreError: the source is written to faster than it can be read.
    """
    started = time.monotonic()
    claim = Claim(source, target)
    found = first = plan(source, target, claim)
    claim.take()
    for _ in range(_ROUNDS):
        _write(source, target, claim, found)
        found = _missing(source, target, found)
        if found.is_done:
            break
    else:
        raise StoreError(
            f"collection {source.name!r} is written to while its rows are read",
            name="source",
            remedy="Let programs stop writing to it, and make the same call again: it goes on where it is.",
        )
    if found.change != first.change:
        sampled = None  # rows may have been changed after they were read
    compared, neighbours = _checked(source, target, claim, found.ids, sampled)
    claim.check()
    claim.drop()
    return MigratedCollection(
        name=source.name,
        rows=len(found.ids),
        written=max(0, len(found.ids) - first.same),
        compared=compared,
        neighbours=neighbours,
        seconds=time.monotonic() - started,
        left_behind=tuple(left_behind),
    )


def _write(source: Collection, target: Collection, claim: Claim, found: Plan) -> None:
    """Writes the missing rows in their order; a batch that was interrupted is written in full."""
    done = found.same
    with progress(f"Moving {source.name}", len(found.ids)) as advance:
        advance(done)
        for some, rows in batches(source, found.ids[done:]):
            claim.check()
            if rows:
                target.upsert(rows=[_row(row) for row in rows])
            done += len(some)
            claim.advance(done, found.change)
            advance(len(some))
    if found.gone:
        claim.check()
        target.delete(found.gone)


def _row(row: Record) -> dict[str, Any]:
    """Returns the row for `upsert`: with the same vector, not a list copied from it."""
    ttl = math.inf if row.expires_at is None else row.expires_at
    known = {"text": row.text, "vector": row.vector, "sparse": row.sparse, "metadata": row.metadata or None}
    return {"id": row.id, "ttl": ttl, **{name: value for name, value in known.items() if value is not None}}


def _missing(source: Collection, target: Collection, before: Plan) -> Plan:
    """What remains to be done, judging by ids alone: rows are added, deleted and expire while others are read."""
    change = source.stats().change
    ids, there = all_ids(source), ids_without_claim(target)
    known = set(ids)
    return Plan(ids, common_start(ids, there), [id_ for id_ in there if id_ not in known], change or before.change)


def _checked(
    source: Collection, target: Collection, claim: Claim, ids: Sequence[Id], sampled: int | None
) -> tuple[int, int]:
    """Compares rows and neighbours; returns how many of each.

    Raises:
        Damaged: something differs. The next run compares all rows and writes those that differ.
    """
    compared = 0
    chosen = sample(ids, sampled)
    with progress(f"Checking {source.name}", len(chosen)) as advance:
        for some, _ in batches(source, chosen):
            _compare(source, target, some, lambda: claim.advance(0, 0))
            compared += len(some)
            advance(len(some))
    asked, other = same_neighbours(source, target, ids)
    if other is not None:
        claim.advance(0, 0)
        raise _differs(target, other, "neighbours")
    return compared, asked


def _compare(source: Collection, target: Collection, ids: list[Id], on_difference: Callable[[], None]) -> None:
    given = {(type(row.id), row.id): row for row in source.get(ids, vectors=True)}
    found = {(type(row.id), row.id): row for row in target.get(ids, vectors=True)}
    for id_ in ids:
        key = (type(id_), id_)
        part = difference(given.get(key), found.get(key))
        if part is None:
            continue
        again = [next(iter(one.get([id_], vectors=True)), None) for one in (source, target)]
        part = difference(*again)  # it may have expired between the two reads
        if part is not None:
            on_difference()
            raise _differs(target, id_, part)


def _differs(target: Collection, id_: Id, part: str) -> Damaged:
    return Damaged(
        f"the {part} of row {id_!r} is not what was read",
        name=part,
        value=id_,
        place=f"collection {target.name!r}",
        remedy="Stop all writes to both collections, and repeat the call: it compares all rows.",
    )


def _other_rows(target: Collection, id_: Id) -> InvalidArgument:
    return InvalidArgument(
        f"collection {target.name!r} of the target holds other rows, such as {id_!r}",
        name="target",
        value=id_,
        remedy="Name another database, or drop the collection there; nothing was changed.",
    )
