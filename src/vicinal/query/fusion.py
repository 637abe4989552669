"""Fusion of rankings: combines several values of a row, one from each leg of a search, into one.

Pure functions of numbers or of NumPy arrays, one number per row; they return raw values, unscaled and unrounded. A rank
is the position in a leg's list, counted from 1; NaN stands for a row that the leg did not return. `threshold.fuse` uses
them to find the best rows of whole legs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidArgument

# numpy.float64 if the arguments are numbers, otherwise float64 arrays of their shape.
Values = Any

RRF_CONSTANT = 60.0


def weighted_sum(values: Sequence[ArrayLike], weights: Sequence[float]) -> Values:
    """The sum of `weight * value` over the legs.

    Source: C. Vogt and G. Cottrell, "Fusion via a linear combination of scores", Information Retrieval 1(3), 1999.

    Args:
        values: for each leg, a number or an array; all of one shape.
        weights: one per leg.
    """
    _require_one_each("weights", weights, values)
    return _total([np.float64(weight) * value for weight, value in zip(weights, _floats(values), strict=True)])


def comb_sum(values: Sequence[ArrayLike]) -> Values:
    """The sum of the values of all legs.

    Source: E. Fox and J. Shaw, "Combination of multiple searches", TREC-2, 1994.
    """
    return _total(_floats(values))


def comb_mnz(values: Sequence[ArrayLike], systems: ArrayLike | None = None) -> Values:
    """`comb_sum` times the number of legs in which the row has a value above 0.

    Source: E. Fox and J. Shaw, "Combination of multiple searches", TREC-2, 1994.

    Args:
        systems: that number, if the caller has something better than `value > 0`.
    """
    floats = _floats(values)
    above = _total([np.float64(1) * (value > 0) for value in floats]) if systems is None else _array(systems)[()]
    return _total(floats) * above


def reciprocal_rank(
    ranks: Sequence[ArrayLike],
    *,
    constant: float = RRF_CONSTANT,
    weights: Sequence[float] | None = None,
    first_rank: int = 1,
) -> Values:
    """Reciprocal rank fusion: the sum of `weight / (constant + rank)` over the legs that have the row.

    Source: G. Cormack, C. Clarke and S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
    learning methods", SIGIR 2009. The weights were added by others; equal ones do not change the order.

    Args:
        ranks: for each leg, the rank, counted from 1; NaN if the leg does not have the row.
        constant: the larger, the less the first ranks stand out.
        weights: one per leg; 1 each by default.
        first_rank: the value of the first rank in the formula: 1 as in the paper, or 0 as in some programs.

    Raises:
        InvalidArgument: the divisor for the first rank would be zero or less.
    """
    if not constant + first_rank > 0:
        raise InvalidArgument(
            f"constant + first_rank must be above 0, not {constant + first_rank!r}",
            name="constant",
            value=constant,
            remedy=f"Leave it out for {RRF_CONSTANT:g}.",
        )
    weights = [1.0] * len(ranks) if weights is None else weights
    _require_one_each("weights", weights, ranks)
    shift = constant + first_rank - 1
    return _total([_known(weight / (shift + rank)) for weight, rank in zip(weights, _floats(ranks), strict=True)])


def borda(
    ranks: Sequence[ArrayLike],
    candidates: Sequence[float],
    *,
    unranked: Sequence[float] | None = None,
    weights: Sequence[float] | None = None,
) -> Values:
    """The Borda count: each leg gives its first row `candidates` points, the next one less, and so on.

    Source: J. Aslam and M. Montague, "Models for metasearch", SIGIR 2001, also for the weights. There, all legs vote on
    one set of candidates, and a leg shares its remaining points among those that it did not rank: `borda_share`.

    Args:
        ranks: for each leg, the rank, counted from 1; NaN if the leg does not have the row.
        candidates: for each leg, the points for the first rank.
        unranked: for each leg, the points of a row that it does not have; 0 by default.
        weights: one per leg; 1 each by default.
    """
    unranked = [0.0] * len(ranks) if unranked is None else unranked
    weights = [1.0] * len(ranks) if weights is None else weights
    for name, given in (("candidates", candidates), ("unranked", unranked), ("weights", weights)):
        _require_one_each(name, given, ranks)
    return _total(
        [
            weight * np.where(np.isnan(rank), share, count - rank + 1)
            for rank, count, share, weight in zip(_floats(ranks), candidates, unranked, weights, strict=True)
        ]
    )


def borda_share(candidates: int, ranked: int) -> float:
    """The points of each candidate that a leg did not rank: an equal share of the remaining points.

    Of the points from `candidates` for the first down to 1 for the last, the best `ranked` are taken; the remaining
    1 + 2 + ... + (candidates - ranked) points are shared, so each gets (candidates - ranked + 1) / 2.
    """
    return (candidates - ranked + 1) / 2 if ranked < candidates else 0.0


def by_max(values: ArrayLike) -> NDArray[np.float64]:
    """Values of one leg divided by its best; 0 for all if the best is 0 or less.

    If the best is infinite, values equal to it become 1, and the others 0.
    """
    return over(_array(values), float(np.max(_array(values), initial=0.0)))


def over(values: NDArray[np.float64], best: float) -> NDArray[np.float64]:
    """Values of one leg divided by `best`, with the exceptions of `by_max`."""
    if best <= 0:
        return np.zeros(np.shape(values))
    if np.isinf(best):
        return np.where(values == best, 1.0, 0.0)
    with np.errstate(over="ignore"):  # a negative value over a tiny best
        return np.asarray(values / best)


def by_minmax(values: ArrayLike) -> NDArray[np.float64]:
    """Values of one leg, shifted and scaled to [0, 1]; 1 for all if they are equal.

    Source: J. H. Lee, "Analyses of multiple evidence combination", SIGIR 1997.
    """
    array = _array(values)
    if not array.size:
        return array
    low, high = array.min(), array.max()
    return (array - low) / (high - low) if high > low else np.ones(array.shape)


def by_zscore(values: ArrayLike) -> NDArray[np.float64]:
    """Values of one leg minus their mean, over their (population) standard deviation; 0 if that is 0.

    Source: M. Montague and J. Aslam, "Relevance score normalization for metasearch", CIKM 2001.
    """
    array = _array(values)
    deviation = 0.0 if not array.size or array.min() == array.max() else float(array.std())
    return np.asarray((array - array.mean()) / deviation) if deviation > 0 else np.zeros(array.shape)


NORMALISERS = {"max": by_max, "minmax": by_minmax, "zscore": by_zscore}


def _array(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _floats(values: Sequence[ArrayLike]) -> list[Values]:
    """The values as float64; a number remains a number."""
    return [_array(value)[()] for value in values]


def _known(values: Values) -> Values:
    return np.where(np.isnan(values), 0.0, values)[()]


def _total(parts: Sequence[Values]) -> Values:
    """The sum in the order of the legs, so that a row gets the same bits in every call."""
    total = np.float64(0)
    for part in parts:
        total = total + part
    return total


def _require_one_each(name: str, given: Sequence[float], legs: Sequence[object]) -> None:
    if len(given) != len(legs):
        raise InvalidArgument(
            f"there are {len(given)} {name} for {len(legs)} legs", name=name, value=given, remedy="Pass one per leg."
        )
