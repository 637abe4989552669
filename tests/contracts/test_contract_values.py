"""`order_by`, `facets`, `distinct` and `min_max` over values of all types, compared with plain Python."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from hypothesis import example, given, settings
from hypothesis import strategies as st

import vicinal

MISSING = object()

floats = st.sampled_from([1.9, 1.1, -0.5, 0.0, -0.0, 1.0, 1e300, 0.1]) | st.floats(-1e6, 1e6)
ints = st.integers(-3, 3) | st.sampled_from([2**53 + 1, 2**70, -(2**70)])
decimals = st.sampled_from([Decimal("0.1"), Decimal("1.10"), Decimal(-1), Decimal("1e-30")])
texts = st.sampled_from(["", "a", "B", "é", "z" * 300, "z" * 301]) | st.text(max_size=3)
dates = st.dates(date(2020, 1, 1), date(2020, 1, 3))
instants = st.datetimes(datetime(2020, 1, 1), datetime(2020, 1, 3)) | dates.map(
    lambda day: datetime(day.year, day.month, day.day, tzinfo=UTC)
)
uuids = st.integers(0, 3).map(lambda number: UUID(int=number))
KINDS = {
    "bool": st.booleans(),
    "int": ints,
    "float": floats,
    "decimal": decimals,
    "text": texts,
    "date": dates,
    "datetime": instants,
    "uuid": uuids,
}
anything = st.one_of(*KINDS.values())
without_order = st.none() | st.lists(anything, max_size=3) | st.just({"k": 1}) | st.just(MISSING)


@st.composite
def columns(draw: st.DrawFn) -> list[Any]:
    """Values of one kind, or a mixture, with rows without a value in between."""
    kind = draw(st.sampled_from(["mixed", *KINDS]))
    return draw(st.lists((anything if kind == "mixed" else KINDS[kind]) | without_order, min_size=1, max_size=12))


def key(value: Any) -> Any:
    """Returns the sort key of a value: by class, then by value; None for values that cannot be sorted."""
    if isinstance(value, bool):
        return 0, value
    if isinstance(value, (int, float, Decimal)):
        return 1, Fraction(value)
    if isinstance(value, str):
        return 2, value
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        return 3, (
            moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        ) // timedelta.resolution
    return (4, value.bytes) if isinstance(value, UUID) else None


def test_the_rows_of_a_handle_that_nobody_holds() -> None:
    database = vicinal.connect(":memory:")
    database.collection("docs").add(metadata=[{"v": 1}, {"v": 2}])
    assert [row.metadata["v"] for row in database.collection("docs").scroll(order_by="v")] == [1, 2]


def keys_in(value: Any) -> set[Any]:
    """Returns the key of a value, or of each different element of a list."""
    found = {key(element) for element in value} if isinstance(value, list) else {key(value)}
    return found - {None}


@settings(max_examples=150, deadline=None)
@given(columns(), st.booleans())
@example([1.9, 1.1], False)
@example([1.9, 1.1, MISSING], True)
@example([-1, 0, -2, MISSING], False)
@example([True, 1, 1.0, Decimal(1), "1", None], True)
def test_values_of_a_field_against_plain_python(values: list[Any], descending: bool) -> None:
    docs = vicinal.connect(":memory:").collection("docs", auto_ids="integer")
    docs.add(metadata=[{} if value is MISSING else {"v": value} for value in values])
    docs.add(metadata=[{"v": None}])
    having = [(key(value), id_) for id_, value in enumerate(values, 1) if key(value) is not None]
    without = [id_ for id_, value in enumerate([*values, None], 1) if key(value) is None]
    rows = [row.id for row in docs.scroll(order_by="v", descending=descending)]
    ordered = [id_ for _, id_ in sorted(having, reverse=descending)]
    assert rows == [*ordered, *sorted(without, reverse=descending)]

    counts = Counter(one for value in values if value is not MISSING for one in keys_in(value))
    facets = [(key(value), count) for value, count in docs.facets("v")]
    assert facets == sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    assert [key(value) for value in docs.distinct("v")] == sorted(counts)

    bounds = docs.min_max("v")
    places = [place for place, _ in having]
    assert (None if bounds is None else tuple(map(key, bounds))) == ((min(places), max(places)) if places else None)
    for value in [*(bounds or ()), *docs.distinct("v")]:
        stored = [one for some in values for one in (some if isinstance(some, list) else [some]) if one is not MISSING]
        assert any(type(value) is type(one) and key(value) == key(one) for one in stored)  # of the type it was given in
