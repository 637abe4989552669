"""Fusion of legs: the best rows of several legs together, exactly, without ranking every leg completely.

Source: R. Fagin, A. Lotem and M. Naor, "Optimal aggregation algorithms for middleware", Journal of Computer and System
Sciences 66(4), 2003: the threshold algorithm. Each leg returns its best `depth` rows. A row that it did not return is
at most as good as its last one. Of the rows that some leg returned, those that may be among the best by that bound are
scored in the other legs. Once the k-th is better than any row that no leg returned can be, searching deeper cannot
change the result. The bounds are computed by the same arithmetic as the scores, and each of its steps (division,
product, sum, rounding) is monotonic, so rounding cannot break it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatVector, Metric, Slots
from ..errors import InvalidArgument
from ..inputs.names import nearest
from ..types import LegScore
from . import fusion

FloatArray = NDArray[np.float64]

METHODS = ("weighted", "rrf", "combsum", "combmnz", "borda")
BY_RANK = ("rrf", "borda")
RANKED = 200  # the depth to which ranks are counted, and the number of rows for the spread of a leg
# The best 200 of a leg usually span about five standard deviations. If one row stands out, as with a word that only one
# text contains, the deviation of the rest is close to zero; then a fifth of the span is the unit.
_SPAN_SHARE = 1 / 5
_GROWTH = 4
_ALONE_MAX = 64  # how many times deeper one leg may be searched than the others


class Leg(Protocol):
    """One ranking of a fused search: all rows that it matches under the query's filter, at one point in time."""

    @property
    def name(self) -> str:
        """Such as "dense" or "keyword"; unique among the legs of a search."""
        ...

    def best(self, m: int) -> tuple[Slots, FloatVector]:
        """The best min(m, matches) slots, uint32, and their raw scores, float32; best first, ties by slot."""
        ...

    def score(self, slots: Slots) -> FloatVector:
        """Raw scores, float32, shape (len(slots),): the same bits as in `best`; NaN for rows that do not match."""
        ...

    def similarity(self, scores: FloatVector) -> FloatArray:
        """The contribution of raw scores to a sum: float64, at least 0, monotonic in the score."""
        ...


def positive(scores: FloatVector) -> FloatArray:
    """`max(0, score)`: similarity of cosine, inner product, BM25 and sparse scores."""
    return np.maximum(scores.astype(np.float64), 0.0)


def nearness(scores: FloatVector) -> FloatArray:
    """`1 / (1 + distance)`: similarity of L2 and L1 scores, which are minus the distance."""
    return np.asarray(1.0 / (1.0 - np.minimum(scores.astype(np.float64), 0.0)))


def similarity_of(metric: Metric) -> Callable[[FloatVector], FloatArray]:
    """The similarity of a dense leg under `metric`."""
    return nearness if metric in ("l2", "l1") else positive


@dataclass(frozen=True, slots=True)
class Fused:
    """The best rows, best first.

    Attributes:
        slots: uint32, shape (rows,).
        scores: float32, shape (rows,), in [0, 1].
        names: of the legs.
        ranks: int64, shape (legs, rows): the rank within each leg's best `ranked`, counted from 1; 0 for none.
        raw: float32, shape (legs, rows): each leg's own score; NaN if the row does not match in it.
    """

    slots: Slots
    scores: FloatVector
    names: tuple[str, ...]
    ranks: NDArray[np.int64]
    raw: NDArray[np.float32]

    def legs(self, row: int) -> dict[str, LegScore]:
        """Rank and raw score of one of the rows in each leg."""
        cells = zip(self.names, self.ranks[:, row].tolist(), self.raw[:, row].tolist(), strict=True)
        return {name: LegScore(rank or None, None if score != score else score) for name, rank, score in cells}


