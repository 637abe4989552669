"""The `where` syntax: its meaning and its errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from vicinal.errors import InvalidArgument, LimitExceeded
from vicinal.filters.tree import And, Compare, Contains, Exists, In, Not, Or, StartsWith, path_text
from vicinal.filters.where import check_fields, parse, parse_path


@pytest.mark.parametrize(
    ("where", "tree"),
    [
        ({"year": 2020}, Compare(("year",), "eq", 2020)),
        ({"year": {"$ne": None}}, Not(Compare(("year",), "eq", None))),
        ({"year": {"$gte": 2020, "$lt": 2024}}, And((Compare(("year",), "gte", 2020), Compare(("year",), "lt", 2024)))),
        ({"year": 2020, "tags": "gold"}, And((Compare(("year",), "eq", 2020), Compare(("tags",), "eq", "gold")))),
        ({"author.name": "Ann"}, Compare(("author", "name"), "eq", "Ann")),
        ({r"a\.b.c": 1}, Compare(("a.b", "c"), "eq", 1)),
        ({r"\$price": 1}, Compare(("$price",), "eq", 1)),
        ({"a": {"b": 1}}, Compare(("a",), "eq", {"b": 1})),
        ({"a": {}}, Compare(("a",), "eq", {})),
        ({"a": {"$eq": {"$b": 1}}}, Compare(("a",), "eq", {"$b": 1})),
        ({"a": {"$in": (1, 2)}}, In(("a",), (1, 2))),
        ({"a": {"$nin": np.array([1, 2])}}, Not(In(("a",), (1, 2)))),
        ({"a": {"$in": []}}, In(("a",), ())),
        ({"a": {"$contains": "x"}}, Contains(("a",), "x")),
        ({"a": {"$startswith": "x"}}, StartsWith(("a",), "x")),
        ({"a": {"$exists": True}}, Exists(("a",))),
        ({"a": {"$exists": False}}, Not(Exists(("a",)))),
        ({"a": {"$not": {"$gt": 3}}}, Not(Compare(("a",), "gt", 3))),
        ({"$not": {"a": 1}}, Not(Compare(("a",), "eq", 1))),
        ({"$or": [{"a": 1}, {"b": 2}]}, Or((Compare(("a",), "eq", 1), Compare(("b",), "eq", 2)))),
        ({"$and": [{"a": 1}]}, And((Compare(("a",), "eq", 1),))),
        ({"a": np.float64(2.5)}, Compare(("a",), "eq", 2.5)),
        ({}, And(())),
    ],
)
def test_a_dict_becomes_a_tree(where: Mapping[str, Any], tree: object) -> None:
    assert parse(where) == tree


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"year": {"$gtee": 1}}, "where['year']['$gtee']: there is no operator $gtee. Did you mean '$gte'?"),
        ({"$xor": []}, "where['$xor']: there is no operator $xor. Did you mean '$or'?"),
        (
            {"$price": 3},
            "where['$price']: there is no operator $price. Operators are $and, $or, $not, $id, $text, $eq, "
            "$ne, $gt, $gte, $lt, $lte, $in, $nin, $contains, $startswith, $exists. "
            "A key that begins with $ is written with a backslash before it, a dot in a key likewise.",
        ),
        (
            {"$gte": 3},
            "where['$gte']: $gte is an operator of a field, and stands where a field belongs. "
            "Write {'field': {'$gte': ...}}.",
        ),
        (
            {"a": {"$in": 3}},
            "where['a']['$in']: $in takes a list of values, not int (3). For one value use $eq.",
        ),
        (
            {"a": {"$nin": "abc"}},
            "where['a']['$nin']: $nin takes a list of values, not str ('abc'). For one value use $eq.",
        ),
        ({"a": {"$exists": 1}}, "where['a']['$exists']: $exists takes True or False, not int (1)."),
        ({"a": {"$startswith": 1}}, "where['a']['$startswith']: a text is needed here, not int (1)."),
        ({"a": {"$not": 5}}, "where['a']['$not']: $not takes operators, not int (5). For one value use $ne."),
        (
            {"a": {"$gt": True}},
            "where['a']['$gt']: values have an order only among numbers, texts, dates and UUIDs, not bool (True).",
        ),
        (
            {"a": {"$lte": None}},
            "where['a']['$lte']: values have an order only among numbers, texts, dates and UUIDs, not None.",
        ),
        (
            {"a": math.nan},
            "where['a']: the value is nan, which is not a value. Use None where a value is missing.",
        ),
        (
            {"a": {"$in": [1, [math.inf]]}},
            "where['a']['$in']: the value[0] is inf, which is not a value. Use None where a value is missing.",
        ),
        (
            {"$or": [{"a": 1}, {"b": {"$exists": 1}}]},
            "where['$or'][1]['b']['$exists']: $exists takes True or False, not int (1).",
        ),
        (
            {"price": {"gt": 10}},
            "where['price']: an operator begins with $, and dict ({'gt': 10}) has none. "
            "Write {'$gt': 10}; to compare with this dict itself, {'$eq': ...}.",
        ),
        (
            {"a": {"$between": [1, 2]}},
            "where['a']['$between']: there is no operator $between. Write {'$gte': low, '$lte': high}. Operators are "
            "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $contains, $startswith, $exists, $not.",
        ),
        ({"$or": []}, "where['$or']: $or has an empty list, which has no meaning. Leave it out."),
        ({"$and": {"a": 1}}, "where['$and']: $and takes a list of filters, not dict ({'a': 1})."),
        ({"$not": 1}, "where['$not']: a filter is a dict, not int (1). Such as {'year': {'$gte': 2020}}."),
        ("year > 3", "where: a filter is a dict, not str ('year > 3'). Such as {'year': {'$gte': 2020}}."),
        ({3: 1}, "where[3]: a field's name is a str, not int (3)."),
        (
            {"a": {"$gt": 1, "b": 2}},
            "where['a']: operators and plain keys are mixed: '$gt', 'b'. "
            "A nested field is named with dots, such as 'author.name'.",
        ),
    ],
)
def test_what_cannot_be_meant_is_an_error_that_names_it(where: Any, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse(where)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [[1], {"b": 1}, True, None])
@pytest.mark.parametrize("operator", ["$gt", "$gte", "$lt", "$lte"])
def test_values_without_an_order_are_refused(operator: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match="order"):
        parse({"a": {operator: value}})


def test_a_value_that_no_row_can_hold_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="which metadata cannot hold"):
        parse({"a": object()})


def test_a_filter_that_contains_itself_is_refused() -> None:
    where: dict[str, Any] = {}
    where["$not"] = where
    with pytest.raises(LimitExceeded, match="deeper than 64"):
        parse(where)


def test_too_many_conditions_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="more than 10,000 conditions"):
        parse({"$or": [{"a": i} for i in range(10_001)]})


KNOWN = {("year",), ("author", "name"), ("a.b",)}


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("yeer", "where: no row has a field 'yeer'. Did you mean 'year'?"),
        ("author.nam", "where: no row has a field 'author.nam'. Did you mean 'author.name'?"),
        ("a.b", "where: no row has a field 'a.b'. Did you mean 'a\\\\.b'?"),
    ],
)
def test_a_field_that_no_row_has_is_an_error_with_the_nearest_name(field: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_fields(parse({"$or": [{"year": 1}, {"$not": {field: {"$exists": True}}}]}), KNOWN)
    assert str(caught.value) == message


@pytest.mark.parametrize(("field", "was_known"), [("zzz", False), ("yeer", True)])
def test_a_field_that_was_known_or_has_no_near_name_is_a_warning(field: str, was_known: bool) -> None:
    with pytest.warns(UserWarning, match=f"where: no row has a field '{field}'"):
        check_fields(parse({field: 1}), KNOWN, lambda path: was_known)


def test_a_collection_without_fields_may_be_asked_for_any() -> None:
    check_fields(parse({"year": 1}), set())
    check_fields(parse({"author.name": 1}), KNOWN)


@pytest.mark.parametrize("path", [("a",), ("",), ("", ""), ("a.b", "c"), ("\\",), ("$a", "$b"), ("x\\.", ".")])
def test_a_path_can_be_written_and_read(path: tuple[str, ...]) -> None:
    assert parse_path(path_text(path)) == path


def test_a_tree_reads_well() -> None:
    where = {"year": {"$gte": 2020}, "$not": {"tags": {"$in": ["a", UUID(int=1)]}}, "day": date(2024, 5, 1)}
    assert repr(parse(where)) == (
        "(year >= 2020 and not tags in ['a', UUID('00000000-0000-0000-0000-000000000001')]"
        " and day == datetime.date(2024, 5, 1))"
    )


def test_a_number_too_long_to_print_does_not_stop_the_message() -> None:
    with pytest.raises(InvalidArgument, match=r"\$exists takes True or False, not int \(a very long number\)"):
        parse({"a": {"$exists": 10**5000}})
    assert repr(parse({"a": 10**5000})) == "a == a very long number"
