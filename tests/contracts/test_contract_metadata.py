"""Texts and metadata are returned with the values that were stored."""

from __future__ import annotations

import enum
from collections import OrderedDict
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.worlds import World
from vicinal import Collection
from vicinal.errors import InvalidMetadata, InvalidText, LimitExceeded

unicode_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | unicode_text
    | st.dates()
    | st.datetimes(timezones=st.none() | offsets)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.uuids()
)
keys = st.one_of(
    unicode_text, st.sampled_from(["$", "$$", "$date", "$$date", "$decimal", "$uuid", "$eq", "id", "a.b", ""])
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
metadata = st.dictionaries(keys, values, max_size=4)


def same(one: object, other: object) -> bool:
    """Returns whether value and type are equal at every level, including -0.0 and the scale of decimals."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one == other and one.utcoffset() == other.utcoffset()
    if isinstance(one, int):  # a long one has no repr
        return one == other
    return repr(one) == repr(other)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(metadata, min_size=1, max_size=4))
def test_metadata_of_every_type_comes_back(docs: Collection, rows: list[dict[str, Any]]) -> None:
    ids = docs.add(metadata=rows)
    assert all(map(same, [row.metadata for row in docs.get(ids)], rows))
    docs.delete(ids)


ROUND_TRIPS: list[Any] = [
    0,
    -0.0,
    2**64,
    10**400,
    -(10**6000),  # longer than Python converts to decimal text by default
    5e-324,
    1.7976931348623157e308,
    0.1,
    True,
    None,
    "",
    "\x00",
    "\u2028",
    "🦜",
    "</script>",
    date(1, 1, 1),
    date(9999, 12, 31),
    datetime(2024, 5, 1, 12, 0, 0, 1),
    datetime(2024, 5, 1, tzinfo=UTC),
    datetime(2024, 5, 1, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime(2024, 5, 1, tzinfo=timezone(timedelta(seconds=-1))),
    Decimal("1.10"),
    Decimal("-0"),
    Decimal("1E+1000"),
    UUID(int=5),
    [],
    {},
    [[], [{}]],
    {"$date": "2024-05-01"},
    {"$date": 5},
    {"$int": "0x1"},
    {"$$date": "x", "$": 1},
    {"$uuid": "no uuid", "other": 1},
    {"$decimal": {"$decimal": "x"}},
]


@pytest.mark.parametrize(
    "value",
    ROUND_TRIPS,
    ids=lambda value: repr(value)[:40] if type(value) is not int else f"int of {value.bit_length()} bits",
)
def test_value_comes_back_from_every_place(world: World, value: Any) -> None:
    given = {"top": value, "list": [value, [value]], "deep": {"$": {"x": value}}}
    docs = world.collection()
    docs.add(["a"], vectors=[[1.0]], metadata=[given])
    docs = world.again()
    assert same(docs.get("a")[0].metadata, given)
    assert same(docs.search([1.0])[0].metadata, given)


def test_a_users_dict_that_looks_like_a_tag_is_metadata_too(docs: Collection) -> None:
    docs.add(["a"], metadata=[{"$date": "2024-05-01"}])
    assert docs.get("a")[0].metadata == {"$date": "2024-05-01"}


class Colour(enum.StrEnum):
    RED = "red"


class Kind(str, enum.Enum):  # noqa: UP042 - as older programs write it
    BOOK = "book"


class Level(enum.IntEnum):
    HIGH = 3


class Shouting(str):
    def __str__(self) -> str:
        return self.upper()


def test_kin_of_the_plain_types_become_plain(docs: Collection) -> None:
    given = {
        "enums": [Colour.RED, Kind.BOOK, Level.HIGH, Shouting("quiet")],
        "numpy": [np.int64(5), np.float32(0.5), np.bool_(True), np.str_("x")],
        "tuple": (1, (2,)),
        "mappings": [OrderedDict(a=1), MappingProxyType({"b": 2})],
        Kind.BOOK: "key",
        Shouting("key"): "key",
    }
    docs.add(["a"], metadata=[given])
    expected = {
        "enums": ["red", "book", 3, "quiet"],
        "numpy": [5, 0.5, True, "x"],
        "tuple": [1, [2]],
        "mappings": [{"a": 1}, {"b": 2}],
        "book": "key",
        "key": "key",
    }
    assert same(docs.get("a")[0].metadata, expected)


def nested(levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(levels - 1):
        made = {"x": made}
    return made


def test_64_levels_are_the_limit(docs: Collection) -> None:
    docs.add(["deep"], metadata=[nested(64)])
    assert docs.get("deep")[0].metadata == nested(64)
    endless: dict[str, Any] = {}
    endless["again"] = [endless, endless]
    for too_deep in (nested(65), endless):
        with pytest.raises(LimitExceeded, match="nested deeper than 64 levels"):
            docs.add(["deeper"], metadata=[too_deep])
    assert docs.count() == 1


def test_one_mebibyte_is_the_limit(docs: Collection) -> None:
    room = (1 << 20) - len('{"x":""}')
    docs.add(["full"], metadata=[{"x": "y" * room}])
    with pytest.raises(LimitExceeded, match="1,048,577 bytes as JSON, the limit is 1,048,576"):
        docs.add(["over"], metadata=[{"x": "y" * (room + 1)}])
    with pytest.raises(LimitExceeded):  # two rows' worth by merging
        docs.update(["full"], metadata=[{"more": 1}])
    assert len(docs.get("full")[0].metadata) == 1


@pytest.mark.parametrize(
    "bad",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        np.float32("nan"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        b"bytes",
        {1, 2},
        1j,
        pytest.param(object(), id="object"),
        np.zeros(3),
        "\ud800",
        {1: "key"},
        {None: 1},
        {"\udfff": 1},
        [[float("nan")]],
    ],
    ids=repr,
)
def test_what_would_not_come_back_is_refused(docs: Collection, bad: Any) -> None:
    with pytest.raises(InvalidMetadata) as caught:
        docs.add(["good", "bad"], metadata=[{}, {"key": bad}])
    assert caught.value.place == "row 1 (id 'bad')"
    assert caught.value.remedy
    assert docs.count() == 0


@pytest.mark.parametrize(
    "text",
    ["", "\x00", "a\x00b", "🦜" * 1000, "\r\n\t", "e\u0301", "\uffff", "x" * 1_000_000],
    ids=lambda text: repr(text[:8]),
)
def test_a_text_comes_back(world: World, text: str) -> None:
    docs = world.collection()
    docs.add(["a"], texts=[text], vectors=[[1.0]])
    docs = world.again()
    assert docs.get("a")[0].text == text
    assert docs.search([1.0])[0].text == text


@pytest.mark.parametrize("bad", ["\ud800", "a\udfff", b"x", 5, ["x"]], ids=repr)
def test_what_is_no_text_is_refused(docs: Collection, bad: Any) -> None:
    with pytest.raises(InvalidText) as caught:
        docs.add(["good", "bad"], texts=["x", bad])
    assert caught.value.place == "row 1 (id 'bad')"
    assert docs.count() == 0


def test_a_text_of_more_than_16_mebibytes_is_refused(docs: Collection) -> None:
    with pytest.raises(LimitExceeded, match="16,777,217 bytes"):
        docs.add(["a"], texts=["x" * ((16 << 20) + 1)])
    assert docs.count() == 0
