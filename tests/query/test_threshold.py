"""Fused rankings compared with brute force over every row."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vicinal.errors import InvalidArgument
from vicinal.query.threshold import Fused, fuse, nearness, positive, similarity_of

METHODS = ("weighted", "combsum", "combmnz", "rrf", "borda")


@dataclass
class TableLeg:
    """A leg that knows the score of each of its rows."""

    name: str
    scores: dict[int, float]
    similarity: Callable[[Any], Any] = positive
    asked: list[int] = field(default_factory=list)

    def ranking(self) -> list[int]:
        return sorted(self.scores, key=lambda slot: (-self.scores[slot], slot))

    def best(self, m: int) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
        self.asked.append(m)
        slots = self.ranking()[:m]
        return np.array(slots, dtype=np.uint32), np.array([self.scores[slot] for slot in slots], dtype=np.float32)

    def score(self, slots: NDArray[np.uint32]) -> NDArray[np.float32]:
        return np.array([self.scores.get(slot, math.nan) for slot in slots.tolist()], dtype=np.float32)


def similar(leg: TableLeg, score: float) -> float:
    return 1 / (1 - min(score, 0.0)) if leg.similarity is nearness else max(score, 0.0)


def shares_of(legs: list[TableLeg]) -> list[dict[int, float]]:
    """Returns, for each leg, the similarity of each row divided by the best one."""
    found = []
    for leg in legs:
        best = max((similar(leg, score) for score in leg.scores.values()), default=0.0)
        found.append(
            {slot: similar(leg, score) / best if best > 0 else 0.0 for slot, score in leg.scores.items()},
        )
    return found


def spreads_of(legs: list[TableLeg], shares: list[dict[int, float]], ranked: int) -> list[float]:
    """The standard deviation of each leg's best, at least a fifth of their range; rows that do not match have 0."""
    count = max(min(ranked, len(leg.scores)) for leg in legs)
    found = []
    for leg, share in zip(legs, shares):
        best = [share[slot] for slot in leg.ranking()[:ranked]]
        best += [0.0] * (count - len(best))
        mean = math.fsum(best) / count if best else 0.0
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in best) / count) if best else 0.0
        span = max(best, default=0.0) - min(best, default=0.0)
        found.append((max(deviation, span / 5) or 1.0) if leg.scores else 1.0)
    return found


def brute_force(legs: list[TableLeg], method: str, weights: list[float], ranked: int) -> list[tuple[int, float]]:
    """Returns all rows with their scores, best first, computed one row at a time."""
    shares = shares_of(legs)
    if method == "weighted":
        weights = [weight / spread for weight, spread in zip(weights, spreads_of(legs, shares, ranked))]
    weights = [weight / math.fsum(weights) for weight in weights]
    ranks = [{slot: place for place, slot in enumerate(leg.ranking()[:ranked], 1)} for leg in legs]
    voted = {slot for rank, weight in zip(ranks, weights) if weight > 0 for slot in rank}

    def points(slot: int) -> float:
        parts = [
            weight * (len(voted) - rank[slot] + 1 if slot in rank else (len(voted) - len(rank) + 1) / 2)
            for rank, weight in zip(ranks, weights)
        ]
        return sum(parts) / len(voted) if slot in voted else 0.0

    def fused(slot: int) -> float:
        parts = [weight * share.get(slot, 0.0) for weight, share in zip(weights, shares)]
        if method in ("weighted", "combsum"):
            return sum(parts)
        if method == "combmnz":
            return sum(parts) * sum(part > 0 for part in parts) / len(legs)
        if method == "borda":
            return points(slot)
        most = sum(weight / 61 for weight in weights)
        return sum(weight / (60 + rank[slot]) for weight, rank in zip(weights, ranks) if slot in rank) / most

    def key(slot: int) -> tuple[float, float, int]:
        score = float(np.float32(min(fused(slot), 1.0)))
        tail = shares[0].get(slot, 0.0) if method in ("rrf", "borda") and score == 0 else 0.0
        return -score, -tail, slot

    everybody = {slot for leg in legs for slot in leg.scores}
    return [(slot, -key(slot)[0]) for slot in sorted(everybody, key=key)]


def rows_of(found: Fused) -> list[tuple[int, float]]:
    return list(zip(found.slots.tolist(), found.scores.tolist(), strict=True))


# Few values, including zeros and negatives, so that there are ties.
FEW = st.sampled_from([-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 3.0])
ANY = st.floats(-1, 1, width=32, allow_subnormal=False)


@st.composite
def a_search(draw: st.DrawFn) -> tuple[list[TableLeg], list[float]]:
    values = draw(st.sampled_from([FEW, ANY]))
    legs = []
    for i in range(draw(st.integers(1, 3))):
        scores = draw(st.dictionaries(st.integers(0, 40), values, max_size=40))
        near = draw(st.booleans())
        if near:
            scores = {slot: -abs(score) for slot, score in scores.items()}
        rounded = {slot: float(np.float32(score)) for slot, score in scores.items()}
        legs.append(TableLeg(f"leg {i}", rounded, nearness if near else positive))
    weights = draw(st.lists(st.sampled_from([0.0, 0.3, 0.5, 1.0]), min_size=len(legs), max_size=len(legs)))
    return legs, weights if any(weights) else [1.0] * len(legs)


