"""`get`, `peek`, `count`, `in`, `len`: rows in the order requested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from support.worlds import World
from vicinal import Collection
from vicinal.errors import InvalidArgument


@pytest.fixture
def ten(docs: Collection) -> Collection:
    docs.add(list(range(10)), vectors=np.eye(10), texts=[f"text {i}" for i in range(10)])
    return docs


def ids(records: list[Any]) -> list[Any]:
    return [record.id for record in records]


def test_get_keeps_the_order_asked_and_passes_over_the_unknown(ten: Collection) -> None:
    assert ids(ten.get([7, "7", 3, 99, 0])) == [7, 3, 0]
    assert ids(ten.get([3, 3, 1, 3])) == [3, 3, 1, 3]
    assert ids(ten.get(5)) == [5]
    assert ten.get([]) == []


def test_get_with_a_filter_keeps_the_order_asked_too(ten: Collection) -> None:
    ten.update(list(range(10)), metadata=[{"n": i} for i in range(10)])
    assert ids(ten.get([3, 1, 3, 8, 99, 3], where={"n": {"$lt": 8}})) == [3, 1, 3, 3]
    assert ids(ten.get([3, 1, 3, 8], where={"n": {"$lt": 8}}, limit=2, offset=1)) == [1, 3]


def test_an_empty_collection_is_a_collection(docs: Collection) -> None:
    """`if docs:` tests whether it exists; `len(docs)` counts."""
    assert docs
    assert not len(docs)


def test_get_without_ids_is_everything_in_insertion_order(ten: Collection) -> None:
    ten.delete([0, 4])
    ten.upsert([2], vectors=np.eye(10)[:1])
    assert ids(ten.get()) == [1, 3, 5, 6, 7, 8, 9, 2]


@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [
        (0, 0, []),
        (3, 0, [0, 1, 2]),
        (3, 8, [8, 9]),
        (None, 7, [7, 8, 9]),
        (5, 10, []),
        (5, 99, []),
        (2**70, 9, [9]),
        (2, 2**70, []),
        (2**63 - 1, 2**63 - 1, []),
        (np.int64(2), np.int64(3), [3, 4]),
    ],
)
def test_limit_and_offset(ten: Collection, limit: Any, offset: Any, expected: list[int]) -> None:
    assert ids(ten.get(limit=limit, offset=offset)) == expected
    assert ids(ten.get(list(range(10)), limit=limit, offset=offset)) == expected


@pytest.mark.parametrize("bad", [-1, 1.0, "3", True, float("nan")])
def test_bad_limits_and_offsets_are_refused(ten: Collection, bad: Any) -> None:
    for name in ("limit", "offset"):
        with pytest.raises(InvalidArgument, match=f"{name} must be a whole number of at least 0"):
            ten.get(**{name: bad})
    with pytest.raises(InvalidArgument, match="n must be a whole number of at least 0"):
        ten.peek(bad)
    with pytest.raises(InvalidArgument):
        ten.get(offset=None)  # type: ignore[arg-type]


def test_peek(ten: Collection) -> None:
    assert ids(ten.peek()) == list(range(10))
    assert ids(ten.peek(3)) == [0, 1, 2]
    assert ten.peek(0) == []


def test_vectors_come_only_when_asked(ten: Collection) -> None:
    assert ten.get([3])[0].vector is None
    vector = ten.get([3], vectors=True)[0].vector
    assert vector is not None
    assert vector.tolist() == np.eye(10)[3].tolist()


def test_a_returned_vector_outlives_the_collection(world: World) -> None:
    docs = world.collection()
    docs.add(["a"], vectors=[[1.0, 2.0]])
    [record] = docs.get(["a"], vectors=True)
    docs.add(list(range(1000)), vectors=np.ones((1000, 2)))
    world.close()
    assert record.vector is not None
    assert record.vector.tolist() == [1.0, 2.0]


def test_count_and_len_and_in(ten: Collection) -> None:
    assert ten.count() == len(ten) == 10
    assert 3 in ten
    assert "3" not in ten


def test_rows_without_vectors_are_counted_but_not_found(docs: Collection) -> None:
    docs.add(["text"], texts=["x"])
    docs.add(["both"], texts=["y"], vectors=[[1.0]])
    docs.add([5])
    assert docs.count() == 3
    assert ids(docs.get()) == ["text", "both", 5]
    assert docs.search([1.0], k=9).ids == ["both"]


def test_many_ids_at_once(world: World) -> None:
    docs = world.collection()
    many = [f"id {i}" for i in range(3000)]
    docs.add(many, texts=many)
    wanted = many[::-1]
    assert ids(world.again().get(wanted)) == wanted
