"""The filter tree: every dialect parses into it and every backend evaluates it.

There is one node type for each condition on a row, and `Not` for its complement: "not equal" is
`Not(Compare(path, "eq", value))`, a list of ids to exclude is `Not(IdIn(ids))`. Nodes are validated when
created, and immutable. A path is a tuple of keys, so a key may contain dots.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from ..errors import InvalidArgument, InvalidMetadata, LimitExceeded
from ..inputs.ids import check_id
from ..inputs.unicode import check_unicode
from ..types import Id
from .values import CLASSES, Class, Operator, class_of, coerced, is_ordered, plain, shown

Path = tuple[str, ...]

TREE_DEPTH_MAX = 64
TREE_NODES_MAX = 10_000
LISTED_VALUES_MAX = 1_000_000

_SIGNS: dict[Operator, str] = {"eq": "==", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_SHOWN_VALUES_MAX = 5
_FLOAT_END = 2**1023  # the largest float64 is near twice this


@dataclass(frozen=True, slots=True, repr=False)
class And:
    """All children match. Without children it matches every row."""

    children: tuple[Node, ...]

    def __repr__(self) -> str:
        return _joined(" and ", self.children) if self.children else "everything"


@dataclass(frozen=True, slots=True, repr=False)
class Or:
    """At least one child matches. Without children it matches no row."""

    children: tuple[Node, ...]

    def __repr__(self) -> str:
        return _joined(" or ", self.children) if self.children else "nothing"


@dataclass(frozen=True, slots=True, repr=False)
class Not:
    """The complement, including rows that do not have the field."""

    child: Node

    def __repr__(self) -> str:
        return f"not {self.child!r}"


@dataclass(frozen=True, slots=True, repr=False)
class Compare:
    """The comparison of the row's value with `value` is true; with "eq", also if it is for an element of a list.

    Args:
        coerce: texts that are numerals count as numbers, on both sides, and nothing else is ordered.
    """

    path: Path
    operator: Operator
    value: Any
    coerce: bool = False

    def __post_init__(self) -> None:
        value = _operand(self.value)
        if self.operator != "eq" and not (is_ordered(value) or (self.coerce and coerced(value) is not None)):
            raise InvalidArgument(
                f"values have an order only among numbers, texts, dates and UUIDs, not {_type_name(value)}",
                name=path_text(self.path),
                value=value,
            )
        object.__setattr__(self, "value", value)

    def __repr__(self) -> str:
        return f"{path_text(self.path)} {_SIGNS[self.operator]}{'~' if self.coerce else ''} {shown(self.value)}"


@dataclass(frozen=True, slots=True, repr=False)
class In:
    """The value, or an element of a list, equals one of `values`."""

    path: Path
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        _check_listed(path_text(self.path), self.values)
        object.__setattr__(self, "values", tuple(map(_operand, self.values)))

    def __repr__(self) -> str:
        return f"{path_text(self.path)} in {_listed(self.values)}"


@dataclass(frozen=True, slots=True, repr=False)
class Contains:
    """A list has an element equal to `value`, or a text contains the text `value`."""

    path: Path
    value: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _operand(self.value))

    def __repr__(self) -> str:
        return f"{path_text(self.path)} contains {shown(self.value)}"


@dataclass(frozen=True, slots=True, repr=False)
class StartsWith:
    """A text begins with `prefix`."""

    path: Path
    prefix: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", _text(self.path, self.prefix))

    def __repr__(self) -> str:
        return f"{path_text(self.path)} starts with {self.prefix!r}"


@dataclass(frozen=True, slots=True, repr=False)
class Regex:
    """`pattern`, in Python's syntax, is found anywhere in a text.

    Python's matcher backtracks: a pattern such as (a+)+$ can take forever. Do not accept patterns from untrusted users.
    """

    path: Path
    pattern: str
    compiled: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", _text(self.path, self.pattern))
        try:
            object.__setattr__(self, "compiled", re.compile(self.pattern))
        except (re.error, RecursionError, OverflowError) as error:
            raise InvalidArgument(
                f"{self.pattern!r} is not a regular expression: {error}", name=path_text(self.path), value=self.pattern
            ) from None

    def __repr__(self) -> str:
        return f"{path_text(self.path)} matches {self.pattern!r}"


@dataclass(frozen=True, slots=True, repr=False)
class Exists:
    """The field has a value, and it is not null."""

    path: Path

    def __repr__(self) -> str:
        return f"{path_text(self.path)} exists"


@dataclass(frozen=True, slots=True, repr=False)
class OfType:
    """The field has a value of one of these classes. A stored null counts as a value; a missing field has none.

    It accompanies another condition where missing and null must differ, or a list must not match by its elements.
    A field whose type is tested may be missing: no row need have it.
    """

    path: Path
    classes: frozenset[Class]

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", frozenset(self.classes))
        for one in self.classes - CLASSES:
            raise InvalidArgument(f"there is no class of values {one!r}", name=path_text(self.path), value=one)

    def __repr__(self) -> str:
        return f"{path_text(self.path)} is {' or '.join(sorted(self.classes)) or 'nothing'}"


@dataclass(frozen=True, slots=True, repr=False)
class GeoCircle:
    """At most `metres` along the great circle from a point given in degrees.

    `latitude_path` and `longitude_path` may be two fields, or two keys of one: ("spot", "lat"), ("spot", "lon").
    """

    latitude_path: Path
    longitude_path: Path
    latitude: float
    longitude: float
    metres: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "latitude", _number("latitude", self.latitude, -90, 90))
        object.__setattr__(self, "longitude", _number("longitude", self.longitude, -180, 180))
        object.__setattr__(self, "metres", _number("metres", self.metres, 0, math.inf))

    def __repr__(self) -> str:
        fields = f"({path_text(self.latitude_path)}, {path_text(self.longitude_path)})"
        return f"{fields} within {self.metres:g} m of ({self.latitude:g}, {self.longitude:g})"


@dataclass(frozen=True, slots=True, repr=False)
class Disc:
    """At most `radius` in the plane from the point (x, y)."""

    x_path: Path
    y_path: Path
    x: float
    y: float
    radius: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", _number("x", self.x, -math.inf, math.inf))
        object.__setattr__(self, "y", _number("y", self.y, -math.inf, math.inf))
        object.__setattr__(self, "radius", _number("radius", self.radius, 0, math.inf))

    def __repr__(self) -> str:
        fields = f"({path_text(self.x_path)}, {path_text(self.y_path)})"
        return f"{fields} within {self.radius:g} of ({self.x:g}, {self.y:g})"


@dataclass(frozen=True, slots=True, repr=False)
class IdIn:
    """The row's id is one of `ids`."""

    ids: frozenset[Id]

    def __init__(self, ids: Iterable[Id]) -> None:
        listed = list(ids)
        _check_listed("id", listed)
        object.__setattr__(self, "ids", frozenset(check_id(one, f"id {i}") for i, one in enumerate(listed)))

    def __repr__(self) -> str:
        return f"id in {_listed(sorted(self.ids, key=repr))}"