@settings(max_examples=400, deadline=None)
@given(a_search(), st.integers(1, 50), st.sampled_from(METHODS), st.integers(1, 12))
def test_the_best_k_of_all_rows(search: tuple[list[TableLeg], list[float]], k: int, method: str, ranked: int) -> None:
    """Small depths, so that several rounds are needed; also lists longer than the number of rows."""
    legs, weights = search
    expected = brute_force(legs, method, weights, ranked)
    found = fuse(legs, k, method, weights=weights, ranked=ranked)
    assert rows_of(found) == expected[:k]
    assert len(found.slots) == min(k, len(expected))
    assert ((found.scores >= 0) & (found.scores <= 1)).all()
    whole = fuse(legs, 100, method, weights=weights, ranked=ranked)
    assert rows_of(whole)[:k] == rows_of(found)
    assert sorted(whole.slots.tolist()) == sorted(slot for slot, _ in expected)


@pytest.mark.parametrize("method", METHODS)
def test_a_row_that_is_first_nowhere_can_win(method: str) -> None:
    """Good in all legs, best in none: only the bound determines how deep to look."""
    random = np.random.default_rng(2)
    for _ in range(100):
        legs = [
            TableLeg(name, dict(enumerate(random.random(60).astype(np.float32).tolist()))) for name in ("a", "b", "c")
        ]
        expected = brute_force(legs, method, [0.5, 0.3, 0.2], 2)
        assert rows_of(fuse(legs, 2, method, weights=[0.5, 0.3, 0.2], ranked=2)) == expected[:2]


@settings(max_examples=100, deadline=None)
@given(a_search(), st.integers(1, 50), st.sampled_from(METHODS), st.integers(1, 12))
def test_each_hit_carries_what_each_leg_said(
    search: tuple[list[TableLeg], list[float]], k: int, method: str, ranked: int
) -> None:
    legs, weights = search
    found = fuse(legs, k, method, weights=weights, ranked=ranked)
    for row, slot in enumerate(found.slots.tolist()):
        for leg in legs:
            said = found.legs(row)[leg.name]
            assert said.score == leg.scores.get(slot)
            best = leg.ranking()[:ranked]
            assert said.rank == (best.index(slot) + 1 if slot in best else None)


@pytest.mark.parametrize("method", METHODS)
def test_a_row_that_no_other_leg_can_raise_is_told_by_all_legs(method: str) -> None:
    """The best of the second leg have a score of zero, which changes no score of others, and is reported."""
    legs = [TableLeg("dense", {3: 1.0, 10: 1.0, 11: 0.5}), TableLeg("keyword", {1: 0.0, 2: 0.0, 3: -1.0, 10: -1.0})]
    found = fuse(legs, 1, method, ranked=1)
    assert rows_of(found) == brute_force(legs, method, [0.5, 0.5], 1)[:1]
    for name, leg in (("dense", legs[0]), ("keyword", legs[1])):
        assert found.legs(0)[name].score == leg.scores.get(int(found.slots[0]))


@pytest.mark.parametrize("method", METHODS)
def test_thousands_of_rows_and_a_look_at_few(method: str) -> None:
    random = np.random.default_rng(1)
    dense = TableLeg("dense", dict(enumerate(random.normal(0, 0.2, 20_000).astype(np.float32).tolist())))
    words = TableLeg("keyword", {int(slot): float(np.float32(random.gamma(2, 3))) for slot in range(0, 20_000, 5)})
    expected = brute_force([dense, words], method, [0.5, 0.5], 200)
    dense.asked.clear()
    found = fuse([dense, words], 10, method)
    assert rows_of(found) == expected[:10]
    assert max(dense.asked) <= 1_000
    # Beyond the ranked rows, and beyond those with a similarity above 0.
    deep = fuse([dense, words], 15_000, method)
    assert deep.slots.tolist()[:10] == found.slots.tolist()
    if method in ("rrf", "borda"):
        ranked = {slot for leg in (dense, words) for slot in leg.ranking()[:200]}
        assert set(deep.slots.tolist()[: len(ranked)]) == ranked
        rest = [slot for slot in range(20_000) if slot not in ranked]
        rest.sort(key=lambda slot: (-max(dense.scores[slot], 0.0), slot))
        assert deep.slots.tolist()[len(ranked) :] == rest[: 15_000 - len(ranked)]


