"""Every type of Arrow becomes the matching metadata value, wherever in its buffers a column begins."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

import vicinal

arrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

from vicinal.inputs.arrow_values import is_beyond_datetime, values  # noqa: E402

WHEN = datetime(2024, 5, 1, 12, 30, 0, 5)
NANOS = 1_714_566_600_000_000_001

COLUMNS: dict[str, tuple[Callable[[], Any], list[Any]]] = {
    "null": (lambda: arrow.nulls(2), [None, None]),
    "bool": (lambda: arrow.array([True, None]), [True, None]),
    "int8": (lambda: arrow.array([-1, None], arrow.int8()), [-1, None]),
    "uint64": (lambda: arrow.array([2**64 - 1, None], arrow.uint64()), [2**64 - 1, None]),
    "float16": (lambda: arrow.array([1.5, None], arrow.float16()), [1.5, None]),
    "NaN": (lambda: arrow.array([1.5, float("nan")]), [1.5, None]),
    "decimal128": (lambda: arrow.array([Decimal("1.10"), None]), [Decimal("1.10"), None]),
    "decimal256": (lambda: arrow.array([Decimal("1.10"), None], arrow.decimal256(60, 2)), [Decimal("1.10"), None]),
    "string": (lambda: arrow.array(["a", None]), ["a", None]),
    "large string": (lambda: arrow.array(["a", None], arrow.large_string()), ["a", None]),
    "string view": (lambda: arrow.array(["a", None], arrow.string_view()), ["a", None]),
    "binary": (lambda: arrow.array([b"\xff\x00", None]), ["/wA=", None]),
    "large binary": (lambda: arrow.array([b"\xff\x00", None], arrow.large_binary()), ["/wA=", None]),
    "fixed binary": (lambda: arrow.array([b"\xff\x00", None], arrow.binary(2)), ["/wA=", None]),
    "date32": (lambda: arrow.array([date(2024, 5, 1), None]), [date(2024, 5, 1), None]),
    "date64": (lambda: arrow.array([date(2024, 5, 1), None], arrow.date64()), [date(2024, 5, 1), None]),
    "time32": (lambda: arrow.array([time(1, 2, 3), None], arrow.time32("s")), ["01:02:03", None]),
    "time64": (lambda: arrow.array([1, None], arrow.time64("ns")), ["00:00:00.000000001", None]),
    "instant": (lambda: arrow.array([WHEN, None]), [WHEN, None]),
    "seconds": (lambda: arrow.array([0, None], arrow.timestamp("s", "UTC")), [datetime(1970, 1, 1, tzinfo=UTC), None]),
    "whole nanoseconds": (
        lambda: arrow.array([NANOS - 1, None], arrow.timestamp("ns")),
        [datetime(2024, 5, 1, 12, 30), None],
    ),
    "nanoseconds": (lambda: arrow.array([NANOS, None], arrow.timestamp("ns")), ["2024-05-01 12:30:00.000000001", None]),
    "beyond the years": (
        lambda: arrow.array([2**45, 0], arrow.timestamp("s")),
        ["+1116918-05-14T19:20:32", "1970-01-01T00:00:00"],
    ),
    "before the years": (
        lambda: arrow.array([-(2**55), 5], arrow.timestamp("ms", "Europe/Berlin")),
        ["-1139738-11-15T12:03:56.032Z", "1970-01-01T00:00:00.005Z"],
    ),
    "the first instant": (
        lambda: arrow.array([-62135596800, None], arrow.timestamp("s", "UTC")),
        [datetime(1, 1, 1, tzinfo=UTC), None],
    ),
    "dates beyond the years": (
        lambda: arrow.array([2**30, None], arrow.date32()),
        ["+2941775-04-07", None],
    ),
    "date64 before the years": (
        lambda: arrow.array([-(2**30) * 86_400_000, 0], arrow.int64()).cast(arrow.date64()),
        ["-2937836-09-26", "1970-01-01"],
    ),
    "lists of dates beyond the years": (
        lambda: arrow.array([[2**30], None], arrow.list_(arrow.date32())),
        [["+2941775-04-07"], None],
    ),
    "duration": (lambda: arrow.array([timedelta(seconds=90), None]), [90, None]),
    "part of a second": (lambda: arrow.array([1500, None], arrow.duration("ms")), [1.5, None]),
    "list": (lambda: arrow.array([[1, None], None]), [[1, None], None]),
    "list of NaN": (lambda: arrow.array([[float("nan"), 1.0], []]), [[None, 1.0], []]),
    "fixed list": (lambda: arrow.array([[1, 2], None], arrow.list_(arrow.int8(), 2)), [[1, 2], None]),
    "struct": (lambda: arrow.array([{"a": b"\xff", "b": [1.0]}, None]), [{"a": "/w==", "b": [1.0]}, None]),
    "struct of nothing": (lambda: arrow.array([{}, None], arrow.struct([])), [{}, None]),
    "list of structs": (lambda: arrow.array([[{"t": time(1)}], None]), [[{"t": "01:00:00.000000"}], None]),
    "map": (
        lambda: arrow.array([[("k", time(1)), ("l", None)], None], arrow.map_(arrow.string(), arrow.time32("s"))),
        [{"k": "01:00:00", "l": None}, None],
    ),
    "map of numbers": (
        lambda: arrow.array([[(1, "x")], []], arrow.map_(arrow.int32(), arrow.string())),
        [{"1": "x"}, {}],
    ),
    "map with a key twice": (
        lambda: arrow.array([[("k", 1), ("k", 2)], None], arrow.map_(arrow.string(), arrow.int32())),
        [[{"key": "k", "value": 1}, {"key": "k", "value": 2}], None],
    ),
    "dictionary": (lambda: arrow.array(["a", None]).dictionary_encode(), ["a", None]),
    "runs": (lambda: arrow.RunEndEncodedArray.from_arrays([1, 2], arrow.array(["a", None])), ["a", None]),
    "uuid": (lambda: arrow.array([uuid.UUID(int=7).bytes, None], arrow.uuid()), [uuid.UUID(int=7), None]),
    "json": (lambda: arrow.array(['{"a": 1}', None], arrow.json_()), [{"a": 1}, None]),
    "interval": (
        lambda: arrow.array([(1, 2, 3), None], arrow.month_day_nano_interval()),
        [{"months": 1, "days": 2, "nanoseconds": 3}, None],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COLUMNS)
def test_a_type_as_values(name: str) -> None:
    make, expected = COLUMNS[name]
    column = make()
    assert values(column) == expected
    assert [type(value) for value in values(column)] == [type(value) for value in expected]
    twice = arrow.concat_arrays([column, column])  # also if it begins at an offset in its buffers
    assert values(twice[1:]) == [*expected[1:], *expected]
    assert values(arrow.chunked_array([column, column[1:]])) == [*expected, *expected[1:]]


@pytest.mark.parametrize("name", COLUMNS)
def test_a_type_as_metadata(name: str) -> None:
    make, expected = COLUMNS[name]
    with vicinal.connect(":memory:") as db:
        docs = db.collection("docs")
        docs.add(rows=arrow.table({"id": ["a", "b"], "text": ["x", "y"], "value": make()}))
        found = [record.metadata.get("value") for record in docs.get()]
    assert found == expected


def test_instants_of_a_column_are_of_one_type() -> None:
    column = arrow.chunked_array([[NANOS - 1], [NANOS]], arrow.timestamp("ns"))
    assert is_beyond_datetime(column)
    assert {type(value) for value in values(column)} == {str}
    assert not is_beyond_datetime(column.slice(0, 1))
    assert values(column.slice(0, 1), instants_as_text=True) == ["2024-05-01 12:30:00.000000000"]
