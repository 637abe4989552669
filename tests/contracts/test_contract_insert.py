"""`add` and `upsert`: everything that is stored, in every form, is returned unchanged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pandas as pd
import pytest

from support.worlds import World
from vicinal import Collection
from vicinal.errors import DuplicateId, InvalidArgument, InvalidId, VicinalError


def test_parallel_lists(docs: Collection) -> None:
    ids = docs.add(["a", "b"], texts=["first", None], vectors=[[1, 0], [0, 1]], metadata=[{"n": 1}, None])
    assert ids == ["a", "b"]
    first, second = docs.get(["a", "b"], vectors=True)
    assert (first.text, first.metadata, second.text, second.metadata) == ("first", {"n": 1}, None, {})
    assert first.vector is not None
    assert first.vector.dtype == np.float32
    assert first.vector.tolist() == [1.0, 0.0]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "uint8", ">f4", ">f8"])
def test_arrays_of_every_real_dtype(docs: Collection, dtype: str) -> None:
    given = np.array([[1, 2, 3], [4, 5, 6]], dtype=dtype)
    docs.add(np.array(["a", "b"]), vectors=given)
    vectors = [row.vector for row in docs.get(vectors=True)]
    assert np.array_equal(np.array(vectors), given.astype(np.float32))


def test_a_strided_array_is_stored_as_it_reads(docs: Collection) -> None:
    wide = np.arange(24, dtype=np.float32).reshape(4, 6)
    given = wide[::2, ::3]
    docs.add(["a", "b"], vectors=given)
    assert np.array_equal(np.array([row.vector for row in docs.get(vectors=True)]), given)


def test_the_caller_may_reuse_an_array_after_the_call(docs: Collection) -> None:
    given = np.array([[1.0, 0.0]], dtype=np.float32)
    docs.add(["a"], vectors=given)
    given[:] = [[0.0, 1.0]]
    docs.add(["b"], vectors=given)
    assert [row.vector.tolist() for row in docs.get(vectors=True) if row.vector is not None] == [[1, 0], [0, 1]]


def test_what_get_returned_is_the_callers_own(docs: Collection) -> None:
    docs.add(["a"], vectors=[[1.0, 2.0]], metadata=[{"list": [1]}])
    [record] = docs.get(["a"], vectors=True)
    record.metadata["list"].append(2)
    hits = docs.search([1.0, 2.0])
    hits[0].metadata["list"].append(3)
    [again] = docs.get(["a"], vectors=True)
    assert again.metadata == {"list": [1]}


def test_scalars_are_one_row(docs: Collection) -> None:
    assert docs.add("a", texts="text", vectors=[1.0, 2.0], metadata={"n": 1}) == ["a"]
    assert docs.add(7, vectors=np.array([3.0, 4.0])) == [7]
    [unnamed] = docs.add(texts="alone")
    assert [row.id for row in docs.get()] == ["a", 7, unnamed]


def test_rows_as_dicts(docs: Collection) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "a", "text": "first", "vector": [1.0, 0.0], "metadata": {"n": 1}},
        {"id": "b", "vector": np.array([0.0, 1.0])},
        {"id": "c", "text": "third"},
    ]
    assert docs.add(rows=rows) == ["a", "b", "c"]
    records = docs.get(vectors=True)
    assert [row.text for row in records] == ["first", None, "third"]
    assert [None if row.vector is None else row.vector.tolist() for row in records] == [[1, 0], [0, 1], None]


def test_a_data_frame(docs: Collection) -> None:
    frame = pd.DataFrame(
        {"id": ["a", "b"], "text": ["x", None], "vector": [[1.0, 0.0], [0.0, 1.0]], "year": [2024, 2025]}
    )
    assert docs.add(rows=frame) == ["a", "b"]
    records = docs.get()
    assert [row.text for row in records] == ["x", None]
    assert [row.metadata for row in records] == [{"year": 2024}, {"year": 2025}]


def test_what_a_data_frame_lacks_is_left_out(docs: Collection) -> None:
    """pandas represents missing values as NaN, NaT, NA or None, in any column."""
    frame = pd.DataFrame(
        {
            "id": ["a", "b"],
            "text": ["x", float("nan")],
            "vector": [[1.0, 0.0], float("nan")],
            "ttl": [60.0, float("nan")],
            "year": [2024, pd.NA],
            "day": [pd.Timestamp("2024-05-01"), pd.NaT],
        }
    )
    docs.add(rows=frame)
    first, second = docs.get(vectors=True)
    assert first.expires_at is not None
    assert set(first.metadata) == {"year", "day"}
    assert (second.text, second.vector, second.expires_at, second.metadata) == (None, None, None, {})


def test_a_data_frame_with_missing_metadata(docs: Collection) -> None:
    docs.add(rows=pd.DataFrame({"id": ["a", "b"], "text": "x", "metadata": [{"n": 1}, float("nan")]}))
    assert [row.metadata for row in docs.get()] == [{"n": 1}, {}]


def test_a_data_frame_with_one_name_twice_is_refused(docs: Collection) -> None:
    frame = pd.DataFrame([["a", "x", "y"]], columns=["id", "text", "text"])
    with pytest.raises(InvalidArgument, match="two columns 'text'"):
        docs.add(rows=frame)


def test_series_are_lists(docs: Collection) -> None:
    frame = pd.DataFrame({"key": [3, 1], "body": ["x", "y"]})
    assert docs.add(frame["key"], texts=frame["body"]) == [3, 1]


@pytest.mark.needs("commit numbers")
def test_a_generator_commits_every_8192_rows(world: World) -> None:
    docs = world.collection()
    seen: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for i in range(2 * 8192 + 5):
            if i % 8192 == 0:
                seen.append(docs.count())
            yield {"id": i, "vector": [1.0, i]}

    ids = docs.add(rows=rows())
    assert seen == [0, 8192, 16384]
    assert ids == list(range(16389))
    assert docs.stats().change == 3
    assert docs.count() == 16389


def test_a_generator_that_fails_leaves_whole_commits(docs: Collection) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        yield from ({"id": i, "text": "x"} for i in range(8192 + 10))
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        docs.add(rows=rows())
    assert docs.count() == 8192


def test_a_bad_row_in_a_generator_is_named_by_its_number_in_the_stream(docs: Collection) -> None:
    rows = itertools.chain(({"id": i, "vector": [1.0]} for i in range(9000)), [{"id": "bad", "vector": [1.0, 2.0]}])
    with pytest.raises(VicinalError) as caught:
        docs.add(rows=rows)
    assert caught.value.place == "row 9000 (id 'bad')"
    assert docs.count() == 8192


def test_columns_that_are_generators(docs: Collection) -> None:
    assert docs.add(iter(["a", "b"]), texts=(text for text in ["x", "y"])) == ["a", "b"]
    assert [row.text for row in docs.get()] == ["x", "y"]


def test_generator_columns_of_different_lengths_are_refused(docs: Collection) -> None:
    for ids, texts in ((["a"], ["x", "y"]), (["a", "b"], ["x"])):
        with pytest.raises(InvalidArgument, match="the columns end at different rows"):
            docs.add(iter(ids), texts=iter(texts))
    assert docs.count() == 0


def test_an_error_of_the_callers_generator_comes_through(docs: Collection) -> None:
    def broken() -> Iterator[str]:
        yield "a"
        raise ValueError("line 2 of the file is not JSON")

    with pytest.raises(ValueError, match="line 2 of the file is not JSON"):
        docs.add(broken(), texts=iter(["x", "y"]))
    assert docs.count() == 0


@pytest.mark.parametrize("texts", ["xyz", b"xyz", {"x": 1, "y": 2, "z": 3}, 5])
def test_beside_a_generator_a_scalar_is_no_column(docs: Collection, texts: object) -> None:
    with pytest.raises(InvalidArgument, match="texts must be a list"):
        docs.add(iter(["a", "b", "c"]), texts=texts)
    assert docs.count() == 0


def test_nothing_is_nothing(docs: Collection) -> None:
    assert docs.add([]) == []
    assert docs.add(rows=[]) == []
    assert docs.add(rows=iter([])) == []
    assert docs.upsert([], texts=[], vectors=[], metadata=[]) == []
    assert docs.add(vectors=np.empty((0, 5))) == []
    assert docs.stats().change == 0
    assert docs.stats().dimension is None


# -- ids


ODD_IDS: list[Any] = [
    1,
    "1",
    0,
    -1,
    2**63 - 1,
    -(2**63),
    "a\x00b",
    "\x00",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 🦜",
    " ",
    "'; DROP TABLE rows; --",
    "é",
    "e\u0301",
    UUID(int=0),
    UUID(int=2**128 - 1),
    str(UUID(int=0)),
    "x" * 4096,
]


def test_ids_come_back_as_given(world: World) -> None:
    docs = world.collection()
    docs.add(ODD_IDS, texts=[repr(id_) for id_ in ODD_IDS])
    found = world.again().get(ODD_IDS)
    assert [row.id for row in found] == ODD_IDS
    assert [type(row.id) for row in found] == [type(id_) for id_ in ODD_IDS]
    assert [row.text for row in found] == [repr(id_) for id_ in ODD_IDS]


def test_integer_1_and_text_1_are_two_ids(docs: Collection) -> None:
    docs.add([1, "1"], texts=["integer", "text"])
    assert [row.text for row in docs.get(["1", 1])] == ["text", "integer"]
    assert docs.delete("1") == 1
    assert [row.id for row in docs.get()] == [1]


def test_numpy_integers_are_integers(docs: Collection) -> None:
    docs.add([np.int32(5), np.uint8(6)], texts=["x", "y"])
    docs.add(np.int64(7), texts="z")
    assert [(row.id, type(row.id)) for row in docs.get()] == [(5, int), (6, int), (7, int)]
    assert [row.id for row in docs.get(np.array([7, 5]))] == [7, 5]


@pytest.mark.parametrize(
    "bad",
    [
        True,
        False,
        1.0,
        float("nan"),
        None,
        b"bytes",
        "",
        2**63,
        -(2**63) - 1,
        "\ud800",
        ("a",),
        np.bool_(True),
        np.float64(1),
    ],
)
def test_what_is_no_id_is_refused_everywhere(docs: Collection, bad: Any) -> None:
    docs.add(["there"], texts=["x"])
    calls = [
        lambda: docs.add(["good", bad], texts=["x", "y"]),
        lambda: docs.upsert(["good", bad], texts=["x", "y"]),
        lambda: docs.update(["there", bad], texts=["x", "y"]),
        lambda: docs.get(["there", bad]),
        lambda: docs.delete(["there", bad]),
    ]
    for call in calls:
        with pytest.raises(InvalidId) as caught:
            call()
        assert caught.value.remedy
        assert "1" in caught.value.place  # the second one is bad
    if bad is not None:
        with pytest.raises(InvalidId):
            docs.search(id=bad)
    assert [row.text for row in docs.get()] == ["x"]


@pytest.mark.parametrize("ids", [5.0, np.array(5), object(), {"a": 1}, b"a"])
def test_what_is_no_list_of_ids_is_refused_everywhere(docs: Collection, ids: Any) -> None:
    for call in (
        lambda: docs.add(ids, texts=["x"]),
        lambda: docs.upsert(ids, texts=["x"]),
        lambda: docs.update(ids, metadata={"n": 1}),
        lambda: docs.update(ids, texts=["x"]),
        lambda: docs.get(ids),
        lambda: docs.delete(ids),
    ):
        with pytest.raises(InvalidArgument, match="ids must be a list"):
            call()
    assert docs.count() == 0


@pytest.mark.parametrize("other", [True, False, "", 1.0, None, 2**63, b"a", "\ud800"])
def test_what_is_no_id_is_not_in_the_collection(docs: Collection, other: object) -> None:
    docs.add([1, "a"], texts=["x", "y"])
    assert other not in docs
    assert 1 in docs
    assert "a" in docs
    assert "1" not in docs


def test_uuids_are_made_where_none_are_given(docs: Collection) -> None:
    ids = docs.add(texts=["x"] * 50)
    assert all(isinstance(id_, str) and str(UUID(id_)) == id_ for id_ in ids)
    assert len(set(ids)) == 50
    assert [row.id for row in docs.get()] == ids


def test_integers_are_never_made_twice(world: World) -> None:
    docs = world.collection(auto_ids="integer")
    assert docs.add(texts=["x", "y"]) == [1, 2]
    docs.delete([2])
    assert docs.add(texts=["x"]) == [3]
    docs = world.again(auto_ids="integer")
    assert docs.add(texts=["x"]) == [4]
    docs.add([10, "11", -5], texts=["x", "y", "z"])
    assert docs.upsert(texts=["x"]) == [11]
    docs.delete([11])
    docs.upsert([20], texts=["x"])
    assert world.again().add(texts=["x"]) == [21]


def test_a_refused_call_uses_up_no_integer_that_is_then_given_twice(world: World) -> None:
    docs = world.collection(auto_ids="integer", dimension=1)
    with pytest.raises(VicinalError):
        docs.add(vectors=[[1.0], [1.0, 2.0]])
    ids = [*docs.add(vectors=[[1.0]]), *docs.add(vectors=[[2.0]])]
    assert len(set(ids)) == 2


def test_the_last_integer_can_be_given_and_then_none_can_be_made(world: World) -> None:
    docs = world.collection(auto_ids="integer")
    assert docs.add([2**63 - 1], texts=["last"]) == [2**63 - 1]
    assert [row.text for row in world.again().get([2**63 - 1])] == ["last"]
    docs = world.again()
    before = docs.stats().change
    with pytest.raises(VicinalError, match="integer ids are used up"):
        docs.add(texts=["one more"])
    assert (docs.count(), docs.stats().change) == (1, before)
    assert docs.add(["named"], texts=["still works"]) == ["named"]


# -- replacing


def test_add_refuses_an_id_that_exists(docs: Collection) -> None:
    docs.add(["a"], texts=["old"])
    with pytest.raises(DuplicateId):
        docs.add(["b", "a"], texts=["new", "new"])
    assert [(row.id, row.text) for row in docs.get()] == [("a", "old")]


def test_upsert_replaces_the_whole_row(docs: Collection) -> None:
    docs.add(["a"], texts=["old"], vectors=[[1.0, 0.0]], metadata=[{"old": 1}], ttl=1e6)
    assert docs.upsert(["a"], vectors=[[0.0, 1.0]]) == ["a"]
    [row] = docs.get(vectors=True)
    assert (row.text, row.metadata, row.expires_at) == (None, {}, None)
    assert row.vector is not None
    assert row.vector.tolist() == [0.0, 1.0]
    assert docs.search([1.0, 0.0], k=10).scores == [0.0]


def test_of_equal_ids_in_an_upsert_the_last_wins(docs: Collection) -> None:
    ids = ["a", "b", "a", 1, "a", 1]
    assert docs.upsert(ids, texts=list("012345"), vectors=np.eye(6)) == ids
    assert {row.id: row.text for row in docs.get()} == {"a": "4", "b": "1", 1: "5"}
    assert docs.count() == 3
    assert set(docs.search(np.ones(6), k=99).ids) == {"a", "b", 1}


def test_an_upserted_row_is_the_newest_in_insertion_order(docs: Collection) -> None:
    docs.add(["a", "b"], vectors=[[1.0], [1.0]])
    docs.upsert(["a"], vectors=[[1.0]])
    assert [row.id for row in docs.get()] == ["b", "a"]
    assert docs.search([1.0]).ids == ["b", "a"]


def test_a_uuid_and_its_text_are_two_ids(docs: Collection) -> None:
    key = uuid4()
    docs.add([key, str(key)], texts=["uuid", "text"])
    assert [row.text for row in docs.get([key])] == ["uuid"]


def test_the_named_index_of_a_data_frame_is_a_column(docs: Collection) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "text": ["x", "y"], "n": [1, 2]})
    docs.add(rows=frame.set_index("id"))
    docs.upsert(rows=frame.set_index(["id", "n"]))
    assert [(row.id, row.text, row.metadata) for row in docs.get()] == [("a", "x", {"n": 1}), ("b", "y", {"n": 2})]
    with pytest.raises(InvalidArgument, match="two columns 'n'"):
        docs.upsert(rows=frame.assign(n=[3, 4]).rename_axis(index="n"))
    with pytest.raises(InvalidArgument, match="no column 'text' or 'vector'"):
        docs.add(rows=frame[["id", "n"]])
    assert docs.update(rows=frame[["id", "n"]].assign(n=[8, 9])) == 2  # a change need not have all that rows have
    assert docs.distinct("n") == [8, 9]
