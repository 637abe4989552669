"""Recommendations from examples compared with brute force."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import vicinal
from support.referee import METRICS, ranking
from vicinal.errors import DimensionMismatch, IdNotFound, InvalidArgument, InvalidInput, Unsupported

VECTOR = st.lists(st.integers(-3, 3), min_size=3, max_size=3).filter(any)


def aim(metric: str, positive: list[Any], negative: list[Any]) -> Any:
    def mean(vectors: list[Any]) -> Any:
        rows = [np.asarray(vector, np.float64) for vector in vectors]
        return np.mean([row / np.linalg.norm(row) for row in rows] if metric == "cosine" else rows, axis=0)

    query = mean(positive)
    return (2 * query - mean(negative) if negative else query).astype(np.float32)


@given(st.lists(VECTOR, min_size=4, max_size=25), st.lists(VECTOR, max_size=2), st.sampled_from(METRICS), st.data())
@settings(max_examples=100, deadline=None)
def test_hits_are_those_of_brute_force(vectors: Any, given_vectors: Any, metric: Any, data: st.DataObject) -> None:
    docs = vicinal.connect(":memory:").collection("docs", metric=metric)
    rows = {i: np.array(vector, np.float32) for i, vector in enumerate(vectors)}
    docs.add(range(len(vectors)), vectors=vectors)
    ids = data.draw(st.lists(st.sampled_from(sorted(rows)), min_size=1, max_size=3, unique=True))
    cut = data.draw(st.integers(1, len(ids)))
    liked, disliked = ids[:cut], ids[cut:]
    query = aim(metric, [rows[i] for i in liked] + given_vectors, [rows[i] for i in disliked])
    assume(query.any())
    left = {i: row for i, row in rows.items() if i not in ids}
    hits = docs.recommend([*liked, *given_vectors], disliked, k=5)
    assert list(zip(hits.ids, hits.scores)) == ranking(metric, left, query, 5)


def test_one_example_is_like_a_search_by_it() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    unique = uuid4()
    docs.add(["a", 7, unique, "d"], vectors=[[2, 0], [1, 0.1], [1, 1], [0, 1]], metadata=[{"n": i} for i in range(4)])
    assert docs.recommend("a").ids == docs.search(id="a").ids == [7, unique, "d"]
    assert docs.recommend([2.0, 0.0]).ids == docs.search([2, 0]).ids
    assert docs.recommend(np.array([2, 0])).ids == docs.search([2, 0]).ids
    assert docs.recommend(unique, "a").ids[0] == "d"
    assert docs.recommend(("a", [0, 1]), k=1).ids == [unique]
    assert docs.recommend("a", where={"n": {"$gte": 2}}, offset=1, select=()).ids == ["d"]
    assert docs.recommend("a", min_score=0.9).ids == [7]
    assert len(docs.recommend("a", k=3, mmr=0.5)) == 3
    assert docs.recommend("a", group_by="n").groups[0].value == 1


def test_what_cannot_be_meant_is_refused() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a", "b", "bare"], vectors=[[1, 0], [1, 0], None])
    for call, error, message in (
        (lambda: docs.recommend([]), InvalidArgument, "at least one positive example"),
        (lambda: docs.recommend(None), InvalidArgument, "at least one positive example"),
        (lambda: docs.recommend({"a": 1}), InvalidArgument, "must be ids of rows, or vectors"),
        (lambda: docs.recommend([None]), InvalidArgument, "an example is the id of a row or a vector, not None"),
        (lambda: docs.recommend("nobody"), IdNotFound, "nobody"),
        (lambda: docs.recommend("a", "nobody"), IdNotFound, "nobody"),
        (lambda: docs.recommend("bare"), Unsupported, "has no vector"),
        (lambda: docs.recommend([[1, 0, 0]]), DimensionMismatch, "3 components"),
        (lambda: docs.recommend([[0, 0]]), InvalidInput, "zero"),
        (lambda: docs.recommend("a", [[2, 0], [2, 0]], k=0), InvalidArgument, "k must be"),
        (lambda: docs.recommend([[1, 0], [-1, 0]]), InvalidArgument, "cancel each other out"),
        (lambda: docs.recommend("a", mode="hybrid"), InvalidArgument, "takes no argument 'mode'"),
        (lambda: docs.recommend("a", limit=3), InvalidArgument, "Use k= instead"),
    ):
        with pytest.raises(error, match=message):
            call()