def fuse(
    legs: Sequence[Leg],
    k: int,
    method: str = "weighted",
    *,
    weights: Sequence[float] | None = None,
    constant: float = fusion.RRF_CONSTANT,
    ranked: int = RANKED,
) -> Fused:
    """Exactly min(k, rows that match in any leg), by fused score rounded to float32, ties by slot.

    The scores of all methods are in [0, 1]: `s` is a row's similarity in a leg divided by the best similarity of that
    leg, and 0 in a leg whose best is 0 or in which the row does not match; `w` are the weights divided by their sum.
    `v` are the weights divided by the standard deviation of `s` among the leg's best `ranked`, again divided by their
    sum: a similarity counts in units of what distinguishes the best rows of its leg. So `sum of v s` has the order of a
    sum of z-scores (Montague and Aslam, "Relevance score normalization for metasearch", CIKM 2001), and an encoder
    whose cosines are close together, or far from 0, has as much influence as any other.

    | method | score | 1 means |
    |---|---|---|
    | weighted | sum of v s | the best of every leg |
    | combsum | sum of w s | the best of every leg |
    | combmnz | (sum of w s) * (legs with w s above 0) / legs | the best of every leg |
    | rrf | sum of w / (constant + rank), over what rank 1 in every leg would give | the first of every leg |
    | borda | sum of w * points, over the points of a first place | the first of every leg |

    With equal weights these are the formulas of `fusion` times a constant. RRF and Borda use only the rows in some
    leg's best `ranked`; all others score 0 and follow by their similarity in the first leg, then by slot. Borda's
    candidates are those rows, of legs with a weight above 0.

    Args:
        legs: the first one is the dense leg, if there is one.
        k: how many rows, at least 1.
        method: "weighted", "combsum", "combmnz", "rrf" or "borda".
        weights: one per leg, at least 0, relative to one another; equal by default.
        constant: the constant of RRF.
        ranked: the depth to which ranks are counted and spreads are computed.

    Raises:
        InvalidArgument: an unknown method, or weights that do not fit the legs.
    """
    shares = _shares(weights, len(legs))
    scorer = _scorer(method, shares, constant)
    depths = [max(ranked, 2 * k)] * len(legs)
    lists = [leg.best(depth) for leg, depth in zip(legs, depths, strict=True)]
    while True:
        pool = _gather(legs, lists, depths, ranked)
        _complete(pool, legs, scorer, k)
        scores, second = scorer(pool, pool.shares)
        order = _best(pool.slots, scores, second, k)
        last = (scores[int(order[-1])], second[int(order[-1])]) if len(order) == k else None
        if pool.complete or (last is not None and _beats_unseen(scorer, pool, *last)):
            chosen = np.ascontiguousarray(pool.ranks[:, order])
            names = tuple(leg.name for leg in legs)
            return Fused(pool.slots[order], scores[order], names, chosen, pool.raw[:, order])
        for i in _deeper(scorer, pool, depths, [len(own) for own, _ in lists], last):
            depths[i] *= _GROWTH
            lists[i] = legs[i].best(depths[i])


def _deeper(
    scorer: _Scorer, pool: _Pool, depths: list[int], found: list[int], last: tuple[np.float32, np.float64] | None
) -> list[int]:
    """The legs to search deeper: a single one, if that can be enough, and then preferably not the slower dense one.

    Args:
        found: the number of rows that each leg returned.
        last: the score of the k-th row, if there is one, and its tie-breaker.
    """
    more = [i for i, depth in enumerate(depths) if found[i] == depth]
    for i in reversed(more):
        if last is not None and depths[i] < _ALONE_MAX * min(depths):
            bounds = pool.bounds.copy()
            bounds[i] = 0
            if _beats_unseen(scorer, replace(pool, bounds=bounds), *last):
                return [i]
    return more


@dataclass(slots=True)  # every fused search creates a few, and creating a frozen one takes longer
class _Pool:
    """Rows that some leg returned, with their scores in all legs as far as they are known.

    Attributes:
        slots: ascending.
        raw, ranks: as in `Fused`.
        shares: float64, shape (legs, rows): similarity divided by the leg's best; 0 if the row does not match.
        open: bool, shape (legs, rows): scores not yet requested. `raw` and `shares` are then those of a row that does
            not match.
        best: the highest similarity of each leg.
        spreads: float64, shape (legs,): the spread of the shares of each leg's best; see `_spread`.
        bounds: float64, shape (legs, 1): the maximum that a row outside the pool can have there.
        ranked: how many rows each leg ranks.
        complete: whether the pool contains all matching rows.
    """

    slots: Slots
    raw: NDArray[np.float32]
    ranks: NDArray[np.int64]
    shares: FloatArray
    open: NDArray[np.bool_]
    best: list[float]
    spreads: FloatArray
    bounds: FloatArray
    ranked: tuple[int, ...]
    complete: bool

    def unseen(self) -> _Pool:
        """A pool of one row that is at least as good as any outside."""
        empty = np.zeros((len(self.raw), 1))
        return _Pool(
            self.slots[:1],
            empty.astype(np.float32),
            empty.astype(np.int64),
            self.bounds,
            empty.astype(np.bool_),
            self.best,
            self.spreads,
            self.bounds,
            self.ranked,
            False,
        )