@dataclass(frozen=True, slots=True, repr=False)
class OfRow:
    """A condition on the row's own id or text instead of a metadata field. An id is a text, a number or a UUID.

    Texts are not in columns: every row that the preceding conditions have kept is read.

    Attributes:
        part: "id" or "text"; the path of `condition` says the same, as `("$id",)` or `("$text",)`.
    """

    part: Literal["id", "text"]
    condition: Compare | In | Contains | StartsWith | Regex | Exists

    def __repr__(self) -> str:
        return repr(self.condition)


Leaf = Compare | In | Contains | StartsWith | Regex | Exists | OfType | GeoCircle | Disc | IdIn | OfRow
Node = And | Or | Not | Leaf


def check_limits(tree: Node) -> Node:
    """`tree` itself, unless it is too deep or too large, or a path is not valid. Called last by every dialect."""
    count = 0
    level: list[Node] = [tree]
    for _ in range(TREE_DEPTH_MAX):
        count += len(level)
        level = [child for node in level for child in _children(node)]
        if count > TREE_NODES_MAX:
            raise _limit(f"a filter has more than {TREE_NODES_MAX:,} conditions", count)
        if not level:
            for path in paths(tree):
                _check_path(path)
            return tree
    raise _limit(f"a filter is nested deeper than {TREE_DEPTH_MAX} levels", TREE_DEPTH_MAX + 1)


