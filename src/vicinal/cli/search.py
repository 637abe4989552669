"""`vicinal search`: the rows of a collection that are nearest to a question."""

from __future__ import annotations

from typing import Annotated, cast

import typer
from rich import box
from rich.table import Table

from ..contract import Mode, Syntax
from ..metadata import dumps
from ..rag.folder import search_folder
from ..rag.folder.known import OWNER, folder_of
from ..settings import Settings
from ..types import Hit, Hits
from .common import CollectionName, DatabasePath, cell, existing_collection, print_table, say_json
from .files.rows import json_members
from .passages import print_passages

__all__ = ["search"]

_SHOWN_CHARS_MAX = 200


def search(
    path: DatabasePath,
    collection: CollectionName,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="What to look for.", show_default=False)],
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="How many rows; MAX_RESULTS or 10.", show_default=False)
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="dense, keyword or hybrid: by vectors, words or both; dense, in a folder of documents hybrid.",
            show_default=False,
        ),
    ] = None,
    syntax: Annotated[
        str | None,
        typer.Option(
            help='plain, or operators: +required, -excluded, "in a row". Mode keyword takes operators unless told.',
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line instead of a table.")] = False,
) -> None:
    """Search a collection, best rows first.

    \b
    Examples:
      vicinal search ./data docs "how do plants make sugar?"
      vicinal search ./data docs "how do plants make sugar?" -k 3 --json
      vicinal search ./data docs "+chlorophyll sugar" --mode keyword
    """
    with existing_collection(path, collection) as opened:
        k = k or Settings.load().max_results
        chosen = cast("Syntax | None", syntax or ("operators" if mode == "keyword" else None))
        if folder_of(opened.notes(OWNER)) is None:
            found = None
            hits = opened.search(query, k=k, mode=cast(Mode, mode or "dense"), syntax=chosen)
        else:
            found = search_folder(opened, query, k, mode=mode or "hybrid", syntax=chosen)
            hits = found.hits
    if found is not None and not as_json:
        print_passages(found, query)
    elif as_json:
        for hit in hits:
            say_json(_json_line(hit))
    else:
        print_table(_table(hits))


def _json_line(hit: Hit) -> str:
    numbers = f'"score":{hit.score!r},"distance":{hit.distance!r}'
    return f"{{{json_members(hit.id, hit.text, hit.metadata)},{numbers}}}"


def _table(hits: Hits) -> Table:
    table = Table(box=box.SIMPLE, title=f"{len(hits)} rows, metric {hits.metric}", title_justify="left")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("id", overflow="fold")
    table.add_column("text")
    table.add_column("metadata", overflow="fold")
    for hit in hits:
        text = " ".join((hit.text or "")[:_SHOWN_CHARS_MAX].split())
        shown = dumps(hit.metadata) if hit.metadata else ""
        table.add_row(f"{hit.score:.3f}", cell(hit.id), cell(text), cell(shown))
    return table
