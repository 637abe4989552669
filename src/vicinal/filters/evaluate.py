"""The reference implementation: does a row match a filter? Plain Python that defines what a filter means."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, assert_never

from ..types import Id
from .tree import (
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
    OfRow,
    OfType,
    Or,
    Path,
    Regex,
    StartsWith,
)
from .values import class_of, coerced, compare, equal

# The mean radius of the Earth by the IUGG. The circle is on a sphere: up to 0.5 % from the ellipsoid.
EARTH_RADIUS_METRES = 6_371_008.8

_MISSING = object()


def matches(tree: Node, metadata: Mapping[str, Any], id: Id, text: str | None = None) -> bool:
    """Whether the row matches `tree`; `metadata` as returned by `metadata.loads`."""
    match tree:
        case And():
            return all(matches(child, metadata, id, text) for child in tree.children)
        case Or():
            return any(matches(child, metadata, id, text) for child in tree.children)
        case Not():
            return not matches(tree.child, metadata, id, text)
        case OfRow():
            return holds(tree.condition, id if tree.part == "id" else text)
        case IdIn():
            return id in tree.ids
        case OfType():
            found = value_at(metadata, tree.path, _MISSING)
            return found is not _MISSING and class_of(found) in tree.classes
        case GeoCircle():
            latitude = coordinate(value_at(metadata, tree.latitude_path))
            longitude = coordinate(value_at(metadata, tree.longitude_path))
            return latitude is not None and longitude is not None and in_geo_circle(tree, latitude, longitude)
        case Disc():
            x, y = coordinate(value_at(metadata, tree.x_path)), coordinate(value_at(metadata, tree.y_path))
            return x is not None and y is not None and in_disc(tree, x, y)
        case _:
            return holds(tree, value_at(metadata, tree.path))


def holds(leaf: Compare | In | Contains | StartsWith | Regex | Exists, value: Any) -> bool:
    """Whether a value meets a condition on one field; None stands for a missing value."""
    match leaf:
        case Compare():
            return _compares(leaf, value)
        case In():
            return any(equal(found, wanted) for found in _value_and_elements(value) for wanted in leaf.values)
        case Contains():
            if isinstance(value, list):
                return any(equal(element, leaf.value) for element in value)
            return isinstance(value, str) and isinstance(leaf.value, str) and leaf.value in value
        case StartsWith():
            return isinstance(value, str) and value.startswith(leaf.prefix)
        case Regex():
            return isinstance(value, str) and leaf.compiled.search(value) is not None
        case Exists():
            return value is not None
        case _:
            assert_never(leaf)


def value_at(metadata: Mapping[str, Any], path: Path, missing: Any = None) -> Any:
    """The value at a path through nested dicts (not lists), `missing` if there is none."""
    value: Any = metadata
    for key in path:
        if not isinstance(value, Mapping):
            return missing
        value = value.get(key, missing)
    return value


def coordinate(value: Any) -> float | None:
    """A number as float64; None for anything else, and for ints beyond float64."""
    if class_of(value) != "number":
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def in_disc(disc: Disc, x: float, y: float) -> bool:
    dx, dy = x - disc.x, y - disc.y
    return dx * dx + dy * dy <= disc.radius * disc.radius


def in_geo_circle(circle: GeoCircle, latitude: float, longitude: float) -> bool:
    """By the haversine formula, which remains accurate for near points (Sinnott, Sky and Telescope 68, 1984)."""
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return False
    a, b = math.radians(circle.latitude), math.radians(latitude)
    half_dlat, half_dlon = (b - a) / 2, math.radians(longitude - circle.longitude) / 2
    haversine = math.sin(half_dlat) ** 2 + math.cos(a) * math.cos(b) * math.sin(half_dlon) ** 2
    return 2 * EARTH_RADIUS_METRES * math.asin(min(1.0, math.sqrt(haversine))) <= circle.metres


def _compares(leaf: Compare, value: Any) -> bool:
    if leaf.operator == "eq":
        return any(_compares_one(leaf, found) for found in _value_and_elements(value))
    return _compares_one(leaf, value)


def _compares_one(leaf: Compare, value: Any) -> bool:
    if leaf.coerce:
        ours, theirs = coerced(value), coerced(leaf.value)
        if ours is not None and theirs is not None:
            return compare(leaf.operator, ours, theirs)
        if leaf.operator != "eq":
            return False
    return compare(leaf.operator, value, leaf.value)


def _value_and_elements(value: Any) -> list[Any]:
    return [value, *value] if isinstance(value, list) else [value]
