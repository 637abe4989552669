"""Converts text cells to values, by column: all values of a column have one type, whatever their digits.

In a column of numbers, `NA`, `null` and the like mean no value. Numbers that would lose something stay text: those with
leading zeros, and a plus before the many digits of a telephone number. Dates stay text, which compares equally well,
unless a type is requested.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from uuid import UUID

from ...errors import InvalidArgument
from ...metadata import loads

__all__ = ["TYPES", "ColumnType", "Tally", "asked_types", "column_type", "misread"]

Read = Callable[[str], Any]

_MISSING: Final = frozenset(("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "-", "nat"))
_INT: Final = re.compile(r"0|[+-]?[1-9][0-9]*")
_NUMBER: Final = re.compile(r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_TELEPHONE: Final = re.compile(r"\+[0-9]{7,}")
# 1,234.50 and 1.234,50: groups of three digits, and what precedes the fraction.
_GROUPED: Final = {
    ",": re.compile(r"[+-]?(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|0|[1-9][0-9]*)(?:\.[0-9]+)?"),
    ".": re.compile(r"[+-]?(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})+|0|[1-9][0-9]*)(?:,[0-9]+)?"),
}
# What proves it: two groups, a group and a fraction, a fraction of other than three digits.
_SHOWN: Final = {
    ",": re.compile(r",[0-9]{3}[,.]"),
    ".": re.compile(r"\.[0-9]{3}[.,]|,(?:[0-9]{1,2}|[0-9]{4,})$"),
}
_FLOAT_DIGITS: Final = 17


def _int(cell: str) -> Any:
    return int(cell) if _INT.fullmatch(cell) and not _TELEPHONE.fullmatch(cell) else _no()


def _decimal(cell: str) -> Any:
    return _exact(cell) if not set(cell) & {"e", "E"} else _no()


def _exact(cell: str) -> Any:
    return Decimal(cell) if _NUMBER.fullmatch(cell) and not _TELEPHONE.fullmatch(cell) else _no()


def _float(cell: str) -> Any:
    exact = _exact(cell)
    number = float(exact)
    is_kept = math.isfinite(number) and len(exact.as_tuple().digits) <= _FLOAT_DIGITS and (number != 0 or exact == 0)
    return number if is_kept else _no()


def _grouped(group: str) -> Read:
    """Returns a reader of numbers whose thousands are separated by `group`."""
    point = "." if group == "," else ","

    def read(cell: str) -> Any:
        if not _GROUPED[group].fullmatch(cell) or _TELEPHONE.fullmatch(cell):
            return _no()
        return _float(cell.replace(group, "").replace(point, "."))

    return read


def _bool(cell: str) -> bool:
    return {"true": True, "false": False}[cell.lower()]


def _asked_bool(cell: str) -> bool:
    return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[cell.lower()]


def _json(cell: str) -> Any:
    if cell[0] not in "[{":
        return _no()
    return loads(f'{{"":{cell}}}')[""]


def _asked_float(cell: str) -> Any:
    for read in (_float, _grouped(","), _grouped(".")):
        try:
            return read(cell)
        except ValueError:
            continue
    if math.isfinite(number := float(cell)):
        return number
    raise ValueError


def _datetime(cell: str) -> datetime:
    return datetime.fromisoformat(cell)


def _no() -> Any:
    raise ValueError


# Types that a user may request.
TYPES: Final[Mapping[str, Read]] = {
    "text": str,
    "int": int,
    "float": _asked_float,
    "decimal": Decimal,
    "bool": _asked_bool,
    "date": date.fromisoformat,
    "datetime": _datetime,
    "uuid": UUID,
    "json": lambda cell: loads(f'{{"":{cell}}}')[""],
}
# Errors of reading a cell: not a number, no such word, not JSON, too deep.
_FAILURES: Final = (ValueError, KeyError, IndexError, InvalidOperation, ArithmeticError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type of all cells of a column."""

    name: str
    _read: Read
    _is_asked: bool = False

    def value(self, cell: str) -> Any:
        """The value of a cell; None if it says "no value".

        Raises:
            ValueError: it has another type; never raised for a type that was inferred from all cells.
        """
        if self.name == "text":
            return cell or None
        bare = cell.strip()
        try:
            return self._read(bare)
        except _FAILURES:
            if bare.lower() in _MISSING:
                return None
            raise ValueError(f"{cell!r:.60} is no {self.name}") from None


_TEXT: Final = ColumnType("text", str)


