"""Filters for engines that only support words and numbers.

An engine stores with each row what filters use, beside its metadata: `terms`, which are words such as "m-year=n2024.0",
and `parts`, which are numbers. A filter becomes `HasTerm` and `NumberIs` conditions on these, whatever the types of the
values; they mean exactly what `filters.evaluate` computes. So one translation serves all engines, one index of words
serves all equalities, and integers of any size, decimals, dates, UUIDs, lists and dicts are compared by their true
values.

An ordered value is a tuple of numbers, compared one after the other, each exact in float64: a number is a float64 and
the remainder, a point in time is seconds and microseconds, a text is six bytes at a time.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from typing import Any, Final, Literal
from uuid import UUID

from ..errors import Unsupported
from ..filters import tree as filters
from ..filters.values import Class, Number, Operator, class_of, instant
from ..types import Id

__all__ = ["All", "Any_", "Condition", "HasId", "HasTerm", "No", "NumberIs", "condition", "facts"]

Sign = Literal["lt", "lte", "eq", "gte", "gt"]

_WORD_CHARS_MAX: Final = 96
_TEXT_PARTS: Final = 8
_BYTES_A_PART: Final = 6
_TEXT_BYTES_MAX: Final = _TEXT_PARTS * _BYTES_A_PART - 1
_DIGITS: Final = 257  # a byte, or the end of the text before it
_LETTERS: Final = "abcdefgh"  # names of the parts
_LARGEST: Final = sys.float_info.max
_SMALLEST: Final = math.ulp(0.0)
_EXPONENT_MAX: Final = 1100  # of a decimal; float64 ends far below
_DIGITS_KEPT: Final = 15
_ROW: Final[Mapping[str, str]] = {"id": "id", "text": "text"}
_OPPOSITE: Final[Mapping[Sign, Sign]] = {"lt": "gte", "lte": "gt", "gte": "lt", "gt": "lte"}
_HOLDS_AT_0: Final[Mapping[Sign, Callable[[float], bool]]] = {
    "lt": lambda value: value > 0,
    "lte": lambda value: value >= 0,
    "eq": lambda value: value == 0,
    "gte": lambda value: value <= 0,
    "gt": lambda value: value < 0,
}


@dataclass(frozen=True, slots=True)
class HasTerm:
    """The row has at least one of these terms."""

    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NumberIs:
    """The row has this part, and it compares to `value` as `sign` says.

    Attributes:
        field: two keys below `parts`; or an empty one, and a key of the payload itself.
    """

    field: tuple[str, str]
    sign: Sign
    value: float


@dataclass(frozen=True, slots=True)
class HasId:
    """The row's id is one of these."""

    ids: frozenset[Id]


@dataclass(frozen=True, slots=True)
class All:
    """Every child holds; without children it matches every row."""

    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any_:
    """At least one child holds; without children it matches no row."""

    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class No:
    """The complement."""

    child: Condition


Condition = HasTerm | NumberIs | HasId | All | Any_ | No
Lacking = Callable[[str, object], Unsupported]


# -- rows


def facts(metadata: Mapping[str, Any], id_: Id, text: str | None) -> tuple[list[str], dict[str, dict[str, float]]]:
    """Returns what filters use of a row: its terms and its parts."""
    terms: list[str] = []
    parts: dict[str, dict[str, float]] = {}
    for place, value in [(_ROW["id"], id_), (_ROW["text"], text), *_fields(metadata, ("m",))]:
        terms += _terms(place, value)
        ordered = None if place == _ROW["text"] else _parts(value)
        if ordered is not None:
            named = zip(_LETTERS, ordered, strict=False)
            # A missing part counts as 0; the first one exists if there is a value.
            parts[f"{place}-{class_of(value)}"] = {letter: part for letter, part in named if part or letter == "a"}
    return terms, parts