# A function of a pool, and of shares to use instead of its own.
_Scorer = Callable[[_Pool, FloatArray], tuple[FloatVector, FloatArray]]


def _gather(
    legs: Sequence[Leg], lists: Sequence[tuple[Slots, FloatVector]], depths: Sequence[int], ranked: int
) -> _Pool:
    slots, places_of = _union([own for own, _ in lists])
    raw = np.full((len(legs), len(slots)), np.nan, dtype=np.float32)
    ranks = np.zeros(raw.shape, dtype=np.int64)
    shares = np.zeros(raw.shape)
    is_open = np.zeros(raw.shape, dtype=np.bool_)
    best = [0.0] * len(legs)
    bounds = np.zeros((len(legs), 1))
    full = tuple(min(ranked, len(own)) for own, _ in lists)
    spreads = np.ones(len(legs))
    for i, (leg, (own, scores), places, depth) in enumerate(zip(legs, lists, places_of, depths, strict=True)):
        ranks[i, places[:ranked]] = np.arange(1, min(ranked, len(own)) + 1)
        raw[i, places] = scores
        if not len(own):
            continue
        similarities = leg.similarity(scores)
        best[i] = float(similarities[0])
        own_shares = np.where(np.isnan(scores), 0.0, fusion.over(similarities, best[i]))
        shares[i, places] = own_shares
        spreads[i] = _spread(own_shares[:ranked], max(full))
        if len(own) == depth:  # otherwise a row that it did not return does not match
            is_open[i] = True
            is_open[i, places] = False
            bounds[i] = own_shares[-1]
    complete = all(len(own) < depth for (own, _), depth in zip(lists, depths, strict=True))
    return _Pool(slots, raw, ranks, shares, is_open, best, spreads, bounds, full, complete)


def _complete(pool: _Pool, legs: Sequence[Leg], scorer: _Scorer, k: int) -> None:
    """Requests the open scores of rows that may be among the best k, by what is known of them."""
    if not pool.open.any():
        return
    hopeful = _hopeful(pool, scorer, k)
    for i, leg in enumerate(legs):
        rows = np.flatnonzero(pool.open[i] & hopeful)
        if len(rows):
            pool.raw[i, rows] = scores = leg.score(pool.slots[rows])
            matching = ~np.isnan(scores)
            pool.shares[i, rows[matching]] = fusion.over(leg.similarity(scores[matching]), pool.best[i])
            pool.open[i, rows] = False


def _hopeful(pool: _Pool, scorer: _Scorer, k: int) -> NDArray[np.bool_]:
    """Rows that may reach the lower bound of the k-th best score."""
    count = len(pool.slots)
    if count <= k:
        return np.ones(count, dtype=np.bool_)
    least = np.partition(scorer(pool, pool.shares)[0], count - k)[count - k]
    most = scorer(pool, np.where(pool.open, pool.bounds, pool.shares))[0]
    return np.asarray(most >= least)


def _spread(shares: FloatArray, count: int) -> float:
    """The standard deviation of a leg's best rows, the first of which has 1; 1 if all are the same.

    Sums are exact, so the bits are the same on every machine.

    Args:
        count: the number of rows to use: missing rows do not match and count as 0.
    """
    values = shares if len(shares) == count else np.concatenate([shares, np.zeros(count - len(shares))])
    mean = math.fsum(values.tolist()) / count
    deviation = math.sqrt(math.fsum(np.square(values - mean).tolist()) / count)
    return max(deviation, float(values.max() - values.min()) * _SPAN_SHARE) or 1.0


def _union(lists: Sequence[Slots]) -> tuple[Slots, list[NDArray[np.intp]]]:
    """All slots, ascending, each once; and for each list, the positions of its slots among them.

    One sort for all lists: looking up the slots of each unsorted list takes longer.
    """
    together = np.concatenate(lists)
    order = np.argsort(together)
    ascending = together[order]
    is_new = np.ones(len(together), dtype=np.bool_)
    is_new[1:] = ascending[1:] != ascending[:-1]
    places = np.empty(len(together), dtype=np.intp)
    places[order] = np.cumsum(is_new) - 1
    return ascending[is_new], np.split(places, np.cumsum([len(one) for one in lists])[:-1])


def _best(slots: Slots, scores: FloatVector, second: FloatArray, k: int) -> NDArray[np.intp]:
    """The positions of the best k, in order; only those that reach the k-th score are sorted."""
    kept = np.arange(len(scores))
    if k < len(scores):
        kept = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    return kept[np.lexsort((slots[kept], -second[kept], -scores[kept]))[:k]]


