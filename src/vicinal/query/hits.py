"""From slots to hits: the rows of the very moment that was searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..contract import FloatVector, Slots
from ..indexes.derived import View
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import Row, StoredId, user_id
from ..types import Hit, Hits, LegScore


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best rows of one question, best first.

    Attributes:
        slots: uint32, shape (rows,).
        scores: float32, shape (rows,).
        legs: what each leg says of the i-th row, or None where there is but one.
    """

    slots: Slots
    scores: FloatVector
    legs: Callable[[int], Mapping[str, LegScore]] | None = None


def fetch(
    reader: Reader,
    view: View,
    rankings: Sequence[Ranking],
    measure: str,
    distance_at_0: float,
    other_than: StoredId | None = None,
) -> list[Hits]:
    """The rows of each ranking.

    Args:
        measure: what the scores are; it is named in the result.
        distance_at_0: the distance beside a score of 0; a score is so much nearer.
        other_than: an id that none of them may have.

    Raises:
        ChangedMeanwhile: a row is gone, or newer than the view.
    """
    wanted = list(dict.fromkeys(slot for ranking in rankings for slot in ranking.slots.tolist()))
    rows = dict(zip(wanted, reader.rows_of_hits(wanted), strict=True))
    if other_than is not None and any(row.id == other_than for row in rows.values()):
        raise ChangedMeanwhile
    return [Hits(_hits(ranking, rows, distance_at_0), measure, view.change) for ranking in rankings]


def _hits(ranking: Ranking, rows: Mapping[int, Row], distance_at_0: float) -> list[Hit]:
    # Adding zero makes sure that neither score nor distance is minus zero.
    found = zip([rows[slot] for slot in ranking.slots.tolist()], ranking.scores.tolist(), strict=True)
    if ranking.legs is None:
        return [
            Hit(user_id(row.id), score + 0.0, distance_at_0 - score, row.text, row.metadata or "{}")
            for row, score in found
        ]
    return [
        Hit(user_id(row.id), score + 0.0, distance_at_0 - score, row.text, row.metadata or "{}", ranking.legs(i))
        for i, (row, score) in enumerate(found)
    ]
