"""Confidence intervals have the promised coverage, and agree with another implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vicinal.errors import InvalidArgument
from vicinal.evaluate import bootstrap_interval
from vicinal.evaluate.bootstrap import METHODS


@pytest.mark.parametrize("method", METHODS)
def test_the_same_as_scipy_up_to_chance(method: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(3).exponential(1, 60)
    ours = bootstrap_interval(values, resamples=40_000, method=method)
    theirs = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=40_000,
        method="BCa" if method == "bca" else "percentile",
        rng=np.random.default_rng(4),
    ).confidence_interval
    assert ours == pytest.approx(tuple(theirs), abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_it_holds_the_true_mean_as_often_as_it_says(method: str) -> None:
    random = np.random.default_rng(5)
    trials, held = 400, 0
    for trial in range(trials):
        values = random.normal(0.05, 0.2, 50)
        low, high = bootstrap_interval(values, confidence=0.9, resamples=500, seed=trial, method=method)
        held += low <= 0.05 <= high
    # Five standard errors of a binomial; bootstrap intervals of 50 values are a little too short.
    assert held / trials == pytest.approx(0.885, abs=5 * math.sqrt(0.9 * 0.1 / trials))


def test_bca_follows_the_skew() -> None:
    values = np.r_[np.zeros(40), np.ones(3)]
    percentile, bca = (bootstrap_interval(values, method=method) for method in ("percentile", "bca"))
    assert bca[0] > percentile[0] or bca[1] > percentile[1]
    assert bca[1] >= percentile[1]


def test_a_seed_gives_the_same_interval_again() -> None:
    values = np.random.default_rng(6).normal(0, 1, 200)
    assert bootstrap_interval(values) == bootstrap_interval(list(values))
    assert bootstrap_interval(values) != bootstrap_interval(values, seed=1)


def test_a_wider_interval_for_more_confidence() -> None:
    values = np.random.default_rng(7).normal(0, 1, 200)
    low, high = bootstrap_interval(values, confidence=0.5)
    lower, higher = bootstrap_interval(values, confidence=0.99)
    assert lower < low < high < higher


def test_too_few_or_equal_values() -> None:
    assert all(map(math.isnan, bootstrap_interval([])))
    assert all(map(math.isnan, bootstrap_interval([1.0])))
    assert bootstrap_interval([0.25, 0.25, 0.25]) == (0.25, 0.25)


def test_many_values_are_resampled_in_parts() -> None:
    low, high = bootstrap_interval(np.arange(300_000) % 2, resamples=20)
    assert 0.49 < low < high < 0.51


@pytest.mark.parametrize(
    ("argument", "value"),
    [("confidence", 1.0), ("confidence", 0), ("resamples", 0), ("resamples", 1.5), ("method", "t")],
)
def test_arguments_that_do_not_fit(argument: str, value: object) -> None:
    with pytest.raises(InvalidArgument) as caught:
        bootstrap_interval([1.0, 2.0], **{argument: value})  # type: ignore[arg-type]
    assert caught.value.name == argument
