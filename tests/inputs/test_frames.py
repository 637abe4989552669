"""Data frames and tables of other libraries are stored as rows, with the types of their values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.errors import InvalidArgument

DATA: dict[str, list[Any]] = {
    "id": ["a", "b"],
    "text": ["one", None],
    "n": [1, None],
    "x": [0.5, float("nan")],
    "day": [date(2024, 5, 1), None],
    "when": [datetime(2024, 5, 1, 12, tzinfo=UTC), None],
    "price": [Decimal("1.10"), None],
    "tags": [["red", "blue"], []],
    "maker": [{"name": "Ann", "year": 1999}, None],
}
METADATA = {
    "n": 1,
    "x": 0.5,
    "day": date(2024, 5, 1),
    "when": datetime(2024, 5, 1, 12, tzinfo=UTC),
    "price": Decimal("1.10"),
    "tags": ["red", "blue"],
    "maker": {"name": "Ann", "year": 1999},
}


@pytest.fixture
def docs() -> Iterator[vicinal.Collection]:
    with vicinal.connect(":memory:") as db:
        yield db.collection("docs")


def frame_of(kind: str, data: dict[str, Any]) -> Any:
    library = pytest.importorskip(kind, reason=f"{kind} is not installed")
    return library.table(data) if kind == "pyarrow" else library.DataFrame(data)


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_values_keep_their_types_and_what_is_missing_is_left_out(docs: vicinal.Collection, kind: str) -> None:
    assert docs.add(rows=frame_of(kind, DATA)) == ["a", "b"]
    first, second = docs.get(["a", "b"])
    assert (first.text, first.metadata) == ("one", METADATA)
    assert (second.text, second.metadata) == (None, {"tags": []})


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "pandas"])
def test_a_column_of_vectors_becomes_vectors(docs: vicinal.Collection, kind: str) -> None:
    docs.add(rows=frame_of(kind, {"id": [1, 2], "vector": [[1.0, 0.0], [0.6, 0.8]]}))
    assert docs.search([0.0, 1.0]).ids == [2, 1]


def test_fixed_lists_of_polars_become_vectors(docs: vicinal.Collection) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    matrix = np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32)
    docs.add(
        rows=polars.DataFrame({"id": [1, 2], "vector": polars.Series(matrix, dtype=polars.Array(polars.Float32, 2))})
    )
    assert docs.search([0.0, 1.0]).ids == [2, 1]


@pytest.mark.parametrize("kind", ["polars", "arrow", "pandas"])
def test_hits_go_out_and_in_again(docs: vicinal.Collection, kind: str) -> None:
    pytest.importorskip({"arrow": "pyarrow"}.get(kind, kind))
    docs.add(["a", "b"], texts=["one", "two"], vectors=[[1, 0], [0, 1]], metadata=[METADATA, {"n": 2}])
    frame = getattr(docs.search([1, 0]), f"to_{kind}")()
    docs.upsert(rows=frame)
    assert [record.text for record in docs.get(["a", "b"])] == ["one", "two"]
    again = docs.get(["a"])[0].metadata
    kept = set(METADATA) - {"when", "day"} if kind == "pandas" else set(METADATA)
    assert {name: again[name] for name in kept} == {name: METADATA[name] for name in kept}


def test_two_columns_of_one_name_are_refused(docs: vicinal.Collection) -> None:
    arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = arrow.Table.from_arrays([arrow.array([1]), arrow.array([2])], names=["n", "n"])
    with pytest.raises(InvalidArgument, match="two columns 'n'"):
        docs.add(rows=table)


def test_a_plan_that_was_not_run_is_no_frame(docs: vicinal.Collection) -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")
    with pytest.raises(InvalidArgument, match="rows must be a list or generator of dicts, or a data frame"):
        docs.add(rows=polars.LazyFrame({"id": [1]}))
