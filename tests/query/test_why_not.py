"""`why_not`: the right reason for each way in which a row can be missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.referee import METRICS, ranking
from vicinal.errors import InvalidId
from vicinal.records import context

VECTORS = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], None]


@pytest.fixture
def docs() -> Any:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(
        ["a", "b", "c", "bare"],
        texts=["amber indigo", "indigo cobalt", "denim", None],
        vectors=VECTORS,
        metadata=[{"n": 1, "tags": ["x"]}, {"n": 2}, {"n": 3}, {"n": 4}],
    )
    return docs


def test_a_row_that_is_found(docs: Any) -> None:
    why = docs.why_not("b", [1, 0])
    assert (why.reason, why.found, why.rank) == ("found", True, 2)
    assert why.score == docs.search([1, 0])[1].score


def test_a_row_that_is_not_there_or_was_deleted(docs: Any) -> None:
    docs.delete(["c"])
    for id_ in ("nobody", "c", 7):
        why = docs.why_not(id_, [1, 0])
        assert (why.reason, why.found, why.rank) == ("not_there", False, None)


def test_a_row_past_its_time_to_live(docs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    docs.update(["a"], ttl=60)
    assert docs.why_not("a", [1, 0]).found
    later = context.time.time_ns() + 61 * 10**9
    monkeypatch.setattr(context, "time", SimpleNamespace(time_ns=lambda: later))
    assert docs.why_not("a", [1, 0]).reason == "expired"


def test_the_conditions_that_exclude_a_row_are_named_with_what_it_holds(docs: Any) -> None:
    where = {"n": {"$gte": 1, "$lt": 1}, "tags": "y", "$or": [{"n": 1}, {"n": 2}]}
    why = docs.why_not("a", [1, 0], where=where)
    assert why.reason == "filter"
    assert [(one.text, one.value) for one in why.clauses] == [("n < 1", 1), ("tags == 'y'", ["x"])]
    missing = docs.why_not("b", [1, 0], where={"tags": "y"})
    assert [(one.text, one.value) for one in missing.clauses] == [("tags == 'y'", None)]
    text = docs.why_not("a", [1, 0], where={"$text": {"$contains": "denim"}})
    assert [one.value for one in text.clauses] == ["amber indigo"]
    either = docs.why_not("c", [1, 0], where={"$or": [{"n": 1}, {"n": 2}]})
    assert [one.value for one in either.clauses] == [None]
    assert docs.why_not("a", [1, 0], where={"n": {"$gte": 1}}).found


def test_a_row_without_a_vector(docs: Any) -> None:
    assert docs.why_not("bare", [1, 0]).reason == "no_vector"


def test_a_row_without_a_word_of_the_query(docs: Any) -> None:
    assert docs.why_not("c", "amber", mode="keyword").reason == "no_shared_word"
    assert docs.why_not("bare", "amber", mode="keyword").text == "the row has no text"


def test_words_that_are_required_or_excluded(docs: Any) -> None:
    for mode, more in (("keyword", {}), ("hybrid", {"vector": [1, 0]})):
        asked = {"mode": mode, "syntax": "operators", **more}
        assert docs.why_not("b", "indigo +amber", **asked).reason == "required_word"
        assert docs.why_not("b", "indigo -cobalt", **asked).reason == "excluded_word"
        assert docs.why_not("b", '+"indigo cobalt"', **asked).found
        assert docs.why_not("b", '+"cobalt indigo"', **asked).reason == "required_word"


def test_a_row_that_no_leg_of_a_hybrid_search_matches(docs: Any) -> None:
    why = docs.why_not("bare", "amber", mode="hybrid", vector=[1, 0])
    assert (why.reason, why.text) == ("no_match", "the row has no vector or word of the query")


def test_a_row_that_others_beat(docs: Any) -> None:
    why = docs.why_not("c", [1, 0], k=1)
    assert (why.reason, why.rank, why.k) == ("rank", 3, 1)
    assert why.last_score == docs.search([1, 0], k=1)[0].score
    assert why.score == docs.search([1, 0])[2].score
    assert why.legs["dense"].rank == 3


def test_a_row_that_scores_too_low_or_is_passed_over(docs: Any) -> None:
    assert docs.why_not("c", [1, 0], min_score=0.5).reason == "min_score"
    assert docs.why_not("a", [1, 0], offset=1).reason == "offset"
    assert docs.why_not("b", [1, 0], offset=1).found


def test_a_row_that_the_index_did_not_look_at(tmp_path: Path) -> None:
    """One of many lists is scanned, and rows near its border are in others."""
    rng = np.random.default_rng(4)
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index={"name": "ivf", "lists": 64, "nprobe": 1}, metric="l2")
        docs.add(range(6_000), vectors=rng.normal(size=(6_000, 4)))
        docs._context.store.upkeep.build(always=True)
        for query in rng.normal(size=(100, 4)):
            given, true = docs.search(query, k=20).ids, docs.search(query, k=20, exact=True).ids
            if given != true:
                break
        missed = next(id_ for id_ in true if id_ not in given)
        why = docs.why_not(missed, query, k=20)
        assert (why.reason, why.rank) == ("missed_by_index", true.index(missed) + 1)
        assert docs.why_not(missed, query, k=20, exact=True).found
        last = docs.why_not(missed, query, k=why.rank)
        assert last.reason == ("found" if missed in docs.search(query, k=why.rank).ids else "missed_by_index")


def test_a_vector_of_another_space() -> None:
    """Its vector is from another model: near the query by its text, far by its vector."""
    docs = vicinal.connect(":memory:").collection("docs", encoder="hashing:64")
    docs.add(["own", "other"], texts=["compress a file", "something else"])
    docs.add(["given"], texts=["compress a file now"], vectors=[-docs.get(["own"], vectors=True)[0].vector])
    why = docs.why_not("given", "compress a file now", k=2)
    assert (why.reason, why.rank) == ("other_space", 3)
    assert "would score" in why.text
    docs.add(["far"], texts=["unrelated"], vectors=[-docs.get(["own"], vectors=True)[0].vector])
    assert docs.why_not("far", "compress a file now", k=1).reason == "rank"


def test_what_is_no_id_is_refused(docs: Any) -> None:
    for wrong in (None, 1.5, "", ["a"]):
        with pytest.raises(InvalidId):
            docs.why_not(wrong, [1, 0])


def test_a_row_far_down_a_large_collection() -> None:
    docs = vicinal.connect(":memory:").collection("docs", metric="l2")
    docs.add(range(10_000), vectors=np.arange(20_000.0).reshape(-1, 2))
    assert docs.why_not(9_998, [0, 0], k=3).rank == 9_999
    assert docs.why_not(9_999, [0, 0], where={"$id": {"$gte": 5_000}}).rank == 5_000


@given(
    st.lists(st.lists(st.integers(-3, 3), min_size=2, max_size=2).filter(any), min_size=1, max_size=30),
    st.sampled_from(METRICS),
    st.integers(1, 5),
    st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_the_rank_is_that_of_brute_force(vectors: list[list[int]], metric: Any, k: int, offset: int) -> None:
    docs = vicinal.connect(":memory:").collection("docs", metric=metric)
    docs.add(range(len(vectors)), vectors=vectors)
    expected = ranking(metric, {i: np.array(v, np.float32) for i, v in enumerate(vectors)}, [1, 2], len(vectors))
    for place, (id_, score) in enumerate(expected, 1):
        why = docs.why_not(id_, [1, 2], k, offset=offset)
        assert (why.rank, why.score) == (place, score)
        assert why.reason == ("offset" if place <= offset else "found" if place <= offset + k else "rank")
