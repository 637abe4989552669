"""Circles over two columns of coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .bitmap import BoolArray
from .cells import EXACT, FLOAT, INT
from .column import Column
from .evaluate import EARTH_RADIUS_METRES, coordinate, in_geo_circle
from .tree import Disc, GeoCircle

Coordinates = NDArray[np.float64]

# Two computations of the same distance differ by less than this: near the antipode, rounding the haversine is 0.2 m.
_GEO_SLACK_METRES = 1.0
_GEO_SLACK_SHARE = 1e-9


def coordinates(column: Column | None, slot_count: int) -> Coordinates:
    """The coordinates by slot, NaN where the value is not a number."""
    found = np.full(slot_count, np.nan)
    if column is None:
        return found
    slots, cells = column.among(np.ones(slot_count, dtype=np.bool_))
    values = np.where(cells.are(FLOAT), cells.floats(), np.where(cells.are(INT), cells.words, np.nan))
    for code, exact in cells.exact_numbers():
        number = coordinate(exact)
        values[cells.are(EXACT) & (cells.words == code)] = np.nan if number is None else number
    found[slots] = values
    return found


def discs(disc: Disc, x: Coordinates, y: Coordinates) -> BoolArray:
    """Which points are in the disc: the arithmetic of the reference implementation, which NumPy rounds identically."""
    with np.errstate(over="ignore", invalid="ignore"):
        dx, dy = x - disc.x, y - disc.y
        found: BoolArray = dx * dx + dy * dy <= disc.radius * disc.radius
    return found


def geo_circles(circle: GeoCircle, latitude: Coordinates, longitude: Coordinates) -> BoolArray:
    """Which points are in the circle. Sines may differ from the reference implementation in the last bit, so near the
    edge it decides."""
    valid = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    half_dlat = np.radians(np.where(valid, latitude, 0) - circle.latitude) / 2
    half_dlon = np.radians(np.where(valid, longitude, 0) - circle.longitude) / 2
    cosines = np.cos(np.radians(circle.latitude)) * np.cos(np.radians(np.where(valid, latitude, 0)))
    haversine = np.sin(half_dlat) ** 2 + cosines * np.sin(half_dlon) ** 2
    metres = 2 * EARTH_RADIUS_METRES * np.arcsin(np.sqrt(np.clip(haversine, 0, 1)))
    found: BoolArray = valid & (metres <= circle.metres)
    slack = _GEO_SLACK_METRES + _GEO_SLACK_SHARE * circle.metres
    for i in np.flatnonzero(valid & (np.abs(metres - circle.metres) <= slack)).tolist():
        found[i] = in_geo_circle(circle, float(latitude[i]), float(longitude[i]))
    return found
