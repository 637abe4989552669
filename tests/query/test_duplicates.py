"""Near-duplicates compared with brute force over all pairs."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.referee import METRICS, score
from vicinal.errors import InvalidArgument, LimitExceeded
from vicinal.indexes import near_pairs
from vicinal.indexes.kernels import NumpyKernels, kernels

FEW = st.lists(st.integers(-2, 2), min_size=3, max_size=3).filter(any)
ANY = st.lists(st.floats(-2, 2, width=32, allow_subnormal=False), min_size=3, max_size=3).filter(any)


def brute_force(metric: str, rows: dict[Any, Any], least: float) -> dict[tuple[Any, Any], float]:
    scores = {(a, b): float(score(metric, rows[a], rows[b])) for a, b in combinations(rows, 2)}
    return {pair: value for pair, value in scores.items() if value >= least}


@given(st.lists(FEW | ANY, max_size=25), st.sampled_from(METRICS), st.floats(-6, 2), st.integers(1, 7))
@settings(max_examples=150, deadline=None)
def test_pairs_are_those_of_brute_force(vectors: Any, metric: Any, least: float, block: int) -> None:
    rows = {i: np.array(vector, np.float32) for i, vector in enumerate(vectors)}
    docs = vicinal.connect(":memory:").collection("docs", metric=metric)
    docs.add(range(len(vectors)), vectors=np.array(vectors, np.float32).reshape(-1, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_pairs, "_ROWS", block)
        patch.setattr(near_pairs, "_COLUMNS", block + 2)
        found = docs.duplicates(least)
    expected = brute_force(metric, rows, least)
    assert {(pair.first, pair.second): pair.score for pair in found} == expected
    assert [(-pair.score, pair.first, pair.second) for pair in found] == sorted(
        (-value, a, b) for (a, b), value in expected.items()
    )
    assert found.rows == len(rows)
    assert_groups(found.groups, expected)


def assert_groups(groups: Any, pairs: Any) -> None:
    """Each group has all rows that can be reached by pairs from any of its rows."""
    near: dict[Any, set[Any]] = {}
    for a, b in pairs:
        near.setdefault(a, {a}).add(b)
        near.setdefault(b, {b}).add(a)
    expected = set()
    for start in near:
        reached, left = {start}, [start]
        while left:
            left += [one for one in near[left.pop()] if one not in reached and not reached.add(one)]  # type: ignore[func-returns-value]
        expected.add(tuple(sorted(reached)))
    assert set(groups) == expected
    assert list(groups) == sorted(groups, key=lambda group: (-len(group), group[0]))


@pytest.mark.parametrize("metric", METRICS)
def test_many_rows_in_real_blocks_on_both_kernels(metric: Any) -> None:
    rng = np.random.default_rng(8)
    vectors = rng.normal(size=(1_500, 16)).astype(np.float32)
    vectors[700:720] = vectors[:20] + rng.normal(size=(20, 16)).astype(np.float32) * 1e-3
    slots = np.flatnonzero(rng.random(1_500) < 0.9).astype(np.uint32)
    least = {"cosine": 0.9, "ip": 20.0, "l2": -1.0, "l1": -4.0}[metric]
    found = [
        near_pairs.near_pairs(kernel, metric, vectors, slots, least, 10**6, lambda done: None)
        for kernel in (kernels(), NumpyKernels())
    ]
    for native, plain in zip(*found):
        assert native.tobytes() == plain.tobytes()
    chosen = vectors[slots].astype(np.float64)
    if metric == "cosine":
        chosen /= np.linalg.norm(chosen, axis=1, keepdims=True)
    sums = chosen @ chosen.T
    if metric in ("l2", "l1"):
        order = 2 if metric == "l2" else 1
        sums = -np.array([np.linalg.norm(chosen - row, ord=order, axis=1) for row in chosen])
    firsts, seconds = np.nonzero(np.triu(sums >= least, 1))
    assert len(found[0][0]) == len(firsts) > 5
    assert set(zip(found[0][0].tolist(), found[0][1].tolist())) == set(
        zip(slots[firsts].tolist(), slots[seconds].tolist())
    )


def test_every_pair_is_counted_for_the_bar() -> None:
    for metric in METRICS:
        done: list[int] = []
        slots = np.arange(2_500, dtype=np.uint32)
        vectors = np.random.default_rng(1).normal(size=(2_500, 4)).astype(np.float32)
        near_pairs.near_pairs(kernels(), metric, vectors, slots, 1e9, 10, done.append)
        assert sum(done) == 2_500 * 2_499 // 2


def test_groups_hang_together_and_what_is_extra_can_be_deleted() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a", "x", "b", "c", "y", "bare"], vectors=[[1, 0], [0, 1], [1, 0.01], [1, 0.02], [0, 1], None])
    found = docs.duplicates(0.99)
    assert found.groups == (("a", "b", "c"), ("x", "y"))
    assert found.rows == 5
    assert found.extra == ["b", "c", "y"]
    assert (found[0].first, found[0].second, found[0].distance) == ("x", "y", 0.0)
    docs.delete(found.extra)
    assert len(docs.duplicates(0.99)) == 0


def test_a_filter_a_distance_and_other_metrics() -> None:
    docs = vicinal.connect(":memory:").collection("docs", metric="l2")
    docs.add(range(6), vectors=[[i / 10, 0] for i in range(6)], metadata=[{"even": i % 2 == 0} for i in range(6)])
    with pytest.raises(InvalidArgument, match="max_distance"):
        docs.duplicates()
    assert len(docs.duplicates(max_distance=0.15)) == 5
    assert [(pair.first, pair.second) for pair in docs.duplicates(where={"even": True}, max_distance=0.21)] == [
        (0, 2),
        (2, 4),
    ]
    assert len(docs.duplicates(-0.15)) == 5


def test_infinite_and_huge_scores() -> None:
    docs = vicinal.connect(":memory:").collection("docs", metric="ip")
    docs.add(["a", "b", "c"], vectors=[[3e38, 0], [3e38, 0], [1e-38, 0]])
    assert [(pair.first, pair.second) for pair in docs.duplicates(1e38)] == [("a", "b")]


def test_too_many_pairs_are_an_error_and_an_empty_collection_has_none() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    assert len(docs.duplicates()) == 0
    docs.add(range(60), vectors=[[1.0, 0.0]] * 60)
    assert len(docs.duplicates()) == 60 * 59 // 2
    with pytest.raises(LimitExceeded, match="more than 100 pairs"):
        docs.duplicates(max_pairs=100)
    for wrong in ({"threshold": "x"}, {"threshold": True}, {"max_pairs": 0}, {"threshold": 0.9, "max_distance": 0.1}):
        with pytest.raises(InvalidArgument):
            docs.duplicates(**wrong)


def test_it_shows_itself_and_nothing_acts_on_a_terminal() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["\x1b[2J<b>", "b"], vectors=[[1, 0], [1, 0]])
    found = docs.duplicates()
    assert "\x1b" not in repr(found) + found._repr_html_()
    assert "<b>" not in found._repr_html_()
    assert json.loads(found.to_json())["groups"] == [["\x1b[2J<b>", "b"]]
