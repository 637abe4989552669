"""`search(mmr=...)` compared with the definition, one row at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.referee import METRICS, ranking, score
from vicinal.errors import InvalidArgument

VECTORS = st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2).filter(any), min_size=1, max_size=20)


def similar(metric: str, value: float) -> float:
    return 1 / (1 - value) if metric in ("l2", "l1") else value


def brute_force(
    metric: str, pool: list[tuple[Any, float]], vectors: dict[Any, Any], weight: float, k: int, relevance: Any
) -> list[Any]:
    """Carbonell and Goldstein: each next hit is the best of the remaining ones."""
    left, chosen = [id_ for id_, _ in pool], list[Any]()
    relevant = {id_: relevance(value) for id_, value in pool}
    while left and len(chosen) < k:

        def worth(id_: Any) -> float:
            alike = [
                similar(metric, float(score(metric, vectors[id_], vectors[one])))
                if vectors[id_] is not None and vectors[one] is not None
                else 0.0
                for one in chosen
            ]
            return weight * relevant[id_] - (1.0 - weight) * max(alike, default=0.0)

        best = max(left, key=lambda id_: (worth(id_), -left.index(id_)))
        left.remove(best)
        chosen.append(best)
    return chosen


@given(
    VECTORS,
    st.sampled_from(METRICS),
    st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]),
    st.integers(1, 6),
    st.integers(1, 25),
)
@settings(max_examples=120, deadline=None)
def test_it_chooses_what_the_definition_chooses(
    vectors: list[list[int]], metric: Any, weight: float, k: int, pool: int
) -> None:
    docs = vicinal.connect(":memory:").collection("docs", metric=metric)
    rows = {i: np.array(vector, np.float32) for i, vector in enumerate(vectors)}
    docs.add(range(len(vectors)), vectors=vectors)
    query, pool = [1, 2], max(pool, k)
    best = ranking(metric, rows, query, pool)
    expected = brute_force(metric, best, rows, weight, k, lambda value: similar(metric, value))
    hits = docs.search(query, k, mmr=weight, fetch_k=pool)
    assert hits.ids == expected
    assert dict(zip(hits.ids, hits.scores)).items() <= dict(best).items()


@pytest.mark.parametrize("metric", METRICS)
def test_it_weighs_as_the_definition_weighs(metric: Any) -> None:
    """Among many rows in random directions, changing a weight by a hundredth changes the selection."""
    rng = np.random.default_rng(9)
    vectors = rng.normal(size=(120, 5)).astype(np.float32)
    docs = vicinal.connect(":memory:").collection("docs", metric=metric)
    docs.add(range(120), vectors=vectors)
    rows, query = dict(enumerate(vectors)), rng.normal(size=5).astype(np.float32)
    best = ranking(metric, rows, query, 100)
    expected = brute_force(metric, best, rows, 0.6, 60, lambda value: similar(metric, value))
    other = brute_force(metric, best, rows, 0.605, 60, lambda value: similar(metric, value))
    assert docs.search(query, 60, mmr=0.6).ids == expected != other


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_by_words_relevance_is_the_score_over_the_best_and_rows_without_a_vector_are_like_nothing(mode: Any) -> None:
    rng = np.random.default_rng(3)
    docs = vicinal.connect(":memory:").collection("docs")
    vectors = {i: None if i % 4 == 3 else rng.normal(size=3).astype(np.float32) for i in range(40)}
    texts = [" ".join(["amber"] * (i % 3 + 1) + ["denim"] * (i % 5)) for i in range(40)]
    for i, vector in vectors.items():
        docs.add([i], texts=[texts[i]], vectors=None if vector is None else [vector])
    asked: dict[str, Any] = {"mode": mode} | ({"vector": [1, 0, 0]} if mode == "hybrid" else {})
    best = [(hit.id, hit.score) for hit in docs.search("amber", 15, **asked)]
    expected = brute_force("cosine", best, vectors, 0.5, 8, lambda value: value / best[0][1])
    assert docs.search("amber", 8, mmr=0.5, fetch_k=15, **asked).ids == expected


def test_a_shorter_answer_and_the_next_page_are_parts_of_a_longer_one() -> None:
    rng = np.random.default_rng(5)
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(range(300), vectors=rng.normal(size=(300, 8)))
    query = rng.normal(size=8)
    whole = docs.search(query, 60, mmr=0.4).ids
    assert len(set(whole)) == 60
    assert docs.search(query, 7, mmr=0.4).ids == whole[:7]
    assert docs.search(query, 10, offset=20, mmr=0.4).ids == whole[20:30]
    assert docs.search(query, 150, mmr=0.4).ids[:1] == whole[:1]
    assert len(docs.search(query, 150, mmr=0.4)) == 150


def test_min_score_and_filter_hold_and_the_weight_of_one_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(range(200), vectors=rng.normal(size=(200, 4)), metadata=[{"even": i % 2 == 0} for i in range(200)])
    query = rng.normal(size=4)
    plain = docs.search(query, 20, {"even": True})
    assert docs.search(query, 20, {"even": True}, mmr=1).ids == plain.ids
    some = docs.search(query, 20, {"even": True}, mmr=0.2, min_score=0.5)
    assert set(some.ids) == set(docs.search(query, 20, {"even": True}, min_score=0.5).ids) or len(some) == 20
    assert all(hit.score >= 0.5 and hit.metadata["even"] for hit in some)


def test_copies_are_not_chosen_twice_before_all_others() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a", "copy", "b", "far"], vectors=[[1, 0.1], [1, 0.1], [1, -0.4], [-1, 0]])
    assert docs.search([1, 0], 2).ids == ["a", "copy"]
    assert docs.search([1, 0], 2, mmr=0.5).ids == ["a", "b"]
    assert docs.search(id="far", k=1, mmr=0.5).ids == docs.search(id="far", k=1).ids


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mmr": 1.5}, "mmr must be a number from 0 to 1"),
        ({"mmr": True}, "mmr must be a number"),
        ({"mmr": "0.5"}, "mmr must be a number"),
        ({"mmr": float("nan")}, "mmr must be a number"),
        ({"fetch_k": 20}, "fetch_k= is for mmr= and rerank="),
        ({"mmr": 0.5, "fetch_k": 3}, "fewer than the 10"),
        ({"mmr": 0.5, "fetch_k": 0}, "fetch_k must be a whole number"),
        ({"mmr": 0.5, "group_by": "n"}, "mmr= and group_by= exclude each other"),
        ({"mmr": 0.5, "rerank": "lexical"}, "mmr= and rerank= exclude each other"),
        ({"lambda_mult": 0.5}, "Use mmr= instead"),
        ({"diversity": 0.5}, "Use mmr= instead"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a"], vectors=[[1.0, 0.0]], metadata=[{"n": 1}])
    with pytest.raises(InvalidArgument, match=message):
        docs.search([1, 0], **options)


def test_it_explains_itself() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a", "copy", "b"], vectors=[[1, 0.1], [1, 0.1], [1, -0.4]])
    why = docs.explain([1, 0], 2, mmr=0.5)
    assert [hit.id for hit in why.hits] == ["a", "b"]
    assert [(hit.rank, hit.legs["dense"].rank) for hit in why.hits] == [(1, 1), (2, 3)]
    assert [step.name for step in why.steps] == ["encode", "filter", "plan", "dense", "mmr", "rows"]
    assert docs.why_not("copy", [1, 0], 2, mmr=0.5).reason == "diversity"
    assert docs.why_not("b", [1, 0], 2, mmr=0.5).found
    assert docs.why_not("a", [1, 0], 2, mmr=0.5, offset=1).reason == "offset"
    assert docs.why_not("b", [1, 0], 1, mmr=0.5, fetch_k=1).reason == "rank"
