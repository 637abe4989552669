"""The filter expressions of vecstore: `year >= 2024 AND (lang = 'en' OR tags CONTAINS "news")`.

    expression = term { OR term }
    term       = factor { AND factor }
    factor     = NOT factor | ( expression ) | comparison
    comparison = name ( = | != | > | >= | < | <= | CONTAINS | STARTSWITH ) value  |  name [ NOT ] IN list
    list       = [ value, ... ]  or  ( value, ... )
    value      = number | string | word

Each expression is parsed into a filter tree of the engine, which evaluates it. Unlike in the engine's own syntax, a
comparison with a missing field is false, including `!=` and `NOT IN`; a stored null is not missing; and numeric texts
count as numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from vicinal import VicinalError
from vicinal.filters.tree import (
    TREE_NODES_MAX,
    And,
    Compare,
    Contains,
    In,
    Node,
    Not,
    OfType,
    Or,
    Path,
    StartsWith,
    check_limits,
)
from vicinal.filters.values import CLASSES, Class, Operator, coerced

from .tokens import END, KEYWORDS, Token, tokens

NESTED_MAX: Final = 60
_ORDERINGS: Final[dict[str, Operator]] = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_OPERATORS: Final = ("=", "!=", *_ORDERINGS, "CONTAINS", "STARTSWITH", "IN", "NOT")
_LITERALS: Final = {"true": True, "false": False, "null": None}
_BRACKETS: Final = {"[": "]", "(": ")"}
_NUMERALS: Final[frozenset[Class]] = frozenset({"number", "text"})
_NOTHING: Final = Or(())


def parse(text: str) -> Node:
    """Returns the tree of an expression.

    Raises:
        ValueError: it is not an expression; the message begins with "Filter parse error: " and names the position.
    """
    try:
        return check_limits(_Parser(text).whole())
    except (VicinalError, ValueError) as error:
        raise ValueError(f"Filter parse error: {error}") from error


class _Parser:
    """Parses one expression from left to right, with one token of lookahead."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._next = next(self._tokens)
        self._depth = 0
        self._conditions = 0

    def whole(self) -> Node:
        if self._next.kind == END:
            raise ValueError("empty expression: pass no filter to search all records")
        found = self._expression()
        if self._next.kind != END:
            raise self._expected("AND, OR or the end")
        return found

    def _expression(self) -> Node:
        terms = [self._term()]
        while self._accept("OR"):
            terms.append(self._term())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def _term(self) -> Node:
        factors = [self._factor()]
        while self._accept("AND"):
            factors.append(self._factor())
        return factors[0] if len(factors) == 1 else And(tuple(factors))

    def _factor(self) -> Node:
        if self._next.kind not in ("NOT", "("):
            return self._comparison()
        self._depth += 1
        if self._depth > NESTED_MAX:
            raise ValueError(f"nested deeper than {NESTED_MAX} levels in column {self._next.column}")
        found: Node
        if self._accept("NOT"):
            found = Not(self._factor())
        else:
            self._take("(")
            found = self._expression()
            self._take(")", "AND, OR or )")
        self._depth -= 1
        return found

    def _comparison(self) -> Node:
        path = (self._take("word", "the name of a field").text,)
        self._count()
        if self._next.kind not in _OPERATORS:
            raise self._expected("an operator")
        operator = self._advance().kind
        if operator == "IN":
            return _one_of(path, self._list())
        if operator == "NOT":
            self._take("IN")
            return _there(path, Not(_one_of(path, self._list())))
        return _compared(path, operator, self._value())

    def _list(self) -> list[Any]:
        if self._next.kind not in _BRACKETS:
            raise self._expected("[")
        closing = _BRACKETS[self._advance().kind]
        values: list[Any] = []
        while self._next.kind != closing:
            values.append(self._value())
            if type(values[-1]) is not str:  # texts of a list are one condition together
                self._count()
            if not self._accept(","):
                break
        self._take(closing, f", or {closing}")
        return values

    def _value(self) -> Any:
        if self._next.kind in ("number", "string"):
            return self._advance().value
        word = self._take("word", "a value").text
        return _LITERALS.get(word.lower(), word)

    def _count(self) -> None:
        """Rejects one condition too many as soon as it is read, not only at the end of a long expression."""
        self._conditions += 1
        if self._conditions > TREE_NODES_MAX:
            raise ValueError(f"a filter has more than {TREE_NODES_MAX:,} conditions. Split the call.")

    def _accept(self, kind: str) -> bool:
        found = self._next.kind == kind
        if found:
            self._advance()
        return found

    def _take(self, kind: str, wanted: str = "") -> Token:
        if self._next.kind != kind:
            raise self._expected(wanted or kind)
        return self._advance()

    def _advance(self) -> Token:
        token, self._next = self._next, next(self._tokens, self._next)
        return token

    def _expected(self, wanted: str) -> ValueError:
        keyword = " It is a keyword; write it in quotes." if wanted == "a value" and self._next.kind in KEYWORDS else ""
        return ValueError(f"expected {wanted}, got {self._next}.{keyword}")


def _compared(path: Path, operator: str, value: Any) -> Node:
    match operator:
        case "=":
            return _equals(path, value)
        case "!=":
            return _there(path, Not(_equals(path, value)))
        case "CONTAINS":
            return And((OfType(path, frozenset({"text", "list"})), Contains(path, value)))
        case "STARTSWITH":
            return And((OfType(path, frozenset({"text"})), StartsWith(path, value))) if type(value) is str else _NOTHING
        case _:
            number = coerced(value)
            if number is None:  # only numbers have an order here
                return _NOTHING
            return And((OfType(path, _NUMERALS), Compare(path, _ORDERINGS[operator], number, coerce=True)))


def _equals(path: Path, value: Any) -> Node:
    """Equality of the whole value; an equal element of a list does not match."""
    if value is None:
        return OfType(path, frozenset({"null"}))
    if isinstance(value, bool):
        return And((OfType(path, frozenset({"bool"})), Compare(path, "eq", value)))
    if coerced(value) is None:
        return And((OfType(path, frozenset({"text"})), Compare(path, "eq", value)))
    return And((OfType(path, _NUMERALS), Compare(path, "eq", value, coerce=True)))


def _one_of(path: Path, values: Sequence[Any]) -> Node:
    """Equality to one of the values. All texts together are one condition, no matter how many there are."""
    words = tuple(value for value in values if type(value) is str and coerced(value) is None)
    parts = [_equals(path, value) for value in values if type(value) is not str or coerced(value) is not None]
    if words:
        parts.append(And((OfType(path, frozenset({"text"})), In(path, words))))
    return Or(tuple(parts))


def _there(path: Path, condition: Node) -> Node:
    return And((OfType(path, CLASSES), condition))
