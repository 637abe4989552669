"""The meaning of filters, case by case. The reference implementation is short, but all others are compared with it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from vicinal.filters.evaluate import EARTH_RADIUS_METRES, matches
from vicinal.filters.tree import Compare, Disc, GeoCircle, IdIn, Node, OfType, Regex
from vicinal.filters.where import parse

EAST = timezone(timedelta(hours=2))
YES, NO = True, False


@pytest.mark.parametrize(
    ("row", "where", "expected"),
    [
        # missing and null are the same
        ({}, {"a": None}, YES),
        ({"a": None}, {"a": None}, YES),
        ({"a": None}, {"a": {"$exists": True}}, NO),
        ({"a": 0}, {"a": {"$exists": True}}, YES),
        ({}, {"a": {"$in": [None]}}, YES),
        ({"a": {"b": None}}, {"a.b": None}, YES),
        ({"a": 3}, {"a.b": None}, YES),
        # complements hold where the field is missing
        ({}, {"a": {"$ne": 1}}, YES),
        ({}, {"a": {"$nin": [1]}}, YES),
        ({}, {"a": {"$not": {"$gt": 1}}}, YES),
        ({"a": [1, 2]}, {"a": {"$ne": 1}}, NO),
        # numbers compare exactly; a bool is none
        ({"a": 1}, {"a": 1.0}, YES),
        ({"a": True}, {"a": 1}, NO),
        ({"a": 1}, {"a": True}, NO),
        ({"a": 2**53 + 1}, {"a": float(2**53)}, NO),
        ({"a": Decimal("0.1")}, {"a": 0.1}, NO),
        ({"a": Decimal("2.50")}, {"a": 2.5}, YES),
        ({"a": 10**30}, {"a": {"$gt": 1e29}}, YES),
        ({"a": True}, {"a": {"$gte": 0}}, NO),
        # order is within one type
        ({"a": "10"}, {"a": {"$gt": 9}}, NO),
        ({"a": "b"}, {"a": {"$gt": "a"}}, YES),
        ({"a": [5]}, {"a": {"$gt": 1}}, NO),
        ({}, {"a": {"$lte": 1}}, NO),
        # dates
        ({"a": date(2024, 5, 1)}, {"a": datetime(2024, 5, 1)}, YES),
        ({"a": datetime(2024, 5, 1, 2, tzinfo=EAST)}, {"a": datetime(2024, 5, 1, tzinfo=UTC)}, YES),
        ({"a": datetime(2024, 5, 1, 1)}, {"a": {"$gt": date(2024, 5, 1)}}, YES),
        ({"a": "2024-05-01"}, {"a": date(2024, 5, 1)}, NO),
        # lists
        ({"a": ["x", "y"]}, {"a": "x"}, YES),
        ({"a": ["x", "y"]}, {"a": ["x", "y"]}, YES),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, NO),
        ({"a": [["x"], 1]}, {"a": ["x"]}, YES),
        ({"a": [1, None]}, {"a": None}, YES),
        ({"a": []}, {"a": None}, NO),
        ({"a": ["x", "y"]}, {"a": {"$in": ["z", "y"]}}, YES),
        ({"a": []}, {"a": {"$in": []}}, NO),
        ({"a": ["xy"]}, {"a": {"$contains": "x"}}, NO),
        ({"a": ["xy"]}, {"a": {"$startswith": "x"}}, NO),
        ({"a": [1.0]}, {"a": {"$contains": 1}}, YES),
        ({"a": [{"b": 1}]}, {"a.b": 1}, NO),
        # texts
        ({"a": "xyz"}, {"a": {"$contains": "yz"}}, YES),
        ({"a": "xyz"}, {"a": {"$contains": ""}}, YES),
        ({"a": 12}, {"a": {"$contains": "1"}}, NO),
        ({"a": "xyz"}, {"a": {"$startswith": "xy"}}, YES),
        ({"a": "é"}, {"a": "e\u0301"}, NO),
        # dicts compare as values
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2.0, "b": 1}}, YES),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, NO),
        ({"a": {"b": None}}, {"a": {}}, NO),
        # UUIDs are not texts
        ({"a": UUID(int=1)}, {"a": UUID(int=1)}, YES),
        ({"a": UUID(int=1)}, {"a": str(UUID(int=1))}, NO),
        ({"a": UUID(int=1)}, {"a": {"$lt": UUID(int=2)}}, YES),
        # connectives
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, NO),
        ({"a": 1, "b": 2}, {"$or": [{"a": 1}, {"b": 3}]}, YES),
        ({"a": 1}, {"$not": {"a": 1}}, NO),
        ({"a": 1}, {}, YES),
    ],
)
def test_what_where_means(row: dict[str, Any], where: dict[str, Any], expected: bool) -> None:
    assert matches(parse(where), row, "id") is expected


@pytest.mark.parametrize(
    ("value", "operator", "wanted", "expected"),
    [
        ("10", "eq", 10, YES),
        ("1.0", "eq", "1", YES),
        ("0.1", "eq", 0.1, YES),
        ("9", "gt", 10, NO),
        (11, "gt", "10", YES),
        ("1e3", "eq", 1000, YES),
        ("1_0", "eq", 10, NO),
        (" 10", "eq", 10, NO),
        ("abc", "eq", "abc", YES),
        ("abc", "gt", 1, NO),
        ("nan", "lt", 1, NO),
        ("1.2.3", "gt", 1, NO),
        ("1e999", "gt", 1, NO),
        ("9" * 5000, "gt", 1, NO),
        (True, "eq", 1, NO),
        (str(2**53 + 1), "eq", 2**53 + 1, YES),
        (["10"], "eq", 10, YES),
    ],
)
def test_numerals_count_as_numbers_where_asked(value: Any, operator: Any, wanted: Any, expected: bool) -> None:
    assert matches(Compare(("a",), operator, wanted, coerce=True), {"a": value}, 1) is expected


BERLIN = {"lat": 52.52, "lon": 13.405}
QUARTER = EARTH_RADIUS_METRES * math.pi / 2


@pytest.mark.parametrize(
    ("node", "row", "expected"),
    [
        (GeoCircle(("p", "lat"), ("p", "lon"), 48.137, 11.575, 505_000), {"p": BERLIN}, YES),  # Munich, 504 km away
        (GeoCircle(("p", "lat"), ("p", "lon"), 48.137, 11.575, 503_000), {"p": BERLIN}, NO),
        (GeoCircle(("lat",), ("lon",), 90, 0, QUARTER * 1.000001), {"lat": 0, "lon": -77}, YES),
        (GeoCircle(("lat",), ("lon",), 90, 0, QUARTER * 0.999999), {"lat": 0, "lon": -77}, NO),
        (GeoCircle(("lat",), ("lon",), 0, 179.9, 30_000), {"lat": 0, "lon": -179.9}, YES),  # across the date line
        (GeoCircle(("lat",), ("lon",), 0, 0, 3e7), {"lat": 91, "lon": 0}, NO),
        (GeoCircle(("lat",), ("lon",), 0, 0, 3e7), {"lat": "0", "lon": 0}, NO),
        (Disc(("x",), ("y",), 0, 0, 5), {"x": 3, "y": Decimal(4)}, YES),
        (Disc(("x",), ("y",), 0, 0, 5), {"x": 3, "y": 4.001}, NO),
        (Disc(("x",), ("y",), 0, 0, 5), {"x": 3}, NO),
        (Disc(("x",), ("y",), 0, 0, 5), {"x": 10**400, "y": 0}, NO),
        (Regex(("a",), "^h.t$"), {"a": "hat"}, YES),
        (Regex(("a",), "^h.t$"), {"a": ["hat"]}, NO),
        (OfType(("a",), frozenset({"null"})), {"a": None}, YES),
        (OfType(("a",), frozenset({"null", "text"})), {}, NO),  # missing is not null here
        (OfType(("a", "b"), frozenset({"number"})), {"a": {"b": Decimal(1)}}, YES),
        (OfType(("a",), frozenset({"number"})), {"a": True}, NO),
        (OfType(("a",), frozenset({"number"})), {"a": [1]}, NO),
        (OfType(("a",), frozenset()), {"a": 1}, NO),
        (IdIn(["row", 3]), {}, YES),
        (IdIn(["ro", 3]), {}, NO),
    ],
)
def test_what_only_the_tree_can_say(node: Node, row: dict[str, Any], expected: bool) -> None:
    assert matches(node, row, "row") is expected


def test_ids_of_two_types_are_two_ids() -> None:
    assert matches(IdIn([1]), {}, 1)
    assert not matches(IdIn([1]), {}, "1")