def leaves(tree: Node) -> Iterator[Leaf]:
    """The conditions, from left to right."""
    if isinstance(tree, (And, Or, Not)):
        for child in _children(tree):
            yield from leaves(child)
    else:
        yield tree


def paths(tree: Node) -> Iterator[Path]:
    """The fields that the conditions use, from left to right."""
    for leaf in leaves(tree):
        if isinstance(leaf, GeoCircle):
            yield from (leaf.latitude_path, leaf.longitude_path)
        elif isinstance(leaf, Disc):
            yield from (leaf.x_path, leaf.y_path)
        elif not isinstance(leaf, (IdIn, OfRow)):
            yield leaf.path


def path_text(path: Path) -> str:
    """The path in `where` syntax: dots between keys, a backslash before a dot that belongs to a key."""
    return ".".join(re.sub(r"([.\\]|^\$)", r"\\\1", key) for key in path)


def _check_path(path: Path) -> None:
    for key in path:
        check_unicode(key, "the name of a field", "where", "where")


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, (And, Or)):
        return node.children
    return (node.child,) if isinstance(node, Not) else ()


def _operand(value: Any) -> Any:
    """A plain copy that the caller cannot modify later."""
    try:
        return plain(value)
    except (InvalidMetadata, LimitExceeded) as error:
        message = error.message.replace("metadata.value", "the value").replace("metadata holds", "the value holds")
        remedy = error.remedy.replace(" before storing it", "")
        raise InvalidArgument(message, name="value", value=value, remedy=remedy) from None


def _text(path: Path, value: Any) -> str:
    text = _operand(value)
    if not isinstance(text, str):
        raise InvalidArgument(f"a text is needed here, not {_type_name(text)}", name=path_text(path), value=value)
    return text


def _number(name: str, value: Any, low: float, high: float) -> float:
    if class_of(_operand(value)) == "number" and low <= value <= high and abs(value) < _FLOAT_END:
        return float(value)
    bounds = "" if low == -math.inf else f" of at least {low:g}" if high == math.inf else f" from {low:g} to {high:g}"
    raise InvalidArgument(f"{name} must be a number{bounds}, not {shown(value)}", name=name, value=value)


def _check_listed(name: str, values: Collection[Any]) -> None:
    if len(values) > LISTED_VALUES_MAX:
        raise _limit(
            f"a list in a filter has {len(values):,} values, the limit is {LISTED_VALUES_MAX:,}", len(values), name
        )


def _limit(message: str, value: int, name: str = "filter") -> LimitExceeded:
    return LimitExceeded(message, name=name, value=value, remedy="Split the call, or store a field that says the same.")


def _type_name(value: Any) -> str:
    return "None" if value is None else f"{type(value).__name__} ({shown(value)})"


def _joined(word: str, children: tuple[Node, ...]) -> str:
    return f"({word.join(map(repr, children))})"


def _listed(values: Collection[Any]) -> str:
    first = ", ".join(shown(value) for value in islice(values, _SHOWN_VALUES_MAX))
    rest = len(values) - _SHOWN_VALUES_MAX
    return f"[{first}, ... and {rest:,} more]" if rest > 0 else f"[{first}]"
