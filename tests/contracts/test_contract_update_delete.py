"""`update` merges and replaces; `delete` ignores unknown ids."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from support.worlds import World
from vicinal import Collection
from vicinal.errors import DuplicateId, IdNotFound, InvalidArgument, VicinalError


@pytest.fixture
def three(docs: Collection) -> Collection:
    docs.add(
        ["a", "b", "c"],
        texts=["one", "two", None],
        vectors=[[1.0, 0.0], [0.0, 1.0], None],
        metadata=[{"n": 1, "keep": {"deep": 1}}, {"n": 2}, None],
    )
    return docs


def test_top_level_keys_merge(three: Collection) -> None:
    assert three.update(["a", "c"], metadata=[{"n": None, "new": [1], "keep": {"other": 2}}, {"n": 3}]) == 2
    by_id = {row.id: row.metadata for row in three.get()}
    assert by_id == {"a": {"n": None, "new": [1], "keep": {"other": 2}}, "b": {"n": 2}, "c": {"n": 3}}


def test_a_row_that_is_named_changes_only_if_it_passes(three: Collection) -> None:
    """Texts and vectors too: a row is changed only if it is still as it was read."""
    revised = {"revision": 1}
    ids = [row.id for row in three.get()][:2]
    three.update(ids[:1], metadata=[revised])
    before = {row.id: row for row in three.get(vectors=True)}
    changed = three.update(
        [*ids, "nowhere"], where=revised, texts=["new", "lost", "lost"], metadata=[{"revision": 2}] * 3
    )
    assert changed == 1
    after = {row.id: row for row in three.get(vectors=True)}
    assert (after[ids[0]].text, after[ids[0]].metadata["revision"]) == ("new", 2)
    assert {id_: row.text for id_, row in after.items() if id_ != ids[0]} == {
        id_: row.text for id_, row in before.items() if id_ != ids[0]
    }
    assert three.update(ids[:1], where=revised, texts=["lost"]) == 0
    assert three.update(ids[:1], where={"never": None}, texts=["newer"]) == 1
    assert [row.text for row in three.get(ids[:1])] == ["newer"]


def test_new_metadata_takes_the_place_of_the_old_where_asked(three: Collection) -> None:
    assert three.update(["a", "c"], metadata=[{}, {"n": 3}], merge=False) == 2
    assert three.update(["b"], vectors=[[0.5, 0.5]], metadata=[{"new": 1}], merge=False) == 1
    assert three.update(["b"], texts=["stays"], merge=False) == 1
    assert {row.id: row.metadata for row in three.get()} == {"a": {}, "b": {"new": 1}, "c": {"n": 3}}
    assert three.update(where={"n": 3}, metadata={"m": 1}, merge=False) == 1
    assert three.update(where={"m": 1}, ttl=1000, merge=False) == 1
    assert three.get("c")[0].metadata == {"m": 1}
    with pytest.raises(InvalidArgument, match="merge must be True or False"):
        three.update(["a"], metadata={"n": 1}, merge="no")  # type: ignore[arg-type]


def test_one_dict_of_metadata_serves_all(three: Collection) -> None:
    assert three.update(["a", "b"], metadata={"seen": True}) == 2
    assert [row.metadata.get("seen") for row in three.get()] == [True, True, None]


@pytest.mark.parametrize("id_", ["x", 5, uuid4(), np.int64(7)], ids=["str", "int", "uuid", "numpy"])
def test_a_scalar_id_of_every_type(docs: Collection, id_: Any) -> None:
    docs.add([id_], texts=["old"], vectors=[[1.0]])
    assert docs.update(id_, metadata={"n": 1}) == 1
    assert docs.update(id_, texts="new", vectors=[2.0]) == 1
    assert [(row.text, row.metadata) for row in docs.get(id_)] == [("new", {"n": 1})]
    assert docs.delete(id_) == 1


def test_new_metadata_keeps_the_place_in_the_order(three: Collection) -> None:
    slots = three.stats().dead_slots
    three.update(["a"], metadata=[{"n": 9}])
    assert [row.id for row in three.get()] == ["a", "b", "c"]
    assert three.stats().dead_slots == slots


def test_what_is_not_given_stays(three: Collection) -> None:
    three.update(["a"], texts=["uno"])
    three.update(["b"], vectors=[[0.5, 0.5]])
    three.update(["c"], vectors=[[1.0, 1.0]])
    by_id = {row.id: row for row in three.get(vectors=True)}
    assert by_id["a"].text == "uno"
    assert by_id["a"].metadata == {"n": 1, "keep": {"deep": 1}}
    assert [row.vector.tolist() for row in by_id.values() if row.vector is not None] == [[1, 0], [0.5, 0.5], [1, 1]]
    assert by_id["b"].text == "two"
    assert three.search([1.0, 1.0], k=9).ids == ["b", "c", "a"]


def test_none_in_a_list_leaves_that_row_alone(three: Collection) -> None:
    assert three.update(["a", "b"], texts=["uno", None], vectors=[None, [1.0, 1.0]], metadata=[None, {"n": 0}]) == 2
    by_id = {row.id: row for row in three.get(vectors=True)}
    assert (by_id["a"].text, by_id["b"].text) == ("uno", "two")
    assert (by_id["a"].metadata["n"], by_id["b"].metadata["n"]) == (1, 0)
    assert by_id["b"].vector is not None
    assert by_id["b"].vector.tolist() == [1.0, 1.0]


def test_an_unknown_id_changes_nothing(three: Collection) -> None:
    before = three.get(vectors=False), three.stats().change
    with pytest.raises(IdNotFound) as caught:
        three.update(["a", "nowhere", "neither"], metadata=[{"n": 5}] * 3)
    assert isinstance(caught.value, KeyError)
    assert caught.value.value == ["nowhere", "neither"]
    assert (three.get(vectors=False), three.stats().change) == before


def test_one_id_twice_in_an_update_is_refused(three: Collection) -> None:
    with pytest.raises(DuplicateId):
        three.update(["a", "b", "a"], metadata=[{"n": 5}, {"n": 6}, {"n": 7}])
    assert [row.metadata.get("n") for row in three.get()] == [1, 2, None]


def test_update_needs_ids_and_something_to_change(three: Collection) -> None:
    for call in (lambda: three.update(metadata=[{"n": 1}]), lambda: three.update(["a"])):
        with pytest.raises(InvalidArgument):
            call()
    assert three.update([], texts=[]) == 0


def test_update_of_many(world: World) -> None:
    docs = world.collection()
    count = 1200  # more than one chunk of SQL variables
    docs.add(list(range(count)), vectors=np.arange(1, count + 1)[:, None], metadata=[{"n": i} for i in range(count)])
    assert docs.update(list(range(count)), vectors=np.ones((count, 1)), metadata={"all": 1}) == count
    docs = world.again()
    assert all(row.metadata == {"n": row.id, "all": 1} for row in docs.get())
    assert docs.search([1.0], k=count).ids == list(range(count))
    assert docs.count() == count


def test_delete_counts_what_was_there(three: Collection) -> None:
    assert three.delete(["a", "nowhere", "a", 5]) == 1
    assert three.delete(["a"]) == 0
    assert three.delete("b") == 1
    assert [row.id for row in three.get()] == ["c"]


def test_a_delete_that_finds_nothing_is_no_commit(three: Collection) -> None:
    before = three.stats().change
    assert three.delete(["nowhere"]) == 0
    assert three.delete([]) == 0
    assert three.stats().change == before


def test_delete_without_ids_is_refused(three: Collection) -> None:
    with pytest.raises(InvalidArgument, match="delete needs ids= or where="):
        three.delete()
    assert three.count() == 3


def test_deleted_rows_are_gone_for_every_call(world: World) -> None:
    docs = world.collection()
    docs.add([1, 2, 3], vectors=[[1.0], [2.0], [3.0]])
    docs.delete([2])
    for find in (lambda: docs, world.again):
        handle = find()
        assert [row.id for row in handle.get()] == [1, 3]
        assert handle.get([2]) == []
        assert handle.search([1.0], k=9).ids == [1, 3]
        assert handle.count() == 2
        assert 2 not in handle
        with pytest.raises(IdNotFound):
            handle.search(id=2)
    docs = world.again()
    docs.add([2], vectors=[[9.0]])
    assert docs.search([1.0], k=9).ids == [1, 3, 2]


def test_keys_and_expiries_are_taken_away(world: World) -> None:
    docs = world.collection()
    docs.add(["a", "b", "c"], metadata=[{"k": 1, "m": 2}, {"k": 1}, {"m": 3}], ttl=1000)
    assert docs.update(["a", "b"], remove=["k", "absent"]) == 2
    assert [row.metadata for row in docs.get()] == [{"m": 2}, {}, {"m": 3}]
    assert docs.update(["a"], metadata={"n": 1}, remove="m", ttl=math.inf) == 1
    assert docs.update(where={"m": 3}, remove=["m"], ttl=math.inf) == 1
    assert [(row.metadata, row.expires_at is None) for row in docs.get()] == [({"n": 1}, True), ({}, False), ({}, True)]
    assert docs.add(["d"], metadata=[{"x": 1}], ttl=math.inf) == ["d"]
    assert docs.get(["d"])[0].expires_at is None
    assert docs.count({"x": 1}) == 1
    for wrong in (3, [3], None):
        with pytest.raises(InvalidArgument, match=r"Write remove=\['key'\]"):
            docs.update(["a"], remove=wrong)  # type: ignore[arg-type]


def test_update_takes_rows(world: World) -> None:
    docs = world.collection(encoder="hashing:16")
    docs.add(["a", "b", "c"], texts=["x", "y", "z"], metadata=[{"n": 1}, {"n": 2}, {"n": 3}])
    assert docs.update(rows=[{"id": "a", "text": "new"}, {"id": "b", "metadata": {"q": 1}}]) == 2
    assert [(row.text, row.metadata) for row in docs.get(["a", "b"])] == [("new", {"n": 1}), ("y", {"n": 2, "q": 1})]
    assert docs.update(rows=({"id": id_, "metadata": {"g": 1}} for id_ in "abc")) == 3
    assert docs.count({"g": 1}) == 3
    assert docs.search("new", k=1).ids == ["a"]
    before = docs.get()
    for rows, message in (
        ([{"text": "x"}], "Give each row its 'id'"),
        ([{"id": "a", "text": "x"}, {"id": "zz"}], "no row has the id 'zz'"),
        ([{"id": "a"}, {"id": "a"}], "is given twice"),
        ([{"id": "a", "txt": "x"}], "Did you mean 'text'"),
    ):
        with pytest.raises(VicinalError, match=message):
            docs.update(rows=rows)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="exclude each other"):
        docs.update(where={"n": 1}, rows=[])
    assert docs.get() == before


def test_progress_of_adding(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    shown.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", shown)
    docs = world.collection(encoder="hashing:16")
    rows = [{"id": number, "text": f"text {number}"} for number in range(300)]
    assert docs.add(rows=rows, progress=True) == list(range(300))
    assert "Storing rows" in shown.getvalue()
    docs.upsert(rows=iter(rows), progress=True)
    docs.upsert(vectors=[[1.0] * 16], progress=True)
    assert len(docs) == 301
    length = len(shown.getvalue())
    docs.upsert(rows=rows)
    assert len(shown.getvalue()) == length

    def stopped() -> Iterator[dict[str, object]]:
        yield from ({"id": f"s{number}", "vector": [1.0] * 16} for number in range(9_000))
        raise stop

    # In an event loop, Ctrl-C ends the loop, not a call.
    stop = RuntimeError if world.kind.startswith("aio") else KeyboardInterrupt
    with pytest.raises(stop):
        docs.add(rows=stopped(), progress=True)  # type: ignore[arg-type]
    assert len(docs) == 301 + 8_192
