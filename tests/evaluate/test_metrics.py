"""Ranking metrics, compared with values computed by hand and with trec_eval."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vicinal.errors import InvalidArgument
from vicinal.evaluate import average_precision, ndcg, precision, recall, reciprocal_rank
from vicinal.evaluate.metrics import metric_of

GRADES = {"a": 3, "b": 0, "c": 1, "d": 2, "e": -1}
RANKING = ["b", "d", "x", "a"]


def test_by_hand() -> None:
    assert recall(RANKING, GRADES) == 2 / 3
    assert recall(RANKING, GRADES, 2) == 1 / 3
    assert precision(RANKING, GRADES) == 2 / 4
    assert precision(RANKING, GRADES, 10) == 2 / 10
    assert reciprocal_rank(RANKING, GRADES) == 1 / 2
    assert reciprocal_rank(RANKING, GRADES, 1) == 0
    assert average_precision(RANKING, GRADES) == pytest.approx((1 / 2 + 2 / 4) / 3)
    log = math.log2
    assert ndcg(RANKING, GRADES) == pytest.approx((2 / log(3) + 3 / log(5)) / (3 + 2 / log(3) + 1 / log(4)))
    assert ndcg(RANKING, GRADES, 2) == pytest.approx((2 / log(3)) / (3 + 2 / log(3)))


def test_gains() -> None:
    log = math.log2
    expected = (3 / log(3) + 7 / log(5)) / (7 + 3 / log(3) + 1 / log(4))
    assert ndcg(RANKING, GRADES, gain="exponential") == pytest.approx(expected)
    assert ndcg(RANKING, GRADES, gain={1: 1, 2: 3, 3: 7}) == pytest.approx(expected)
    assert ndcg(RANKING, GRADES, gain=lambda grade: 2**grade - 1) == pytest.approx(expected)
    with pytest.raises(InvalidArgument, match="gain has no value for the grade 3"):
        ndcg(RANKING, GRADES, gain={1: 1, 2: 3})
    with pytest.raises(InvalidArgument, match=r"there is no gain 'exponental'.* Did you mean 'exponential'"):
        ndcg(RANKING, GRADES, gain="exponental")


@pytest.mark.parametrize("metric", [recall, precision, reciprocal_rank, average_precision, ndcg])
def test_edges(metric: object) -> None:
    assert callable(metric)
    assert metric([], GRADES) == 0
    assert metric(RANKING, {}) == 0
    assert metric(RANKING, {"b": 0, "d": -1}) == 0
    assert metric(["a", "d", "c"], GRADES) == 1
    assert metric(["a", "a", "d", "c"], GRADES) == metric(["a", "d", "c"], GRADES) or metric is precision


def test_the_same_row_twice_counts_once() -> None:
    assert recall(["d", "d", "d"], GRADES) == 1 / 3
    assert ndcg(["d", "d", "a"], GRADES, 2) == ndcg(["d", "a"], GRADES, 2)
    assert average_precision(["d", "d"], GRADES) == 1 / 3


def test_names() -> None:
    name, metric = metric_of("ndcg@2", 10, "exponential")
    assert (name, metric(RANKING, GRADES)) == ("ndcg@2", ndcg(RANKING, GRADES, 2, gain="exponential"))
    name, metric = metric_of("map", 3)
    assert (name, metric(RANKING, GRADES)) == ("map@3", average_precision(RANKING, GRADES, 3))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("recal", "there is no metric 'recal'.* Did you mean 'recall'"),
        ("ndcg@0", "there is no metric 'ndcg@0'"),
        ("ndcg@", "there is no metric 'ndcg@'"),
        ("ndcg@20", "looks at 20 hits, but k is 10"),
    ],
)
def test_names_that_do_not_exist(name: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        metric_of(name, 10)


ROWS = [f"row{i}" for i in range(12)]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(ROWS), unique=True, min_size=1),
    st.dictionaries(st.sampled_from(ROWS), st.integers(0, 4), min_size=1),  # with grades below 0 it can loop for ever
    st.sampled_from(["linear", "exponential"]),
)
def test_the_same_as_trec_eval(ranking: list[str], grades: dict[str, int], gain: str) -> None:
    trec = pytest.importorskip("pytrec_eval")
    measures = {"recall.3,5", "P.3,5,20", "recip_rank", "map", "map_cut.3", "ndcg", "ndcg_cut.3,5"}
    # It supports only linear gains: exponential ones are passed as grades.
    worth = {row: 2**grade - 1 if gain == "exponential" and grade > 0 else grade for row, grade in grades.items()}
    run = {"q": {row: float(-place) for place, row in enumerate(ranking)}}
    expected = trec.RelevanceEvaluator({"q": worth}, measures).evaluate(run)["q"]
    ours = {
        "recall_3": recall(ranking, grades, 3),
        "recall_5": recall(ranking, grades, 5),
        "P_3": precision(ranking, grades, 3),
        "P_5": precision(ranking, grades, 5),
        "P_20": precision(ranking, grades, 20),
        "recip_rank": reciprocal_rank(ranking, grades),
        "map": average_precision(ranking, grades),
        "map_cut_3": average_precision(ranking, grades, 3),
        "ndcg": ndcg(ranking, grades, gain=gain),
        "ndcg_cut_3": ndcg(ranking, grades, 3, gain=gain),
        "ndcg_cut_5": ndcg(ranking, grades, 5, gain=gain),
    }
    assert ours == pytest.approx(expected, abs=1e-9)
