"""Converts Arrow columns of any type to lists of metadata values.

Times of day become texts in ISO 8601, durations seconds, bytes base64, maps dicts. Instants and dates that Python's
types cannot hold (with nanoseconds, before the year 1 or after 9999) become texts, and then the whole column does, so
that one filter fits all its values. NaN means no value. The same applies within lists, structs and maps.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

import numpy as np

from .arrow import chunked, plain_array, pyarrow

__all__ = ["is_beyond_datetime", "values"]

Read = Callable[[Any], list[Any]]


def values(column: Any, *, instants_as_text: bool | None = None) -> list[Any]:
    """The values of a column, or of a part of one.

    Args:
        instants_as_text: whether instants become texts; if None, this part alone decides.
    """
    column = chunked(column)
    if instants_as_text is None:
        instants_as_text = is_beyond_datetime(column)
    if instants_as_text:
        return [value for chunk in column.chunks for value in _texts_of_instants(chunk)]
    return [value for chunk in column.chunks for value in _values(chunk)]


def is_beyond_datetime(column: Any) -> bool:
    """Whether it contains an instant or a date that Python cannot represent: with nanoseconds, or out of years."""
    arrow, kind = pyarrow(), column.type
    if arrow.types.is_date(kind) or (arrow.types.is_timestamp(kind) and kind.unit != "ns"):
        return _is_out_of_years(column)
    if not arrow.types.is_timestamp(kind):
        return False
    compute, ticks = import_module("pyarrow.compute"), column.cast(arrow.int64())
    whole = compute.equal(compute.multiply(compute.divide(ticks, 1000), 1000), ticks)
    return compute.all(whole).as_py() is False


def _is_out_of_years(column: Any) -> bool:
    ends = import_module("pyarrow.compute").min_max(column)
    try:
        [ends[end].as_py() for end in ("min", "max")]
    except (OverflowError, ValueError):
        return True
    return False


def _texts_of_instants(array: Any) -> list[Any]:
    arrow, kind = pyarrow(), array.type
    if arrow.types.is_timestamp(kind) and kind.unit == "ns":
        return _texts(array)
    # For years that Python lacks, Arrow cannot produce text either, but NumPy can.
    unit: Any = "D" if arrow.types.is_date32(kind) else "ms" if arrow.types.is_date64(kind) else kind.unit
    ticks = array.cast(arrow.int32() if unit == "D" else arrow.int64()).to_pylist()
    instants = [None if one is None else np.datetime64(one, unit) for one in ticks]
    if arrow.types.is_date(kind):
        return [None if one is None else _iso(one.astype("M8[D]"), "") for one in instants]
    return [None if one is None else _iso(one, "Z" if kind.tz else "") for one in instants]


def _iso(instant: np.datetime64, zone: str) -> str:
    """ISO 8601, in which a year of more than four digits has a sign."""
    text = str(instant)
    is_long = not text.startswith("-") and len(text.partition("-")[0]) > 4
    return f"{'+' * is_long}{text}{zone}"


def _values(array: Any) -> list[Any]:
    extension = _EXTENSIONS.get(getattr(array.type, "extension_name", ""))
    if extension is not None:
        return [None if one is None else extension(one) for one in array.to_pylist()]
    array = plain_array(array)
    types = pyarrow().types
    for asked, read in _READERS:
        if any(hasattr(types, one) and getattr(types, one)(array.type) for one in asked):
            return read(array)
    return list(array.to_pylist())


def _floats(array: Any) -> list[Any]:
    return [None if one is None or math.isnan(one) else float(one) for one in array.to_pylist()]


def _bytes(array: Any) -> list[Any]:
    return [None if one is None else base64.b64encode(one).decode() for one in array.to_pylist()]


def _texts(array: Any) -> list[Any]:
    return list(array.cast(pyarrow().string()).to_pylist())


def _seconds(array: Any) -> list[Any]:
    arrow = pyarrow()
    ticks = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}[array.type.unit]
    return [
        None if one is None else one // ticks if one % ticks == 0 else one / ticks
        for one in array.cast(arrow.int64()).to_pylist()
    ]


def _instants(array: Any) -> list[Any]:
    arrow = pyarrow()
    if is_beyond_datetime(array):
        return _texts_of_instants(array)
    if arrow.types.is_timestamp(array.type) and array.type.unit == "ns":
        array = array.cast(arrow.timestamp("us", array.type.tz))
    return list(array.to_pylist())


def _structs(array: Any) -> list[Any]:
    columns = [_values(part) for part in array.flatten()]
    names = [field.name for field in array.type]
    rows: Iterator[Any] = zip(*columns) if columns else iter([()] * len(array))
    return [
        dict(zip(names, row, strict=True)) if there else None
        for row, there in zip(rows, array.is_valid().to_pylist(), strict=True)
    ]


def _lists(array: Any) -> list[Any]:
    flat = _values(array.flatten())  # only the rows of this array
    found, at = [], 0
    for length in import_module("pyarrow.compute").list_value_length(array).to_pylist():
        found.append(None if length is None else flat[at : at + length])
        at += length or 0
    return found


def _maps(array: Any) -> list[Any]:
    return [None if not one.is_valid else _of_entries(_values(one.values)) for one in array]


def _of_entries(entries: list[dict[str, Any]]) -> Any:
    """A dict if the keys as texts are all different; otherwise the entries."""
    pairs = [tuple(entry.values()) for entry in entries]
    found = {key if isinstance(key, str) else str(key): value for key, value in pairs}
    return found if len(found) == len(pairs) else [{"key": key, "value": value} for key, value in pairs]


def _intervals(array: Any) -> list[Any]:
    return [
        None if one is None else dict(zip(("months", "days", "nanoseconds"), one, strict=True))
        for one in array.to_pylist()
    ]


def _of_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


_EXTENSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "arrow.json": _of_json,
    "arrow.uuid": lambda value: value,
    "arrow.bool8": bool,
}
# Names of functions of pyarrow.types, some of which older versions lack, and the reader for arrays of such a type.
_READERS: Final[tuple[tuple[tuple[str, ...], Read], ...]] = (
    (("is_floating",), _floats),
    (("is_binary", "is_large_binary", "is_fixed_size_binary", "is_binary_view"), _bytes),
    (("is_time",), _texts),
    (("is_duration",), _seconds),
    (("is_timestamp", "is_date"), _instants),
    (("is_struct",), _structs),
    (("is_map",), _maps),
    (("is_list", "is_large_list", "is_fixed_size_list", "is_list_view", "is_large_list_view"), _lists),
    (("is_interval",), _intervals),
)
