"""From slots to hits: reads the rows as of the moment that was searched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatVector, Slots
from ..indexes.derived import View
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import Row, StoredId, user_id
from ..types import Hit, Hits, Id, LegScore
from .question import PARTS


@dataclass(slots=True)  # every search creates one, and creating a frozen one takes longer
class Ranking:
    """The best rows of one question, best first.

    Attributes:
        slots: uint32, shape (rows,).
        scores: float32, shape (rows,); float64 if some of them would be infinite in float32.
        legs: returns the rank and score of the i-th row in each leg; None if there is only one leg.
        places: the positions of the rows in the ranking they were taken from, from 0; None if they are its first rows.
    """

    slots: Slots
    scores: FloatVector
    legs: Callable[[int], Mapping[str, LegScore]] | None = None
    places: NDArray[np.intp] | None = None

    def taken(self, places: NDArray[np.intp]) -> Ranking:
        """The rows at some positions, in the order of these."""
        legs = self.legs
        moved = None if legs is None else lambda row: legs(int(places[row]))
        return Ranking(self.slots[places], self.scores[places], moved, places)

    def cut(self, offset: int, min_score: float | None) -> Ranking:
        """The ranking without the best `offset` rows and without rows whose score is below `min_score`."""
        end = len(self.slots)
        if min_score is not None:  # scores are descending
            end = int(np.searchsorted(-self.scores.astype(np.float64), -min_score, side="right"))
        legs = self.legs
        moved = None if legs is None else lambda row: legs(offset + row)
        return Ranking(self.slots[offset:end], self.scores[offset:end], moved)


def fetch(
    reader: Reader,
    view: View,
    rankings: Sequence[Ranking],
    measure: str,
    distance_at_0: float,
    other_than: Set[StoredId] = frozenset(),
    select: Set[str] = PARTS,
) -> list[Hits]:
    """The hits of each ranking.

    Args:
        measure: what the scores are; included in the result.
        distance_at_0: the distance that corresponds to a score of 0; the distance is this minus the score.
        other_than: ids that no hit may have.
        select: the parts that hits include.

    Raises:
        ChangedMeanwhile: a row no longer exists, or is newer than the view.
    """
    if len(rankings) == 1:
        rows = [reader.rows_of_hits(rankings[0].slots.tolist())]
    else:
        rows = _rows(reader, [ranking.slots.tolist() for ranking in rankings])
    if other_than and any(row.id in other_than for part in rows for row in part):
        raise ChangedMeanwhile
    return [
        Hits(_hits(ranking, part, distance_at_0, select), measure, view.change)
        for ranking, part in zip(rankings, rows, strict=True)
    ]


def _rows(reader: Reader, slots: list[list[int]]) -> list[list[Row]]:
    """The rows at the slots of each ranking; a row in several rankings is read once."""
    wanted = list(dict.fromkeys(chain.from_iterable(slots)))
    rows = dict(zip(wanted, reader.rows_of_hits(wanted), strict=True))
    return [[rows[slot] for slot in part] for part in slots]


def _hits(ranking: Ranking, rows: list[Row], distance_at_0: float, select: Set[str]) -> list[Hit]:
    hits = hits_of(rows, ranking.scores.tolist(), distance_at_0, select)
    if ranking.legs is not None:
        for i, hit in enumerate(hits):
            hit.legs = ranking.legs(i)
    return hits


def hits_of(rows: list[Row], scores: list[float], distance_at_0: float, select: Set[str]) -> list[Hit]:
    """Rows with their scores; see `fetch`."""
    with_text, with_metadata = "text" in select, "metadata" in select
    return [
        # Adding zero ensures that neither score nor distance is minus zero.
        Hit(
            user_id(row.id) if isinstance(row.id, bytes) else row.id,
            score + 0.0,
            distance_at_0 - score,
            row.text if with_text else None,
            (row.metadata if with_metadata else None) or "{}",
        )
        for row, score in zip(rows, scores, strict=True)
    ]


class FoundRows:
    """Rows with their scores, from which hits are created on access; see `types.HitsLater`."""

    __slots__ = ("_distance_at_0", "_rows", "_scores", "_select")

    def __init__(self, rows: list[Row], scores: list[float], distance_at_0: float, select: Set[str]) -> None:
        self._rows = rows
        self._scores = scores
        self._distance_at_0 = distance_at_0
        self._select = select

    def hits(self) -> list[Hit]:
        return hits_of(self._rows, self._scores, self._distance_at_0, self._select)

    def ids(self) -> list[Id]:
        return [user_id(row.id) if isinstance(row.id, bytes) else row.id for row in self._rows]

    def scores(self) -> list[float]:
        return [score + 0.0 for score in self._scores]

    def __len__(self) -> int:
        return len(self._rows)
