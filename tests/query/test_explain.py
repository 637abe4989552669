"""`explain`: its numbers are those of the search, and those computed by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.ranking import Ranked, Stored
from support.referee import ranking
from vicinal.errors import IdNotFound, InvalidArgument
from vicinal.explanation import Explanation

WORDS = ["amber", "indigo", "cobalt", "denim"]
MODES = ("dense", "keyword", "hybrid")


@pytest.fixture
def docs() -> Any:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(
        ["a", "b", "c", "d"],
        texts=["amber amber indigo", "indigo cobalt", None, "denim"],
        vectors=[[1, 0], [1, 1], [0, 1], None],
        metadata=[{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}],
    )
    return docs


def bm25(tf: int, df: int, texts: int, length: int, average: float) -> float:
    idf = math.log(1 + (texts - df + 0.5) / (df + 0.5))
    return idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / average))


def test_terms_have_frequencies_weights_and_scores_as_computed_by_hand(docs: Any) -> None:
    why = docs.explain("amber indigo umber", mode="keyword")
    terms = {(term.field, term.term): term for term in why.terms}
    fields = {field for field, _ in terms}
    assert len(fields) == 2
    for field in fields:
        assert (terms[field, "amber"].texts, terms[field, "amber"].of) == (1, 3)
        assert (terms[field, "indigo"].texts, terms[field, "indigo"].of) == (2, 3)
        assert (terms[field, "umber"].texts, terms[field, "umber"].weight) == (0, 0.0)
    hit = why.hits[0]
    assert hit.id == "a"
    shares = {"amber": bm25(2, 1, 3, 3, 2.0), "indigo": bm25(1, 2, 3, 3, 2.0)}
    by_term = {name: sum(term.score for term in hit.terms if term.term == name) for name in shares}
    assert by_term == pytest.approx(shares)
    assert {(term.term, term.count, term.texts) for term in hit.terms} == {("amber", 2, 1), ("indigo", 1, 2)}
    assert hit.score == pytest.approx(sum(term.score for term in hit.terms), rel=1e-6)
    assert hit.score == docs.search("amber indigo umber", mode="keyword")[0].score


def test_a_filter_and_each_of_its_conditions_are_counted(docs: Any) -> None:
    why = docs.explain([1, 0], where={"n": {"$gte": 2, "$lt": 4}, "$text": {"$contains": "cobalt"}})
    assert (why.filter.rows, why.filter.of) == (1, 4)
    assert [one.rows for one in why.filter.clauses] == [3, 3, None]
    assert docs.explain([1, 0], where={"n": {"$gte": 2}}).filter.clauses == ()
    nothing = docs.explain([1, 0]).filter
    assert (nothing.text, nothing.rows, nothing.of) == ("", 4, 4)
    docs.delete(["a"])
    assert docs.explain([1, 0]).filter.of == 3


def test_the_steps_of_a_hybrid_search(docs: Any) -> None:
    why = docs.explain(
        "indigo", vector=[1, 0], mode="hybrid", weights={"dense": 3, "keyword": 1}, where={"n": {"$lt": 4}}
    )
    assert [step.name for step in why.steps] == [
        "encode", "filter", "catch up", "plan", "dense", "keyword", "fusion", "rows",
    ]  # fmt: skip
    assert all(step.seconds >= 0 for step in why.steps)
    assert why.seconds == pytest.approx(sum(step.seconds for step in why.steps))
    dense, keyword = why.step("dense"), why.step("keyword")
    assert (dense.rows, dense.exact, dense.weight) == (3, True, 3.0)
    assert (keyword.rows, keyword.weight) == (3, 1.0)
    assert dense.depth is not None
    assert dense.depth >= 10
    assert why.step("fusion").why.startswith("weighted")
    assert why.step("rows").rows == len(why.hits) == 3
    with pytest.raises(KeyError):
        why.step("sparse")


def test_what_an_index_does_is_told(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index={"name": "ivf", "lists": 64})
        docs.add(range(6_000), vectors=np.random.default_rng(1).normal(size=(6_000, 8)))
        docs._context.store.upkeep.build(always=True)
        some = docs.explain(np.ones(8), recall=0.5).step("dense")
        assert (some.exact, "most promising" in some.why) == (False, True)
        every = docs.explain(np.ones(8), exact=True).step("dense")
        assert (every.exact, "as requested" in every.why) == (True, True)


@pytest.mark.parametrize("mode", MODES)
def test_hits_are_those_of_the_search(docs: Any, mode: Any) -> None:
    query: dict[str, Any] = {"query": [1, 0.5]} if mode == "dense" else {"query": "indigo amber"}
    options: dict[str, Any] = {"mode": mode, "offset": 1, "k": 2, "where": {"n": {"$gt": 0}}}
    if mode == "hybrid":
        options["vector"] = [1, 0.5]
    hits, why = docs.search(**query, **options), docs.explain(**query, **options)
    assert [(hit.id, hit.score, hit.text) for hit in why.hits] == [(hit.id, hit.score, hit.text) for hit in hits]
    assert [hit.rank for hit in why.hits] == [2, 3][: len(hits)]
    assert why.metric == hits.metric
    assert (why.k, why.mode, why.change) == (2, mode, hits.change)


def test_neighbours_of_a_row_are_explained_too(docs: Any) -> None:
    why = docs.explain(id="a")
    assert [hit.id for hit in why.hits] == docs.search(id="a").ids == ["b", "c"]
    assert why.step("dense").rows == 2
    with pytest.raises(IdNotFound):
        docs.explain(id="nobody")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda docs: docs.explain(), "search needs something to search for"),
        (lambda docs: docs.explain([1, 0], k=0), "k must be"),
        (lambda docs: docs.explain([1, 0], top_k=3), r"Use k= instead"),
        (lambda docs: docs.explain([1, 0], alpha=0.5), "alpha= changes nothing"),
        (lambda docs: docs.why_not("a", [1, 0], mode="words"), "there is no mode"),
        (lambda docs: docs.why_not("a"), "search needs something to search for"),
        (lambda docs: docs.why_not("a", [1, 0], filter={}), r"Use where= instead"),
    ],
)
def test_wrong_arguments_are_refused_as_by_search(docs: Any, call: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        call(docs)


def test_an_empty_collection_explains_itself() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    why = docs.explain([1.0, 2.0])
    assert (why.hits, why.filter.of) == ((), 0)
    assert docs.explain("word", mode="keyword").terms[0].texts == 0
    assert "0 hits" in repr(why)


def test_it_shows_itself_everywhere_and_nothing_acts_on_a_terminal() -> None:
    docs = vicinal.connect(":memory:").collection("docs", encoder="hashing:16")
    docs.add(["\x1b[31m<b>", "two"], texts=["amber <script>\x1b[2J", "amber"], metadata=[{"\x1b": "x"}, {}])
    why = docs.explain("amber", mode="hybrid", where={"\x1b": "x", "$id": {"$exists": True}})
    assert isinstance(why, Explanation)
    for shown in (repr(why), why._repr_html_()):
        assert "\x1b" not in shown
    assert "<script>" not in why._repr_html_()
    told = json.loads(why.to_json())
    assert told["hits"][0]["legs"]["keyword"]["rank"] == 1
    assert told["filter"]["rows"] == 1
    assert [step["name"] for step in told["steps"]][-1] == "rows"
    lost = docs.why_not("\x1b[31m<b>", "amber", where={"\x1b": "\x1b[2J"})
    for shown in (repr(lost), lost._repr_html_()):
        assert "\x1b" not in shown
    assert json.loads(lost.to_json())["reason"] == "filter"


@st.composite
def collections(draw: st.DrawFn) -> dict[str, Stored]:
    count = draw(st.integers(1, 12))
    vectors = st.lists(st.integers(-2, 2), min_size=2, max_size=2).filter(any)
    texts = st.none() | st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
    rows = {
        f"r{i}": Stored(draw(texts), draw(st.none() | vectors), {"n": draw(st.integers(0, 3))}) for i in range(count)
    }
    return {
        id_: Stored(row.text, None if row.vector is None else np.array(row.vector, np.float32), row.metadata)
        for id_, row in rows.items()
    }


@given(
    collections(),
    st.lists(st.sampled_from([*WORDS, "umber"]), min_size=1, max_size=3).map(" ".join),
    st.integers(0, 3),
    st.sampled_from(["weighted", "rrf", "borda", "combsum"]),
)
@settings(max_examples=60, deadline=None)
def test_each_leg_of_each_hit_is_that_of_brute_force(
    rows: dict[str, Stored], query: str, least: int, fusion: Any
) -> None:
    docs = vicinal.connect(":memory:").collection("docs", dimension=2)
    for id_, row in rows.items():
        vectors = None if row.vector is None else [row.vector]
        docs.add([id_], texts=[row.text], vectors=vectors, metadata=[dict(row.metadata)])
    where = {"n": {"$gte": least}}
    why = docs.explain(query, 5, where if rows else None, vector=[1, 0.5], mode="hybrid", fusion=fusion)
    kept = {id_: row for id_, row in rows.items() if row.metadata["n"] >= least}
    dense = ranking("cosine", {id_: row.vector for id_, row in kept.items() if row.vector is not None}, [1, 0.5], 99)
    referee = Ranked(rows, lambda row: row.metadata["n"] >= least)
    words = referee.keyword(query)
    assert why.filter.rows == len(kept)
    assert why.step("dense").rows == len(dense)
    ranks = {id_: (place, score) for place, (id_, score) in enumerate(dense, 1)}
    for hit in why.hits:
        told = hit.legs["dense"]
        assert (told.rank, told.score) == ranks.get(hit.id, (None, None))
        by_words = hit.legs["keyword"].score
        assert by_words == (pytest.approx(words[hit.id], rel=1e-5) if hit.id in words else None)
        if by_words is not None:
            assert sum(term.score for term in hit.terms) == pytest.approx(by_words, rel=1e-6)
        for term in hit.terms:
            assert term.count == (rows[hit.id].text or "").split().count(term.term)
            assert term.texts == sum(term.term in (row.text or "").split() for row in rows.values())
