"""Repeated filters: the same tree, the rows that matched it, and when these are computed again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.errors import InvalidInput
from vicinal.filters import cache
from vicinal.filters.cache import BitmapCache, TreeCache
from vicinal.filters.columns import Columns
from vicinal.filters.where import parse

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_an_equal_filter_is_the_same_tree() -> None:
    trees = TreeCache(parse)
    assert trees.tree({"a": {"$gte": 1}, "b": ["x"]}) is trees.tree({"a": {"$gte": 1}, "b": ["x"]})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0, False),
        ("1", 1),
        (None, False),
        ([1], [True]),
        ([1], (1,)),
        ({"$in": [1, 2]}, {"$in": [1, True]}),
        (_NOON, _NOON.astimezone(timezone(timedelta(hours=2)))),
        ({"$gt": 1}, {"$gte": 1}),
    ],
)
def test_values_that_are_equal_and_not_the_same_are_different_filters(one: Any, other: Any) -> None:
    trees = TreeCache(parse)
    assert trees.tree({"a": one}) is not trees.tree({"a": other})


def test_nested_fields_are_told_from_their_neighbours() -> None:
    trees = TreeCache(parse)
    assert trees.tree({"a": {"b": 1}, "c": 2}) is not trees.tree({"a": {"b": 1, "c": 2}})


def test_a_list_that_changes_later_changes_no_remembered_filter() -> None:
    trees, values = TreeCache(parse), [1]
    tree = trees.tree({"a": values})
    values.append(2)
    assert trees.tree({"a": [1]}) is tree
    assert tree == parse({"a": [1]})


def test_a_filter_with_other_objects_is_parsed_each_time() -> None:
    trees = TreeCache(parse)
    where = {"a": {"$in": np.array([1, 2])}}
    assert trees.tree(where) is not trees.tree(where)


def test_trees_and_bitmaps_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_TREES_MAX", 2)
    monkeypatch.setattr(cache, "_BITMAP_BYTES_MAX", 40)
    trees, bitmaps = TreeCache(parse), BitmapCache()
    made = [trees.tree({"a": i}) for i in range(3)]
    assert trees.tree({"a": 2}) is made[2]
    assert trees.tree({"a": 0}) is not made[0]
    for tree in made:
        bitmaps.keep(tree, 128, np.zeros(2, np.uint64), bitmaps.version)
    assert [bitmaps.find(tree, 128, _none) is not None for tree in made] == [False, True, True]
    bitmaps.keep(made[0], 640, np.zeros(10, np.uint64), bitmaps.version)  # too large to be kept at all
    assert bitmaps.find(made[0], 640, _none) is None


def _none() -> Any:
    raise AssertionError


def test_a_repeated_filter_sees_every_write() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a", "b", "c"], metadata=[{"n": 1}, {"n": 2}, {"n": 2}])
    where = {"n": 2}

    def found() -> list[Any]:
        assert docs.count(where) == len(docs.get(where=where))
        return [record.id for record in docs.get(where=where)]

    assert found() == found() == ["b", "c"]
    docs.delete(["b"])
    assert found() == found() == ["c"]
    docs.update(["a"], metadata={"n": 2})
    assert found() == ["a", "c"]
    docs.add(["d"], metadata=[{"n": 2}])
    assert found() == ["a", "c", "d"]
    docs.upsert(["c"], metadata=[{"n": 3}])
    assert found() == ["a", "d"]
    docs.delete(["a", "d", "c"])
    docs.add(["e"], metadata=[{"m": 2}])
    with pytest.warns(UserWarning, match="no row has a field 'n'"):
        assert docs.count(where) == 0


def test_a_remembered_bitmap_loses_rows_that_died() -> None:
    columns, tree, none = Columns(), parse({"n": 2}), np.empty(0, np.uint32)
    columns.apply(3, none, np.arange(3, dtype=np.uint32), ['{"n":2}', '{"n":1}', '{"n":2}'], none, [])
    assert columns.count(tree, _NoRecords()) == columns.count(tree, _NoRecords()) == 2
    columns.apply(3, np.array([2], np.uint32), none, [], none, [])
    assert columns.count(tree, _NoRecords()) == columns.count(tree, _NoRecords()) == 1


def _nested(levels: int) -> dict[str, Any]:
    where: dict[str, Any] = {"n": 1}
    for _ in range(levels):
        where = {"$not": where}
    return where


def _in_itself() -> dict[str, Any]:
    where: dict[str, Any] = {}
    where["$and"] = [where]
    return where


def _value_in_itself() -> dict[str, Any]:
    value: list[Any] = []
    value.append(value)
    return {"n": value}


@pytest.mark.parametrize("where", [_nested(10_000), _in_itself(), _value_in_itself()], ids=["deep", "cyclic", "value"])
def test_a_filter_that_is_nested_too_deep_is_refused(where: Any) -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    docs.add(["a"], vectors=[[1.0, 0.0]], metadata=[{"n": 1}])
    for ask in (docs.count, lambda where: docs.search([1, 0], where=where), lambda where: docs.delete(where=where)):
        with pytest.raises(InvalidInput) as refused:
            ask(where=where)
        assert "nested deeper than 64 levels" in str(refused.value)


class _NoRecords:
    def metadata(self, slots: Any) -> Any:
        raise AssertionError

    def slots_of(self, ids: Any) -> Any:
        raise AssertionError