def test_words_are_asked_for_more_before_vectors_are() -> None:
    random = np.random.default_rng(1)
    dense = TableLeg("dense", dict(enumerate(random.uniform(0.4, 0.5, 2_000).astype(np.float32).tolist())))
    words = TableLeg("keyword", {slot: 9.0 - slot / 512 for slot in range(0, 2_000, 2)})
    expected = brute_force([dense, words], "combsum", [0.1, 0.9], 20)
    dense.asked.clear()
    words.asked.clear()
    assert rows_of(fuse([dense, words], 10, "combsum", weights=[0.1, 0.9], ranked=20)) == expected[:10]
    assert dense.asked == [20]
    assert len(words.asked) > 1


def test_rows_that_tie_with_the_bound_are_looked_for() -> None:
    """All rows tie, and the one with the lowest slot must come first wherever a leg lists it."""
    legs = [TableLeg("dense", dict.fromkeys(range(100), 1.0)), TableLeg("keyword", dict.fromkeys(range(50), 2.0))]
    found = fuse(legs, 60, ranked=1)
    assert found.slots.tolist() == list(range(60))
    assert found.scores.tolist() == [1.0] * 50 + [0.5] * 10


def test_legs_without_rows() -> None:
    assert len(fuse([TableLeg("dense", {}), TableLeg("keyword", {})], 10).slots) == 0
    for method in METHODS:
        found = fuse([TableLeg("dense", {}), TableLeg("keyword", {4: 2.0, 1: 3.0})], 10, method)
        assert found.slots.tolist() == [1, 4]


def test_a_leg_whose_best_is_zero_adds_nothing() -> None:
    legs = [TableLeg("dense", {0: -0.5, 1: -0.1, 2: 0.0}), TableLeg("keyword", {2: 1.0, 1: 4.0})]
    assert rows_of(fuse(legs, 10, "combsum")) == [(1, 0.5), (2, 0.125), (0, 0.0)]
    assert fuse(legs, 10).slots.tolist() == [1, 2, 0]


@pytest.mark.parametrize("stretch", [1.0, 0.05])
def test_where_the_scores_of_a_leg_lie_makes_no_difference(stretch: float) -> None:
    """An encoder whose cosines are all between 0.8 and 0.85 has the same weight as one that uses the whole range."""
    random = np.random.default_rng(3)
    values = random.random(500)
    words = TableLeg("keyword", {slot: float(np.float32(random.gamma(2, 3))) for slot in range(0, 500, 2)})
    plain = TableLeg("dense", {slot: float(np.float32(value)) for slot, value in enumerate(values)})
    moved = TableLeg("dense", {slot: float(np.float32(0.8 + stretch * value)) for slot, value in enumerate(values)})
    assert fuse([plain, words], 50).slots.tolist() == fuse([moved, words], 50).slots.tolist()


def test_a_word_that_one_row_has_weighs_no_more_than_a_fifth_of_the_span() -> None:
    dense = TableLeg("dense", {slot: float(np.float32(1 - slot / 400)) for slot in range(200)})
    scores = dict(rows_of(fuse([dense, TableLeg("keyword", {199: 9.0})], 200)))
    units = 0.5 / math.sqrt((200**2 - 1) / 12) * 400, 0.5 / 0.2  # of dense and of words
    assert scores[0] == pytest.approx(units[0] / sum(units), rel=1e-3)
    assert scores[199] - scores[198] == pytest.approx(units[1] / sum(units), abs=0.01)


def test_infinite_scores_share_the_top() -> None:
    found = fuse([TableLeg("dense", {0: 1.0, 1: math.inf, 2: math.inf}), TableLeg("keyword", {2: 1.0})], 10)
    assert rows_of(found) == [(2, 1.0), (1, 0.5), (0, 0.0)]


def test_similarities() -> None:
    scores = np.array([2, 0, -1, -math.inf], dtype=np.float32)
    assert similarity_of("cosine") is similarity_of("ip") is positive
    assert similarity_of("l2") is similarity_of("l1") is nearness
    assert positive(scores).tolist() == [2, 0, 0, 0]
    assert nearness(np.minimum(scores, 0)).tolist() == [1, 1, 0.5, 0]


def test_a_method_that_does_not_exist() -> None:
    with pytest.raises(InvalidArgument, match=r"there is no fusion 'weigthed'\. Did you mean 'weighted'\?"):
        fuse([TableLeg("dense", {})], 1, "weigthed")


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [math.nan, 1.0]], ids=str)
def test_weights_that_do_not_fit(weights: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="weights must be 2 numbers"):
        fuse([TableLeg("dense", {}), TableLeg("keyword", {})], 1, weights=weights)


@pytest.mark.parametrize("method", METHODS)
def test_only_the_ratio_of_weights_counts_however_large_they_are(method: Any) -> None:
    legs = [TableLeg("dense", {0: 3.0, 1: 2.0, 2: 1.0}), TableLeg("keyword", {2: 5.0, 1: 4.0})]
    scores = [fuse(legs, 3, method=method, weights=[w, w]).scores.tolist() for w in (1.0, 1e308, 5e-324)]
    assert scores[0] == scores[1] == scores[2]
