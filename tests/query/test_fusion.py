"""The formulas of fusion, compared with numbers computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vicinal.errors import InvalidArgument
from vicinal.query import fusion

NAN = math.nan
# Two legs: rows 1, 2, 3 by vector and 2, 1, 4 by keywords.
VECTOR, WORDS = [0.9, 0.8, 0.7, 0.0], [4.0, 5.0, 0.0, 3.0]
VECTOR_RANKS, WORDS_RANKS = [1, 2, 3, NAN], [2, 1, NAN, 3]
BY_MAX = [fusion.by_max(VECTOR), fusion.by_max(WORDS)]


def test_weighted_sum() -> None:
    np.testing.assert_allclose(fusion.weighted_sum(BY_MAX, [0.7, 0.3]), [0.94, 0.9222222, 0.5444444, 0.18], rtol=1e-6)


def test_comb_sum_and_comb_mnz() -> None:
    np.testing.assert_allclose(fusion.comb_sum(BY_MAX), [1.8, 1.8888889, 0.7777778, 0.6], rtol=1e-6)
    np.testing.assert_allclose(fusion.comb_mnz(BY_MAX), [3.6, 3.7777778, 0.7777778, 0.6], rtol=1e-6)
    assert fusion.comb_mnz([0.5, 0.25], 2) == 1.5


def test_reciprocal_rank_counts_from_one_or_from_zero() -> None:
    ranks = [VECTOR_RANKS, WORDS_RANKS]
    np.testing.assert_allclose(
        fusion.reciprocal_rank(ranks), [1 / 61 + 1 / 62, 1 / 62 + 1 / 61, 1 / 63, 1 / 63], rtol=1e-15
    )
    # d1 to d4 in the lists (d1, d2, d3) and (d2, d4, d1), with ranks from 0.
    lists = [[1, 2, 3, NAN], [3, 1, NAN, 2]]
    found = fusion.reciprocal_rank(lists, constant=60, first_rank=0)
    np.testing.assert_allclose(found, [0.032796, 0.033060, 0.016129, 0.016394], atol=1e-6)
    assert fusion.reciprocal_rank([1, 2], constant=1, weights=[2, 3]) == 2.0


@pytest.mark.parametrize(("constant", "first_rank"), [(0, 0), (-1, 1), (-60, 1), (math.nan, 1)])
def test_reciprocal_rank_never_divides_by_zero(constant: float, first_rank: int) -> None:
    with pytest.raises(InvalidArgument, match=r"constant \+ first_rank must be above 0"):
        fusion.reciprocal_rank([[1.0]], constant=constant, first_rank=first_rank)


def test_borda() -> None:
    ranks = [VECTOR_RANKS, WORDS_RANKS]
    np.testing.assert_array_equal(fusion.borda(ranks, [3, 3]), [5, 5, 1, 1])
    # Four candidates: each leg gives 4, 3 and 2 points, and the last point to the one that it lacks.
    share = fusion.borda_share(4, 3)
    assert share == 1.0
    np.testing.assert_array_equal(fusion.borda(ranks, [4, 4], unranked=[share, share]), [7, 7, 3, 3])
    np.testing.assert_array_equal(fusion.borda(ranks, [3, 3], weights=[2, 1]), [8, 7, 2, 1])


@given(st.integers(0, 50), st.integers(0, 50))
def test_every_leg_gives_away_all_its_points(ranked: int, more: int) -> None:
    candidates = ranked + more
    given_away = sum(candidates - place for place in range(ranked)) + more * fusion.borda_share(candidates, ranked)
    assert given_away == sum(range(candidates + 1))


def test_numbers_go_in_and_numbers_come_out() -> None:
    values = [
        fusion.weighted_sum([0.5, 2.0], [0.25, 0.75]),
        fusion.comb_sum([0.5, 2.0]),
        fusion.comb_mnz([0.5, 0.0]),
        fusion.reciprocal_rank([1, NAN]),
        fusion.borda([1, 2], [2, 2]),
    ]
    assert [type(value) for value in values] == [np.float64] * 5
    assert values == [1.625, 2.5, 0.5, 1 / 61, 3.0]


def test_one_weight_a_leg() -> None:
    with pytest.raises(InvalidArgument, match="there are 1 weights for 2 legs"):
        fusion.weighted_sum([1.0, 2.0], [1.0])
    with pytest.raises(InvalidArgument, match="there are 3 candidates for 2 legs"):
        fusion.borda([1, 2], [2, 2, 2])


def test_by_max() -> None:
    np.testing.assert_array_equal(fusion.by_max([4, 1, 0]), [1, 0.25, 0])
    np.testing.assert_array_equal(fusion.by_max([0, 0]), [0, 0])
    np.testing.assert_array_equal(fusion.by_max([-3, -1]), [0, 0])
    np.testing.assert_array_equal(fusion.by_max([math.inf, 1, math.inf]), [1, 0, 1])
    assert fusion.by_max([]).shape == (0,)


def test_by_minmax() -> None:
    np.testing.assert_array_equal(fusion.by_minmax([5, 1, 3]), [1, 0, 0.5])
    np.testing.assert_array_equal(fusion.by_minmax([2, 2]), [1, 1])
    assert fusion.by_minmax([]).shape == (0,)


def test_by_zscore() -> None:
    np.testing.assert_allclose(fusion.by_zscore([1, 2, 3]), [-math.sqrt(1.5), 0, math.sqrt(1.5)], rtol=1e-15)
    np.testing.assert_array_equal(fusion.by_zscore([0.1, 0.1, 0.1]), [0, 0, 0])
    assert fusion.by_zscore([]).shape == (0,)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.sampled_from(sorted(fusion.NORMALISERS)))
def test_a_normaliser_keeps_the_order(values: list[float], name: str) -> None:
    kept = fusion.NORMALISERS[name](values)[np.argsort(values, kind="stable")]
    assert (kept[1:] >= kept[:-1]).all()
