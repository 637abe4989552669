"""Bands and rows, norms, cosines."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lshrs
from lshrs.utils import br

# The original's results by number of bits, for each of THRESHOLDS. "*": found neither in its table nor by its search.
THRESHOLDS = [0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
ORIGINAL = """
16    4 4*   8 2    4 4*   4 4*   4 4    4 4    4 4*   4 4*   2 8    2 8
64    8 8*   8 8*   16 4   8 8*   8 8*   8 8    8 8    8 8*   4 16   2 32
100   10 10* 25 4   20 5   10 10* 10 10* 10 10  10 10  10 10* 5 20   2 50
120   40 3   30 4   24 5   20 6   15 8   12 10  10 12  8 15   5 24   3 40
127   1 127* 1 127* 1 127* 1 127* 1 127* 1 127* 1 127* 1 127* 1 127* 1 127*
128   8 16*  32 4   8 16*  8 16*  16 8   16 8   8 16*  8 16   8 16   4 32
256   16 16* 64 4   16 16* 32 8   16 16* 16 16* 16 16  16 16  8 32   4 64
384   96 4   16 24* 64 6   48 8   32 12  32 12  24 16  16 24  12 32  8 48
768   192 4  128 6  24 32* 96 8   64 12  48 16  48 16  32 24  24 32  12 64
1000  200 5  25 40* 125 8  100 10 25 40* 25 40* 50 20  40 25  25 40  20 50
1024  256 4  32 32* 128 8  32 32* 32 32* 64 16  64 16  32 32  32 32  16 64
2048  32 64* 32 64* 256 8  32 64* 128 16 128 16 32 64* 64 32  64 32  32 64
4096  64 64* 64 64* 512 8  64 64* 256 16 256 16 128 32 128 32 64 64  32 128
8192  64 128* 1024 8 64 128* 64 128* 512 16 64 128* 256 32 256 32 128 64 64 128
65536 8192 8 256 256* 256 256* 4096 16 256 256* 2048 32 2048 32 1024 64 1024 64 512 128
"""


@pytest.mark.parametrize("line", [pytest.param(line, id=line.split()[0]) for line in ORIGINAL.strip().splitlines()])
def test_bands_and_rows_are_the_originals(line: str) -> None:
    num_perm, *cells = line.split()
    for threshold, bands, rows in zip(THRESHOLDS, cells[::2], cells[1::2]):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = lshrs.get_optimal_config(int(num_perm), threshold)
        assert found == (int(bands), int(rows.rstrip("*"))), threshold
        assert bool(caught) == rows.endswith("*"), threshold


def test_a_threshold_that_was_not_used_is_warned_of_with_the_better_choice() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            UserWarning, match=r"8 bands of 16 rows are used.*strategy='least_error' takes 32 bands of 4"
        ):
            lshrs.get_optimal_config(128, 0.5)
    assert lshrs.get_optimal_config(128, 0.5, "least_error") == (32, 4)
    assert lshrs.get_optimal_config(num_perm=128, target_threshold=0.7) == (16, 8)


@given(num_perm=st.integers(1, 600), threshold=st.floats(0.05, 0.95))
def test_least_error_is_the_least_of_all_factorisations(num_perm: int, threshold: float) -> None:
    found = lshrs.get_optimal_config(num_perm, threshold, "least_error")
    errors = {
        (num_perm // rows, rows): sum(br.compute_false_rates(num_perm // rows, rows, threshold))
        for rows in range(1, num_perm + 1)
        if num_perm % rows == 0
    }
    assert errors[found] == pytest.approx(min(errors.values()))


def test_errors_of_the_configuration() -> None:
    for bad in (0, -5):
        with pytest.raises(ValueError, match="num_perm must be greater than zero"):
            lshrs.get_optimal_config(bad)
    for threshold in (0, 1, 7, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            lshrs.get_optimal_config(128, threshold)
    with pytest.raises(ValueError, match="'document' or 'least_error'"):
        lshrs.get_optimal_config(128, 0.5, "best")
    with pytest.raises(TypeError, match="mean the same"):
        lshrs.get_optimal_config(128, similarity_threshold=0.5, target_threshold=0.5)


def test_collision_probabilities() -> None:
    probability = lshrs.compute_collision_probability
    assert [round(probability(s, 16, 8), 6) for s in (0, 0.3, 0.5, 0.8, 0.9, 1)] == [
        0, 0.001049, 0.060702, 0.947049, 0.999877, 1,
    ]  # fmt: skip
    assert round(probability(0.5, b=20, r=5), 6) == 0.470051
    assert round(probability(lshrs.cosine_to_agreement(0.9), 8, 16), 4) == 0.5034
    with pytest.raises(ValueError, match="cosine_to_agreement"):
        probability(-0.5, 16, 8)
    with pytest.raises(ValueError, match=r"within \[-1, 1\]"):
        lshrs.cosine_to_agreement(1.1)
    with pytest.raises(ValueError, match="at least 1"):
        probability(0.5, 0, 8)


def test_false_rates_and_thresholds(capsys: pytest.CaptureFixture[str]) -> None:
    assert br.compute_false_rates(16, 8, 0.7) == pytest.approx((0.057940, 0.020970), abs=1e-6)
    assert br.compute_lsh_threshold(64, 8) == pytest.approx((1 / 64) ** (1 / 8))
    assert br.find_optimal_br(127, 0.5) is None
    br.print_config_analysis(256, 0.6)
    assert "32 bands of 8 rows" in capsys.readouterr().out


def test_l2_norm() -> None:
    assert lshrs.l2_norm([3, 4]) == pytest.approx([0.6, 0.8])
    rows = lshrs.l2_norm([[3, 4], [0, 2]])
    assert rows.dtype == np.float32
    assert rows.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 1]]
    assert lshrs.l2_norm([1e30, 0]) == pytest.approx([1, 0])
    for bad in ([0, 0], [[1, 0], [0, 0]], [np.nan, 1], [[[1]]]):
        with pytest.raises(ValueError):
            lshrs.l2_norm(bad)


def test_cosines() -> None:
    candidates = [[1, 0], [1, 1], [-1, 0], [1, 0]]
    assert lshrs.cosine_similarity([2, 0], candidates) == pytest.approx([1, 2**-0.5, -1, 1])
    best = lshrs.top_k_cosine([2, 0], candidates, 3)
    assert [position for position, _ in best] == [0, 3, 1]
    assert all(isinstance(position, int) and isinstance(cosine, float) for position, cosine in best)
    assert len(lshrs.top_k_cosine([2, 0], candidates, k=99)) == 4
    assert lshrs.cosine_similarity([1, 0], []).shape == (0,)
    assert lshrs.top_k_cosine([1, 0], [], 1) == []
    with pytest.raises(ValueError, match="k must be"):
        lshrs.top_k_cosine([1, 0], [], 0)
    for query, others in (([0, 0], [[1, 0]]), ([1, 0], [[0, 0]]), ([1, 0], [[1, 0, 0]])):
        with pytest.raises(ValueError):
            lshrs.cosine_similarity(query, others)
