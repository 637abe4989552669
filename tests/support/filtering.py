"""Rows and filters of every kind, for tests that compare two ways to filter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st

from vicinal.filters.cells import TEXT_CHARS_KEPT
from vicinal.filters.tree import (
    And,
    Compare,
    Contains,
    Disc,
    Exists,
    GeoCircle,
    IdIn,
    In,
    Not,
    OfType,
    Or,
    Regex,
    StartsWith,
)
from vicinal.filters.values import CLASSES
from vicinal.types import Id


def id_of(slot: int) -> Id:
    return f"row {slot}" if slot % 2 else slot


# Few distinct values, each in several forms, so that filters match some rows.
NUMBERS = [
    *(0, -0.0, 1, 1.0, Decimal("1.0"), 2, 2.5, Decimal("2.5"), 0.1, Decimal("0.1"), -3, 300, 70_000, 1e308, 5e-324),
    *(2**53, float(2**53), 2**53 + 1, Decimal(2**53 + 1), 2**63 - 1, 2**63, float(2**63), -(2**63), -(2**63) - 1),
    *(10**400, Decimal("1e400"), Decimal("1e-400"), Decimal("1e999999")),
]
LONG = "long " * (TEXT_CHARS_KEPT // 5)
TEXTS = [
    *("", "a", "ab", "abc", "b", "ba", "é", "\U0001f600", "\uffff", "\x00"),
    *("1", "1.0", "10", "-3", "1e1", " 1", "1_0", "٣", "9" * 5000),
    *(LONG, LONG + " of it", LONG + "z" * 50),
]
PLUS_TWO = timezone(timedelta(hours=2))
INSTANTS = [
    *(date(2024, 5, 1), datetime(2024, 5, 1), datetime(2024, 5, 1, tzinfo=UTC)),
    *(datetime(2024, 5, 1, 2, tzinfo=PLUS_TWO), datetime(2024, 5, 1, 0, 0, 0, 1)),
    *(date(1, 1, 1), datetime(1, 1, 1, tzinfo=PLUS_TWO), datetime.max),
]
UUIDS = [UUID(int=1), UUID(int=2), UUID(int=2**127 + 5)]
ORDERED = [*NUMBERS, *TEXTS, *INSTANTS, *UUIDS]
SCALARS = st.sampled_from([None, True, False, *ORDERED])
KEYS = st.sampled_from(["x", "y", "a.b", "$k", "", "n"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
ROWS = st.none() | st.dictionaries(KEYS, VALUES, max_size=4)
PATHS = st.lists(KEYS, min_size=1, max_size=2).map(tuple)
COMPARES = st.one_of(
    st.builds(Compare, PATHS, st.just("eq"), VALUES, st.booleans()),
    st.builds(Compare, PATHS, st.sampled_from(["gt", "gte", "lt", "lte"]), st.sampled_from(ORDERED), st.booleans()),
)
DEGREES = st.sampled_from([0, 1, 2.5, -3])
LEAVES = st.one_of(
    COMPARES,
    st.builds(In, PATHS, st.lists(VALUES, max_size=12).map(tuple)),
    st.builds(Contains, PATHS, VALUES),
    st.builds(StartsWith, PATHS, st.sampled_from(TEXTS)),
    st.builds(Regex, PATHS, st.sampled_from(["^a", "b$", "[0-9]+", "", "long .*z"])),
    st.builds(Exists, PATHS),
    st.builds(OfType, PATHS, st.frozensets(st.sampled_from(sorted(CLASSES)))),
    st.builds(GeoCircle, PATHS, PATHS, DEGREES, DEGREES, st.sampled_from([0, 150_000, 1e6, 3e7])),
    st.builds(Disc, PATHS, PATHS, DEGREES | st.just(1e300), DEGREES, st.sampled_from([0, 1, 2.5, 1e300])),
    st.lists(st.integers(0, 12).map(id_of)).map(IdIn),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda nodes: And(tuple(nodes))),
        st.lists(inner, max_size=3).map(lambda nodes: Or(tuple(nodes))),
        inner.map(Not),
    ),
    max_leaves=6,
)
