"""Data frames and tables as named columns: pandas, anything that supports Arrow, and NumPy structured arrays.

None of these libraries is imported unless the frame is its own: frames are recognized by their methods.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np

from .arrow import columns_of, is_arrow, vectors_in_column
from .arrow_values import values as arrow_values
from .containers import is_missing

__all__ = ["frame_columns", "frame_rows", "is_frame"]


def is_frame(rows: object) -> bool:
    """Whether `rows` is a data frame or a table rather than a list of dicts."""
    if isinstance(rows, np.ndarray):
        return rows.dtype.names is not None and rows.ndim == 1
    # In this order: a polars LazyFrame has columns, but accessing them does work and issues a warning.
    has_columns = (hasattr(rows, "to_dict") or hasattr(rows, "to_pydict")) and hasattr(rows, "columns")
    return has_columns or (is_arrow(rows) and not isinstance(rows, (list, tuple)) and bool(columns_of(rows)))


def frame_rows(frame: Any) -> int:
    """The number of rows."""
    if hasattr(frame, "__len__"):
        return len(frame)
    named = columns_of(frame)
    return len(named[0][1]) if named else 0


def frame_columns(frame: Any) -> list[tuple[str, Any]]:
    """The columns from left to right, each with its name; a name may be repeated. Missing values are None.

    Named index levels come first. A column "vector" is an array if its cells have one length.
    """
    if is_arrow(frame):
        return [(str(name), _arrow_column(name, column)) for name, column in columns_of(frame)]
    if isinstance(frame, np.ndarray):
        return [(name, _field(frame, name)) for name in frame.dtype.names or ()]
    return _index_columns(frame) + [
        (str(label), _cells(_values(frame, i, label))) for i, label in enumerate(frame.columns)
    ]


def _arrow_column(name: str, column: Any) -> Any:
    return vectors_in_column(column, "column 'vector'") if name == "vector" else arrow_values(column)


def _field(array: np.ndarray[Any, Any], name: str) -> Any:
    """One field of a structured array: a block if each row has several numbers."""
    return array[name] if name == "vector" else _cells(_listed(array[name]))


def _listed(array: np.ndarray[Any, Any]) -> Any:
    """The values as Python values; NumPy would return instants and durations in nanoseconds as bare numbers."""
    if array.dtype.kind == "m":
        return (array / np.timedelta64(1, "s")).tolist()
    if array.dtype.kind != "M" or np.datetime_data(array.dtype)[0] not in ("ns", "ps", "fs", "as"):
        return array.tolist()
    rounded = array.astype("M8[us]")
    is_exact = (rounded == array)[~np.isnat(array)].all()
    return rounded.tolist() if is_exact else np.datetime_as_string(array).tolist()


def _index_columns(frame: Any) -> list[tuple[str, Any]]:
    """The named levels of a pandas index: a named level was chosen to identify the rows."""
    names = getattr(getattr(frame, "index", None), "names", ())
    return [
        (str(name), _cells(frame.index.get_level_values(level).tolist()))
        for level, name in enumerate(names)
        if name is not None
    ]


def _values(frame: Any, place: int, label: Any) -> list[Any]:
    """The values by position, since two pandas columns may have the same label; polars looks columns up by label."""
    values: list[Any] = frame.iloc[:, place].tolist() if hasattr(frame, "iloc") else frame[label].to_list()
    return values


def _cells(values: list[Any]) -> list[Any]:
    """Instants with nanoseconds, which a datetime cannot hold, become texts, and then the whole column does."""
    cells = [_plain(value) for value in values]
    if any(getattr(value, "nanosecond", 0) for value in cells):
        return [value.isoformat() if isinstance(value, datetime) else value for value in cells]
    return cells


def _plain(value: Any) -> Any:
    """A cell as a plain value: in data frames, NaN, NaT and NA mean "no value", also within lists and dicts."""
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, np.ndarray):
        return _plain(_listed(value))
    if type(value) in (list, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (time, timedelta, bytes)) and value == value:  # converted as in `arrow_values`
        return _as_arrow_has_it(value)
    return None if is_missing(value) else value


def _as_arrow_has_it(value: time | timedelta | bytes) -> str | float:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, time):
        return value.isoformat()
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds
