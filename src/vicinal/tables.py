"""Columns of plain values as tables of other libraries: pandas, pyarrow, polars.

None of these libraries is loaded before it is needed. A column whose values have no common type keeps them unchanged
if the library has a type for that (pandas); otherwise it becomes text, JSON for values that are not text already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

from .errors import MissingExtra
from .metadata import dumps

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

Table = Mapping[str, Sequence[Any]]

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_FLOAT_INT_MAX = 2**53  # floats represent integers exactly up to here

Refusals = tuple[type[Exception], ...]


def with_metadata(columns: Table, metadata: Iterable[Mapping[str, Any]]) -> Table:
    """`columns` plus one for each top-level key of the metadata, None in rows that lack it.

    A key with the name of an existing column becomes "metadata.KEY".
    """
    rows = list(metadata)
    keys = dict.fromkeys(key for row in rows for key in row)
    more = {f"metadata.{key}" if key in columns else key: [row.get(key) for row in rows] for key in keys}
    return {**columns, **more}


def to_pandas(table: Table) -> pandas.DataFrame:
    """Raises `MissingExtra` if pandas is not installed."""
    try:
        import pandas
    except ImportError:
        raise MissingExtra("pandas", "pandas", "to_pandas()") from None
    return pandas.DataFrame({name: _pandas_column(pandas, values) for name, values in table.items()})


def _pandas_column(pandas: Any, values: Sequence[Any]) -> Any:
    """Keeps integers and booleans as such beside missing values: pandas would convert them to float."""
    kinds = _kinds(values)
    if None in values and kinds == {bool}:
        return pandas.array(values, dtype="boolean")
    if None in values and kinds == {int} and all(_fits(value) for value in values):
        return pandas.array(values, dtype="Int64")
    return values


def to_arrow(table: Table) -> pyarrow.Table:
    """Raises `MissingExtra` if pyarrow is not installed."""
    try:
        arrow = import_module("pyarrow")  # it has no type annotations
    except ImportError:
        raise MissingExtra("pyarrow", "parquet", "to_arrow()") from None
    refused = (arrow.ArrowException, OverflowError)
    return arrow.table({name: _typed_column(arrow.array, refused, values) for name, values in table.items()})


def to_polars(table: Table) -> polars.DataFrame:
    """Raises `MissingExtra` if polars is not installed."""
    try:
        import polars
    except ImportError:
        raise MissingExtra("polars", "polars", "to_polars()") from None
    refused = (polars.exceptions.PolarsError, TypeError, OverflowError)
    return polars.DataFrame({name: _typed_column(polars.Series, refused, values) for name, values in table.items()})


def _typed_column(make: Callable[[Sequence[Any]], Any], refused: Refusals, values: Sequence[Any]) -> Any:
    """A column created by `make`, which raises one of `refused` for values without a common type."""
    kinds = _kinds(values)
    if kinds == {UUID}:
        return make([None if value is None else str(value) for value in values])
    if kinds == {int, float} and all(value is None or abs(value) <= _FLOAT_INT_MAX for value in values):
        return make([None if value is None else float(value) for value in values])
    if (len(kinds) <= 1 or kinds <= {list, dict}) and not _has_two_clocks(values):
        try:
            return make(values)
        except refused:
            pass
    return make([value if value is None or isinstance(value, str) else _json(value) for value in values])


def _kinds(values: Sequence[Any]) -> set[type]:
    return {type(value) for value in values if value is not None}


def _fits(value: int | None) -> bool:
    return value is None or _INT64_MIN <= value <= _INT64_MAX


def _has_two_clocks(values: Sequence[Any]) -> bool:
    """Whether some datetimes have a time zone and others have none."""
    return len({value.tzinfo is None for value in values if isinstance(value, datetime)}) > 1


def _json(value: Any) -> str:
    return dumps({"": value})[4:-1]