def misread(cell: str, name: str) -> str:
    """Why a column of such cells is text, and what to do about it."""
    problem = f"{name!r} is kept as text: {cell} may have thousands or a fraction"
    return f"{problem}; --types {name}=float makes it {_asked_float(cell)}"


def column_type(name: str) -> ColumnType:
    """Returns the type that a user requested."""
    return ColumnType(name, TYPES[name], True)


def asked_types(option: str | None) -> dict[str, str]:
    """Parses `price=float,zip=text` to a dict.

    Raises:
        InvalidArgument: the syntax is invalid, or a type does not exist.
    """
    found: dict[str, str] = {}
    for part in (option or "").split(","):
        if not part.strip():
            continue
        name, _, kind = part.rpartition("=")
        if not name.strip() or kind.strip() not in TYPES:
            raise InvalidArgument(
                f"{part.strip()!r} is not a column type",
                name="--types",
                value=option,
                remedy=f"Write COLUMN=TYPE, with commas between; types are {', '.join(TYPES)}.",
            )
        found[name.strip()] = kind.strip()
    return found


@dataclass(slots=True)
class Tally:
    """The types that the cells of one column may have, so far.

    Args:
        delimiter: between cells; determines how a comma within a number is read.
    """

    delimiter: str
    _left: list[ColumnType] = field(default_factory=list)
    _grouped_by: dict[ColumnType, str] = field(default_factory=dict)
    _shown: set[str] = field(default_factory=set)
    _seen: bool = False
    _is_counting: bool = True
    _count: int = 0
    _empty: bool = True
    _by_comma: bool = True
    _cells_seen: int = 0
    _with_point: int = 0
    _example: str = ""

    def __post_init__(self) -> None:
        groups = "," if self.delimiter == "," else ",."
        self._grouped_by = {ColumnType("float", _grouped(group)): group for group in groups}
        self._left = [
            ColumnType("bool", _bool),
            ColumnType("int", _int),
            ColumnType("float", _float),
            ColumnType("decimal", _decimal),
            *self._grouped_by,
            ColumnType("json", _json),
        ]

    def add(self, cell: str) -> None:
        self._is_counting = self._is_counting and cell == str(self._count)
        self._count += 1
        if not cell:
            return
        self._empty = False
        bare = cell.strip()
        if bare.lower() in _MISSING:
            return
        self._seen = True
        self._look_at_points(bare)
        if "," in bare:
            self._shown.update(group for group, shown in _SHOWN.items() if shown.search(bare))
        if self._left:
            self._left = [kind for kind in self._left if _fits(kind, bare)]

    def _look_at_points(self, bare: str) -> None:
        self._by_comma = self._by_comma and _GROUPED["."].fullmatch(bare) is not None
        self._cells_seen += 1
        self._with_point += "." in bare
        if not self._example and not bare.isdigit():
            self._example = bare

    @property
    def example(self) -> str:
        """The first cell that is not just digits."""
        return self._example

    @property
    def shows_decimal_comma(self) -> bool:
        return self._seen and self._by_comma and "." in self._shown

    @property
    def shows_decimal_point(self) -> bool:
        return self._is_plain_fraction and self._with_point > 0 and not self._by_comma

    def may_be_thousands(self, *, has_decimal_comma: bool) -> bool:
        """Whether 1.234 may mean 1234: if the file has a decimal comma, or else if all cells look like that."""
        enough = 1 if has_decimal_comma else self._cells_seen
        return self._is_plain_fraction and self._by_comma and self._with_point >= enough

    @property
    def _is_plain_fraction(self) -> bool:
        decided = self.decided()
        return decided.name in ("float", "decimal") and decided not in self._grouped_by

    @property
    def is_undecided(self) -> bool:
        """Whether all are numbers whose commas may separate thousands or begin a fraction."""
        return self._seen and any(kind in self._grouped_by for kind in self._left) and self.decided() is _TEXT

    @property
    def is_empty(self) -> bool:
        return self._empty

    @property
    def is_row_number(self) -> bool:
        """Whether the cells are 0, 1, 2 and so on."""
        return self._is_counting and self._count > 0

    def decided(self) -> ColumnType:
        """The first type that fits all cells; text if thousands and fractions cannot be distinguished."""
        plain = [kind for kind in self._left if kind not in self._grouped_by]
        shown = [kind for kind in self._left if self._grouped_by.get(kind) in self._shown]
        if not self._seen or not (plain or len(shown) == 1):
            return _TEXT
        return plain[0] if plain else shown[0]


def _fits(kind: ColumnType, bare: str) -> bool:
    try:
        kind._read(bare)
    except _FAILURES:
        return False
    return True
