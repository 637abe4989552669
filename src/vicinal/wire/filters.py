"""Filters as JSON: a `where` as it is written, or a filter tree.

In a `where` a date is {"$date": "2024-05-01"}, and so on, as in metadata. No operator has such a name, so a filter of
plain JSON needs no escapes; a dict operand that would be read as a typed value or begins with "$$" gets one more "$".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, get_args

from ..errors import InvalidArgument, LimitExceeded, VicinalError
from ..filters.tree import TREE_DEPTH_MAX, Node, check_limits
from ..metadata import TAGS, from_typed, to_typed
from ..records.selection import filter_of
from .values import WRONG

__all__ = ["filter_from", "to_filter"]

_TREE: Final = "$tree"
_KINDS: Final = {kind.__name__: kind for kind in get_args(Node)}
_DEPTH_MAX: Final = 4 * TREE_DEPTH_MAX  # lists and dicts of a filter; the engine has its own limit
_CHILDREN: Final = {"children", "child", "condition"}


def to_filter(where: Mapping[str, Any] | Node | None) -> dict[str, Any] | None:
    """Returns a filter as JSON values.

    Raises:
        InvalidArgument, LimitExceeded: the filter is invalid; see `filters.where.parse`.
    """
    if where is None:
        return None
    filter_of(where)
    return {_TREE: _to_node(where)} if isinstance(where, Node) else _to_json(where)


def filter_from(where: dict[str, Any] | None) -> Mapping[str, Any] | Node | None:
    """The inverse of `to_filter`; the engine validates a `where`."""
    if where is None:
        return None
    try:
        if where.keys() == {_TREE}:
            return check_limits(_node(where[_TREE], 0))
        found: dict[str, Any] = {_unescaped(key): _from_json(value, 1) for key, value in where.items()}
    except VicinalError:
        raise
    except (*WRONG, KeyError) as error:
        raise InvalidArgument(
            f"a value of the filter is not what its type says: {error}", name="where", value=where
        ) from None
    return found


def _to_json(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = {str.__str__(key): _to_json(item) for key, item in value.items()}
        return {_escaped(key, plain): item for key, item in plain.items()}
    listed = getattr(value, "tolist", None)  # an array or a series
    if callable(listed):
        value = listed()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_to_json(item) for item in value]
    return to_typed(value)


def _escaped(key: str, owner: Mapping[str, Any]) -> str:
    looks_like_a_value = len(owner) == 1 and key in TAGS and isinstance(owner[key], str)
    return f"${key}" if key.startswith("$$") or looks_like_a_value else key


def _unescaped(key: str) -> str:
    return key[1:] if key.startswith("$$") else key


def _from_json(value: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        raise LimitExceeded(
            f"a filter is nested deeper than {TREE_DEPTH_MAX} levels",
            name="where",
            value=depth,
            remedy="Put conditions side by side in one $and or $or.",
        )
    if isinstance(value, list):
        return [_from_json(item, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(key, item)] = value.items()
        if key in TAGS and isinstance(item, str):
            return from_typed(value)
    return {_unescaped(key): _from_json(item, depth + 1) for key, item in value.items()}


def _to_node(node: Node) -> dict[str, Any]:
    """Returns a node with the name of its kind and of its fields."""
    json: dict[str, Any] = {"kind": type(node).__name__}
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name == "children":
            json[field.name] = [_to_node(child) for child in value]
        elif field.name in _CHILDREN:
            json[field.name] = _to_node(value)
        elif field.name != "compiled":
            listed = isinstance(value, (tuple, frozenset))
            json[field.name] = [to_typed(item) for item in value] if listed else to_typed(value)
    return json


def _node(json: Any, depth: int) -> Node:
    if depth > TREE_DEPTH_MAX or not isinstance(json, dict) or json.get("kind") not in _KINDS:
        raise InvalidArgument(
            f"there is no node of a filter {json!r:.80}",
            name="where",
            value=json,
            remedy=f"Kinds are {', '.join(sorted(_KINDS))}, {TREE_DEPTH_MAX} levels deep at most.",
        )
    kind = _KINDS[json["kind"]]
    known = {field.name for field in fields(kind)} - {"compiled"}
    if json.keys() - {"kind"} - known or (known - json.keys() - {"coerce"}):
        raise InvalidArgument(
            f"{kind.__name__} has the fields {', '.join(sorted(known))}", name="where", value=sorted(json)
        )
    node: Node = kind(**{name: _part(name, json[name], depth) for name in known if name in json})
    return node


def _part(name: str, value: Any, depth: int) -> Any:
    if name == "children":
        return tuple(_node(child, depth + 1) for child in _list(name, value))
    if name in _CHILDREN:
        return _node(value, depth + 1)
    if name.endswith("path"):
        return tuple(_text(name, key) for key in _list(name, value))
    if name in ("values", "ids", "classes"):
        return tuple(from_typed(item) for item in _list(name, value))
    return from_typed(value)


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidArgument(f"{name} of a node is a list, not {value!r:.80}", name=name, value=value)
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} of a node is of texts, not {value!r:.80}", name=name, value=value)
    return value
