"""`search(group_by=...)` compared with brute force over every row."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.errors import InvalidArgument
from vicinal.filters.values import sort_key

# Includes values that are equal across types, long texts, and missing values.
VALUES = st.sampled_from(
    [None, 1, 1.0, Decimal(1), True, 2, "a", "b", "x" * 300, "x" * 299 + "y", date(2024, 5, 1),
     datetime(2024, 5, 1, tzinfo=UTC), ["a"], {"k": 1}, 10**30]
)  # fmt: skip


def brute_force(hits: vicinal.Hits, k: int, size: int, offset: int) -> list[list[Any]]:
    """Groups the hits of a search for all rows by their values."""
    groups: dict[Any, list[Any]] = {}
    for hit in hits:
        value = hit.metadata.get("v")
        groups.setdefault(None if isinstance(value, (list, dict)) else sort_key(value), []).append(hit.id)
    return [ids[:size] for ids in list(groups.values())[offset : offset + k]]


@st.composite
def rows(draw: st.DrawFn) -> list[tuple[list[int], Any, str]]:
    vectors = st.lists(st.integers(-3, 3), min_size=2, max_size=2).filter(any)
    texts = st.lists(st.sampled_from(["amber", "cobalt", "denim"]), max_size=3).map(" ".join)
    return draw(st.lists(st.tuples(vectors, VALUES, texts), min_size=1, max_size=25))


@given(
    rows(),
    st.sampled_from(["dense", "keyword", "hybrid"]),
    st.sampled_from(["weighted", "rrf"]),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 2),
)
@settings(max_examples=150, deadline=None)
def test_groups_are_those_of_brute_force(
    given_rows: list[Any], mode: Any, fusion: Any, k: int, size: int, offset: int
) -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    metadata = [{"v": value, "all": 1} if value is not None else {"all": 1} for _, value, _ in given_rows]
    docs.add(
        range(len(given_rows)),
        vectors=[vector for vector, _, _ in given_rows],
        texts=[text for _, _, text in given_rows],
        metadata=metadata,
    )
    if not any("v" in one for one in metadata):
        docs.add(["x"], metadata=[{"v": "nobody"}])  # a field that no row has would be refused or warned about
    asked: dict[str, Any] = {"mode": mode}
    query: Any = [1, 2] if mode == "dense" else "amber cobalt"
    if mode == "hybrid":
        asked |= {"vector": [1, 2], "fusion": fusion}
    everything = docs.search(query, 1_000, **asked)
    hits = docs.search(query, k, group_by="v", group_size=size, offset=offset, **asked)
    expected = brute_force(everything, k, size, offset)
    assert hits.ids == [id_ for ids in expected for id_ in ids]
    assert [group.hits.ids for group in hits.groups] == expected
    scores = dict(zip(everything.ids, everything.scores))
    if fusion == "weighted" or mode != "hybrid":
        assert all(hit.score == scores[hit.id] for hit in hits)
    if hits:
        assert [group.value for group in hits.groups] == [
            None if isinstance(hit.metadata.get("v"), (list, dict)) else hit.metadata.get("v")
            for hit in (group.hits[0] for group in hits.groups)
        ]


def test_it_goes_as_deep_as_it_must() -> None:
    """A group of thousands comes before all others."""
    docs = vicinal.connect(":memory:").collection("docs", metric="l2")
    docs.add(
        range(5_000), vectors=[[i, 0] for i in range(5_000)], metadata=[{"g": int(i >= 4_990)} for i in range(5_000)]
    )
    hits = docs.search([0, 0], 2, group_by="g", group_size=2)
    assert [(group.value, group.hits.ids) for group in hits.groups] == [(0, [0, 1]), (1, [4_990, 4_991])]
    assert docs.search([0, 0], 10, group_by="g").ids == [0, 4_990]
    assert docs.search([0, 0], 10, {"g": 1}, group_by="g").ids == [4_990]
    assert docs.search([0, 0], 10, group_by="g", min_score=-4_989).ids == [0]


def test_a_field_within_a_field_and_parts_that_are_left_out() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(
        ["a", "b", "c"], texts=list("xyz"), vectors=[[1, 0], [1, 0.1], [0, 1]], metadata=[{"in": {"n": 1}}] * 2 + [{}]
    )
    hits = docs.search([1, 0], group_by="in.n", select=())
    assert hits.ids == ["a", "c"]
    assert [group.value for group in hits.groups] == [1, None]
    assert hits.texts == [None, None]
    assert hits.metadata == [{}, {}]
    assert docs.search([1, 0]).groups == ()


def test_grouped_hits_can_be_copied_shown_and_pickled() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["\x1b[2J", "b"], vectors=[[1, 0], [0, 1]], metadata=[{"v": "\x1b[31m"}, {"v": 2}])
    hits = docs.search([1, 0], group_by="v")
    for again in (copy.deepcopy(hits), pickle.loads(pickle.dumps(hits))):
        assert again == hits
        assert again.groups == hits.groups
    assert "\x1b" not in repr(hits)
    assert hits.groups[0].to_dict()["hits"][0]["id"] == "\x1b[2J"
    assert type(hits[:1]) is vicinal.Hits


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_by": ""}, "group_by must name a field"),
        ({"group_by": 3}, "group_by must name a field"),
        ({"group_by": "v", "group_size": 0}, "group_size must be a whole number"),
        ({"group_size": 2}, "group_size= is for group_by="),
        ({"group_by": "v", "rerank": "lexical"}, "exclude each other"),
        ({"group_by": "valu"}, "no row has a field 'valu'"),
        ({"collapse": "v"}, "Use group_by= instead"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], message: str) -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a"], vectors=[[1.0, 0.0]], metadata=[{"value": 1, "v": 2}])
    with pytest.raises(InvalidArgument, match=message):
        docs.search([1, 0], **options)


def test_it_explains_itself() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a", "b", "c"], vectors=[[1, 0], [1, 0.1], [0, 1]], metadata=[{"v": 1}, {"v": 1}, {"v": 2}])
    why = docs.explain([1, 0], 1, group_by="v")
    assert [hit.id for hit in why.hits] == ["a"]
    assert why.step("group").why == "the best 1 of each value of v"
    assert docs.why_not("b", [1, 0], 1, group_by="v").reason == "group"
    assert docs.why_not("c", [1, 0], 1, group_by="v").reason == "rank"
    assert docs.why_not("c", [1, 0], 2, group_by="v").found


def test_equal_numbers_of_any_type_are_one_group_however_large_the_column() -> None:
    values: list[Any] = [1, 1.0, Decimal(1), 2, 2.5, Decimal("2.5"), True, "1"] * 50
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(range(400), vectors=np.random.default_rng(1).normal(size=(400, 3)), metadata=[{"v": v} for v in values])
    groups = docs.search([1, 0, 0], 99, group_by="v", group_size=400).groups
    assert sorted(len(group.hits) for group in groups) == [50, 50, 50, 100, 150]
