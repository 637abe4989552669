"""Filters in every call that takes one, compared with the reference: plain Python over the stored rows."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from support.worlds import World
from vicinal import Collection
from vicinal.errors import InvalidArgument, InvalidInput, LimitExceeded
from vicinal.filters.evaluate import matches
from vicinal.filters.tree import Compare, Exists, Node, Not, OfType
from vicinal.filters.where import parse

DIM = 6


@pytest.fixture
def docs(world: World) -> Collection:
    docs = world.collection()
    rng = np.random.default_rng(0)
    metadata: list[dict[str, Any]] = [
        {"n": i, "tag": f"t{i % 7}", "list": [i % 3, "x"], "deep": {"key": i / 2}} for i in range(200)
    ]
    docs.add([f"id{i}" for i in range(200)], vectors=rng.normal(size=(200, DIM)), metadata=metadata)
    return docs


def ids(records: Any) -> list[Any]:
    return [record.id for record in records]


class TestCalls:
    def test_search_gives_exactly_k_of_those_that_match(self, docs: Collection) -> None:
        query = np.ones(DIM)
        everything = docs.search(query, k=1000)
        for where in ({"tag": "t3"}, {"n": {"$lt": 4}}, {"list": "x"}, {"deep.key": {"$gte": 90}}):
            wanted = [hit.id for hit in everything if matches(parse(where), hit.metadata, hit.id)]
            assert docs.search(query, k=1000, where=where).ids == wanted
            assert docs.search(query, k=3, where=where).ids == wanted[:3]
            assert docs.search_many([query, query], k=3, where=where)[1].ids == wanted[:3]

    def test_search_by_id_with_a_filter(self, docs: Collection) -> None:
        hits = docs.search(id="id3", k=1000, where={"tag": "t3"})
        assert len(hits) == docs.count({"tag": "t3"}) - 1
        assert "id3" not in hits.ids

    def test_get_keeps_the_order_asked_and_pages(self, docs: Collection) -> None:
        low = {"n": {"$lt": 10}}
        assert ids(docs.get(where=low)) == [f"id{i}" for i in range(10)]
        assert ids(docs.get(where=low, limit=3, offset=4)) == ["id4", "id5", "id6"]
        assert ids(docs.get(["id9", "id150", "id2"], where=low)) == ["id9", "id2"]

    def test_update_merges_into_all_that_match(self, docs: Collection) -> None:
        assert docs.update(where={"tag": "t1"}, metadata={"seen": True, "n": None}) == 29
        assert docs.count({"seen": True}) == 29
        assert docs.get(["id1"])[0].metadata == {
            "n": None, "tag": "t1", "list": [1, "x"], "deep": {"key": 0.5}, "seen": True
        }  # fmt: skip
        assert docs.update(["id8", "id9"], where={"tag": "t1"}, metadata={"two": 2}) == 1
        assert ids(docs.get(where={"two": 2})) == ["id8"]

    def test_update_sets_a_time_to_live(self, docs: Collection) -> None:
        assert docs.update(where={"n": {"$gte": 100}}, ttl=datetime(2001, 1, 1, tzinfo=UTC)) == 100
        assert docs.count() == docs.count({"n": {"$lt": 100}}) == 100

    def test_ids_are_told_without_rows(self, docs: Collection) -> None:
        assert docs.ids() == [f"id{i}" for i in range(200)]
        assert docs.ids({"tag": "t1", "n": {"$lt": 20}}) == ["id1", "id8", "id15"]
        assert docs.ids({"n": -1}) == []
        docs.update(["id8"], ttl=datetime(2001, 1, 1, tzinfo=UTC))
        docs.delete(["id1"])
        assert docs.ids({"tag": "t1", "n": {"$lt": 20}}) == ["id15"]
        docs.upsert(["id15"], texts=["anew"], vectors=[[1.0] * DIM], metadata=[{"tag": "t1", "n": 1}])
        assert docs.ids({"tag": "t1", "n": {"$lt": 30}}) == ["id22", "id29", "id15"]

    def test_delete_takes_what_matches(self, docs: Collection) -> None:
        assert docs.delete(["id0", "id1"], where={"n": 1}) == 1
        assert docs.delete(where={"tag": "t0"}) == 29
        assert docs.count({"tag": "t0"}) == 0
        assert docs.count() == 170

    def test_summaries(self, docs: Collection) -> None:
        assert docs.facets("list", {"n": {"$lt": 4}}) == [("x", 4), (0, 2), (1, 1), (2, 1)]
        assert docs.distinct("tag") == [f"t{i}" for i in range(7)]
        assert docs.min_max("n", {"tag": "t3"}) == (3, 199)
        assert docs.min_max("n", {"n": -1}) is None

    def test_scroll_is_in_the_order_of_ids_or_of_a_field(self, docs: Collection) -> None:
        assert ids(docs.scroll()) == sorted(f"id{i}" for i in range(200))
        assert ids(docs.scroll({"n": {"$lt": 8}}, "tag")) == ["id0", "id7", "id1", "id2", "id3", "id4", "id5", "id6"]
        backwards = ids(docs.scroll({"n": {"$lt": 8}}, "tag", descending=True))
        assert backwards == ["id6", "id5", "id4", "id3", "id2", "id1", "id7", "id0"]

    def test_scroll_orders_ids_of_every_kind_and_rows_without_the_field_last(self, world: World) -> None:
        docs = world.collection()
        uuids = [UUID(int=2), UUID(int=1)]
        docs.add(
            ["b", 10, uuids[0], "a", 9, uuids[1]], metadata=[{"v": 1}, None, {"v": 0}, {"v": None}, {"v": 0}, None]
        )
        assert ids(docs.scroll()) == [9, 10, "a", "b", uuids[1], uuids[0]]
        assert ids(docs.scroll(order_by="v")) == [9, uuids[0], "b", 10, "a", uuids[1]]

    def test_scroll_gives_every_row_that_stays_once_while_others_come_and_go(self, docs: Collection) -> None:
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                docs.upsert(["id5"], vectors=[[1.0] * DIM], metadata=[{"n": 5, "tag": "moved"}])
                docs.add(["extra"], vectors=[[1.0] * DIM])
                docs.delete(["extra"])

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(20):
                seen = [id_ for id_ in ids(docs.scroll(order_by="n")) if id_ != "extra"]
                assert seen == [f"id{i}" for i in range(200)]
        finally:
            stop.set()
            writer.join()

    @pytest.mark.needs("advice on filters")
    def test_a_search_takes_a_tree_too(self, docs: Collection) -> None:
        query = [1.0] * DIM
        tree = Compare(("n",), "lt", 3)
        assert docs.search(query, 200, where=tree) == docs.search(query, 200, where={"n": {"$lt": 3}})
        deep: Node = tree
        for _ in range(70):
            deep = Not(deep)
        absent = OfType(("absent",), frozenset({"null"}))
        assert not docs.search(query, where=absent)
        assert len(docs.search(query, 200, where=Not(absent))) == 200
        with pytest.warns(UserWarning, match="no row has a field 'absent'"):
            assert not docs.search(query, where=Exists(("absent",)))
        with pytest.raises(LimitExceeded, match="nested deeper"):
            docs.search(query, where=deep)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            pytest.param(
                lambda d: d.search([1.0] * DIM, where={"tga": "t1"}),
                "where: no row has a field 'tga'. Did you mean 'tag'?",
                marks=pytest.mark.needs("advice on filters"),
            ),
            (
                lambda d: d.count({"n": {"$gtt": 1}}),
                "where['n']['$gtt']: there is no operator $gtt. Did you mean '$gt'?",
            ),
            (lambda d: d.facets("tga"), "field: no row has a field 'tga'. Did you mean 'tag'?"),
            (lambda d: d.scroll(order_by="nn"), "order_by: no row has a field 'nn'. Did you mean 'n'?"),
            (
                lambda d: d.delete(where={}),
                "an empty where would delete every row. Say which rows, or drop the collection.",
            ),
        ],
    )
    def test_what_cannot_be_meant_is_an_error_that_names_it(self, docs: Collection, call: Any, message: str) -> None:
        with pytest.raises(InvalidArgument) as caught:
            call(docs)
        assert str(caught.value) == message
        assert docs.count() == 200

    @pytest.mark.needs("advice on filters")
    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ({"n": {"$gt": "3"}}, "n > '3', as 'n' holds numbers and this asks for texts. Write the operand without"),
            ({"tag": ["t1", "t2"]}, "'tag' holds texts and this asks for lists. A list equals only a list;"),
            ({"tag": {"$lt": date(2024, 1, 2)}}, "texts and this asks for dates. Write .* like '2024-01-02'"),
            ({"tag": 3}, "'tag' holds texts and this asks for numbers. Write the operand as a text, like '3'"),
            ({"n": {"$in": ["1", "2"]}}, "'n' holds numbers and this asks for texts"),
            ({"n": {"$startswith": "1"}}, "'n' holds numbers and this asks for texts"),
            ({"$or": [{"n": "1"}, {"n": -5}]}, "n == '1'"),
        ],
    )
    def test_a_type_that_the_field_does_not_have_is_a_warning(
        self, world: World, docs: Collection, where: Any, message: str
    ) -> None:
        with pytest.warns(UserWarning, match=message) as warned:
            assert docs.count(where) == 0
        assert warned[0].filename == __file__ or world.kind.startswith("aio")  # which an event loop calls for us
        assert docs.count({"$or": [where, {"n": 1}]}) == 1  # what keeps rows is not asked about

    @pytest.mark.needs("advice on filters")
    def test_a_nightly_job_may_find_nothing_left(self, docs: Collection) -> None:
        docs.add(["old"], metadata=[{"tags": "gone"}])  # near to the field 'tag'
        assert docs.delete(where={"tags": "gone"}) == 1
        with pytest.warns(UserWarning, match="where: no row has a field 'tags'"):
            assert docs.delete(where={"tags": "gone"}) == 0
        with pytest.warns(UserWarning, match="where: no row has a field 'expired_at'"):
            assert docs.delete(where={"expired_at": 1}) == 0

    def test_another_handle_sees_new_fields_at_once(self, world: World) -> None:
        docs, other = world.collection(), world.collection()
        docs.add(["a"], metadata=[{"color": "red"}])
        assert other.count({"color": "red"}) == 1
        docs.update(["a"], metadata={"color": "blue"})
        assert other.count({"color": "red"}) == 0


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.5, 1.0, -2.0, 2.0**60]),
    st.sampled_from(["", "a", "ab", "b", "1"]),
    st.sampled_from([date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 6, 1, 12)]),
    st.lists(st.one_of(st.integers(-2, 2), st.sampled_from(["a", "b"])), max_size=3),
)
fields = st.sampled_from(["x", "y", "z.k"])
ordered = st.one_of(st.integers(-3, 3), st.sampled_from(["a", "b"]), st.just(date(2024, 6, 1)))
operations = st.one_of(
    st.fixed_dictionaries({}, optional={"$gt": ordered, "$lte": ordered}).filter(bool),
    st.builds(lambda v: {"$eq": v}, values),
    st.builds(lambda v: {"$ne": v}, values),
    st.builds(lambda v: {"$in": v}, st.lists(values, max_size=3)),
    st.builds(lambda v: {"$nin": v}, st.lists(values, max_size=3)),
    st.builds(lambda v: {"$exists": v}, st.booleans()),
    st.builds(lambda v: {"$contains": v}, st.sampled_from(["a", "b", 1])),
    st.builds(lambda v: {"$startswith": v}, st.sampled_from(["", "a"])),
)
conditions = st.dictionaries(fields, operations, min_size=1, max_size=2)
filters = st.recursive(
    conditions,
    lambda inner: st.one_of(
        st.builds(lambda c: {"$and": c}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda c: {"$or": c}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda c: {"$not": c}, inner),
    ),
    max_leaves=5,
)
rows = st.lists(
    st.fixed_dictionaries({"z": st.just({"k": 0}), "x": values, "y": values}, optional={"z2": st.just(0)}),
    min_size=1,
    max_size=25,
)


@settings(max_examples=150, deadline=None)
@given(rows=rows, where=filters, dead=st.sets(st.integers(0, 24)), k=st.integers(1, 30), seed=st.integers(0, 5))
def test_p3_exactly_min_k_matches_whatever_the_filter(
    rows: list[dict[str, Any]], where: dict[str, Any], dead: set[int], k: int, seed: int
) -> None:
    block = np.random.default_rng(seed).normal(size=(len(rows), DIM)).astype(np.float32)
    docs = vicinal.connect(":memory:").collection("docs", dimension=DIM)
    docs.add(list(range(len(rows))), vectors=block, metadata=rows)
    docs.delete([i for i in dead if i < len(rows)])
    if docs.count() == 0:
        return
    tree = parse(where)
    query = np.ones(DIM, dtype=np.float32)
    kept = [h.id for h in docs.search(query, k=1000) if matches(tree, rows[int(str(h.id))], h.id)]
    assert docs.search(query, k=k, where=where).ids == kept[:k]
    assert docs.search_many([query], k=k, where=where)[0].ids == kept[:k]
    assert sorted(r.id for r in docs.get(where=where)) == sorted(kept)
    assert docs.count(where) == len(kept)


def test_ids_and_texts_of_rows_are_asked_for_too(world: World) -> None:
    docs = world.collection(dimension=DIM)
    named = UUID(int=7)
    texts = {"a-1": "The zlib library", "a-2": None, "b": "a socket", 3: "zlib, again", named: ""}
    docs.add(list(texts), texts=list(texts.values()), vectors=[[1.0] * DIM] * 5, metadata=[{"$text": "own"}] * 5)

    def found(where: Any) -> list[Any]:
        by_search = set(docs.search([1.0] * DIM, where=where).ids)
        by_get = ids(docs.get(where=where))
        assert docs.ids(where) == by_get
        assert set(by_get) == by_search
        assert len(by_get) == docs.count(where)
        return by_get

    assert found({"$id": "b"}) == ["b"]
    assert found({"$id": {"$in": [3, named]}}) == [3, named]
    assert found({"$id": {"$nin": [3, "b"]}}) == ["a-1", "a-2", named]
    assert found({"$id": {"$startswith": "a-"}}) == ["a-1", "a-2"]
    assert found({"$id": {"$regex": "^[ab](-1)?$"}}) == ["a-1", "b"]
    assert found({"$id": {"$contains": "-2"}}) == ["a-2"]
    assert found({"$id": {"$gt": 2}}) == [3]
    assert found({"$text": {"$contains": "zlib"}}) == ["a-1", 3]
    assert found({"$text": {"$regex": r"\bso\w+et\b"}}) == ["b"]
    assert found({"$text": {"$exists": False}}) == ["a-2"]
    assert found({"$text": {"$not": {"$contains": "zlib"}}}) == ["a-2", "b", named]
    assert found({"$or": [{"$text": ""}, {"$id": "b", "$text": {"$startswith": "a "}}]}) == ["b", named]
    assert len(found({"\\$text": "own"})) == 5
    assert docs.delete(where={"$text": {"$contains": "zlib"}}) == 2
    assert docs.update(where={"$id": "b"}, metadata={"n": 1}) == 1
    assert ids(docs.scroll({"$id": {"$startswith": "a"}})) == ["a-2"]
    for wrong in ({"$text": {"$regex": "("}}, {"$id": {"$in": [1.5]}}, {"$text": {"$gtt": 1}}, {"$id": {"$regex": 3}}):
        with pytest.raises(InvalidArgument if "$id" not in wrong else InvalidInput):
            docs.count(wrong)


def test_ids_of_many_rows_and_of_few_among_many(world: World) -> None:
    docs = world.collection(dimension=DIM)
    names = [f"{i * 7919 % 3000:04d}" for i in range(3000)]  # their order is another than that of insertion
    docs.add(names, vectors=np.ones((3000, DIM), np.float32), metadata=[{"n": i} for i in range(3000)])
    docs.delete(names[5:9])
    kept = names[:5] + names[9:]
    assert docs.ids() == kept
    assert docs.ids({"n": {"$gte": 1000}}) == names[1000:]
    assert docs.ids({"n": {"$gte": 1000, "$lt": 1600}}) == names[1000:1600]
    assert docs.ids({"n": {"$lt": 30}}) == kept[:26]
