"""`within`: for a handle with a filter, other rows do not exist, in any call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.worlds import World
from vicinal import Collection
from vicinal.errors import DuplicateId, IdNotFound, InvalidArgument, LimitExceeded, NotAllowed

ROWS = [
    {"id": "a1", "text": "apple one", "vector": [1.0, 0.0], "metadata": {"tenant": "a", "n": 1}, "sparse": {1: 1.0}},
    {"id": "a2", "text": "apple two", "vector": [0.9, 0.1], "metadata": {"tenant": "a", "n": 2}, "sparse": {1: 0.5}},
    {"id": "b1", "text": "apple three", "vector": [0.8, 0.2], "metadata": {"tenant": "b", "n": 3}, "sparse": {1: 2.0}},
]


@pytest.fixture
def whole(docs: Collection) -> Collection:
    docs.add(rows=ROWS)
    return docs


@pytest.fixture
def mine(whole: Collection) -> Collection:
    return whole.within({"tenant": "a"})


Read = Callable[[Collection], Any]

READS: dict[str, tuple[Read, Any]] = {
    "search": (lambda c: c.search([1.0, 0.0]).ids, ["a1", "a2"]),
    "search with a filter": (lambda c: c.search([1.0, 0.0], where={"n": {"$gte": 2}}).ids, ["a2"]),
    "search for the others": (lambda c: c.search([1.0, 0.0], where={"tenant": "b"}).ids, []),
    "search for all but mine": (lambda c: c.search([1.0, 0.0], where={"tenant": {"$ne": "a"}}).ids, []),
    "search by words": (lambda c: c.search("apple", mode="keyword").ids, ["a1", "a2"]),
    "search by both": (
        lambda c: sorted(c.search("apple", vector=[1.0, 0.0], sparse={1: 1.0}, mode="hybrid").ids),
        ["a1", "a2"],
    ),
    "search like a row": (lambda c: c.search(id="a1").ids, ["a2"]),
    "search_many": (lambda c: [hits.ids for hits in c.search_many([[1.0, 0.0]])], [["a1", "a2"]]),
    "search_range": (lambda c: c.search_range([1.0, 0.0], min_score=0.0).ids, ["a1", "a2"]),
    "recommend": (lambda c: c.recommend([[1.0, 0.0]]).ids, ["a1", "a2"]),
    "search group by group": (lambda c: c.search([1.0, 0.0], group_by="tenant", group_size=9).ids, ["a1", "a2"]),
    "duplicates": (lambda c: [(pair.first, pair.second) for pair in c.duplicates(0.5)], [("a1", "a2")]),
    "rows that an explanation counts": (
        lambda c: (
            (why := c.explain([1.0, 0.0], where={"n": {"$gte": 2}, "tenant": {"$exists": True}}).filter).of,
            why.rows,
            [one.rows for one in why.clauses],
        ),
        (2, 1, [1, 2]),
    ),
    "count": (lambda c: c.count(), 2),
    "count with a filter": (lambda c: c.count({"n": {"$gte": 2}}), 1),
    "get": (lambda c: [row.id for row in c.get()], ["a1", "a2"]),
    "get by ids": (lambda c: [row.id for row in c.get(["b1", "a2"])], ["a2"]),
    "get by ids and a filter": (lambda c: [row.id for row in c.get(["b1", "a2"], where={"n": {"$gt": 0}})], ["a2"]),
    "get with limit": (lambda c: [row.id for row in c.get(limit=1, offset=1)], ["a2"]),
    "ids": (lambda c: c.ids(), ["a1", "a2"]),
    "peek": (lambda c: [row.id for row in c.peek()], ["a1", "a2"]),
    "scroll": (lambda c: [row.id for row in c.scroll()], ["a1", "a2"]),
    "scroll by a field": (lambda c: [row.id for row in c.scroll(order_by="n", descending=True)], ["a2", "a1"]),
    "facets": (lambda c: c.facets("tenant"), [("a", 2)]),
    "distinct": (lambda c: c.distinct("n"), [1, 2]),
    "min_max": (lambda c: c.min_max("n"), (1, 2)),
    "in": (lambda c: ("a1" in c, "b1" in c), (True, False)),
    "len": (len, 2),
}


def test_another_row_is_not_explained(mine: Collection) -> None:
    assert mine.why_not("b1", [1.0, 0.0]).reason == "not_there"
    assert [hit.id for hit in mine.explain([1.0, 0.0]).hits] == ["a1", "a2"]


@pytest.mark.parametrize("name", READS)
def test_other_rows_are_not_read(mine: Collection, name: str) -> None:
    read, expected = READS[name]
    assert read(mine) == expected


def test_the_neighbours_of_another_row_are_not_told(mine: Collection) -> None:
    with pytest.raises(IdNotFound):
        mine.search(id="b1")


Change = Callable[[Collection], Any]

HARMLESS: dict[str, tuple[Change, Any]] = {
    "delete by id": (lambda c: c.delete(["b1"]), 0),
    "delete by filter": (lambda c: c.delete(where={"n": 3}), 0),
    "delete both": (lambda c: c.delete(["b1"], where={"n": {"$gt": 0}}), 0),
    "update by filter": (lambda c: c.update(where={"n": 3}, metadata={"n": 9}), 0),
}
REFUSED: dict[str, tuple[Change, type[Exception]]] = {
    "add of another's": (lambda c: c.add(["x"], vectors=[[1, 0]], metadata=[{"tenant": "b"}]), NotAllowed),
    "add without": (lambda c: c.add(["x"], vectors=[[1, 0]]), NotAllowed),
    "add of an id that another has": (
        lambda c: c.add(["b1"], vectors=[[1, 0]], metadata=[{"tenant": "a"}]),
        DuplicateId,
    ),
    "add of a row of two": (lambda c: c.add(["x"], vectors=[[1, 0]], metadata=[{"tenant": ["a", "b"]}]), NotAllowed),
    "upsert of a row of two": (
        lambda c: c.upsert(["a1"], vectors=[[1, 0]], metadata=[{"tenant": ["b", "a"]}]),
        NotAllowed,
    ),
    "update to a row of two": (lambda c: c.update(["a1"], metadata={"tenant": ["a", "b"]}), NotAllowed),
    "update of all to rows of two": (
        lambda c: c.update(where={"n": {"$gt": 0}}, metadata={"tenant": ["b", "a"]}),
        NotAllowed,
    ),
    "upsert over another's": (
        lambda c: c.upsert(["a1", "b1"], vectors=[[1, 0], [1, 0]], metadata=[{"tenant": "a"}, {"tenant": "a"}]),
        NotAllowed,
    ),
    "upsert without": (lambda c: c.upsert(rows=[{"id": "a1", "vector": [0, 1]}]), NotAllowed),
    "update of another's": (lambda c: c.update(["b1"], metadata={"n": 9}), IdNotFound),
    "update away": (lambda c: c.update(["a1"], metadata={"tenant": "b"}), NotAllowed),
    "update that removes": (lambda c: c.update(["a1"], remove=["tenant"]), NotAllowed),
    "update that replaces": (lambda c: c.update(["a1"], metadata={"n": 2}, merge=False), NotAllowed),
    "update of all away": (lambda c: c.update(where={"n": {"$gt": 0}}, metadata={"tenant": "b"}), NotAllowed),
}


def contents(docs: Collection) -> list[tuple[Any, Any, Any]]:
    return [(row.id, row.text, row.metadata) for row in docs.get()]


@pytest.mark.parametrize("name", [*HARMLESS, *REFUSED])
def test_other_rows_are_not_written(whole: Collection, mine: Collection, name: str) -> None:
    before, change = contents(whole), whole.stats().change
    if name in HARMLESS:
        call, expected = HARMLESS[name]
        assert call(mine) == expected
    else:
        call, error = REFUSED[name]
        with pytest.raises(error):
            call(mine)
    assert contents(whole) == before
    assert whole.stats().change == change


LISTS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"t": {"$in": ["a", "c"]}}, {"t": ["a", "b"]}, False),
    ({"t": {"$in": ["a", "c"]}}, {"t": "c"}, True),
    ({"t": {"$in": ["a", "c"]}}, {"t": ["c", "a"]}, True),
    ({"t": "a"}, {"t": ["a"]}, True),
    ({"t": "a"}, {"t": ["a", None]}, False),
    ({"t": "a"}, {"t": ["a", ["a"]]}, False),
    ({"t": "a", "n": 1}, {"t": "a", "n": [1, 2]}, False),
    ({"$or": [{"t": "a"}, {"public": True}]}, {"t": ["a", "b"], "public": True}, False),
    ({"o.t": "a"}, {"o": {"t": ["a", "b"]}}, False),
    ({"$not": {"$not": {"t": "a"}}}, {"t": ["a", "b"]}, False),
    ({"t": {"$ne": "b"}}, {"t": ["a", "c"]}, True),
    ({"t": {"$nin": ["b"]}}, {"t": ["a", "b"]}, False),
    ({"readers": {"$contains": "a"}}, {"readers": ["a", "b"]}, True),  # matches an element of a list
    ({"t": "a"}, {"t": "a", "tags": ["a", "b"]}, True),
]


@pytest.mark.parametrize(("where", "metadata", "passes"), LISTS)
def test_a_list_passes_where_it_shares_the_row_with_nobody(
    where: dict[str, Any], metadata: dict[str, Any], passes: bool
) -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs", dimension=2)
        mine = docs.within(where)
        if passes:
            mine.add(["x"], vectors=[[1, 0]], metadata=[metadata])
        else:
            with pytest.raises(NotAllowed):
                mine.add(["x"], vectors=[[1, 0]], metadata=[metadata])
        assert mine.count() == docs.count() == passes


def test_own_rows_are_written(whole: Collection, mine: Collection) -> None:
    mine.add(["a3"], vectors=[[0.0, 1.0]], metadata=[{"tenant": "a"}])
    mine.upsert(["a1"], texts=["new"], vectors=[[0.0, 1.0]], metadata=[{"tenant": "a"}])
    assert mine.update(["a2"], metadata={"n": 7}, texts=["changed"]) == 1
    assert mine.delete(["a3", "b1"]) == 1
    assert contents(whole) == [
        ("b1", "apple three", {"tenant": "b", "n": 3}),
        ("a1", "new", {"tenant": "a"}),
        ("a2", "changed", {"tenant": "a", "n": 7}),
    ]


def test_a_filter_within_a_filter(whole: Collection) -> None:
    assert whole.within({"tenant": "a"}).within({"n": 2}).ids() == ["a2"]


def test_filters_within_filters_are_no_deeper_than_one() -> None:
    with vicinal.connect(":memory:") as db:
        mine = db.collection("docs")
        mine.add(rows=ROWS)
        for _ in range(3000):
            mine = mine.within({"tenant": "a"})
        assert mine.ids() == ["a1", "a2"]
        assert mine.update(["a1"], metadata={"n": 9}) == 1
        with pytest.raises(LimitExceeded):
            mine.within({"$and": [{"n": i} for i in range(8000)]})


def test_a_field_that_no_row_has_is_no_mistake_of_the_caller(world: World) -> None:
    """The filter belongs to the handle, and may be set before the first row exists."""
    docs = world.collection()
    docs.add(["x"], vectors=[[1.0, 0.0]], metadata=[{"tenants": 1}])
    mine = docs.within({"tenant": "a"})
    assert mine.search([1.0, 0.0]).ids == []
    mine.add(["a"], vectors=[[1.0, 0.0]], metadata=[{"tenant": "a"}])
    assert mine.search([1.0, 0.0]).ids == ["a"]


@pytest.mark.parametrize("bad", [None, 5, {"$no": 1}])
def test_what_is_no_filter_is_refused(docs: Collection, bad: Any) -> None:
    with pytest.raises(InvalidArgument):
        docs.within(bad)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), min_size=1, max_size=20),
    st.sampled_from("abc"),
    st.one_of(st.none(), st.integers(0, 3)),
    st.integers(1, 8),
)
@settings(max_examples=40, deadline=None)
def test_what_it_finds_is_what_is_left_of_all(rows: list[tuple[str, int]], tenant: str, n: int | None, k: int) -> None:
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs")
        vectors = np.random.default_rng(7).normal(size=(len(rows), 4))
        docs.add(list(range(len(rows))), vectors=vectors, metadata=[{"t": t, "n": m} for t, m in rows])
        where = None if n is None else {"n": n}
        wanted = {"t": tenant} if n is None else {"t": tenant, "n": n}
        narrow = docs.within({"t": tenant})
        assert narrow.search(vectors[0], k, where).ids == docs.search(vectors[0], k, wanted).ids
        assert narrow.count(where) == docs.count(wanted)
