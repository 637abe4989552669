"""The `where` dialect: `{"year": {"$gte": 2020}, "tags": "gold"}` becomes a filter tree.

Anything that cannot be intended is an error that names the position and suggests what was probably meant: a filter
that silently matches nothing, or everything, is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from ..errors import InvalidArgument, LimitExceeded
from ..inputs.names import nearest
from ..warn import warn_user
from .tree import (
    TREE_DEPTH_MAX,
    And,
    Compare,
    Contains,
    Exists,
    IdIn,
    In,
    Node,
    Not,
    OfRow,
    OfType,
    Or,
    Path,
    Regex,
    StartsWith,
    check_limits,
    leaves,
    path_text,
    paths,
)
from .values import Operator, shown

_ORDERINGS: dict[str, Operator] = {"$gt": "gt", "$gte": "gte", "$lt": "lt", "$lte": "lte"}
_CONNECTIVES = ("$and", "$or", "$not")
# Operators of other vector databases, and the equivalent here.
_SAID_BY: dict[str, str] = {
    "$between": "Write {'$gte': low, '$lte': high}.",
    "$range": "Write {'$gte': low, '$lte': high}.",
    "$regex": "Use $contains or $startswith; a pattern is for $text and $id.",
    "$like": "Use $contains or $startswith.",
    "$ilike": "Use $contains or $startswith.",
    "$not_contains": "Write {'$not': {'$contains': value}}.",
    "$any": "Use $in.",
    "$all": "Write {'$and': [...]} of $contains.",
    "$nor": "Write {'$not': {'$or': [...]}}.",
    "$isnull": "Write {'$exists': False}.",
    "$isin": "Use $in.",
    "$notin": "Use $nin.",
}
_OF_ROW: dict[str, Literal["id", "text"]] = {"$id": "id", "$text": "text"}
_KEY = re.compile(r"((?:[^.\\]|\\.)*)(\.|\\?$)", re.DOTALL)
_ESCAPE_REMEDY = "A key that begins with $ is written with a backslash before it, a dot in a key likewise."


def parse(where: Any, place: str = "where") -> Node:
    """The tree of a `where` dict; an empty dict matches every row.

    Raises:
        InvalidArgument: an unknown operator, or an operand that the operator does not accept.
        LimitExceeded: more than 64 levels, 10,000 conditions or 1,000,000 values in a list.
    """
    return check_limits(_conditions(where, place, 1))


def check_fields(tree: Node, known: Collection[Path], was_known: Callable[[Path], bool] = lambda path: False) -> None:
    """Reports fields that no row has: see `check_path`. If there are no fields at all, any may be used; a field whose
    type is tested may be missing.

    Args:
        was_known: returns whether some row once had a field.

    Raises:
        InvalidArgument: names the most similar existing field.
    """
    may_be_missing = {leaf.path for leaf in leaves(tree) if isinstance(leaf, OfType)}
    for path in paths(tree):
        if path not in may_be_missing:
            check_path(path, known, "where", was_known)


def check_path(
    path: Path, known: Collection[Path], place: str, was_known: Callable[[Path], bool] = lambda path: False
) -> None:
    """Raises an error for a field that no row has if it is similar to an existing one: then it is misspelt. Otherwise
    warns, since a job that deletes the last rows with a field must not fail when there are none left.

    Args:
        place: the argument that contains it.
    """
    if path in known or not known:
        return
    name = path_text(path)
    near = nearest(name, map(path_text, known)).rstrip()
    if near and not was_known(path):
        raise InvalidArgument(f"no row has a field {name!r}", name=name, value=path, place=place, remedy=near)
    warn_user(f"{place}: no row has a field {shown(name)}")


def parse_path(text: str) -> Path:
    """Keys separated by dots. A backslash makes the following character literal."""
    keys, at = [], 0
    while True:
        found = _KEY.match(text, at)
        assert found is not None  # the pattern also matches the empty text
        keys.append(re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL))
        if found[2] != ".":
            return tuple(keys)
        at = found.end()


def _conditions(where: Any, place: str, depth: int) -> Node:
    """A dict of fields and connectives: all must match."""
    if not isinstance(where, Mapping):
        raise _refusal(f"a filter is a dict, not {_shown(where)}", where, place, "Such as {'year': {'$gte': 2020}}.")
    _check_depth(depth, where)
    return _all([_entry(key, value, f"{place}[{key!r}]", depth + 1) for key, value in where.items()])


def _entry(key: Any, value: Any, place: str, depth: int) -> Node:
    if not isinstance(key, str):
        raise _refusal(f"a field's name is a str, not {_shown(key)}", key, place)
    if key in _OF_ROW:
        return _about_row(_OF_ROW[key], _field(_RowPath((key,)), value, place, depth))
    if not key.startswith("$"):
        return _field(parse_path(key), value, place, depth)
    if key == "$not":
        return Not(_conditions(value, place, depth))
    if key in _CONNECTIVES:
        children = tuple(
            _conditions(child, f"{place}[{i}]", depth) for i, child in enumerate(_list(key, value, place, "filters"))
        )
        return And(children) if key == "$and" else Or(children)
    if key in _OPERATORS:
        raise _refusal(
            f"{key} is an operator of a field, and stands where a field belongs",
            key,
            place,
            f"Write {{'field': {{{key!r}: ...}}}}.",
        )
    raise _unknown(key, place, [*_CONNECTIVES, *_OF_ROW, *_OPERATORS])


class _RowPath(tuple[str, ...]):
    """The id or text of a row, which is not a field. A field with that name is written with a backslash."""

    __slots__ = ()


def _about_row(part: Literal["id", "text"], node: Node) -> Node:
    """Turns conditions on a field `$id` or `$text` into conditions on the row itself."""
    if isinstance(node, (And, Or)):
        return type(node)(tuple(_about_row(part, child) for child in node.children))
    if isinstance(node, Not):
        return Not(_about_row(part, node.child))
    assert isinstance(node, (Compare, In, Contains, StartsWith, Regex, Exists))  # the operators create no other nodes
    if part == "id" and isinstance(node, In):
        return IdIn(node.values)
    if part == "id" and isinstance(node, Compare) and node.operator == "eq":
        return IdIn((node.value,))
    return OfRow(part, node)


def _field(path: Path, value: Any, place: str, depth: int) -> Node:
    """Conditions on one field: operators, or a bare value that it must equal."""
    if not isinstance(value, Mapping) or not any(map(_is_operator, value)):
        _refuse_bare_operators(value, place)
        return _operator("$eq", path, value, place)
    if not all(map(_is_operator, value)):
        raise _refusal(
            f"operators and plain keys are mixed: {', '.join(map(repr, value))}",
            value,
            place,
            "A nested field is named with dots, such as 'author.name'.",
        )
    _check_depth(depth, value)
    return _all([_asked(key, path, operand, f"{place}[{key!r}]", depth + 1) for key, operand in value.items()])


def _refuse_bare_operators(value: Any, place: str) -> None:
    """Rejects `{"gt": 10}`: it would be a dict to be equal to, which is never intended."""
    if isinstance(value, Mapping) and value and all(f"${key}" in _OPERATORS for key in value):
        meant = ", ".join(f"'${key}': {shown(operand)}" for key, operand in value.items())
        raise _refusal(
            f"an operator begins with $, and {_shown(value)} has none",
            value,
            place,
            f"Write {{{meant}}}; to compare with this dict itself, {{'$eq': ...}}.",
        )


def _asked(key: str, path: Path, operand: Any, place: str, depth: int) -> Node:
    if key == "$not":
        if not isinstance(operand, Mapping) or not operand or not all(map(_is_operator, operand)):
            raise _refusal(f"$not takes operators, not {_shown(operand)}", operand, place, "For one value use $ne.")
        return Not(_field(path, operand, place, depth))
    if key == "$regex" and isinstance(path, _RowPath):
        return Regex(path, operand)
    if key not in _OPERATORS:
        raise _unknown(key, place, [*_OPERATORS, "$not"])
    return _operator(key, path, operand, place)


def _operator(key: str, path: Path, operand: Any, place: str) -> Node:
    try:
        return _OPERATORS[key](key, path, operand, place)
    except (InvalidArgument, LimitExceeded) as error:
        error.place = error.place or place
        raise


def _equal(key: str, path: Path, operand: Any, place: str) -> Node:
    return Compare(path, "eq", operand)


def _not_equal(key: str, path: Path, operand: Any, place: str) -> Node:
    return Not(Compare(path, "eq", operand))


def _ordering(key: str, path: Path, operand: Any, place: str) -> Node:
    return Compare(path, _ORDERINGS[key], operand)


def _in(key: str, path: Path, operand: Any, place: str) -> Node:
    return In(path, tuple(_values(key, operand, place)))


def _not_in(key: str, path: Path, operand: Any, place: str) -> Node:
    return Not(In(path, tuple(_values(key, operand, place))))


def _contains(key: str, path: Path, operand: Any, place: str) -> Node:
    return Contains(path, operand)


def _starts_with(key: str, path: Path, operand: Any, place: str) -> Node:
    return StartsWith(path, operand)


def _exists(key: str, path: Path, operand: Any, place: str) -> Node:
    if not isinstance(operand, bool):
        raise _refusal(f"$exists takes True or False, not {_shown(operand)}", operand, place)
    return Exists(path) if operand else Not(Exists(path))


_OPERATORS: dict[str, Callable[[str, Path, Any, str], Node]] = {
    "$eq": _equal,
    "$ne": _not_equal,
    **dict.fromkeys(_ORDERINGS, _ordering),
    "$in": _in,
    "$nin": _not_in,
    "$contains": _contains,
    "$startswith": _starts_with,
    "$exists": _exists,
}


def _is_operator(key: object) -> bool:
    return isinstance(key, str) and key.startswith("$")


def _all(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else And(tuple(nodes))


def _values(key: str, value: Any, place: str) -> Collection[Any]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    listed = getattr(value, "tolist", None)  # an array or a series
    if callable(listed) and isinstance(values := listed(), list):
        return values
    raise _refusal(f"{key} takes a list of values, not {_shown(value)}", value, place, "For one value use $eq.")


def _list(key: str, value: Any, place: str, what: str) -> Collection[Any]:
    if not isinstance(value, (list, tuple)):
        raise _refusal(f"{key} takes a list of {what}, not {_shown(value)}", value, place)
    if not value:
        raise _refusal(f"{key} has an empty list, which has no meaning", value, place, "Leave it out.")
    return value


def _check_depth(depth: int, value: Any) -> None:
    if depth > TREE_DEPTH_MAX:
        raise LimitExceeded(
            f"a filter is nested deeper than {TREE_DEPTH_MAX} levels",
            name="where",
            value=value,
            remedy="Put conditions side by side in one $and or $or.",
        )


def _unknown(key: str, place: str, known: Collection[str]) -> InvalidArgument:
    near, said = nearest(key, known).rstrip(), _SAID_BY.get(key.lower(), "")
    there = f"{said} Operators are {', '.join(known)}.".lstrip()
    remedy = near if near and not said else there if said else f"{there} {_ESCAPE_REMEDY}"
    return _refusal(f"there is no operator {shown(key)[1:-1]}", key, place, remedy)


def _refusal(message: str, value: Any, place: str, remedy: str = "") -> InvalidArgument:
    return InvalidArgument(message, name="where", value=value, place=place, remedy=remedy)


def _shown(value: Any) -> str:
    return f"{type(value).__name__} ({shown(value)})"
