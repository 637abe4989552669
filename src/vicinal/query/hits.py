"""From slots to hits: the rows of the very moment that was searched."""

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


@dataclass(slots=True)  # every search makes one, and a frozen one takes longer
class Ranking:
    """The best rows of one question, best first.

    Attributes:
        slots: uint32, shape (rows,).
        scores: float32, shape (rows,); float64 where float32 holds some of them as infinite only.
        legs: what each leg says of the i-th row, or None where there is but one.
        places: where the rows were in the ranking that they were taken from, from 0; None where they are its first.
    """

    slots: Slots
    scores: FloatVector
    legs: Callable[[int], Mapping[str, LegScore]] | None = None
    places: NDArray[np.intp] | None = None

    def taken(self, places: NDArray[np.intp]) -> Ranking:
        """The rows at some places of it, in their order."""
        legs = self.legs
        moved = None if legs is None else lambda row: legs(int(places[row]))
        return Ranking(self.slots[places], self.scores[places], moved, places)

    def cut(self, offset: int, min_score: float | None) -> Ranking:
        """Without the best `offset` rows, and those whose score is below `min_score`."""
        end = len(self.slots)
        if min_score is not None:  # scores descend
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
    """The rows of each ranking.

    Args:
        measure: what the scores are; it is named in the result.
        distance_at_0: the distance beside a score of 0; a score is so much nearer.
        other_than: ids that none of them may have.
        select: parts that hits get.

    Raises:
        ChangedMeanwhile: a row is gone, or newer than the view.
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
    """The rows at the slots of each ranking; one that several rankings have is read once."""
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
        # Adding zero makes sure that neither score nor distance is minus zero.
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
    """Rows with their scores, of which hits are made when somebody looks at them; see `types.HitsLater`."""

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
