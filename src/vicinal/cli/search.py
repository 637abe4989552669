"""`vicinal search`: the rows of a collection that are nearest to a question."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer
from rich import box
from rich.table import Table
from typer.core import TyperCommand

from ..contract import Mode, Syntax
from ..errors import InvalidArgument, InvalidMetadata
from ..metadata import dumps, loads
from ..rag.folder import search_folder
from ..rag.folder.known import OWNER, folder_of
from ..settings import setting
from ..types import Hit, Hits
from ..visible import counted
from .common import CollectionName, DatabasePath, as_typed, cell, existing_collection, print_table, say_json
from .files.rows import json_members
from .passages import print_passages

__all__ = ["ModeOption", "QueryArgument", "QueryCommand", "SyntaxOption", "WhereOption", "filter_of", "search"]

_SHOWN_CHARS_MAX = 200

QueryArgument = Annotated[
    str,
    typer.Argument(
        metavar="QUERY", help="What to look for; -- before one with a dash.", show_default=False, callback=as_typed
    ),
]
ModeOption = Annotated[
    str | None,
    typer.Option(
        help="dense, keyword or hybrid: by vectors, words, both. Default: dense; hybrid for documents.",
        show_default=False,
    ),
]
SyntaxOption = Annotated[
    str | None,
    typer.Option(
        help='plain, or operators: +required, -excluded, "in a row". Default: operators for keyword, else plain.',
        show_default=False,
    ),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="JSON", help="A filter on metadata, as in Python.", show_default=False, callback=as_typed
    ),
]


def search(
    path: DatabasePath,
    collection: CollectionName,
    query: QueryArgument,
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="How many rows. Default: MAX_RESULTS, else 10.", show_default=False)
    ] = None,
    mode: ModeOption = None,
    syntax: SyntaxOption = None,
    where: WhereOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line instead of a table.")] = False,
) -> None:
    """Search a collection, best rows first.

    \b
    Examples:
      vicinal search ./data docs "how do plants make sugar?"
      vicinal search ./data docs "how do plants make sugar?" -k 3 --json
      vicinal search ./data docs "+chlorophyll sugar" --mode keyword
      vicinal search ./data docs "sugar" --where '{"year": {"$gte": 2020}}'
    """
    tree = None if where is None else filter_of(where)
    with existing_collection(path, collection) as opened:
        count: int = k or setting("max_results")
        chosen = cast("Syntax | None", syntax or ("operators" if mode == "keyword" else None))
        if folder_of(opened.notes(OWNER)) is None:
            found = None
            hits = opened.search(query, k=count, where=tree, mode=cast(Mode, mode or "dense"), syntax=chosen)
        else:
            found = search_folder(opened, query, count, tree, mode=mode or "hybrid", syntax=chosen)
            hits = found.hits
    if found is not None and not as_json:
        print_passages(found, query)
    elif as_json:
        for hit in hits:
            say_json(_json_line(hit))
    else:
        print_table(_table(hits))


class QueryCommand(TyperCommand):
    """A command whose query may begin with a dash, and is then taken for an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if hasattr(error, "option_name") and hasattr(error, "message"):  # typer has no public name for this error
                told: Any = error
                told.message += " Before a query that begins with a dash, write --"
            raise


def filter_of(where: str) -> dict[str, Any]:
    """The filter that an option holds as JSON."""
    try:
        return loads(where)
    except (ValueError, ArithmeticError, RecursionError, TypeError) as error:
        is_other = isinstance(error, InvalidMetadata)  # well written, but a list or a single value
        reason = "it is another value" if is_other else str(error).partition("\n")[0]
        raise InvalidArgument(
            f"the filter is not a JSON object ({reason:.120})",
            name="--where",
            value=where,
            remedy="""Write it like '{"year": {"$gte": 2020}}'.""",
        ) from None


def _json_line(hit: Hit) -> str:
    numbers = f'"score":{hit.score!r},"distance":{hit.distance!r}'
    return f"{{{json_members(hit.id, hit.text, hit.metadata)},{numbers}}}"


def _table(hits: Hits) -> Table:
    table = Table(box=box.SIMPLE, title=f"{counted(len(hits), 'row')}, metric {hits.metric}", title_justify="left")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("id", overflow="fold")
    table.add_column("text")
    table.add_column("metadata", overflow="fold")
    for hit in hits:
        text = " ".join((hit.text or "")[:_SHOWN_CHARS_MAX].split())
        shown = dumps(hit.metadata) if hit.metadata else ""
        table.add_row(f"{hit.score:.3f}", cell(hit.id), cell(text), cell(shown))
    return table
