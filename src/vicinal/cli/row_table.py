"""Rows as a readable table: an id that can be typed, a line of text, metadata in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from ..types import Hit, Record
from ..visible import one_line, shortened
from .common import as_typed, cell
from .ids import id_text

__all__ = ["FieldsOption", "chosen_fields", "only_fields", "row_table"]

_TEXT_CHARS_MAX = 200
_VALUE_CHARS_MAX = 60
_LIST_MAX = 5
_KEYS_MAX = 6

FieldsOption = Annotated[
    str | None,
    typer.Option(
        "--fields",
        metavar="NAME,...",
        help="Only this metadata, each field in a column; author.name for what is nested. Default: all.",
        show_default=False,
        callback=as_typed,
    ),
]


def chosen_fields(option: str | None) -> list[str] | None:
    """The names in an option; None if it was not given."""
    return None if option is None else [name for name in map(str.strip, option.split(",")) if name]


def only_fields(metadata: Mapping[str, Any], fields: Sequence[str] | None) -> Mapping[str, Any]:
    """The chosen fields of the metadata; those that a row lacks are left out."""
    if fields is None:
        return metadata
    found = ((name, _value(metadata, name)) for name in fields)
    return {name: value for name, value in found if value is not None}


def row_table(rows: Iterable[Record | Hit], fields: Sequence[str] | None, title: str) -> Table:
    """A table of rows; for hits scores come first."""
    rows = list(rows)
    has_scores = any(isinstance(row, Hit) for row in rows)
    table = Table(box=box.SIMPLE, title=title, title_justify="left")
    if has_scores:
        table.add_column("score", justify="right", no_wrap=True)
    table.add_column("id", overflow="fold")
    table.add_column("text", overflow="fold")
    for name in ["metadata"] if fields is None else fields:
        table.add_column(cell(name), overflow="fold")
    for row in rows:
        cells = [f"{row.score:.3f}"] if isinstance(row, Hit) else []
        cells += [id_text(row.id), " ".join((row.text or "")[:_TEXT_CHARS_MAX].split())]
        if fields is None:
            cells.append(_in_words(row.metadata))
        else:
            cells += (_shown(_value(row.metadata, name)) for name in fields)
        table.add_row(*map(cell, cells))
    return table


def _value(metadata: Mapping[str, Any], name: str) -> Any:
    """The value of a field; a key that itself contains dots takes precedence over a nested one."""
    if name in metadata:
        return metadata[name]
    value: Any = metadata
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _in_words(metadata: Mapping[str, Any]) -> str:
    """`year: 2024; tags: gold, tested`."""
    parts = [f"{key}: {_shown(value)}" for key, value in list(metadata.items())[:_KEYS_MAX]]
    more = len(metadata) - _KEYS_MAX
    return "; ".join([*parts, f"and {more} more"] if more > 0 else parts)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        parts = [_shown(one) for one in value[:_LIST_MAX]]
        return ", ".join([*parts, f"and {len(value) - _LIST_MAX} more"] if len(value) > _LIST_MAX else parts)
    if isinstance(value, Mapping):
        return f"({_in_words(value)})"
    return one_line(value, _VALUE_CHARS_MAX) if isinstance(value, str) else shortened(str(value), _VALUE_CHARS_MAX)
