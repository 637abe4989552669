"""Evaluating a collection, saving the report, and comparing two settings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import vicinal
from vicinal.errors import InvalidArgument, InvalidInput, MissingExtra
from vicinal.evaluate import Report, compare, evaluate, ndcg, read_judgements, recall

QUERIES = {"q1": "plants make sugar", "q2": "sharpened knives", 3: "nothing was judged"}
JUDGEMENTS = {"q1": {"a": 2, "b": 1}, "q2": {"b": 1, 7: 3, "c": 0}}


@pytest.fixture
def docs() -> Iterator[vicinal.Collection]:
    with vicinal.connect(":memory:") as database:
        collection = database.collection("docs", encoder="hashing:64")
        texts = ["plants make sugar from light", "knives are sharpened on stones", "clouds", "sharpened pencils"]
        collection.add(["a", "b", "c", 7], texts=texts, metadata=[{"n": i} for i in range(4)])
        yield collection


def test_the_values_are_those_of_the_metrics_over_the_hits(docs: vicinal.Collection) -> None:
    report = evaluate(docs, QUERIES, JUDGEMENTS, k=3, gain="exponential")
    assert report.metrics == ["ndcg@3", "recall@3", "precision@3", "mrr@3", "map@3"]
    assert report.queries == ["q1", "q2"]
    for query in report.queries:
        ids = docs.search(QUERIES[query], 3).ids
        assert report.by_query("ndcg@3")[query] == ndcg(ids, JUDGEMENTS[query], 3, gain="exponential")
        assert report.by_query("recall@3")[query] == recall(ids, JUDGEMENTS[query], 3)
    assert report["recall@3"] == np.mean([report.by_query("recall@3")[query] for query in ("q1", "q2")])
    assert report.means["recall@3"] == report["recall@3"]
    assert report.notes == ("1 queries have no row that is judged relevant and are left out",)


def test_arguments_go_to_search(docs: vicinal.Collection) -> None:
    report = evaluate(docs, QUERIES, JUDGEMENTS, mode="dense", where={"n": {"$gte": 1}}, metrics=["recall@2"])
    assert report.settings == {"k": 10, "mode": "dense", "where": {"n": {"$gte": 1}}}
    assert report.by_query("recall@2")["q1"] == 0.5
    with pytest.raises(InvalidArgument, match="search takes no argument 'limit'"):
        evaluate(docs, QUERIES, JUDGEMENTS, limit=3)


def test_a_metric_that_looks_deeper_asks_for_more(docs: vicinal.Collection) -> None:
    assert evaluate(docs, QUERIES, JUDGEMENTS, metrics=["recall@25", "mrr"]).metrics == ["recall@25", "mrr@25"]
    with pytest.raises(InvalidArgument, match="looks at 25 hits, but k is 5"):
        evaluate(docs, QUERIES, JUDGEMENTS, k=5, metrics=["recall@25"])


def test_any_ranking_and_any_metric() -> None:
    asked = []

    def search(query: str, k: int) -> list[str | int]:
        asked.append((query, k))
        return ["b", "a"]

    report = evaluate(search, QUERIES, JUDGEMENTS, k=2, metrics={"first": lambda ids, grades: grades.get(ids[0], 0)})
    assert asked == [("plants make sugar", 2), ("sharpened knives", 2)]
    assert report.values == {"first": {"q1": 1, "q2": 1}}
    with pytest.raises(InvalidArgument, match="mode: a function takes no arguments of search"):
        evaluate(search, QUERIES, JUDGEMENTS, mode="dense")


def test_what_cannot_be_measured(docs: vicinal.Collection) -> None:
    with pytest.raises(InvalidInput, match="none has a row that is judged relevant"):
        evaluate(docs, QUERIES, {"Q1": {"a": 1}})
    with pytest.raises(InvalidInput, match="the collection has none of the 2 rows"):
        evaluate(docs, QUERIES, {"q1": {"A": 1, "B": 1, "a": 0}})
    with pytest.raises(InvalidArgument, match="k must be a whole number"):
        evaluate(docs, QUERIES, JUDGEMENTS, k=0)
    with pytest.raises(InvalidArgument, match="there is no metric to measure"):
        evaluate(docs, QUERIES, JUDGEMENTS, metrics=[])
    with pytest.raises(InvalidArgument, match="a searcher is a collection or a function"):
        evaluate("docs", QUERIES, JUDGEMENTS)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="there is no metric 'ndgc'"):
        evaluate(docs, QUERIES, JUDGEMENTS, metrics=["ndgc"])


def test_notes_about_what_is_missing(docs: vicinal.Collection) -> None:
    report = evaluate(docs, {"q1": "plants"}, {"q1": {"a": 1, "gone": 1}, "other": {"a": 1}})
    assert report.notes == (
        "1 judged queries are not among the queries",
        "1 rows that are judged relevant are not in the collection",
    )


REPORT = Report(
    {"k": 10, "mode": "dense", "where": {"$and": [{"n": {"$gt": 1}}]}},
    {
        "ndcg@10": {"q1": 0.5, 2: 1.0, UUID(int=5): 0.25},
        "mrr@10": {"q1": 1.0, 2: 1.0, UUID(int=5): 0.5},
    },
    ("a note",),
)


def test_a_report_can_be_kept() -> None:
    assert Report.from_json(REPORT.to_json()) == REPORT
    assert json.loads(REPORT.to_json())["means"]["mrr@10"] == pytest.approx(5 / 6)
    for text in ("nonsense", "[]", "{}", REPORT.to_json().replace("0.25", "NaN"), '{"means":{},"queries":[]}'):
        with pytest.raises(InvalidInput, match="the text is not a report"):
            Report.from_json(text)


def test_a_report_shows_means_and_the_worst_queries() -> None:
    lines = repr(REPORT).splitlines()
    assert lines[0].startswith("Report(3 queries, k=10, mode='dense'")
    assert lines[1].split() == ["ndcg@10", "mrr@10"]
    assert lines[2].split() == ["mean", "0.5833", "0.8333"]
    assert [line.split()[0] for line in lines[3:6]] == ["UUID('00000000-0000-0...", "'q1'", "2"]
    assert lines[-1] == "  note: a note"
    assert REPORT.worst("mrr@10", 1) == [(UUID(int=5), 0.5)]
    many = Report({"k": 1}, {"mrr@1": {i: i / 30 for i in range(30)}})
    assert repr(many).splitlines()[-1] == "  ... and 20 queries with a higher mrr@1"
    with pytest.raises(InvalidArgument, match="there is no metric 'mrr' in this report"):
        REPORT["mrr"]


def reports(gains: dict[int, float]) -> tuple[Report, Report]:
    base = dict.fromkeys(gains, 0.5)
    return (
        Report({"k": 10, "mode": "dense"}, {"ndcg@10": base, "mrr@10": base}),
        Report(
            {"k": 10, "mode": "hybrid"},
            {"ndcg@10": {query: 0.5 + gain for query, gain in gains.items()}, "mrr@10": base},
        ),
    )


def test_compare_two_reports() -> None:
    random = np.random.default_rng(8)
    a, b = reports(dict(enumerate(random.normal(0.05, 0.1, 100).tolist())))
    found = compare(a, b)
    one = found["ndcg@10"]
    assert one.mean == pytest.approx(np.mean(list(one.by_query.values())))
    assert 0 < one.low < one.mean < one.high
    assert (one.better + one.worse, one.verdict) == (100, "b is better")
    assert compare(b, a)["ndcg@10"].verdict == "a is better"
    equal = found["mrr@10"]
    assert (equal.low, equal.mean, equal.high, equal.verdict) == (0, 0, 0, "no clear difference")
    assert repr(found) == repr(compare(a, b))
    assert compare(a, b, method="percentile", seed=3)["ndcg@10"].low != one.low
    assert [one.metric for one in compare(a, b, metrics=["mrr@10"]).differences] == ["mrr@10"]
    lines = repr(found).splitlines()
    assert lines[0] == "Comparison(100 queries, 95% intervals: BCa bootstrap, 10,000 resamples, seed 0)"
    assert lines[1:3] == ["  a: k=10, mode='dense'", "  b: k=10, mode='hybrid'"]
    assert lines[4].split()[0] == "ndcg@10"
    assert lines[4].endswith("b is better")
    assert json.loads(found.to_json())["metrics"]["ndcg@10"]["better"] == one.better


def test_only_common_queries_count() -> None:
    a, b = reports({1: 0.1, 2: 0.2})
    fewer = Report(b.settings, {"ndcg@10": {2: 1.0}})
    found = compare(a, fewer)
    assert found["ndcg@10"].by_query == {2: 0.5}
    assert found.notes[0] == "1 queries are in one report only and are left out"
    assert found.to_dict()["metrics"]["ndcg@10"]["low"] is None
    with pytest.raises(InvalidInput, match="no query in common"):
        compare(a, Report({}, {"ndcg@10": {"x": 1.0}}))
    with pytest.raises(InvalidInput, match=r"no metric in common: ndcg@10, mrr@10 and map@10"):
        compare(a, Report({}, {"map@10": {1: 1.0}}))
    with pytest.raises(InvalidArgument, match="there is no metric 'map@10' in this report"):
        compare(a, b, metrics=["map@10"])


def test_compare_settings_and_functions(docs: vicinal.Collection) -> None:
    def first_rows(query: str, k: int) -> list[str]:
        return ["c", "a"]

    found = compare(first_rows, {"where": {"n": {"$lt": 3}}}, docs, QUERIES, JUDGEMENTS, k=2, metrics=["recall"])
    assert (found.a, found.b) == ("first_rows, k=2", "k=2, where={'n': {'$lt': 3}}")
    for query, difference in found["recall@2"].by_query.items():
        ids = docs.search(QUERIES[query], 2, {"n": {"$lt": 3}}).ids
        assert difference == recall(ids, JUDGEMENTS[query]) - recall(["c", "a"], JUDGEMENTS[query])
    assert found["recall@2"].by_query["q2"] == 0.5
    with pytest.raises(InvalidArgument, match="settings that are not reports need something to search"):
        compare({"mode": "dense"}, {"mode": "dense"}, docs)


def test_a_picture() -> None:
    pytest.importorskip("plotly")
    a, b = reports({1: 0.1, 2: -0.2, 3: 0.3, 4: 0.0})
    b = Report(b.settings, b.values, texts={1: "plants <b>", 3: "a question " * 30})
    figure = compare(a, b).plot("ndcg@10")
    better, equal, worse, mean = figure.data
    assert list(better.x) == pytest.approx([0.3, 0.1])
    assert list(equal.x) == [0.0]
    assert list(worse.x) == pytest.approx([-0.2])
    assert [list(one.y) for one in figure.data] == [[0, 1], [2], [3], [4.5]]
    assert [one.name for one in (better, equal, worse)] == [
        "b (mode='hybrid') is better: 2 queries",
        "equal: 1 query",
        "a (mode='dense') is better: 1 query",
    ]
    assert mean.name.startswith("mean +0.0500, 95% interval ")
    low, high = mean.x[0] - mean.error_x.arrayminus[0], mean.x[0] + mean.error_x.array[0]
    assert (low, high) == pytest.approx((compare(a, b)["ndcg@10"].low, compare(a, b)["ndcg@10"].high))
    assert figure.layout.showlegend
    assert figure.layout.xaxis.title.text == "ndcg@10 of b (mode='hybrid') minus that of a (mode='dense')"
    assert figure.layout.yaxis.title.text == "query"
    names = list(figure.layout.yaxis.ticktext)
    assert names[0] == "a question a question a question a qu..."
    assert names[1:] == ["plants &lt;b&gt;", "4", "2", "<b>mean</b>"]
    assert list(figure.layout.yaxis.tickvals) == [0, 1, 2, 3, 4.5]
    assert better.customdata[1] == "<b>1</b><br>plants &lt;b&gt;"
    title = figure.layout.title.text
    assert "ndcg@10: no clear difference" in title
    assert "4 queries are few" in title
    assert "a: k=10, mode='dense'" in title
    assert "b: k=10, mode='hybrid'" in title


def test_a_picture_of_many_queries_has_no_names_that_nobody_could_read() -> None:
    pytest.importorskip("plotly")
    a, b = reports({i: (i - 50) / 200 for i in range(1, 226)})
    figure = compare(a, b).plot()
    assert list(figure.layout.yaxis.ticktext) == ["<b>mean</b>"]
    assert figure.layout.yaxis.title.text == "225 queries, greatest gain first"
    assert "few" not in figure.layout.title.text
    assert figure.layout.height <= 900


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([-0.2, -0.3, -0.1] + [0.0] * 9, "too few queries differ to tell (3 of 12)"),
        ([-0.2] * 5, "too few queries differ to tell (5 of 5)"),
        ([-0.2] * 6, "a is better"),
        ([0.2] * 6 + [0.0] * 6, "b is better"),
        ([0.2], "no clear difference"),
    ],
)
def test_a_few_queries_do_not_make_a_setting_better(gains: list[float], verdict: str) -> None:
    found = compare(*reports(dict(enumerate(gains))))
    assert found["ndcg@10"].verdict == verdict
    assert f"{len(gains)} queries are few: an interval is rough with fewer than 30" in found.notes


def test_texts_of_queries_are_kept(docs: vicinal.Collection) -> None:
    report = evaluate(docs, QUERIES, JUDGEMENTS)
    assert report.texts == {"q1": "plants make sugar", "q2": "sharpened knives"}
    assert Report.from_json(report.to_json()) == report
    assert compare(report, report).texts == report.texts


def test_a_picture_without_plotly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "plotly.graph_objects", None)
    a, b = reports({1: 0.1, 2: 0.2})
    with pytest.raises(MissingExtra, match=r"pip install 'vicinal\[viz\]'"):
        compare(a, b).plot()


@pytest.mark.parametrize("grade", [math.inf, math.nan, 10**400, "2", None, True, [1]])
def test_grades_of_the_caller_are_checked_like_those_of_a_file(grade: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="query 'q1', row 'b': grade must be a finite number, not"):
        evaluate(lambda query, k: ["a"], {"q1": "x"}, {"q1": {"a": 1, "b": grade}})
    with pytest.raises(InvalidInput, match="row 'b': grade must be a finite number"):
        ndcg(["a"], {"a": 1, "b": grade})
    if grade != 10**400:  # Python writes no int of so many digits
        (tmp_path / "j.jsonl").write_text(json.dumps({"query": "q1", "id": "b", "grade": grade}))
        with pytest.raises(InvalidInput):
            read_judgements(tmp_path / "j.jsonl")


def test_grades_of_numpy_and_huge_ones_are_grades() -> None:
    grades = {"a": np.float32(2), "b": np.int64(1), "c": 0}
    assert evaluate(lambda query, k: ["a", "b"], {"q": "x"}, {"q": grades})["ndcg@10"] == 1.0
    assert ndcg(["a", "b"], {"a": 1.7e308, "b": 1.7e308}) == 1.0
    with pytest.raises(InvalidInput, match="the gain of the grade 2000 is inf, not a finite number"):
        evaluate(lambda query, k: ["a"], {"q": "x"}, {"q": {"a": 2000}}, gain="exponential")


def test_sets_and_rankings_of_another_shape_are_refused() -> None:
    def found(query: str, k: int) -> Any:
        return "a"

    with pytest.raises(InvalidInput, match=r"query 'q': judgements must be a dict from row id to grade, not list"):
        evaluate(found, {"q": "x"}, {"q": ["a"]})  # type: ignore[dict-item]
    with pytest.raises(InvalidArgument, match=r"judgements must be a dict.*read_judgements"):
        evaluate(found, {"q": "x"}, ["a"])  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="queries must be a dict"):
        evaluate(found, ["x"], {"q": {"a": 1}})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="a searcher gives hits or a list of ids, not 'a'"):
        evaluate(found, {"q": "x"}, {"q": {"a": 1}})
    with pytest.raises(InvalidArgument, match="a ranking is a list of ids, not the text 'a'"):
        recall("a", {"a": 1})
    with pytest.raises(InvalidArgument, match="gain must be a name, a dict or a function, not int"):
        ndcg(["a"], {"a": 1}, gain=5)  # type: ignore[arg-type]
