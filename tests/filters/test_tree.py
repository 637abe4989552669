"""Nodes validate and copy their arguments, and have a useful repr."""

from __future__ import annotations

import pytest

from vicinal.errors import InvalidArgument, InvalidId, LimitExceeded
from vicinal.filters.tree import (
    TREE_DEPTH_MAX,
    And,
    Compare,
    Contains,
    Disc,
    Exists,
    GeoCircle,
    IdIn,
    In,
    Node,
    Not,
    OfType,
    Or,
    Regex,
    StartsWith,
    check_limits,
    paths,
)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (Compare(("a", "b.c"), "lte", 3), r"a.b\.c <= 3"),
        (Compare(("a",), "eq", "3", coerce=True), "a ==~ '3'"),
        (In(("a",), tuple(range(8))), "a in [0, 1, 2, 3, 4, ... and 3 more]"),
        (Contains(("a",), "x"), "a contains 'x'"),
        (StartsWith(("a",), "x"), "a starts with 'x'"),
        (Regex(("a",), "x+"), "a matches 'x+'"),
        (Not(Exists(("a",))), "not a exists"),
        (OfType(("a",), frozenset({"null", "list"})), "a is list or null"),
        (GeoCircle(("p", "lat"), ("p", "lon"), 52.5, 13.4, 500), "(p.lat, p.lon) within 500 m of (52.5, 13.4)"),
        (Disc(("x",), ("y",), 0, 1, 2.5), "(x, y) within 2.5 of (0, 1)"),
        (Not(IdIn(["b", 1])), "not id in ['b', 1]"),
        (And(()), "everything"),
        (Or(()), "nothing"),
        (Or((Exists(("a",)), And((Exists(("b",)), Exists(("c",)))))), "(a exists or (b exists and c exists))"),
    ],
)
def test_a_node_reads_well(node: Node, text: str) -> None:
    assert repr(node) == text


def test_operands_are_copied() -> None:
    value = [1, 2]
    node = Compare(("a",), "eq", value)
    value.append(3)
    assert node.value == [1, 2]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"latitude": 91}, "latitude must be a number from -90 to 90, not 91"),
        ({"longitude": "13"}, "longitude must be a number from -180 to 180, not '13'"),
        ({"metres": -1}, "metres must be a number of at least 0, not -1"),
        ({"metres": True}, "metres must be a number of at least 0, not True"),
        ({"metres": 10**400}, "metres must be a number of at least 0"),
    ],
)
def test_a_circle_is_on_the_earth(kwargs: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        GeoCircle(("a",), ("b",), **({"latitude": 0, "longitude": 0, "metres": 1} | kwargs))  # type: ignore[arg-type]


def test_what_is_no_expression_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="is not a regular expression"):
        Regex(("a",), "(")


def test_what_is_no_class_of_values_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="there is no class of values 'int'"):
        OfType(("a",), frozenset({"int"}))  # type: ignore[arg-type]


def test_ids_are_checked() -> None:
    with pytest.raises(InvalidId, match="must be a str, an int or a UUID"):
        IdIn([1, True])


def nested(levels: int) -> Node:
    tree: Node = Exists(("a",))
    for _ in range(levels - 1):
        tree = Not(tree)
    return tree


def test_depth_is_limited() -> None:
    assert check_limits(nested(TREE_DEPTH_MAX)) is not None
    with pytest.raises(LimitExceeded, match="nested deeper than 64 levels"):
        check_limits(nested(TREE_DEPTH_MAX + 1))


def test_listed_values_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vicinal.filters.tree.LISTED_VALUES_MAX", 2)
    with pytest.raises(LimitExceeded, match="has 3 values, the limit is 2"):
        In(("a",), (1, 2, 3))


def test_paths_come_from_left_to_right() -> None:
    tree = And((Exists(("a",)), Not(Disc(("x",), ("y",), 0, 0, 1)), IdIn([1]), GeoCircle(("n",), ("e",), 0, 0, 1)))
    assert list(paths(tree)) == [("a",), ("x",), ("y",), ("n",), ("e",)]
