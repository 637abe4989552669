"""Values, filters, names and errors are the same after a round trip."""

from __future__ import annotations

import math
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vicinal
from vicinal import errors, metadata
from vicinal.errors import VicinalError
from vicinal.explanation import WhyNot
from vicinal.filters import tree
from vicinal.filters.where import parse
from vicinal.inputs.values import expiry
from vicinal.types import LegScore
from vicinal.wire import results, values
from vicinal.wire.errors import Failure, status_of
from vicinal.wire.filters import filter_from, to_filter
from vicinal.wire.names import name_in_path, name_of_path

texts = st.text(st.characters(codec="utf-8"), max_size=5)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**3000), 2**3000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    texts,
    st.sampled_from(["$date", "$$date", "$", "$uuid"]),
    st.dates(),
    st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=5))])),
    st.uuids(),
)
keys = st.one_of(texts, st.sampled_from(["$date", "$$date", "$int", "$uuid", "$x", "a.b"]))
trees = st.recursive(
    scalars, lambda some: st.lists(some, max_size=3) | st.dictionaries(keys, some, max_size=3), max_leaves=8
)


def sent(message: Any, kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(message), type=kind)


def typed(value: Any) -> Any:
    """Returns a value that is equal only if types are too: 1 is not 1.0, nor True."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    return [typed(item) for item in value] if isinstance(value, list) else (type(value), value)


@given(trees)
def test_typed_json_there_and_back(value: Any) -> None:
    assert typed(values.typed_from(sent(values.typed(value), msgspec.Raw))) == typed(value)


@given(st.dictionaries(keys, trees, max_size=3))
def test_stored_metadata_crosses_as_it_is(given_metadata: dict[str, Any]) -> None:
    raw = sent(values.raw(metadata.dumps(given_metadata)), msgspec.Raw)
    assert typed(values.metadata_from(raw)) == typed(given_metadata)


@pytest.mark.parametrize("text", ['{"a": {"$date": 5}}', '{"a": {"$decimal": "x"}}', '{"$uuid": "z"}', "[1]", "5"])
def test_a_value_that_is_not_what_its_tag_says_is_refused(text: str) -> None:
    with pytest.raises(errors.InvalidMetadata) as caught:
        values.metadata_from(msgspec.Raw(text.encode()), "row 3")
    assert caught.value.place == "row 3"


@given(st.one_of(st.integers(-(2**63), 2**63 - 1), texts.filter(bool), st.uuids()))
def test_ids_keep_their_type(id_: Any) -> None:
    [back] = values.ids_from(sent(values.to_ids([id_]), list[values.WireId]))
    assert (type(back), back) == (type(id_), id_)


@given(st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=3, max_size=3), min_size=1, max_size=4))
def test_vectors_keep_their_bits(rows: list[list[float]]) -> None:
    matrix = np.array(rows, dtype=np.float32)
    back = values.matrix_from(sent(values.packed_rows(matrix), values.Matrix))
    assert (back.dtype, back.shape, back.tobytes()) == (np.float32, matrix.shape, matrix.tobytes())
    one = values.vector_from(sent(values.packed(matrix[0]), values.PackedVector))
    assert np.asarray(one).tobytes() == matrix[0].tobytes()


@pytest.mark.parametrize("wrong", ["%%%", "AAA", "AAAAAAA=", "é"])
def test_what_is_no_packed_vector_is_refused(wrong: str) -> None:
    with pytest.raises(errors.InvalidVector, match=r"^row 3: .*base64"):
        values.vector_from(values.PackedVector(wrong), "row 3")


@pytest.mark.parametrize(
    "ttl",
    [1, 0.5, 1e9, timedelta(days=3), datetime(2030, 1, 1), datetime.max, datetime(2030, 1, 1, tzinfo=UTC), math.inf],
    ids=str,
)
def test_a_time_to_live_means_the_same(ttl: Any) -> None:
    now = 1_700_000_000_000_000
    crossed = values.ttl_from(values.to_ttl(expiry(ttl, values.LATER_THAN_ALL, "")))
    assert abs((expiry(crossed, now, "") or 0) - (expiry(ttl, now, "") or 0)) <= 1


WHERES: list[dict[str, Any]] = [
    {},
    {"year": 2020},
    {"year": {"$gte": 2020, "$lt": date(2024, 1, 1)}},
    {"at": {"$in": {1, 2}}, "$or": [{"a": Decimal("1.10")}, {"$not": {"b": UUID(int=3)}}]},
    {"a": np.float32(0.5), "b": {"$in": np.arange(3)}, "c": {"$eq": {"$date": "no date", "x": 1}}},
    {"a": {"$eq": {"b": datetime(2020, 1, 1, tzinfo=UTC)}}, r"\$odd": {"$exists": True}, "n": 2**70},
    {"$id": {"$in": [1, "1", UUID(int=1)]}, "$text": {"$contains": "x"}},
]


@pytest.mark.parametrize("where", WHERES, ids=str)
def test_a_where_means_the_same(where: dict[str, Any]) -> None:
    assert parse(filter_from(sent(to_filter(where), dict[str, Any]))) == parse(where)  # type: ignore[arg-type]


NODES = [
    tree.And((tree.Compare(("a", "b.c"), "gte", date(2020, 1, 1)), tree.Not(tree.Exists(("x",))))),
    tree.Or((tree.In(("a",), (1, "x", None)), tree.Contains(("t",), "y"), tree.StartsWith(("t",), "z"))),
    tree.Regex(("t",), "a+b"),
    tree.OfType(("t",), frozenset({"number", "text"})),
    tree.GeoCircle(("lat",), ("lon",), 52.5, 13.4, 1000),
    tree.Disc(("x",), ("y",), 0, 0, 2),
    tree.IdIn([1, "1", UUID(int=1)]),
    tree.OfRow("text", tree.Contains(("$text",), "x")),
    tree.Compare(("a",), "eq", {"b": [1, Decimal(2)]}, coerce=True),
]


@pytest.mark.parametrize("node", NODES, ids=repr)
def test_a_filter_tree_crosses(node: tree.Node) -> None:
    assert filter_from(sent(to_filter(node), dict[str, Any])) == node


@pytest.mark.parametrize(
    "json",
    [
        {"$tree": None},
        {"$tree": {"kind": "Evil"}},
        {"$tree": {"kind": "Exists"}},
        {"$tree": {"kind": "Exists", "path": "a"}},
        {"$tree": {"kind": "Exists", "path": [5]}},
        {"$tree": {"kind": "Exists", "path": ["a"], "more": 1}},
        {"$tree": {"kind": "IdIn", "ids": [1.5]}},
        {"$tree": {"kind": "OfType", "path": ["a"], "classes": [{}]}},
        {"$tree": {"kind": "Regex", "path": ["a"], "pattern": "("}},
        {"a": {"$decimal": "x"}},
        {"a": {"$date": "yesterday"}},
    ],
    ids=str,
)
def test_what_is_no_filter_is_refused(json: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidInput):
        filter_from(json)


def test_a_filter_that_is_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    with pytest.raises(errors.LimitExceeded):
        filter_from({"a": {"$eq": deep}})
    node: Any = {"kind": "Exists", "path": ["a"]}
    for _ in range(300):
        node = {"kind": "Not", "child": node}
    with pytest.raises(errors.InvalidInput):
        filter_from({"$tree": node})


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_a_name_is_one_part_of_a_path(name: str) -> None:
    part = name_in_path(name)
    assert part.isascii()
    assert not {"/", "?", "#"} & set(part)
    assert unquote(part) not in (".", "..")
    assert name_of_path(unquote(part)) == name


@pytest.mark.parametrize("name", ["docs", "a b", "ünïcode", "2024-05.v1"])
def test_a_usual_name_stays_readable(name: str) -> None:
    assert unquote(name_in_path(name)) == name


@pytest.mark.parametrize("part", ["~", "~_", "~/w", "~gICA", "~é"])
def test_a_part_that_names_nothing_is_not_found(part: str) -> None:
    if part == "~":
        assert name_of_path(part) == ""
        return
    with pytest.raises(errors.CollectionNotFound):
        name_of_path(part)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_crosses_with_its_fields(name: str) -> None:
    kind = getattr(errors, name)
    if kind is errors.MissingExtra:
        error: VicinalError = kind("pandas", "frames", "to_pandas()")
    else:
        error = kind("is wrong", name="ids", value=["a", 1], place="row 2", remedy="Mend it.")
    if kind is errors.CommitFailed:
        error.committed = None  # type: ignore[attr-defined]
    back = sent(Failure.of(error, "request-1"), Failure).value()
    assert type(back) is kind
    assert str(back) == str(error)
    assert vars(back) | {"name": back.name} == vars(error) | {"name": error.name}
    assert type(pickle.loads(pickle.dumps(back))) is kind
    assert 400 <= status_of(error) < 600


@pytest.mark.parametrize("value", [b"\x00\xff", UUID(int=1), 2**80, "\ud800", object(), "x" * 10**6, np.ones(3), (1,)])
def test_a_value_of_an_error_crosses_or_is_shown(value: Any) -> None:
    back = sent(Failure.of(errors.InvalidArgument("is wrong", value=value)), Failure).value().value
    plain = isinstance(value, (bytes, UUID, int))
    assert back == value if plain else len(str(back)) <= 1000


def test_an_error_of_a_newer_server_is_the_nearest_that_is_known() -> None:
    body = b'{"error": {"type": "TooFuzzy", "bases": ["InvalidVector", "InvalidInput"], "message": "is fuzzy"}}'
    assert type(msgspec.json.decode(body, type=Failure).value()) is errors.InvalidVector
    body = b'{"error": {"type": "os", "message": "is fuzzy"}}'
    assert type(msgspec.json.decode(body, type=Failure).value()) is errors.ServerFailed


def test_explanations_cross_as_they_are() -> None:
    docs = vicinal.connect(":memory:").collection("docs", encoder="hashing:16")
    unique = UUID(int=7)
    docs.add(["a", 2, unique], texts=["amber", "amber cobalt", None], metadata=[{"on": date(2024, 5, 1)}, {}, {}])
    why = docs.explain("amber", mode="hybrid", where={"$id": {"$exists": True}, "on": {"$exists": False}})
    assert sent(results.Explanation.of(why), results.Explanation).value() == why
    for lost in (
        docs.why_not("a", "amber", where={"on": date(2025, 1, 1)}),
        docs.why_not(unique, "amber"),
        docs.why_not(2, "amber", mode="hybrid", k=1),
    ):
        assert sent(results.WhyNot.of(lost), results.WhyNot).value() == lost


def test_a_score_that_is_infinite_crosses() -> None:
    lost = WhyNot("a", "rank", "beaten", 3, 4, -math.inf, math.inf, legs={"dense": LegScore(1, -math.inf)})
    assert sent(results.WhyNot.of(lost), results.WhyNot).value() == lost


def test_groups_and_duplicates_cross_as_they_are() -> None:
    docs = vicinal.connect(":memory:").collection("docs")
    metadata = [{"v": date(2024, 5, 1)}, {"v": Decimal("1.5")}, {}]
    docs.add(["a", 2, UUID(int=7)], vectors=[[1, 0], [1, 0], [0, 1]], metadata=metadata)
    hits = docs.search([1, 0], group_by="v")
    back = sent(results.Hits.of(hits), results.Hits).value()
    assert back == hits
    assert back.groups == hits.groups
    found = docs.duplicates(-1)
    assert len(found) == 3
    assert sent(results.Duplicates.of(found), results.Duplicates).value() == found
