"""Numbers at the limits of their types: a correct result, or an error that names them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.contract import METRICS, Metric
from vicinal.errors import InvalidArgument
from vicinal.filters.values import from_instant, instant

SHAPE = np.array([[0.1, 0.25], [0.4, 0.3], [0.2, 0.9], [-0.5, 0.6], [-1, -1]])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("length", [1e-15, 1.0, 1e15, 1e19, 1e25, 1e30, 1e38])
@pytest.mark.parametrize("index", ["flat", "plain"])
def test_scores_are_finite_and_in_order(metric: Metric, length: float, index: Any) -> None:
    vectors = (SHAPE * length).astype(np.float32)
    exact = vectors.astype(np.float64)
    scores = {
        "cosine": exact @ exact[2] / np.linalg.norm(exact, axis=1),
        "ip": exact @ exact[2],
        "l2": -np.linalg.norm(exact - exact[2], axis=1),
        "l1": -np.abs(exact - exact[2]).sum(axis=1),
    }[metric]
    order = np.argsort(-scores, kind="stable").tolist()
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", metric=metric, index=index)
        docs.add(range(5), vectors=vectors)
        hits = docs.search(vectors[2])
        assert hits.ids == order
        if metric != "cosine":
            assert hits.scores == pytest.approx(scores[order].tolist(), rel=1e-6)
        for k in range(1, 5):
            assert docs.search(vectors[2], k=k) == hits[:k]
        assert docs.search_many([[1, 0], vectors[2]], k=3)[1] == hits[:3]
        assert docs.search(vectors[2], min_score=hits[2].score, offset=1) == hits[1:3]


def test_a_score_that_float32_holds_stays_what_it_is_beside_others() -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", metric="ip")
        docs.add(["small", "none", "large"], vectors=[[0, 1e30], [0, 0], [3e38, 1e-30]])
        hits = docs.search([3e38, 1e-10])
        assert hits.ids == ["large", "small", "none"]
        assert hits.scores == pytest.approx([9e76, 1e20, 0.0])


HUGE = 10**30


@pytest.fixture(scope="module")
def docs() -> Any:
    with vicinal.connect(":memory:") as db:
        made = db.collection("docs")
        made.add(["a", "b"], texts=["x y", "x"], vectors=[[1, 0], [0, 1]], sparse=[{1: 1.0}, {2: 1.0}])
        yield made


@pytest.mark.parametrize("k", [HUGE, 2**63, 2**64 - 1, 2**32, np.uint64(2**64 - 1)])
@pytest.mark.parametrize(
    "ask",
    [
        lambda docs, k: docs.search([1, 0], k=k),
        lambda docs, k: docs.search([1, 0], k=k, exact=True),
        lambda docs, k: docs.search("x", k=k, mode="keyword"),
        lambda docs, k: docs.search("x", vector=[1, 0], k=k, mode="hybrid"),
        lambda docs, k: docs.search("x", vector=[1, 0], sparse={1: 1.0}, k=k, mode="hybrid", fusion="rrf"),
        lambda docs, k: docs.search_many([[1, 0]], k=k)[0],
        lambda docs, k: docs.get(limit=k),
        lambda docs, k: docs.peek(k),
    ],
)
def test_any_k_gives_all_there_are(docs: vicinal.Collection, k: Any, ask: Callable[..., Any]) -> None:
    assert len(ask(docs, k)) == 2


def test_any_offset_leaves_nothing(docs: vicinal.Collection) -> None:
    assert len(docs.search([1, 0], offset=HUGE)) == 0
    assert docs.get(offset=HUGE) == []


@pytest.mark.parametrize("name", ["alpha", "recall", "min_score"])
def test_an_option_of_any_size_is_named(docs: vicinal.Collection, name: str) -> None:
    mode = "hybrid" if name == "alpha" else "dense"
    vector = [1, 0] if name == "alpha" else None
    query: Any = "x" if name == "alpha" else [1, 0]
    for value in (10**400, -(10**400), float("nan")):
        with pytest.raises(InvalidArgument, match=name):
            docs.search(query, vector=vector, mode=mode, **{name: value})


FIRST = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=5)))


def test_instants_beyond_the_years_in_utc_are_found_as_they_are() -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs")
        docs.add(["a", "b"], texts=["", ""], metadata=[{"at": FIRST}, {"at": LAST}])
        assert docs.min_max("at") == (FIRST, LAST)
        assert docs.distinct("at") == [FIRST, LAST]
        assert docs.facets("at") == [(FIRST, 1), (LAST, 1)]
        for value in docs.distinct("at"):
            assert docs.count({"at": value}) == 1
        assert docs.count({"at": {"$lt": date(1, 1, 1)}}) == 1
        assert [record.id for record in docs.scroll(order_by="at", descending=True)] == ["b", "a"]


@pytest.mark.parametrize(
    "offset", [timedelta(minutes=1), timedelta(hours=23, minutes=59, seconds=59, microseconds=999999)]
)
def test_an_instant_of_any_zone_comes_back(offset: timedelta) -> None:
    for edge in (datetime.min.replace(tzinfo=timezone(offset)), datetime.max.replace(tzinfo=timezone(-offset))):
        assert from_instant(instant(edge)) == edge
    assert from_instant(0) == datetime(1970, 1, 1, tzinfo=UTC)
