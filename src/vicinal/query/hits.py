"""From slots and scores to hits: the rows of a view, with what a user sees of them."""

from __future__ import annotations

from ..contract import FloatVector, Metric, Slots
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import stored_id, user_id
from ..types import Hit, Id


def fetch(reader: Reader, slots: Slots, scores: FloatVector, metric: Metric, like: Id | None = None) -> list[Hit]:
    """The hits at `slots`, in their order.

    Args:
        reader: of the commit at which they were found.
        like: the row whose neighbours these are, which is not among them.

    Raises:
        ChangedMeanwhile: a row is gone or newer, or one has taken the id `like`.
    """
    rows = reader.rows_of_hits(slots.tolist())
    if like is not None and any(row.id == stored_id(like) for row in rows):
        raise ChangedMeanwhile
    # Hot: a distance is `1 - cos`, else minus the score; adding zero makes sure that neither is minus zero.
    top = 1.0 if metric == "cosine" else 0.0
    return [
        Hit(user_id(row.id), score + 0.0, top - score, row.text, row.metadata or "{}")
        for row, score in zip(rows, scores.tolist(), strict=True)
    ]
