"""Range search: every row with a high enough score or low enough distance, however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..indexes.derived import DerivedIndex, View
from ..store.reading import Reader
from ..store.store import Store
from ..types import Hits
from .hits import Ranking, fetch
from .plan import plan
from .question import Question
from .rank import deeper_and_deeper, ranker
from .run import measure_of
from .search import at_one_moment, view_for

__all__ = ["Bounds", "within"]

_FIRST_DEPTH: Final = 256


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of the range; None for no bound.

    Attributes:
        min_score: at least this score.
        max_distance: at most this distance.
    """

    min_score: float | None
    max_distance: float | None


def within(store: Store[DerivedIndex], question: Question, bounds: Bounds) -> Hits:
    """All rows in range, best first, ties by insertion order."""

    def answer(view: View, reader: Reader) -> Hits:
        view.catch_up(reader)
        planned = plan(question, view, reader)
        measure, distance_at_0 = measure_of(question, planned.metric)
        for ranking, _ in deeper_and_deeper(ranker(planned), _FIRST_DEPTH):
            found = _in_range(ranking, bounds, distance_at_0)
            if len(found.slots) < len(ranking.slots):
                break
        view.check_unmoved()
        return fetch(reader, view, [found], measure, distance_at_0, planned.other_than, question.select)[0]

    return at_one_moment(store, view_for(question), answer)


def _in_range(ranking: Ranking, bounds: Bounds, distance_at_0: float) -> Ranking:
    found = ranking.cut(0, bounds.min_score)
    if bounds.max_distance is None:
        return found
    distances = distance_at_0 - found.scores.astype(np.float64)  # ascending, as in hits
    return found.taken(np.arange(int(np.searchsorted(distances, bounds.max_distance, side="right"))))
