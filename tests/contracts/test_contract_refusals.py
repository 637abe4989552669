"""P9: an error names row, id and remedy, and the call changes nothing: no row, no commit, no byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from support.worlds import World
from vicinal import Collection, VicinalError
from vicinal.errors import (
    DimensionMismatch,
    DuplicateId,
    EncoderNotFound,
    IdNotFound,
    InvalidArgument,
    InvalidId,
    InvalidInput,
    InvalidMetadata,
    InvalidText,
    InvalidVector,
    LimitExceeded,
    ZeroVector,
)

Footprint = Callable[[], tuple[object, ...]]

GOOD = [1.0, 2.0]

# Invalid values for the last row of a batch: (column, value, error)
BAD_CELLS: list[tuple[str, Any, type[VicinalError]]] = [
    ("vectors", [1.0], DimensionMismatch),
    ("vectors", [1.0, 2.0, 3.0], DimensionMismatch),
    ("vectors", [], DimensionMismatch),
    ("vectors", [float("nan"), 1.0], InvalidVector),
    ("vectors", [1.0, float("inf")], InvalidVector),
    ("vectors", [1.0, -float("inf")], InvalidVector),
    ("vectors", [1e39, 1.0], InvalidVector),
    ("vectors", [0.0, 0.0], ZeroVector),
    ("vectors", [1e-50, 0.0], ZeroVector),
    ("vectors", "ab", InvalidVector),
    ("vectors", b"ab", InvalidVector),
    ("vectors", ["a", "b"], InvalidVector),
    ("vectors", [1.0, None], InvalidVector),
    ("vectors", [1.0, "2"], InvalidVector),
    ("vectors", [1j, 2.0], InvalidVector),
    ("vectors", [[1.0, 2.0]], InvalidVector),
    ("vectors", [[1.0], [2.0, 3.0]], InvalidVector),
    ("vectors", 5.0, InvalidVector),
    ("vectors", {"x": 1.0}, InvalidVector),
    ("vectors", np.array([["a", "b"]]), InvalidVector),
    ("vectors", np.array([np.datetime64("2024-05-01")] * 2), InvalidVector),
    ("texts", 5, InvalidText),
    ("texts", b"bytes", InvalidText),
    ("texts", "\ud800", InvalidText),
    ("texts", float("nan"), InvalidText),
    ("metadata", "text", InvalidMetadata),
    ("metadata", [1], InvalidMetadata),
    ("metadata", {"x": float("nan")}, InvalidMetadata),
    ("metadata", {"x": b"bytes"}, InvalidMetadata),
    ("metadata", {1: 2}, InvalidMetadata),
    ("metadata", {"x": "y" * (1 << 20)}, LimitExceeded),
    ("ttl", -5, InvalidArgument),
    ("ttl", float("nan"), InvalidArgument),
    ("ttl", "soon", InvalidArgument),
    ("ids", "", InvalidId),
    ("ids", None, InvalidId),
    ("ids", 1.5, InvalidId),
    ("ids", True, InvalidId),
    ("ids", b"x", InvalidId),
    ("ids", 2**63, InvalidId),
    ("ids", "x" * 5000, LimitExceeded),
]


@pytest.fixture
def full(docs: Collection) -> Collection:
    """Three rows; the last one is the one that the invalid row of a batch would change."""
    docs.add(
        [0, 1, "last"], texts=["zero", "one", "two"], vectors=[[1, 0], [0, 1], [1, 1]], metadata=[{"n": 0}, {}, {}]
    )
    return docs


def batch(column: str, bad: Any, ids: list[Any]) -> dict[str, list[Any]]:
    """Returns columns of three rows, the last one invalid."""
    columns: dict[str, list[Any]] = {"ids": ids}
    columns["vectors"] = [GOOD, GOOD, GOOD]
    if column in ("texts", "metadata", "ttl"):
        columns[column] = [{"texts": "x", "metadata": {"y": 1}, "ttl": 60}[column]] * 3
    columns[column][-1] = bad
    return columns


@pytest.mark.parametrize("operation", ["add", "upsert", "update"])
@pytest.mark.parametrize(("column", "bad", "error"), BAD_CELLS, ids=lambda value: repr(value)[:30])
def test_p9_a_bad_last_row_refuses_the_batch(
    full: Collection, footprint: Footprint, operation: str, column: str, bad: Any, error: type[VicinalError]
) -> None:
    ids = [10, 11, "new"] if operation == "add" else [0, 1, "last"]
    before = footprint()
    with pytest.raises(error) as caught:
        getattr(full, operation)(**batch(column, bad, ids))
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, InvalidInput)
    assert caught.value.place == ("row 2" if column == "ids" else f"row 2 (id {ids[2]!r})")
    assert str(caught.value).startswith(caught.value.place)
    assert caught.value.remedy
    assert str(caught.value).endswith(caught.value.remedy)
    assert caught.value.name
    assert footprint() == before


@pytest.mark.parametrize("operation", ["add", "upsert"])
@pytest.mark.parametrize(("column", "bad", "error"), BAD_CELLS, ids=lambda value: repr(value)[:30])
def test_p9_a_bad_last_dict_refuses_the_batch(
    full: Collection, footprint: Footprint, operation: str, column: str, bad: Any, error: type[VicinalError]
) -> None:
    names = {"ids": "id", "texts": "text", "vectors": "vector", "metadata": "metadata", "ttl": "ttl"}
    columns = batch(column, bad, [10, 11, "new"])
    rows = [{names[name]: values[i] for name, values in columns.items()} for i in range(3)]
    before = footprint()
    with pytest.raises(error) as caught:
        getattr(full, operation)(rows=rows)
    assert caught.value.place == ("row 2" if column == "ids" else "row 2 (id 'new')")
    assert footprint() == before


Call = Callable[[Collection], object]

BAD_CALLS: dict[str, tuple[Call, type[VicinalError]]] = {
    "add: id exists": (lambda c: c.add(["new", 0], vectors=[GOOD, GOOD]), DuplicateId),
    "add: id twice": (lambda c: c.add(["new", "new"], vectors=[GOOD, GOOD]), DuplicateId),
    "add: nothing": (lambda c: c.add(), InvalidArgument),
    "add: lengths": (lambda c: c.add(["x", "y"], vectors=[GOOD]), InvalidArgument),
    "add: one text, two ids": (lambda c: c.add(["x", "y"], texts="text"), InvalidArgument),
    "add: a flat list": (lambda c: c.add(["x", "y"], vectors=[1.0, 2.0]), InvalidVector),
    "add: a flat array": (lambda c: c.add(["x", "y"], vectors=np.ones(2)), InvalidVector),
    "add: three axes": (lambda c: c.add(["x", "y"], vectors=np.ones((2, 1, 2))), InvalidVector),
    "add: array of other width": (lambda c: c.add(["x", "y"], vectors=np.ones((2, 3))), DimensionMismatch),
    "add: complex array": (lambda c: c.add(["x"], vectors=np.ones((1, 2), dtype=complex)), InvalidVector),
    "add: bool array": (lambda c: c.add(["x"], vectors=np.ones((1, 2), dtype=bool)), InvalidVector),
    "add: text array": (lambda c: c.add(["x"], vectors=np.array([["a", "b"]])), InvalidVector),
    "add: generator of vectors without ids": (lambda c: c.add(vectors=5), InvalidVector),
    "add: rows beside ids": (lambda c: c.add(["x"], rows=[{"text": "y"}]), InvalidArgument),
    "add: a dict as rows": (lambda c: c.add(rows={"id": "x", "text": "y"}), InvalidArgument),
    "add: texts as rows": (lambda c: c.add(rows=["x", "y"]), InvalidArgument),
    "add: a field that is none": (lambda c: c.add(rows=[{"id": "x", "txt": "y"}]), InvalidArgument),
    "add: an id missing": (lambda c: c.add(rows=[{"id": "x"}, {"text": "y"}]), InvalidId),
    "add: sparse of texts": (lambda c: c.add(["x"], sparse=[{"zlib": 0.5}]), InvalidArgument),
    "add: sparse dimension below 0": (lambda c: c.add(["x"], sparse=[{-1: 0.5}]), InvalidArgument),
    "add: sparse dimension too large": (lambda c: c.add(["x"], sparse=[{2**32 - 1: 0.5}]), InvalidArgument),
    "add: sparse weight not a number": (lambda c: c.add(["x"], sparse=[{1: float("nan")}]), InvalidArgument),
    "add: sparse weight too large": (lambda c: c.add(["x"], sparse=[{1: 1e39}]), InvalidArgument),
    "add: sparse dimension twice": (lambda c: c.add(["x"], sparse=[([3, 3], [1.0, 2.0])]), InvalidArgument),
    "add: sparse of unequal lists": (lambda c: c.add(["x"], sparse=[([3], [1.0, 2.0])]), InvalidArgument),
    "upsert: sparse for too few rows": (lambda c: c.upsert(["x", "y"], sparse=[{1: 0.5}]), InvalidArgument),
    "upsert: nothing": (lambda c: c.upsert(), InvalidArgument),
    "upsert: lengths": (lambda c: c.upsert(["x", "y"], vectors=[GOOD]), InvalidArgument),
    "update: unknown id": (lambda c: c.update([0, "nowhere"], vectors=[GOOD, GOOD]), IdNotFound),
    "update: id twice": (lambda c: c.update([0, 0], vectors=[GOOD, GOOD]), DuplicateId),
    "update: no ids": (lambda c: c.update(vectors=[GOOD]), InvalidArgument),
    "update: nothing": (lambda c: c.update([0]), InvalidArgument),
    "update: sparse by filter": (lambda c: c.update(where={}, sparse=[{}]), InvalidArgument),
    "update: where": (lambda c: c.update(where={"n": {"$gtee": 0}}, metadata={"a": 1}), InvalidArgument),
    "update: where and texts": (lambda c: c.update(where={"n": 0}, texts=["x"]), InvalidArgument),
    "update: integer 0 is not text 0": (lambda c: c.update(["0"], vectors=[GOOD]), IdNotFound),
    "delete: nothing": (lambda c: c.delete(), InvalidArgument),
    "delete: an empty where": (lambda c: c.delete(where={}), InvalidArgument),
    "delete: where": (lambda c: c.delete(where={"$n": 0}), InvalidArgument),
    "delete: a bad id last": (lambda c: c.delete([0, 1, 2.0]), InvalidId),
    "get: a bad id": (lambda c: c.get([0, None]), InvalidId),
    "search: dimension": (lambda c: c.search([1.0]), DimensionMismatch),
    "search: nan": (lambda c: c.search([1.0, float("nan")]), InvalidVector),
    "search: zero": (lambda c: c.search([0.0, 0.0]), ZeroVector),
    "search: id unknown": (lambda c: c.search(id="nowhere"), IdNotFound),
    "search: misspelt": (lambda c: c.search(GOOD, kk=3), InvalidArgument),  # type: ignore[call-arg]
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_p9_a_bad_call_changes_nothing(full: Collection, footprint: Footprint, name: str) -> None:
    call, error = BAD_CALLS[name]
    before = footprint()
    with pytest.raises(error) as caught:
        call(full)
    assert caught.value.remedy
    assert str(caught.value).endswith(caught.value.remedy)
    assert footprint() == before
    full.upsert([0], vectors=[GOOD])  # and the next write works
    assert full.count() == 3


def test_p9_the_first_row_does_not_fix_the_dimension_of_a_refused_batch(docs: Collection) -> None:
    with pytest.raises(DimensionMismatch):
        docs.add(["a", "b"], vectors=[[1.0, 2.0], [1.0, 2.0, 3.0]])
    assert docs.stats().dimension is None
    docs.add(["a"], vectors=[[1.0, 2.0, 3.0]])
    assert docs.stats().dimension == 3


def test_p9_a_vector_of_too_many_components(docs: Collection) -> None:
    with pytest.raises(LimitExceeded, match="65,537 components, the limit is 65,536"):
        docs.add(["a"], vectors=np.ones((1, 65_537), dtype=np.float32))
    docs.add(["a"], vectors=np.ones((1, 65_536), dtype=np.float32))
    assert docs.count() == 1


@pytest.mark.parametrize(
    ("call", "given", "said"),
    [
        ("min_max", {"field": 5}, "a field is named by a text, not 5"),
        ("facets", {"field": None}, "a field is named by a text, not None"),
        ("distinct", {"field": b"x"}, "a field is named by a text, not b'x'"),
        ("scroll", {"order_by": 5}, "order_by must be the name of a field, not 5"),
        ("alter", {"metric": "foo"}, "there is no metric 'foo'. Choose one of cosine, ip, l2, l1."),
        ("alter", {"metric": ["l2"]}, "there is no metric ['l2']"),
        ("alter", {"index": 5}, "index must be a name, or a dict with a name and options, not 5"),
        ("wait_indexed", {"seconds": "soon"}, "seconds must be a number of at least 0, not 'soon'"),
        ("duplicates", {"threshold": "near"}, "threshold must be a number, not 'near'"),
        ("duplicates", {"max_pairs": None}, "max_pairs must be a whole number of at least 1, not None"),
        ("search", {"query": "a", "vector": [1.0], "mode": "hybrid", "rerank": 5}, "there is no reranker 5"),
        ("reembed", {"encoder": None}, "an encoder must have a method encode(texts), which NoneType has not"),
    ],
)
def test_every_kind_says_the_same_of_what_cannot_be(
    docs: Collection, call: str, given: dict[str, Any], said: str
) -> None:
    docs.add([1], vectors=[[1.0]])
    with pytest.raises(InvalidArgument) as caught:
        made = getattr(docs, call)(**given)
        list(made)
    assert said in str(caught.value)


def test_an_encoder_that_nobody_registered_is_not_found(world: World, docs: Collection) -> None:
    with pytest.raises(EncoderNotFound, match="no encoder is registered as 'nope'"):
        docs.reembed("nope")
    with pytest.raises(EncoderNotFound, match="no encoder is registered as 'nope'"):
        world.collection("others", encoder="nope")


@pytest.mark.needs("advice on filters")
def test_a_scroll_warns_of_a_field_that_no_row_has(docs: Collection) -> None:
    docs.add([1], vectors=[[1.0]], metadata=[{"year": 1}])
    with pytest.warns(UserWarning, match="no row has a field 'colour'"):
        assert list(docs.scroll({"colour": "red"})) == []
