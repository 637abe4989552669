"""`where` and `where_document` as filter trees.

A condition applies to values of the operand's own type: texts, numbers or booleans. An int equals a float of the same
value. A negation also matches rows without the field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from ...filters.tree import And, Compare, Contains, IdIn, In, Node, Not, OfRow, OfType, Or, Path, Regex, check_limits
from ...filters.values import Class, Operator
from ...visible import shown
from .errors import InvalidArgumentError, translated

__all__ = ["DOCUMENT_KEYS", "filter_tree"]

DOCUMENT_KEYS: Final = ("#document", "chroma:document")

_ORDERINGS: Final[dict[str, Operator]] = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}
_OPERATORS: Final = (*_ORDERINGS, "$ne", "$eq", "$in", "$nin", "$contains", "$not_contains")
_DOCUMENT_OPERATORS: Final = ("$contains", "$not_contains", "$regex", "$not_regex")
_CONNECTIVES: Final[dict[str, Callable[[tuple[Node, ...]], Node]]] = {"$and": And, "$or": Or}
_TEXT: Final[Path] = ("$text",)
# Within brackets Rust's patterns have named classes and set operations, which mean something else in Python.
_OTHER_SYNTAX: Final = re.compile(r"\[\[|\[\^?\[:|--|&&|~~")


def filter_tree(
    call: str, *, ids: list[str] | None = None, where: Any = None, where_document: Any = None
) -> Node | None:
    """Returns the filter of a call's conditions; None without conditions.

    Args:
        call: name of the call, for errors.

    Raises:
        ValueError: an operator that does not exist, or an invalid operand.
        InvalidArgumentError: an invalid pattern, or an empty condition.
    """
    with translated():
        nodes: list[Node] = [] if ids is None else [IdIn(filter(None, ids))]  # no row has an empty id
        try:
            if where is not None:
                nodes.append(_where(where, call))
            if where_document is not None:
                nodes.append(_where_document(where_document, call))
        except RecursionError:
            raise InvalidArgumentError(f"conditions are nested too deep in {call}.") from None
        return check_limits(nodes[0] if len(nodes) == 1 else And(tuple(nodes))) if nodes else None


def _where(where: Any, call: str) -> Node:
    key, value = _only_entry(where, "where", call)
    if not isinstance(key, str):
        raise ValueError(f"a key of where is a str, not {shown(key)}, in {call}.")
    if key in _CONNECTIVES:
        return _connected(key, value, lambda child: _where(child, call), "where", call)
    if not isinstance(value, dict):
        if not isinstance(value, (str, int, float)):
            raise ValueError(
                f"where[{key!r}] is a str, int, float, bool or an operator, not {shown(value)}, in {call}."
            )
        value = {"$eq": value}
    operator, operand = _only_entry(value, f"where[{key!r}]", call)
    if operator not in _OPERATORS:
        raise ValueError(f"operators of where are {', '.join(_OPERATORS)}, not {shown(operator)}, in {call}.")
    if key.startswith("$"):
        raise InvalidArgumentError(f"no key of metadata begins with $, as {shown(key)} does, in {call}.")
    _check_operand(operator, operand, call)
    if key in DOCUMENT_KEYS:
        return _document_equals(operator, operand, call)
    return _field((key,), operator, operand)


def _only_entry(given: Any, name: str, call: str) -> tuple[Any, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{name} is a dict, not {shown(given)}, in {call}.")
    if len(given) != 1:
        raise ValueError(f"{name} has exactly one key, not {len(given)}, in {call}: join conditions by $and or $or.")
    [entry] = given.items()
    return entry


def _connected(key: str, value: Any, parse: Callable[[Any], Node], name: str, call: str) -> Node:
    if not isinstance(value, list):
        raise ValueError(f"{key} takes a list of conditions, not {shown(value)}, in {call}.")
    if len(value) < 2:
        raise ValueError(f"{key} takes at least two conditions of {name}, not {len(value)}, in {call}.")
    return _CONNECTIVES[key](tuple(map(parse, value)))


def _check_operand(operator: str, operand: Any, call: str) -> None:
    if operator in _ORDERINGS:
        if not isinstance(operand, (int, float)):
            raise ValueError(f"{operator} takes an int or a float, not {shown(operand)}, in {call}.")
        if isinstance(operand, bool):
            raise InvalidArgumentError(f"nothing is greater or less than {operand}, in {call}.")
    elif operator in ("$in", "$nin"):
        if not isinstance(operand, list):
            raise ValueError(f"{operator} takes a list, not {shown(operand)}, in {call}.")
        kinds = set(map(type, operand))
        if len(kinds) != 1 or not isinstance(operand[0], (str, int, float)):
            raise ValueError(f"{operator} takes a list of values of one type, not {shown(operand)}, in {call}.")
    elif isinstance(operand, list) and operator in ("$eq", "$ne"):
        raise InvalidArgumentError(f"{operator} takes one value, not {shown(operand)}, in {call}.")
    elif not isinstance(operand, (str, int, float)):
        raise ValueError(f"{operator} takes a str, int, float or bool, not {shown(operand)}, in {call}.")


def _field(path: Path, operator: str, operand: Any) -> Node:
    if operator in _ORDERINGS:
        return _one_value(path, Compare(path, _ORDERINGS[operator], operand), "number")
    if operator in ("$in", "$nin"):
        found: Node = _one_value(path, In(path, tuple(operand)), _class_of(operand[0]))
    elif operator in ("$eq", "$ne"):
        found = _one_value(path, Compare(path, "eq", operand), _class_of(operand))
    else:
        found = _one_value(path, Contains(path, operand), "list")
    return Not(found) if operator in ("$ne", "$nin", "$not_contains") else found


def _one_value(path: Path, condition: Node, kind: Class) -> Node:
    """Matches the value itself: the engine would also look into lists. Fields that no row has are allowed here."""
    return And((condition, OfType(path, frozenset({kind}))))


def _class_of(operand: str | float) -> Class:
    return "text" if isinstance(operand, str) else "bool" if isinstance(operand, bool) else "number"


def _document_equals(operator: str, operand: Any, call: str) -> Node:
    if operator in ("$contains", "$not_contains"):
        return _where_document({operator: operand}, call)
    if operator in ("$in", "$nin"):
        found: Node = OfRow("text", In(_TEXT, tuple(operand)))
    elif operator in ("$eq", "$ne"):
        found = OfRow("text", Compare(_TEXT, "eq", operand))
    else:
        raise InvalidArgumentError(f"documents have no {operator}, in {call}.")
    return Not(found) if operator in ("$ne", "$nin") else found


def _where_document(where: Any, call: str) -> Node:
    operator, operand = _only_entry(where, "where_document", call)
    if operator in _CONNECTIVES:
        return _connected(operator, operand, lambda child: _where_document(child, call), "where_document", call)
    if operator not in _DOCUMENT_OPERATORS:
        known = ", ".join((*_DOCUMENT_OPERATORS, *_CONNECTIVES))
        raise ValueError(f"operators of where_document are {known}, not {shown(operator)}, in {call}.")
    if not isinstance(operand, str) or not operand:
        raise ValueError(f"{operator} takes a str that is not empty, not {shown(operand)}, in {call}.")
    if operator in ("$regex", "$not_regex"):
        if _OTHER_SYNTAX.search(operand):
            raise InvalidArgumentError(
                f"the pattern {shown(operand)} has a class by name or an operation on sets, which Python's patterns do "
                f"not have, in {call}: list the characters."
            )
        found: Node = OfRow("text", Regex(_TEXT, operand))
    else:
        found = OfRow("text", Contains(_TEXT, operand))
    return Not(found) if operator.startswith("$not") else found
