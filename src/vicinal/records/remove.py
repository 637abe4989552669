"""`delete`: rows end; their slots are reclaimed by compaction."""

from __future__ import annotations

from typing import Any

from ..inputs.columns import id_list
from ..store.rows import stored_id
from ..store.writing import Transaction
from .context import Context, now


def remove(context: Context, ids: Any) -> int:
    """Deletes the rows that exist and returns how many they were. One commit, or none where none exists."""
    stored = list(dict.fromkeys(stored_id(id_) for id_ in id_list(ids)))
    moment = now()

    def plan(transaction: Transaction) -> int:
        found = transaction.slots_of(stored).values()
        transaction.end([slot for slot, _ in found])
        return sum(1 for _, expires_at in found if expires_at is None or expires_at > moment)

    if not stored:
        return 0
    return context.store.write(plan, timeout=context.timeout, durability=context.durability)