def _fields(values: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        path = (*above, key)
        yield _place(path), value
        if isinstance(value, Mapping):
            yield from _fields(value, path)


def _place(path: tuple[str, ...]) -> str:
    """A path as a key that every engine accepts: letters, digits, "-" between keys, "_" before other characters."""
    named = "-".join("".join(map(_letter, key)) or "_" for key in path)
    return named if len(named) <= _WORD_CHARS_MAX else f"{named[:32]}--{_digest(named)}"


def _letter(char: str) -> str:
    return char if char.isascii() and char.isalnum() else "".join(f"_{byte:02x}" for byte in char.encode())


def _terms(place: str, value: Any) -> Iterator[str]:
    if value is not None:
        yield f"{place}?"
        yield _term(place, "=", value)
    yield f"{place}:{class_of(value)}"
    if isinstance(value, list):
        yield from sorted({_term(place, "@", element) for element in value})


def _term(place: str, relation: Literal["=", "@"], value: Any) -> str:
    """The term of a field's value ("="), or of an element of a list in it ("@")."""
    return f"{place}{relation}{_short(_canonical(value))}"


def _short(text: str) -> str:
    return text if len(text) <= _WORD_CHARS_MAX else f"#{_digest(text)}"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _canonical(value: Any) -> str:
    """The same text for equal values, and different texts for different values."""
    match class_of(value):
        case "null":
            return "z"
        case "bool":
            return "b1" if value else "b0"
        case "number":
            return f"n{_canonical_number(value)}"
        case "text":
            return f"t{value}"
        case "instant":
            return f"i{instant(value)}"
        case "uuid":
            return f"u{value.hex}"
        case "list":
            return f"l[{','.join(_short(_canonical(element)).replace(',', ',,') for element in value)}]"
        case "dict":
            items = sorted((key, _short(_canonical(item))) for key, item in value.items())
            return f"d{items!r}"


def _canonical_number(value: Number) -> str:
    """As a float64 if the value is one, whatever its type; else its digits and the exponent."""
    try:
        nearest = float(value)
    except OverflowError:
        nearest = math.inf
    if math.isfinite(nearest) and nearest == value:
        return repr(nearest + 0.0)
    sign, digits, exponent = Decimal(value).as_tuple()
    assert isinstance(exponent, int)  # it is finite
    written = "".join(map(str, digits)).lstrip("0")
    kept = written.rstrip("0")
    return f"{'-' if sign else ''}{kept}e{exponent + len(written) - len(kept)}"


# -- order


def _parts(value: Any) -> tuple[float, ...] | None:
    """Numbers that order the values of a class; None for values without an order."""
    match class_of(value):
        case "number":
            return _parts_of_number(value)
        case "text":
            return _parts_of_text(value.encode())
        case "instant":
            return tuple(map(float, divmod(instant(value), 1_000_000)))
        case "uuid":
            return _parts_of_uuid(value)
    return None


def _parts_of_number(value: Number) -> tuple[float, ...]:
    """The nearest float64, and the nearest to the remainder: exact to 106 bits.

    Beyond the range of float64 the exponent follows, and the first digits.
    """
    if isinstance(value, float):
        return value + 0.0, 0.0
    if isinstance(value, Decimal) and value and abs(value.adjusted()) > _EXPONENT_MAX:
        return _parts_out_of_range(value)  # its fraction would exhaust memory
    exact = Fraction(value)
    try:
        high = float(exact)
        low = float(exact - Fraction(high))
    except OverflowError:
        return _parts_out_of_range(Decimal(value))
    return (high, low) if high or low or not exact else _parts_out_of_range(Decimal(value))


def _parts_out_of_range(value: Decimal) -> tuple[float, ...]:
    sign, digits, _ = value.as_tuple()
    first = int("".join(map(str, digits)).lstrip("0")[:_DIGITS_KEPT].ljust(_DIGITS_KEPT, "0"))
    high, low = (_LARGEST, _LARGEST) if value.adjusted() > 0 else (0.0, _SMALLEST)
    parts = high, low, float(value.adjusted()), float(first)
    return tuple(-part + 0.0 for part in parts) if sign else parts


def _parts_of_text(text: bytes) -> tuple[float, ...]:
    """As many parts as its first bytes need; the rest is not stored."""
    return tuple(
        _number_of(text[start : start + _BYTES_A_PART])
        for start in range(0, max(1, min(len(text), _TEXT_PARTS * _BYTES_A_PART)), _BYTES_A_PART)
    )


def _number_of(some: bytes, filled_up_with: int = 0) -> float:
    """Bytes as the digits of a number below 2 ** 49."""
    number = 0
    for digit in [*(byte + 1 for byte in some), *[filled_up_with] * (_BYTES_A_PART - len(some))]:
        number = number * _DIGITS + digit
    return float(number)


def _parts_of_uuid(value: UUID) -> tuple[float, ...]:
    return float(value.int >> 86), float(value.int >> 43 & 0x7FF_FFFF_FFFF), float(value.int & 0x7FF_FFFF_FFFF)


# -- filters


def condition(tree: filters.Node, lacks: Lacking) -> Condition:
    """Translates a filter to conditions on the terms and parts of a row.

    Args:
        lacks: makes the error for a condition that terms and parts cannot express, from a feature's name and the
            condition.

    Raises:
        Unsupported: the filter has such a condition.
    """
    match tree:
        case filters.And():
            return All(tuple(condition(child, lacks) for child in tree.children))
        case filters.Or():
            return Any_(tuple(condition(child, lacks) for child in tree.children))
        case filters.Not():
            return No(condition(tree.child, lacks))
        case filters.IdIn():
            return HasId(tree.ids)
        case filters.OfType():
            place = _place(("m", *tree.path))
            return HasTerm(tuple(f"{place}:{kind}" for kind in sorted(tree.classes)))
        case filters.OfRow():
            return _Leaf(_ROW[tree.part], lacks).condition(tree.condition)
        case filters.GeoCircle() | filters.Disc():
            raise lacks("distances in fields", tree)
        case _:
            return _Leaf(_place(("m", *tree.path)), lacks).condition(tree)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """Conditions on one field."""

    place: str
    lacks: Lacking

    def condition(self, leaf: filters.Leaf) -> Condition:
        match leaf:
            case filters.Compare(coerce=True):
                raise self.lacks("numerals as numbers", leaf)
            case filters.Compare(operator="eq"):
                return self.equals((leaf.value,))
            case filters.Compare():
                return self.ordered(leaf.operator, leaf.value, leaf)
            case filters.In():
                return self.equals(leaf.values)
            case filters.Contains() if isinstance(leaf.value, str):
                raise self.lacks("substrings", leaf)
            case filters.Contains():
                return HasTerm((_term(self.place, "@", leaf.value),))
            case filters.Exists():
                return HasTerm((f"{self.place}?",))
            case filters.StartsWith():
                return self.starts_with(leaf)
            case _:
                raise self.lacks("regular expressions", leaf)

    def equals(self, values: tuple[Any, ...]) -> Condition:
        """Matches equal values; null also equals a missing value."""
        terms = [_term(self.place, relation, value) for value in values for relation in _RELATIONS]
        found = HasTerm(tuple(dict.fromkeys(terms)))
        if any(value is None for value in values):
            return Any_((found, No(HasTerm((f"{self.place}?",)))))
        return found

    def starts_with(self, leaf: filters.StartsWith) -> Condition:
        if not leaf.prefix:
            return HasTerm((f"{self.place}:text",))
        prefix = leaf.prefix.encode()
        self._check_order("text", len(prefix), leaf)
        whole = len(prefix) // _BYTES_A_PART * _BYTES_A_PART
        conditions = self._are_equal("text", _parts_of_text(prefix[:whole]) if whole else ())
        if rest := prefix[whole:]:
            field = self._field("text", whole // _BYTES_A_PART)
            conditions += [
                NumberIs(field, "gte", _number_of(rest)),
                NumberIs(field, "lte", _number_of(rest, filled_up_with=_DIGITS - 1)),
            ]
        return All(tuple(conditions))

    def ordered(self, operator: Operator, value: Any, leaf: filters.Leaf) -> Condition:
        kind = class_of(value)
        self._check_order(kind, len(value.encode()) if isinstance(value, str) else 0, leaf)
        parts = _parts(value)
        assert parts is not None  # checked by the tree
        if kind == "text" and len(value.encode()) % _BYTES_A_PART == 0 and value:
            parts = (*parts, 0.0)  # where the text ends
        strict: Sign = "lt" if operator in ("lt", "lte") else "gt"
        found: Condition = self._part(kind, len(parts) - 1, _SIGNS[operator], parts[-1])
        for place in reversed(range(len(parts) - 1)):
            further = self._part(kind, place, strict, parts[place])
            found = Any_((further, All((self._part(kind, place, "eq", parts[place]), found))))
        return found

    def _check_order(self, kind: Class, length: int, leaf: filters.Leaf) -> None:
        if self.place == _ROW["text"]:
            raise self.lacks("order of row texts", leaf)
        if kind == "text" and length > _TEXT_BYTES_MAX:
            raise self.lacks("long texts in order", leaf)

    def _are_equal(self, kind: Class, parts: tuple[float, ...]) -> list[Condition]:
        return [self._part(kind, place, "eq", part) for place, part in enumerate(parts)]

    def _part(self, kind: Class, place: int, sign: Sign, value: float) -> Condition:
        """A condition on the part at a position; a missing part counts as 0, and the first one always exists."""
        field = self._field(kind, place)
        if place == 0 or not _HOLDS_AT_0[sign](value):
            return NumberIs(field, sign, value)
        if sign == "eq":
            return No(Any_((NumberIs(field, "lt", 0.0), NumberIs(field, "gt", 0.0))))
        return No(NumberIs(field, _OPPOSITE[sign], value))

    def _field(self, kind: Class, place: int) -> tuple[str, str]:
        return f"{self.place}-{kind}", _LETTERS[place]


_RELATIONS: Final[tuple[Literal["=", "@"], ...]] = ("=", "@")
_SIGNS: Final[Mapping[Operator, Sign]] = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte", "eq": "eq"}