def _beats_unseen(scorer: _Scorer, pool: _Pool, score: np.float32, second: np.float64) -> bool:
    """Whether the k-th row is better than any row outside can be, whatever the slot of that row."""
    bound, bound_second = scorer(pool.unseen(), pool.bounds)
    return bool((score, second) > (bound[0], bound_second[0]))


def _scorer(method: str, weights: FloatArray, constant: float) -> _Scorer:
    """A function from a pool to scores and their tie-breakers, which take precedence over the slot."""
    scorers: dict[str, _Scorer] = {
        "weighted": _in_units_of_spread(weights),
        "combsum": lambda _, shares: _by_similarity(fusion.weighted_sum(list(shares), list(weights))),
        "combmnz": lambda _, shares: _by_similarity(
            fusion.comb_mnz(list(weights[:, np.newaxis] * shares)) / len(weights)
        ),
        "rrf": lambda pool, shares: _by_rank(_reciprocal_ranks(pool, weights, constant), shares),
        "borda": lambda pool, shares: _by_rank(_borda_points(pool, weights), shares),
    }
    if method not in scorers:
        raise InvalidArgument(
            f"there is no fusion {method!r}",
            name="fusion",
            value=method,
            remedy=f"{nearest(str(method), scorers)}Fusions are {', '.join(scorers)}.",
        )
    return scorers[method]


def _in_units_of_spread(weights: FloatArray) -> _Scorer:
    """The weighted sum; the weights derived from the spreads of a pool are computed once for all its scores."""
    known: list[tuple[FloatArray, list[float]]] = []

    def score(pool: _Pool, shares: FloatArray) -> tuple[FloatVector, FloatArray]:
        if not known or known[0][0] is not pool.spreads:
            known[:] = [(pool.spreads, list(_over_their_sum(weights / pool.spreads)))]
        return _by_similarity(fusion.weighted_sum(list(shares), known[0][1]))

    return score


def _by_similarity(values: FloatArray) -> tuple[FloatVector, FloatArray]:
    return np.minimum(values, 1.0).astype(np.float32), np.zeros(len(values))


def _by_rank(values: FloatArray, shares: FloatArray) -> tuple[FloatVector, FloatArray]:
    """Rows without a rank score 0 and follow by their similarity in the first leg."""
    scores = np.minimum(values, 1.0).astype(np.float32)
    return scores, np.where(scores == 0, shares[0], 0.0)


def _places(pool: _Pool) -> FloatArray:
    return np.where(pool.ranks > 0, pool.ranks.astype(np.float64), np.nan)


def _reciprocal_ranks(pool: _Pool, weights: FloatArray, constant: float) -> FloatArray:
    most = fusion.reciprocal_rank([1.0] * len(weights), constant=constant, weights=list(weights))
    values = fusion.reciprocal_rank(list(_places(pool)), constant=constant, weights=list(weights))
    return np.asarray(values / most)


def _borda_points(pool: _Pool, weights: FloatArray) -> FloatArray:
    """The count of Aslam and Montague over the rows that some leg with a weight ranks."""
    voted: NDArray[np.bool_] = np.any(pool.ranks[weights > 0] > 0, axis=0)
    count = int(np.count_nonzero(voted))
    if count == 0:
        return np.zeros(len(voted))
    unranked = [fusion.borda_share(count, ranked) for ranked in pool.ranked]
    points = fusion.borda(list(_places(pool)), [count] * len(weights), unranked=unranked, weights=list(weights))
    return np.where(voted, points / count, 0.0)


def _shares(weights: Sequence[float] | None, legs: int) -> FloatArray:
    """The weights divided by their sum, float64, shape (legs,)."""
    given = np.ones(legs) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (legs,) or not np.isfinite(given).all() or (given < 0).any() or not given.any():
        raise InvalidArgument(
            f"weights must be {legs} numbers of at least 0, not all 0, not {weights!r}",
            name="weights",
            value=weights,
            remedy="Pass one per leg.",
        )
    return _over_their_sum(given)


def _over_their_sum(weights: FloatArray) -> FloatArray:
    _, exponent = math.frexp(max(weights))
    # Scaled by a power of two, which does not change the shares: the sum of the largest floats would overflow.
    scaled = np.ldexp(weights, -exponent)
    return np.asarray(scaled / math.fsum(scaled))
