"""`vicinal stats`: the contents of a database."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from ..types import Stats
from .common import DatabasePath, as_typed, cell, existing_collection, existing_database, print_table, say_json
from .completion import collection_names

__all__ = ["stats"]


def stats(
    path: DatabasePath,
    collection: Annotated[
        str | None,
        typer.Argument(
            metavar="COLLECTION",
            help="Only this one, in detail.",
            show_default=False,
            callback=as_typed,
            autocompletion=collection_names,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Show the collections of a database: rows, dimension, encoder, size on disk.

    \b
    Examples:
      vicinal stats ./data
      vicinal stats ./data docs --json
    """
    if collection is not None:
        with existing_collection(path, collection) as opened:
            one = opened.stats()
        _print_json(dataclasses.asdict(one)) if as_json else print_table(_details(one))
        return
    with existing_database(path) as database:
        found = [database.collection(name).stats() for name in database.collections()]
    _print_json([dataclasses.asdict(one) for one in found]) if as_json else print_table(_overview(found))


def _print_json(value: object) -> None:
    say_json(json.dumps(value, indent=2, ensure_ascii=False))


def _details(one: Stats) -> Table:
    table = Table(box=box.SIMPLE, show_header=False)
    table.add_column("name")
    table.add_column("value", overflow="fold")
    for name, value in dataclasses.asdict(one).items():
        table.add_row(name.replace("_", " "), cell(_shown(value)))
    return table


def _overview(found: list[Stats]) -> Table:
    table = Table(box=box.SIMPLE)
    table.add_column("collection", overflow="fold")
    for name in ("rows", "dimension", "metric", "encoder", "bytes on disk"):
        table.add_column(name, justify="left" if name in ("metric", "encoder") else "right")
    for one in found:
        cells = (one.rows, one.dimension, one.metric, one.encoder, one.bytes_on_disk)
        table.add_row(cell(one.name), *(cell(_shown(value)) for value in cells))
    return table


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
