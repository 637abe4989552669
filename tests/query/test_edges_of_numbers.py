"""Numbers at the edge of what they are kept in: a true answer, or a refusal that names them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.contract import METRICS, Metric
from vicinal.errors import InvalidArgument, InvalidVector
from vicinal.filters.values import from_instant, instant

SHAPE = np.array([[0.1, 0.2], [0.4, 0.3], [0.2, 0.9], [-0.5, 0.5]])
LONGEST: dict[Metric, float] = {"ip": 3.4e38**0.5, "l2": 1.7e38, "l1": 1.7e38}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("length", [1e-15, 1.0, 1e15, 1e17, 1e19, 1.8e19, 1e25, 1e30, 1.6e38, 3e38])
def test_scores_are_finite_and_in_order_or_the_vectors_are_refused(metric: Metric, length: float) -> None:
    vectors = (SHAPE / np.linalg.norm(SHAPE, axis=1, keepdims=True) * length).astype(np.float32)
    too_long = metric != "cosine" and np.abs(vectors.astype(np.float64)).sum(axis=1).max() > LONGEST[metric]
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", metric=metric)
        if length > 1.41 * LONGEST.get(metric, np.inf):
            assert too_long
            with pytest.raises(InvalidVector, match=f"row 0: .*scores under '{metric}' would be infinite"):
                docs.add(vectors=vectors)
            assert docs.count() == 0
            return
        try:
            docs.add([0, 1, 2, 3], vectors=vectors)
        except InvalidVector:
            assert too_long
            return
        hits = docs.search(vectors[2])
        assert np.isfinite(hits.scores).all()
        exact = vectors.astype(np.float64)
        scores = {
            "cosine": exact @ exact[2],
            "ip": exact @ exact[2],
            "l2": -np.linalg.norm(exact - exact[2], axis=1),
            "l1": -np.abs(exact - exact[2]).sum(axis=1),
        }[metric]
        assert hits.ids == np.argsort(-scores, kind="stable").tolist()


def test_long_queries_and_altered_metrics_are_refused_too() -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", metric="ip")
        docs.add(["a"], vectors=[[1, 0]])
        for ask in (docs.search, lambda query: docs.search_many([[1, 0], query])):
            with pytest.raises(InvalidVector, match=r"1e\+30 long"):
                ask([1e30, 0])
        far = db.collection("far")
        far.add(["a"], vectors=[[1e30, 0]])
        with pytest.raises(InvalidVector, match=r"id 'a'.*would be infinite"):
            far.alter(metric="ip")
        assert far.search([1, 0]).scores == [1.0]


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
