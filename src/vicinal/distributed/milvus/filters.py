"""Translates conditions on terms and parts to Milvus expressions.

No user input becomes syntax: terms are percent-encoded, keys are UUIDs, names of parts have no special character, and
everything else is a number. Negations are applied to single comparisons, because engines of this family disagree about
the negation of a comparison with a missing number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, unquote

from ..conditions import All, Any_, Condition, HasId, HasTerm, No, NumberIs, Sign
from ..payloads import key_of

__all__ = ["EVERYTHING", "NEVER", "expression_of", "has_key", "plain_term", "stored_term"]

EVERYTHING: Final = 'key != ""'
NEVER: Final = 2**63 - 1  # expiry of a row that does not expire
_NOTHING: Final = 'key == ""'
_AS_THEY_ARE: Final = "=?:@#[]{}, "
_OPERATORS: Final[Mapping[Sign, str]] = {"lt": "<", "lte": "<=", "eq": "==", "gte": ">=", "gt": ">"}
_NEGATED: Final[Mapping[Sign, str]] = {"lt": ">=", "lte": ">", "eq": "!=", "gte": "<", "gt": "<="}


def stored_term(term: str) -> str:
    """A term as a row stores it: ASCII without quotation marks and backslashes."""
    return quote(term, safe=_AS_THEY_ARE)


def plain_term(stored: str) -> str:
    """The inverse of `stored_term`."""
    return unquote(stored)


def has_key(keys: Sequence[str]) -> str:
    """The point has one of these keys."""
    return f"key in {json.dumps(list(keys))}" if keys else _NOTHING


def expression_of(condition: Condition) -> str:
    """Returns the expression that matches the same points."""
    return _expression(condition, negated=False)


def _expression(condition: Condition, *, negated: bool) -> str:
    match condition:
        case All() | Any_():
            children = [_expression(child, negated=negated) for child in condition.children]
            return _joined(children, all_=isinstance(condition, All) is not negated)
        case No():
            return _expression(condition.child, negated=not negated)
        case NumberIs(field=("", name)):
            found = _of_column(name, condition.sign, condition.value)
        case NumberIs():
            return _of_part(condition, negated=negated)
        case HasId():
            found = has_key(sorted(map(key_of, condition.ids)))
        case HasTerm(terms=()):
            found = _NOTHING
        case HasTerm():
            found = f"array_contains_any(terms, {json.dumps(list(map(stored_term, condition.terms)))})"
    return f"not ({found})" if negated else found


def _joined(children: list[str], *, all_: bool) -> str:
    if not children:
        return EVERYTHING if all_ else _NOTHING
    return children[0] if len(children) == 1 else f"({(' and ' if all_ else ' or ').join(children)})"


def _of_part(condition: NumberIs, *, negated: bool) -> str:
    above, name = condition.field
    part = f"parts[{json.dumps(above)}][{json.dumps(name)}]"
    number = repr(float(condition.value))
    if negated:
        return f"(not (exists {part}) or ({part} {_NEGATED[condition.sign]} {number}))"
    return f"({part} {_OPERATORS[condition.sign]} {number})"


def _of_column(name: str, sign: Sign, value: float) -> str:
    """For an integer column, in which the largest value means missing."""
    if sign == "eq" and not float(value).is_integer():
        return _NOTHING
    bound = math.ceil(value) if sign in ("lt", "gte") else math.floor(value)
    compared = f"{name} {_OPERATORS[sign]} {max(-NEVER, min(bound, NEVER))}"
    return f"({compared} and {name} != {NEVER})"
