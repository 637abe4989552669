"""Arranges an engine's ranking: the most diverse of the best rows, or the best of each group.

Uses the formulas of `query.arrange`, on candidates whose vectors and metadata the engine has sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix, FloatVector, Metric
from ..filters.evaluate import value_at
from ..filters.tree import Path
from ..indexes.kernels import kernels
from ..metadata import loads
from ..query.arrange import by_group, relevance_of_vectors, similarity_among
from ..query.mmr import choose
from ..query.question import Grouping, Mmr, Question
from ..searching.group import group_of
from ..store.rows import Row

__all__ = ["Candidates", "arranged"]

_LOOKED_AT_FIRST: Final = 4  # times as many rows as a grouping can return
_GROWTH: Final = 4


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates of one query with their scores, best first.

    Attributes:
        vectors: float32, shape (rows, dim).
        certain: the number of leading candidates that no unexamined row can precede.
    """

    rows: list[Row]
    scores: FloatVector
    vectors: FloatMatrix
    certain: int

    def at(self, places: NDArray[np.intp]) -> Candidates:
        """Returns those at some positions, in that order."""
        rows = [self.rows[place] for place in places.tolist()]
        return Candidates(rows, self.scores[places], self.vectors[places], self.certain)

    def cut(self, start: int, end: int, min_score: float | None) -> Candidates:
        """Returns those between two positions whose score is not too low."""
        if min_score is not None:  # scores are descending
            end = min(end, int(np.searchsorted(-self.scores.astype(np.float64), -min_score, side="right")))
        return self.at(np.arange(start, max(start, min(end, len(self.rows))), dtype=np.intp))


def arranged(question: Question, metric: Metric, ranked: Callable[[int], Candidates]) -> Candidates:
    """Returns the rows of a query with an arrangement.

    Args:
        ranked: returns the best rows of the query: at least the given number, or all if there are fewer.
    """
    if isinstance(question.arrangement, Mmr):
        return _diverse(question, question.arrangement, metric, ranked)
    assert isinstance(question.arrangement, Grouping)  # there are only two
    return _grouped(question, question.arrangement, ranked)


def _diverse(question: Question, mmr: Mmr, metric: Metric, ranked: Callable[[int], Candidates]) -> Candidates:
    depth = max(mmr.pool, question.k)
    pool = ranked(depth).cut(0, depth, question.min_score)
    count = len(pool.rows)
    slots = np.arange(count, dtype=np.uint32)
    similarity = similarity_among(pool.vectors, slots, np.ones(count, dtype=np.bool_), metric, kernels())
    order = choose(relevance_of_vectors(pool.scores, metric), similarity, mmr.weight, question.k)
    return pool.at(order[question.offset :])


def _grouped(question: Question, grouping: Grouping, ranked: Callable[[int], Candidates]) -> Candidates:
    """Groups, ordered by their best row. Ranks more rows, all if necessary, until the groups are full."""
    depth = _LOOKED_AT_FIRST * question.k * grouping.size
    while True:
        ranking = ranked(depth)
        found = ranking.cut(0, depth, question.min_score)
        order, counts = by_group(_groups(found.rows, grouping.path), question.k, grouping.size)
        is_full = len(counts) == question.k and all(count == grouping.size for count in counts.values())
        if is_full or len(found.rows) < depth:
            break
        depth *= _GROWTH
    skipped = sum(list(counts.values())[: question.offset])
    return found.at(np.array(order[skipped:], dtype=np.intp))


def _groups(rows: Sequence[Row], path: Path) -> NDArray[np.int64]:
    """Numbers that are equal for rows of one group."""
    numbers: dict[Any, int] = {}
    keys = (group_of(value_at(loads(row.metadata or "{}"), path)) for row in rows)
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
