"""Data frames of pandas and polars and tables of pyarrow, as lists by the names of their columns.

None of these libraries is imported: a frame is known by what it can do.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["frame_columns", "is_frame"]


def is_frame(rows: object) -> bool:
    """Whether `rows` is a data frame or a table rather than a list of dicts."""
    # In this order: a LazyFrame of polars has columns, but looking at them is work that it warns of.
    return (hasattr(rows, "to_dict") or hasattr(rows, "to_pydict")) and hasattr(rows, "columns")


def frame_columns(frame: Any) -> list[tuple[str, list[Any]]]:
    """The columns from left to right, each with its name; a name may come twice. What is missing is None.

    Those of a named index come first.
    """
    if hasattr(frame, "column_names"):  # pyarrow, where `columns` are the columns themselves
        return [
            (str(name), [_missing_to_none(value) for value in column.to_pylist()])
            for name, column in zip(frame.column_names, frame.columns, strict=True)
        ]
    return _index_columns(frame) + [
        (str(label), [_missing_to_none(value) for value in _values(frame, i, label)])
        for i, label in enumerate(frame.columns)
    ]


def _index_columns(frame: Any) -> list[tuple[str, list[Any]]]:
    """Levels of an index of pandas that have names: somebody chose them to tell the rows apart."""
    names = getattr(getattr(frame, "index", None), "names", ())
    return [
        (str(name), [_missing_to_none(value) for value in frame.index.get_level_values(level).tolist()])
        for level, name in enumerate(names)
        if name is not None
    ]


def _values(frame: Any, place: int, label: Any) -> list[Any]:
    """By its place, since two columns of pandas may have one label; polars finds columns by label."""
    values: list[Any] = frame.iloc[:, place].tolist() if hasattr(frame, "iloc") else frame[label].to_list()
    return values


def _missing_to_none(value: Any) -> Any:
    """A data frame says "no value" by NaN, NaT or NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return None if isinstance(value, float) and math.isnan(value) else value
