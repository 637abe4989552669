"""`delete`: ends rows; compaction reclaims their slots."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ..contract import Slots
from ..errors import InvalidArgument
from ..filters.tree import Node
from ..indexes.derived import viewing
from ..inputs.columns import id_list
from ..store.rows import stored_id
from ..store.writing import Transaction
from .context import Context, now
from .selection import filter_of, slots_in


def remove(context: Context, ids: Any) -> int:
    """Deletes the rows that exist and returns how many. One commit, or none if none of them exists."""
    if context.within is not None:
        return _remove_selected(context, filter_of(None, ids))
    stored = list(dict.fromkeys(stored_id(id_) for id_ in id_list(ids)))
    moment = now()

    def plan(transaction: Transaction) -> int:
        found = transaction.slots_of(stored).values()
        transaction.end([slot for slot, _ in found])
        return sum(1 for _, expires_at in found if expires_at is None or expires_at > moment)

    if not stored:
        return 0
    return context.store.write(plan, timeout=context.timeout, durability=context.durability)


def remove_where(context: Context, where: Mapping[str, Any], ids: Any) -> int:
    """The same for rows that match a filter, as of the preceding commit."""
    refuse_every_row(where)
    return _remove_selected(context, filter_of(where, ids))


def refuse_every_row(where: Mapping[str, Any]) -> None:
    """Raises InvalidArgument for an empty filter."""
    if not where:
        raise InvalidArgument(
            "an empty where would delete every row",
            name="where",
            value=where,
            remedy="Say which rows, or drop the collection.",
        )


def _remove_selected(context: Context, tree: Node | None) -> int:
    moment = now()

    def plan(transaction: Transaction, slots: Slots) -> int:
        transaction.end(slots.tolist())
        return len(slots)

    return context.store.write_selected(
        viewing(tree, within=context.within),
        partial(slots_in, now=moment),
        plan,
        timeout=context.timeout,
        durability=context.durability,
    )
