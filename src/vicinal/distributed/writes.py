"""Changes to the rows that match a filter."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidArgument
from ..inputs.columns import RowArguments
from ..records.context import now
from ..records.remove import refuse_every_row
from ..records.selection import filter_of
from ..records.update import change_of_rows
from .conditions import NumberIs
from .context import EngineContext

__all__ = ["reclaim", "remove_where", "update_where"]


def update_where(context: EngineContext, where: Any, columns: RowArguments, *, merge: Any, remove: Any) -> int:
    """Merges one dict of metadata into the rows that match a filter, and sets one time to live."""
    changed = change_of_rows(context, columns, now(), merge=merge, remove=remove)
    found = context.condition(filter_of(where, columns.ids))

    def plan(transaction: Any) -> int:
        rows = transaction.passing(found)
        changes = list(map(changed, rows))  # all are checked before the first is written
        transaction.touch_all(changes)
        return len(rows)

    return context.far.write(plan)


def remove_where(context: EngineContext, where: Any, ids: Any) -> int:
    """Deletes the rows that match and returns their number."""
    if where is not None:
        refuse_every_row(where)
    elif ids is None:
        raise InvalidArgument("delete needs ids= or where=", name="ids", remedy="Pass ids=[...] or where={...}.")
    found = context.condition(filter_of(where, ids))

    def plan(transaction: Any) -> int:
        keys = transaction.keys_passing(found)
        transaction.gone(keys)
        return len(keys)

    return context.far.write(plan)


def reclaim(context: EngineContext) -> None:
    """Deletes expired rows."""
    expired = NumberIs(("", "expires"), "lte", float(now()))
    context.far.write(lambda transaction: transaction.gone(transaction.keys_passing(expired)))
