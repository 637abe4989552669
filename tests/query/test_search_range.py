"""Range search compared with brute force: every row in range, and no other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.referee import METRICS, ranking
from vicinal.errors import InvalidArgument

VECTORS = st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2).filter(any), min_size=1, max_size=30)


@given(VECTORS, st.sampled_from(METRICS), st.floats(-8, 8) | st.integers(-6, 6))
@settings(max_examples=100, deadline=None)
def test_it_gives_what_brute_force_gives(vectors: list[list[int]], metric: Any, bound: float) -> None:
    docs = vicinal.connect(":memory:").collection("docs", metric=metric)
    docs.add(range(len(vectors)), vectors=vectors)
    rows = {i: np.array(vector, np.float32) for i, vector in enumerate(vectors)}
    every = ranking(metric, rows, [1, 2], len(rows))
    hits = docs.search_range([1, 2], min_score=bound)
    assert list(zip(hits.ids, hits.scores)) == [(id_, score) for id_, score in every if score >= bound]
    near = docs.search_range([1, 2], max_distance=bound)
    at_0 = 1.0 if metric == "cosine" else 0.0
    assert near.ids == [id_ for id_, score in every if at_0 - score <= bound]
    assert all(hit.distance <= bound for hit in near)
    both = docs.search_range([1, 2], min_score=bound, max_distance=bound)
    assert both.ids == [id_ for id_ in hits.ids if id_ in near.ids]


def test_it_is_as_deep_as_the_range_and_exact_whatever_the_index(tmp_path: Any) -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(5_000, 4)).astype(np.float32)
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", metric="l2", index={"name": "ivf", "lists": 64, "nprobe": 1})
        docs.add(range(5_000), vectors=vectors, metadata=[{"odd": i % 2 == 1} for i in range(5_000)])
        docs._context.store.upkeep.build(always=True)
        distances = np.linalg.norm(vectors.astype(np.float64), axis=1)
        for radius in (0.0, 0.5, 2.0, 100.0):
            expected = np.flatnonzero(distances <= radius)
            assert sorted(docs.search_range(np.zeros(4), max_distance=radius).ids) == expected.tolist()
        odd = docs.search_range(np.zeros(4), {"odd": True}, max_distance=2.0)
        assert sorted(odd.ids) == [i for i in np.flatnonzero(distances <= 2.0).tolist() if i % 2]
        assert docs.search_range(id=7, max_distance=100.0).ids == docs.search(id=7, k=5_000, exact=True).ids


def test_by_words_and_by_both() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(range(20), texts=["amber " * (i + 1) + "denim " * i for i in range(20)], vectors=np.eye(20))
    for asked in (
        {"mode": "keyword"},
        {"mode": "hybrid", "vector": np.eye(20)[3]},
        {"mode": "hybrid", "vector": np.eye(20)[3], "fusion": "rrf"},
    ):
        every = docs.search("amber", 100, **asked)
        bound = every[7].score
        assert docs.search_range("amber", min_score=bound, **asked).ids == [
            hit.id for hit in every if hit.score >= bound
        ]
    assert docs.search_range("amber", min_score=0.0, mode="keyword", select=()).texts == [None] * 20


def test_an_empty_range_and_an_empty_collection() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    assert list(docs.search_range([1.0], min_score=0.0)) == []
    docs.add(["a"], vectors=[[1.0]])
    assert list(docs.search_range([-1.0], min_score=0.5)) == []
    assert docs.search_range([-1.0], min_score=-np.inf).ids == ["a"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "search_range needs a limit"),
        ({"min_score": "x"}, "min_score must be a number"),
        ({"max_distance": float("nan")}, "max_distance must be a number"),
        ({"max_distance": 10**400}, "max_distance must be a number"),
        ({"min_score": 0, "k": 3}, "search_range takes no argument 'k'"),
        ({"min_score": 0, "recall": 0.5}, "search_range takes no argument 'recall'"),
        ({"min_score": 0, "filter": {}}, "Use where= instead"),
        ({"min_score": 0, "alpha": 0.5}, "alpha= changes nothing"),
        ({"threshold": 0.5}, "Use min_score= instead"),
        ({"radius": 0.5}, "Use max_distance= instead"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a"], vectors=[[1.0]])
    with pytest.raises(InvalidArgument, match=message):
        docs.search_range([1.0], **options)
