"""The filter language, parsed into the engine's tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...filters.tree import (
    TREE_DEPTH_MAX,
    And,
    Compare,
    Contains,
    Disc,
    Exists,
    GeoCircle,
    IdIn,
    In,
    Node,
    Not,
    Or,
    StartsWith,
)
from ..settings import ServerSettings
from .answers import invalid, missing
from .requests import Advance
from .schema import DERIVED, Field, Schema, geo_point, instant, is_finite

__all__ = ["condition_of", "derived_of"]

_LOWER: Final = ("gt", "gte")
_UPPER: Final = ("lt", "lte")
_BOUNDS: Final = (*_LOWER, *_UPPER)
_RADIUS: Final = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*(m|km)\s*", re.ASCII)
_METRES: Final = {"m": 1.0, "km": 1000.0}
_ENUMERABLE: Final = frozenset(("string", "int64", "bool", "list<string>", "list<int64>"))


def condition_of(given: Mapping[str, Any] | None, advance: Advance | None, reader: Filters) -> Node | None:
    """Returns the condition of a search: its filter, and that of its key; None for neither."""
    parts: list[Node] = [] if not given else [reader.node(given)]
    if advance is not None and advance.ids_in:
        parts.append(reader.ids(advance.ids_in))
    if advance is not None and advance.ids_not_in:
        parts.append(Not(reader.ids(advance.ids_not_in)))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def derived_of(field: Field, value: Any) -> Any:
    """The form of a value that filters compare; None if it is the value itself."""
    if field.type == "date_time":
        return instant(value, field.name)
    if field.type == "geo_point":
        longitude, latitude = geo_point(value, field.name)
        return {"lat": latitude, "lon": longitude}
    return None


class Filters:
    """Parses the filter of one request over the fields of one index.

    Args:
        indexed: names of fields that may be filtered.
    """

    def __init__(self, schema: Schema, indexed: frozenset[str], settings: ServerSettings) -> None:
        self.schema = schema
        self._indexed = indexed
        self._settings = settings
        self._depth_max = min(TREE_DEPTH_MAX - 2, settings.filter_depth_max)
        self._conditions = self._values = 0
        self._nodes: Mapping[str, Callable[[Mapping[str, Any], int], Node]] = {
            "must": self._must,
            "must_not": lambda given, depth: Not(self._must(given, depth)),
            "range": self._range,
            "range_out": self._range_out,
            "time_range": self._time_range,
            "geo_range": self._geo_range,
            "prefix": lambda given, _: StartsWith(self._path(given, "string", "text"), _text(given, "prefix")),
            "contains": lambda given, _: Contains(self._path(given, "string", "text"), _text(given, "substring")),
            "and": lambda given, depth: And(self._children(given, depth)),
            "or": lambda given, depth: Or(self._children(given, depth)),
        }

    def node(self, given: Any, depth: int = 0) -> Node:
        """Parses a filter.

        Raises:
            Refusal: it is not a filter, or is one on a field that is not indexed.
        """
        if not isinstance(given, Mapping):
            raise invalid("a filter is an object", "filter", given)
        if depth >= self._depth_max:
            raise invalid(f"the filter has more than {self._depth_max} levels", "filter")
        self._conditions += 1
        _check_count("conditions", self._conditions, self._settings.filter_conditions_max, "filter_conditions_max")
        op = given.get("op")
        if op is None:
            raise missing("filter.op")
        make = self._nodes.get(op) if isinstance(op, str) else None
        if make is None:
            raise invalid(f"there is no op {op!r:.80} in filters", "filter", op, f"There are {', '.join(self._nodes)}.")
        return make(given, depth)

    def ids(self, given: list[Any]) -> Node:
        """Matches rows with these keys."""
        self._count_values(given)
        return IdIn(map(self.schema.check_key, given))

    def field(self, name: Any, *types: str) -> Field:
        """Returns the named field if it may be filtered and has one of these types."""
        if name is None:
            raise missing("filter.field")
        field = self.schema.fields.get(name) if isinstance(name, str) else None
        if field is None or field.name not in self._indexed:
            raise invalid(f"the field {name!r:.80} has no scalar index", "field", name)
        if types and field.type not in types:
            raise invalid(f"{field.name} is of type {field.type}; this is for {', '.join(types)}", "field", name)
        return field

    def _path(self, given: Mapping[str, Any], *types: str) -> tuple[str]:
        return (self.field(given.get("field"), *types).name,)

    def _children(self, given: Mapping[str, Any], depth: int) -> tuple[Node, ...]:
        conds = given.get("conds")
        if conds is None:
            raise missing("filter.conds")
        if not isinstance(conds, list) or not conds:
            raise invalid("conds must be a list of at least one filter", "filter", conds)
        return tuple(self.node(one, depth + 1) for one in conds)

    def _must(self, given: Mapping[str, Any], _: int) -> Node:
        field, conds = self.field(given.get("field"), *_ENUMERABLE), given.get("conds")
        if conds is None:
            raise missing("filter.conds")
        if not isinstance(conds, list):
            raise invalid("conds must be a list of values", "filter", conds)
        self._count_values(conds)
        kind = field.type.removeprefix("list<").removesuffix(">")
        values = tuple(Field(field.name, kind).check(one) for one in conds)
        return In((field.name,), values)

    def _range(self, given: Mapping[str, Any], _: int) -> Node:
        if isinstance(given.get("field"), list):
            return self._disc(given)
        if self._is_of_time(given):
            return self._time_range(given, _)
        path, bounds = self._path(given, "int64", "float32"), _bounds(given)
        return _all([Compare(path, op, value) for op, value in bounds.items()])

    def _disc(self, given: Mapping[str, Any]) -> Node:
        fields, center = given["field"], given.get("center")
        if center is None or given.get("radius") is None:
            raise missing("filter.center" if center is None else "filter.radius")
        if len(fields) != 2 or not isinstance(center, list) or len(center) != 2 or not all(map(is_finite, center)):
            raise invalid("a circle has two fields and two numbers for its center", "filter", center)
        if not is_finite(given["radius"]) or given["radius"] < 0:
            raise invalid("the radius of a circle is a number from 0", "filter", given["radius"])
        x, y = (self.field(name, "int64", "float32").name for name in fields)
        return Disc((x,), (y,), center[0], center[1], given["radius"])

    def _range_out(self, given: Mapping[str, Any], _: int) -> Node:
        """Above the lower bound or below the upper one if they leave a gap; otherwise everything not between them."""
        path, bounds = self._path(given, "int64", "float32"), _bounds(given)
        sides = [Compare(path, op, value) for op, value in bounds.items()]
        lower = [bounds[op] for op in _LOWER if op in bounds]
        upper = [bounds[op] for op in _UPPER if op in bounds]
        if lower and upper and max(lower) > min(upper):
            return Or(tuple(sides))
        return And((Exists(path), Not(_all(sides))))

    def _time_range(self, given: Mapping[str, Any], _: int) -> Node:
        field = self.field(given.get("field"), "date_time")
        bounds = {op: given[op] for op in _BOUNDS if given.get(op) is not None}
        if not bounds:
            raise missing("filter.gte")
        path = (f"{field.name}{DERIVED}",)
        return _all([Compare(path, op, instant(value, op)) for op, value in bounds.items()])  # type: ignore[arg-type]

    def _geo_range(self, given: Mapping[str, Any], _: int) -> Node:
        field, radius = self.field(given.get("field"), "geo_point"), given.get("radius")
        for name in ("center", "radius"):
            if given.get(name) is None:
                raise missing(f"filter.{name}")
        longitude, latitude = geo_point(given["center"], "center")
        found = _RADIUS.fullmatch(radius) if isinstance(radius, str) else None
        if found is None:
            raise invalid("radius is a length such as '500m' or '10km'", "radius", radius)
        name = f"{field.name}{DERIVED}"
        return GeoCircle((name, "lat"), (name, "lon"), latitude, longitude, float(found[1]) * _METRES[found[2]])

    def _count_values(self, values: list[Any]) -> None:
        self._values += len(values)
        _check_count("values", self._values, self._settings.filter_values_max, "filter_values_max")

    def _is_of_time(self, given: Mapping[str, Any]) -> bool:
        name = given.get("field")
        field = self.schema.fields.get(name) if isinstance(name, str) else None
        return field is not None and field.type == "date_time"


def _check_count(what: str, found: int, most: int, setting: str) -> None:
    if found > most:
        remedy = f"Request less, or raise {setting} of the server."
        raise invalid(f"the filter has more than {most:,} {what}", "filter", found, remedy)


def _bounds(given: Mapping[str, Any]) -> dict[Any, int | float]:
    bounds = {op: given[op] for op in _BOUNDS if given.get(op) is not None}
    if not bounds:
        raise missing("filter.gte")
    for op, value in bounds.items():
        if not is_finite(value):
            raise invalid(f"{op} must be a number", op, value)
    return bounds


def _all(parts: list[Any]) -> Node:
    found: Node = parts[0] if len(parts) == 1 else And(tuple(parts))
    return found


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value is None:
        raise missing(f"filter.{name}")
    if not isinstance(value, str):
        raise invalid(f"{name} must be a text", name, value)
    return value
