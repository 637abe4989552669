"""What a search returns besides the nearest rows, for every kind of database."""

from __future__ import annotations

from typing import Any

import pytest

from vicinal import Collection, Duplicates, Explanation, WhyNot
from vicinal.errors import IdNotFound, InvalidArgument

ROWS: list[dict[str, Any]] = [
    {"id": "fox", "text": "the red fox", "vector": [1.0, 0.1], "metadata": {"kind": "fox"}},
    {"id": 2, "text": "the grey fox", "vector": [1.0, 0.12], "metadata": {"kind": "fox"}},
    {"id": "wolf", "text": "a grey wolf", "vector": [0.7, -0.7], "metadata": {"kind": "wolf"}},
    {"id": "owl", "text": None, "vector": [0.0, 1.0]},
]


@pytest.fixture
def animals(docs: Collection) -> Collection:
    docs.add(rows=ROWS)
    return docs


def test_hits_that_differ(animals: Collection) -> None:
    assert animals.search([1, 0], 2).ids == ["fox", 2]
    assert animals.search([1, 0], 2, mmr=0.4).ids == ["fox", "owl"]
    assert animals.search([1, 0], 2, mmr=0.4, fetch_k=2).ids == ["fox", 2]


def test_groups(animals: Collection) -> None:
    hits = animals.search([1, 0], 2, group_by="kind", group_size=2)
    assert [(group.value, group.hits.ids) for group in hits.groups] == [("fox", ["fox", 2]), ("wolf", ["wolf"])]
    assert animals.search([1, 0], group_by="kind").groups[-1].value is None


def test_another_order(animals: Collection) -> None:
    hits = animals.search("grey wolf", mode="keyword", rerank="lexical")
    assert (hits.ids, hits.metric) == (["wolf", 2], "lexical")
    assert hits[0].legs["search"].rank == 1
    with pytest.raises(InvalidArgument, match="exclude each other"):
        animals.search("grey", mode="keyword", rerank="lexical", mmr=0.5)


def test_all_in_range(animals: Collection) -> None:
    assert animals.search_range([1, 0], min_score=0.9).ids == ["fox", 2]
    assert animals.search_range([1, 0], {"kind": "wolf"}, max_distance=0.5).ids == ["wolf"]
    assert animals.search_range(id="fox", min_score=-2).ids == [2, "wolf", "owl"]
    assert animals.search_range("grey", mode="keyword", min_score=0, select=()).texts == [None, None]
    with pytest.raises(InvalidArgument, match="search_range needs a limit"):
        animals.search_range([1, 0])


def test_more_like_these(animals: Collection) -> None:
    assert animals.recommend("fox", k=1).ids == [2]
    assert animals.recommend([[1.0, 0.0]], ["owl"], k=1, where={"kind": {"$exists": True}}).ids == ["wolf"]
    assert animals.recommend(["fox", 2], min_score=0.5, offset=0).ids == ["wolf"]
    with pytest.raises(IdNotFound):
        animals.recommend("nobody")


def test_near_duplicates(animals: Collection) -> None:
    found = animals.duplicates(0.99)
    assert isinstance(found, Duplicates)
    assert [(pair.first, pair.second) for pair in found] == [("fox", 2)]
    assert (found.groups, found.extra, found.rows) == ((("fox", 2),), [2], 4)
    assert len(animals.duplicates(max_distance=0.001, where={"kind": "wolf"})) == 0


def test_an_explanation(animals: Collection) -> None:
    why = animals.explain("grey", 2, {"kind": {"$exists": True}}, vector=[1, 0], mode="hybrid")
    assert isinstance(why, Explanation)
    assert [hit.id for hit in why.hits] == animals.search(
        "grey", 2, {"kind": {"$exists": True}}, vector=[1, 0], mode="hybrid"
    ).ids
    assert (why.filter.rows, why.filter.of) == (3, 4)
    assert why.hits[0].terms
    assert why.step("fusion").seconds >= 0


def test_why_a_row_is_not_there(animals: Collection) -> None:
    why = animals.why_not("wolf", [1, 0], 1)
    assert isinstance(why, WhyNot)
    assert (why.reason, why.rank) == ("rank", 3)
    assert animals.why_not(2, [1, 0], where={"kind": "wolf"}).clauses[0].value == "fox"
    assert animals.why_not("owl", "grey", mode="keyword").reason == "no_shared_word"
    assert animals.why_not("nobody", [1, 0]).reason == "not_there"
