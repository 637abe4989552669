"""Filters translated for other engines, compared with the reference implementation: the same rows for any filter."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vicinal
from support.filtering import INSTANTS, ORDERED, ROWS, TEXTS, TREES, UUIDS, id_of
from support.milvus_served import shared_lite, shared_milvus
from vicinal.distributed.collection import EngineCollection
from vicinal.errors import Unsupported
from vicinal.filters.evaluate import matches
from vicinal.filters.tree import (
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
    OfRow,
    OfType,
    Or,
    Regex,
    StartsWith,
    leaves,
)
from vicinal.filters.values import CLASSES, is_ordered
from vicinal.metadata import dumps, loads

_OPTIONS = settings(deadline=None, suppress_health_check=list(HealthCheck))


def connected(engine: str) -> vicinal.Database:
    """Qdrant's client in its local mode, Milvus Lite in this process, or a real Milvus."""
    if engine == "qdrant":
        pytest.importorskip("qdrant_client")
        return vicinal.connect("qdrant+memory:")
    pytest.importorskip("pymilvus")
    return vicinal.connect(shared_milvus() if engine == "milvus" else shared_lite())


@pytest.fixture(scope="module", params=["qdrant", "milvus_lite", pytest.param("milvus", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest) -> Iterator[vicinal.Database]:
    with connected(request.param) as db:
        yield db


class Rows:
    """The same rows in a collection on an engine and in plain dicts."""

    def __init__(self, database: vicinal.Database, rows: Sequence[Any]) -> None:
        made = database.collection("filtered", dimension=1)
        assert isinstance(made, EngineCollection)
        self.docs = made
        self.docs.delete(self.docs.ids())
        self.rows = {id_of(i): loads(dumps(row or {})) for i, row in enumerate(rows)}
        self.texts = dict(zip(self.rows, [None, "a", "abc", ""] * len(rows), strict=False))
        texts, metadata = list(self.texts.values()), list(self.rows.values())
        self.docs.add(list(self.rows), texts=texts, metadata=metadata, vectors=[[1.0]] * len(texts))

    def check(self, tree: Node) -> None:
        if (feature := lacking(tree)) is not None:
            with pytest.raises(Unsupported) as caught:
                self.docs.count(tree)  # type: ignore[arg-type]  # as searches take it
            assert caught.value.lacks in feature, tree
            return
        expected = [id_ for id_, row in self.rows.items() if matches(tree, row, id_, self.texts[id_])]
        assert self.docs.ids(tree) == expected, tree  # type: ignore[arg-type]  # likewise


def lacking(tree: Node) -> set[str] | None:
    """Returns the features that a filter needs and engines lack, or None."""
    found = {feature for leaf in leaves(tree) if (feature := _lacking(leaf)) is not None}
    return found or None


def _lacking(leaf: Any) -> str | None:
    if isinstance(leaf, OfRow):
        ordered = isinstance(leaf.condition, Compare) and leaf.condition.operator != "eq"
        if leaf.part == "text" and (ordered or isinstance(leaf.condition, StartsWith)):
            return "order of row texts"
        return _lacking(leaf.condition)
    if isinstance(leaf, (GeoCircle, Disc)):
        return "distances in fields"
    if isinstance(leaf, Regex):
        return "regular expressions"
    if isinstance(leaf, Compare) and leaf.coerce:
        return "numerals as numbers"
    if isinstance(leaf, Contains) and isinstance(leaf.value, str):
        return "substrings"
    text = leaf.prefix if isinstance(leaf, StartsWith) else leaf.value if isinstance(leaf, Compare) else None
    if isinstance(text, str) and len(text.encode()) > 47 and getattr(leaf, "operator", "") != "eq":
        return "long texts in order"
    return None


@settings(_OPTIONS, max_examples=100)
@given(st.lists(ROWS, min_size=1, max_size=6), st.lists(TREES, min_size=1, max_size=5))
def test_the_same_rows_as_the_referee(database: vicinal.Database, rows: list[Any], trees: list[Node]) -> None:
    stored = Rows(database, rows)
    for tree in trees:
        stored.check(tree)


def random_value(rng: random.Random, depth: int) -> Any:
    if depth and rng.random() < 0.25:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if depth and rng.random() < 0.3:
        return {rng.choice("xyz"): random_value(rng, depth - 1) for _ in range(rng.randrange(3))}
    return rng.choice([None, True, False, 1, 1.0, 2, 2.5, "a", "ab", "1", *UUIDS, *INSTANTS[:4]])


def random_tree(rng: random.Random, depth: int) -> Node:
    if depth and rng.random() < 0.7:
        children = tuple(random_tree(rng, depth - 1) for _ in range(rng.randrange(1, 4)))
        return rng.choice([And(children), Or(children), Not(children[0])])
    path = tuple(rng.choice("xyz") for _ in range(rng.choice([1, 1, 2])))
    value = random_value(rng, 1)
    operator = rng.choice(["eq", "eq", "gt", "gte", "lt", "lte"])
    if operator != "eq" and not is_ordered(value):
        operator = "eq"
    return rng.choice(
        [
            Compare(path, operator, value),  # type: ignore[arg-type]  # it is one of them
            In(path, (value, random_value(rng, 1))),
            Contains(path, None if isinstance(value, str) else value),
            Exists(path),
            OfType(path, frozenset(rng.sample(sorted(CLASSES), 2))),
            StartsWith(path, rng.choice(["", "a", "ab"])),
            IdIn([id_of(rng.randrange(60)) for _ in range(5)]),
        ]
    )


@pytest.mark.slow
def test_two_thousand_filters_of_depth_three(database: vicinal.Database) -> None:
    rng = random.Random(26)
    rows = [{key: random_value(rng, 2) for key in "xyz" if rng.random() < 0.8} for _ in range(50)]
    stored = Rows(database, rows)
    for _ in range(2000):
        stored.check(random_tree(rng, 3))


@pytest.mark.parametrize("as_elements", [False, True])
def test_every_scalar_against_every_other(database: vicinal.Database, as_elements: bool) -> None:
    """Exhaustive, because random values hardly ever hit the boundaries between types of numbers."""
    stored = Rows(database, [{"x": [value] if as_elements else value} for value in (None, True, False, *ORDERED)])
    for value in (None, True, False, *ORDERED):
        for tree in (Compare(("x",), "eq", value), In(("x",), (value, "no such text")), Contains(("x",), value)):
            stored.check(tree)
    for value in ORDERED:
        for operator in ("gt", "gte", "lt", "lte"):
            stored.check(Compare(("x",), operator, value))  # type: ignore[arg-type]  # it is one of them
    for text in TEXTS:
        stored.check(StartsWith(("x",), text))


def test_texts_are_in_the_order_of_their_characters_however_they_fall_into_parts(database: vicinal.Database) -> None:
    texts = ["", "a", "abcdef", "abcdefg", "abcdefabcdef", "abcdeg", "b" * 47, "b" * 48, "b" * 60, "é" * 23, "z\x00"]
    stored = Rows(database, [{"x": text} for text in texts])
    for text in texts:
        for operator in ("gt", "gte", "lt", "lte"):
            stored.check(Compare(("x",), operator, text))  # type: ignore[arg-type]  # it is one of them
        stored.check(StartsWith(("x",), text))


def test_ids_and_texts_of_rows(database: vicinal.Database) -> None:
    stored = Rows(database, [{}, {}, {}, {}, {}])
    ids = list(stored.rows)
    for condition in (
        OfRow("id", Compare(("$id",), "eq", ids[0])),
        OfRow("id", In(("$id",), (ids[1], "row 3", 7))),
        OfRow("id", Compare(("$id",), "gt", 1)),
        OfRow("id", StartsWith(("$id",), "row")),
        OfRow("text", Compare(("$text",), "eq", "abc")),
        OfRow("text", Compare(("$text",), "eq", None)),
        OfRow("text", StartsWith(("$text",), "ab")),
        IdIn(ids[:2]),
        IdIn([]),
    ):
        stored.check(condition)
        stored.check(Not(condition))


def test_paths_that_look_like_one_another(database: vicinal.Database) -> None:
    long = "a" * 500
    keys = [("a", "b"), ("a.b",), ("a-b",), ("a", "", "b"), ("a_2db",), ("", "a", "b"), ("_",), ("",), (long,)]
    rows: list[Any] = []
    for path in [*keys, (long + "b",)]:
        row: Any = 1
        for key in reversed(path):
            row = {key: row}
        rows.append(row)
    stored = Rows(database, rows)
    for path in keys:
        stored.check(Compare(path, "eq", 1))
        stored.check(Compare(path, "gte", 1))


def test_nothing_is_sent_for_a_filter_that_is_lacking(database: vicinal.Database) -> None:
    stored = Rows(database, [{"x": "abc"}])
    with pytest.raises(Unsupported, match=r"(Qdrant|Milvus) has no substrings.*finds an element") as caught:
        stored.docs.update(where={"x": {"$contains": "b"}}, metadata={"x": 1})
    assert caught.value.name == "where"
    assert caught.value.lacks in database.capabilities.lacks
    assert stored.docs.get()[0].metadata == {"x": "abc"}
