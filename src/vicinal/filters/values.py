"""Equality and order of metadata values. All filters follow these rules.

Values have exactly the types that `metadata.loads` returns; `plain` converts an operand to them.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from ..metadata import dumps, loads

Number = int | float | Decimal
Operator = Literal["eq", "gt", "gte", "lt", "lte"]
Class = Literal["null", "bool", "number", "text", "instant", "uuid", "list", "dict"]

# For plain values, and for arrays with a value.
COMPARISONS: dict[Operator, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}

_CLASSES: dict[type, Class] = {
    type(None): "null",
    bool: "bool",
    int: "number",
    float: "number",
    Decimal: "number",
    str: "text",
    date: "instant",
    datetime: "instant",
    UUID: "uuid",
    list: "list",
    dict: "dict",
}
CLASSES: frozenset[Class] = frozenset(_CLASSES.values())
# Classes in the order in which a sorted list of mixed values has them.
_SORTED: tuple[Class, ...] = ("bool", "number", "text", "instant", "uuid")
# Classes that a filter may compare by order. Greater than True is not a meaningful condition.
_ORDERED = frozenset(_SORTED) - {"bool"}

_SHOWN_CHARS_MAX = 80

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1) // _MICROSECOND
_NUMERAL = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?", re.ASCII)


def plain(value: Any) -> Any:
    """`value` as metadata would return it: NumPy scalars, tuples and subclasses become plain values.

    Raises:
        InvalidMetadata, LimitExceeded: a value that metadata cannot hold, such as NaN.
    """
    if value is None or type(value) in (bool, int) or (type(value) is str and value.isascii()):
        return value  # nearly every operand; conversion through JSON takes ten times as long
    return loads(dumps({"value": value}))["value"]


def class_of(value: Any) -> Class:
    """The class of a value. Values of different classes are never equal and not ordered. A bool is not a number."""
    return _CLASSES[type(value)]


def is_ordered(value: Any) -> bool:
    """Whether a filter may use `value` in an ordered comparison."""
    return class_of(value) in _ORDERED


def equal(a: Any, b: Any) -> bool:
    """Equality of values: 1 equals 1.0, True does not equal 1; lists and dicts are compared item by item."""
    kind = class_of(a)
    if kind != class_of(b):
        return False
    if kind == "list":
        return len(a) == len(b) and all(map(equal, a, b))
    if kind == "dict":
        return a.keys() == b.keys() and all(equal(item, b[key]) for key, item in a.items())
    if kind == "instant":
        return instant(a) == instant(b)
    return bool(a == b)


def compare(comparison: Operator, a: Any, b: Any) -> bool:
    """The result of a comparison. Values of two classes, and lists, are not ordered."""
    if comparison == "eq":
        return equal(a, b)
    if class_of(a) != class_of(b) or not is_ordered(a):
        return False
    return bool(COMPARISONS[comparison](_comparable(a), _comparable(b)))


def coerced(value: Any) -> Number | None:
    """A number unchanged, a text that is entirely a finite decimal numeral as that number, otherwise None."""
    if class_of(value) == "number":
        number: Number = value
        return number
    if type(value) is not str or not _NUMERAL.fullmatch(value):
        return None
    try:
        return int(value)
    except ValueError:  # a fraction, an exponent, or more digits than Python converts
        return _finite_float(value)


def _finite_float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None  # such as "1.2.3"
    return number if math.isfinite(number) else None


def sort_key(value: Any) -> tuple[int, Any] | None:
    """A key that orders mixed values: by class, then by value. None for values without order: null, lists, dicts."""
    kind = class_of(value)
    return (_SORTED.index(kind), _comparable(value)) if kind in _SORTED else None


def instant(value: date) -> int:
    """Microseconds since 1970. A naive datetime is in UTC, a date is its midnight."""
    if not isinstance(value, datetime):
        return (value - _EPOCH.date()) // timedelta(days=1) * _DAY
    aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def from_instant(microseconds: int) -> datetime:
    """The inverse of `instant`, in UTC; if UTC is outside the years 1 to 9999, in the nearest zone that is inside."""
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError:  # such as 9999-12-31T23:00-05:00
        limit = datetime.max if microseconds > 0 else datetime.min
        beyond = (microseconds - instant(limit)) * _MICROSECOND
        hours = min(-(-abs(beyond) // _HOUR) * _HOUR, timedelta(days=1) - _MICROSECOND)
        offset = -hours if microseconds > 0 else hours
        return (limit + (beyond + offset)).replace(tzinfo=timezone(offset))


def shown(value: Any) -> str:
    """A value for messages: its `repr`, shortened if it is long."""
    try:
        text = repr(value)
    except ValueError:  # an int with more digits than Python prints
        text = "a very long number"
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 3] + "..."


def _comparable(value: Any) -> Any:
    return instant(value) if isinstance(value, date) else value
