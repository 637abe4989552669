"""Confidence intervals for a mean, by resampling."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidArgument

__all__ = ["METHODS", "bootstrap_interval"]

METHODS = ("bca", "percentile")
_CELLS_AT_ONCE = 1 << 20


def bootstrap_interval(
    values: ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    method: str = "bca",
) -> tuple[float, float]:
    """Returns the lower and upper end of a confidence interval for the mean of `values`.

    Source: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993: the percentile interval (13.3) and BCa
    (14.3), which corrects bias and skewness; its acceleration by the jackknife, which has a closed form for a mean. T.
    Sakai, "Evaluating evaluation metrics based on the bootstrap", SIGIR 2006, compares two systems by resampling.

    Args:
        values: shape (n,). To compare two systems on the same queries, pass the differences, one per query.
        confidence: between 0 and 1.
        resamples: how often n values are drawn from the n, with replacement.
        seed: the same seed returns the same interval.
        method: "bca" or "percentile".

    Returns:
        (nan, nan) for fewer than two values, which say nothing about their spread.
    """
    _check(confidence, resamples, method)
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return float("nan"), float("nan")
    if (sample == sample[0]).all():
        return float(sample[0]), float(sample[0])
    means = _resampled_means(sample, resamples, seed)
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    if method == "bca":
        tails = _corrected(tails, sample, means)
    low, high = np.quantile(means, tails)
    return float(low), float(high)


def _resampled_means(sample: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    step = max(1, _CELLS_AT_ONCE // len(sample))
    parts = [
        sample[random.integers(0, len(sample), (min(step, resamples - start), len(sample)))].mean(axis=1)
        for start in range(0, resamples, step)
    ]
    return np.concatenate(parts)


def _corrected(
    tails: tuple[float, float], sample: NDArray[np.float64], means: NDArray[np.float64]
) -> tuple[float, float]:
    """Returns the quantiles that BCa uses instead of `tails`."""
    normal = NormalDist()
    mean = sample.mean()
    below = (np.count_nonzero(means < mean) + np.count_nonzero(means <= mean)) / (2 * len(means))
    if not 0 < below < 1:  # too few resamples to estimate the bias
        return tails
    bias = normal.inv_cdf(below)
    away = sample - mean
    acceleration = float((away**3).sum() / (6 * (away**2).sum() ** 1.5))

    def quantile(tail: float) -> float:
        shifted = bias + normal.inv_cdf(tail)
        return normal.cdf(bias + shifted / (1 - acceleration * shifted))

    return quantile(tails[0]), quantile(tails[1])


def _check(confidence: float, resamples: int, method: str) -> None:
    if not 0 < confidence < 1:
        raise InvalidArgument(
            f"confidence must be between 0 and 1, not {confidence!r}",
            name="confidence",
            value=confidence,
            remedy="Leave it out for 0.95.",
        )
    if isinstance(resamples, bool) or not isinstance(resamples, int) or resamples < 1:
        raise InvalidArgument(
            f"resamples must be a whole number of at least 1, not {resamples!r}",
            name="resamples",
            value=resamples,
            remedy="Leave it out for 10,000.",
        )
    if method not in METHODS:
        raise InvalidArgument(
            f"there is no method {method!r}", name="method", value=method, remedy=f"Use {' or '.join(METHODS)}."
        )
