"""A plain search, which skips planning, compared with the same search through a plan."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.contract import Accuracy
from vicinal.deadline import Deadline, within
from vicinal.errors import DeadlineExceeded, DimensionMismatch, ZeroVector
from vicinal.filters.bitmap import pack
from vicinal.indexes.flat import FlatSearcher, flat_index
from vicinal.indexes.kernels import kernels
from vicinal.query import search
from vicinal.query.plain import plain_answer

_ROWS, _DIM = 150, 6
_FILTERS = [None, {"n": {"$lt": 40}}, {"n": -1}, {"tag": "a", "n": {"$gte": 10}}]


@pytest.fixture(scope="module", params=["cosine", "ip", "l2", "l1"])
def docs(request: pytest.FixtureRequest) -> Any:
    random = np.random.default_rng(3)
    vectors = random.standard_normal((_ROWS, _DIM)).astype(np.float32)
    vectors[50:60] = vectors[10:20]  # ties
    with vicinal.connect(":memory:") as database:
        docs = database.collection("docs", metric=request.param)
        docs.add(["words alone"], texts=["no vector"])
        docs.add(list(range(_ROWS)), vectors=vectors, metadata=[{"n": i, "tag": "ab"[i % 2]} for i in range(_ROWS)])
        docs.delete([12, 52, 149])
        yield docs


def _planned(docs: Any, *args: Any, **options: Any) -> vicinal.Hits:
    with patch.object(search, "is_plain", lambda _: False):
        hits: vicinal.Hits = docs.search(*args, **options)
        return hits


@settings(max_examples=60, deadline=None)
@given(
    components=st.lists(st.floats(-3, 3, width=32).filter(lambda x: abs(x) > 0.01), min_size=_DIM, max_size=_DIM),
    k=st.sampled_from([1, 10, _ROWS, 10**6]),
    where=st.sampled_from(_FILTERS),
    options=st.sampled_from(
        [{}, {"exact": True}, {"recall": 0.5}, {"effort": 3}, {"select": ()}, {"select": ("metadata",)}]
    ),
    narrow=st.booleans(),
)
def test_it_answers_what_a_planned_one_does(
    docs: Any, components: list[float], k: int, where: Any, options: Any, narrow: bool
) -> None:
    asked = docs.within({"tag": "b"}) if narrow else docs
    with patch.object(search, "plan", side_effect=AssertionError):
        found = asked.search(components, k, where, **options)
    assert found == _planned(asked, components, k, where, **options)
    assert found.change == docs.stats().change


def test_last_rows_without_a_vector_change_nothing(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as database:
        docs = database.collection("docs", metric="l2")
        docs.add([1, 2], vectors=[[1, 0], [0, 2]])
        docs.add(["words", "more"], texts=["no vector", "none"])
        with patch.object(search, "plan", side_effect=AssertionError):
            assert docs.search([0, 2]).ids == [2, 1]
        docs.add([3], vectors=[[0, 2]])
        docs.delete([3])
        with patch.object(search, "plan", side_effect=AssertionError):
            assert docs.search([0, 2]).ids == [2, 1]


def test_scores_beyond_float32_are_ranked_by_what_they_are() -> None:
    with vicinal.connect(":memory:") as database:
        docs = database.collection("docs", metric="ip")
        docs.add([1, 2, 3], vectors=[[1e30, 0], [3e30, 0], [1, 0]])
        assert docs.search([1e30, 1]) == _planned(docs, [1e30, 1])
        assert docs.search([1e30, 1]).ids == [2, 1, 3]


def test_whatever_is_not_as_usual_is_planned(docs: Any) -> None:
    with patch.object(search, "plain_answer", side_effect=AssertionError):
        assert docs.search([1.0] * _DIM, offset=1).ids
        assert docs.search([1.0] * _DIM, min_score=-1e9).ids
        assert docs.search([1.0] * _DIM, mmr=0.5).ids
        assert docs.search(id=3).ids
        with within(Deadline(60)):
            assert docs.search([1.0] * _DIM).ids
    with pytest.raises(DeadlineExceeded), within(Deadline(-1)):
        docs.search_many([[1.0] * _DIM])
    with pytest.raises(DimensionMismatch):
        docs.search([1.0] * (_DIM + 1))
    with patch.object(search, "plain_answer", wraps=plain_answer) as answered:
        docs.search([1.0] * _DIM, where={"n": {"$lt": 40}})
    assert answered.call_count == 1


def test_an_index_is_told_what_the_answer_must_be(docs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Accuracy] = []
    found = FlatSearcher.search

    def noted(self: FlatSearcher, queries: Any, k: int, candidates: Any, accuracy: Accuracy, threads: int = 1) -> Any:
        told.append(accuracy)
        return found(self, queries, k, candidates, accuracy, threads)

    monkeypatch.setattr(FlatSearcher, "search", noted)
    docs.search([1.0] * _DIM, exact=True)
    docs.search([1.0] * _DIM, where={"n": {"$lt": 40}}, recall=0.5)
    docs.within({"tag": "a"}).search([1.0] * _DIM)
    docs.search_many([[1.0] * _DIM] * 2, recall=0.5)
    docs.search_many([[1.0] * _DIM] * 2, exact=True)
    if told:  # without the native core others search
        filtered = [Accuracy(recall=0.5, filtered=True), Accuracy(filtered=True)]
        assert told == [Accuracy(exact=True), *filtered, Accuracy(recall=0.5), Accuracy(exact=True)]


def test_a_metric_that_was_changed_before_the_rows_were_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    with vicinal.connect(":memory:") as database:
        docs = database.collection("docs", metric="l2")
        docs.add([1, 2], vectors=[[1, 0], [0, 2]])
        assert docs.search([0, 0]).ids == [1, 2]
        view_for, altered = search.view_for, list[bool]()

        def after_a_change(question: Any) -> Any:
            if not altered:
                altered.append(True)
                docs.alter(metric="cosine")
            return view_for(question)

        monkeypatch.setattr(search, "view_for", after_a_change)
        with pytest.raises(ZeroVector):
            docs.search([0, 0])


@pytest.mark.parametrize("select", [None, ()])
def test_ids_and_scores_are_those_of_hits_that_are_made_later(select: tuple[()] | None) -> None:
    ids = [UUID(int=7), "word", 3]
    with vicinal.connect(":memory:") as database:
        docs = database.collection("docs", metric="l2")
        docs.add(ids, vectors=[[1, 0], [2, 0], [3, 0]], texts=["one", "two", "three"])
        vector = np.array([1, 0], np.float32)
        found, again = docs.search(vector, select=select), docs.search(vector, select=select)
        assert (found.ids, found.scores, len(found)) == (ids, [0.0, -1.0, -2.0], 3)
        assert math.copysign(1, found.scores[0]) == 1
        assert [(hit.id, hit.score) for hit in found] == list(zip(found.ids, found.scores, strict=True))
        assert again == found == pickle.loads(pickle.dumps(docs.search(vector, select=select)))
        assert found[0] is found[0]


def test_a_searcher_that_is_kept_sees_codes_that_were_made_since() -> None:
    vectors = np.random.default_rng(0).standard_normal((9000, 8)).astype(np.float32)
    every, query = pack(np.ones(len(vectors), np.bool_)), vectors[8999:]
    index = flat_index(kernels(), "cosine")
    searcher = index.searcher(vectors)
    answers = [searcher.search(query, 5, every)]
    while index.build(vectors, every):
        answers.append(searcher.search(query, 5, every))
    assert index.searcher(vectors) is searcher or not isinstance(searcher, FlatSearcher)
    assert index.covered == len(vectors)
    answers.append(searcher.search(query, 5, every))
    assert len({(slots.tobytes(), scores.tobytes()) for [(slots, scores)] in answers}) == 1
