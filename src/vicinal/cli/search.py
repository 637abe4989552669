"""`vicinal search`: the rows of a collection that are nearest to a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer
from typer.core import TyperCommand

from ..contract import Mode, Syntax
from ..errors import InvalidArgument, InvalidMetadata
from ..metadata import loads
from ..rag.folder import search_folder
from ..rag.folder.known import OWNER, folder_of
from ..settings import setting
from ..types import Hit
from ..visible import counted
from .common import CollectionName, DatabasePath, as_typed, existing_collection, print_table, say_json
from .completion import FUSIONS, MODES, SYNTAXES
from .files.rows import json_members
from .passages import print_passages
from .row_table import FieldsOption, chosen_fields, only_fields, row_table

__all__ = ["ModeOption", "QueryArgument", "QueryCommand", "SyntaxOption", "WhereOption", "filter_of", "search"]

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
        autocompletion=MODES,
    ),
]
SyntaxOption = Annotated[
    str | None,
    typer.Option(
        help='plain, or operators: +required, -excluded, "in a row". Default: operators for keyword, else plain.',
        show_default=False,
        autocompletion=SYNTAXES,
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
    alpha: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="In hybrid search the weight of vectors, the rest is that of words.", show_default=False
        ),
    ] = None,
    fusion: Annotated[
        str | None,
        typer.Option(
            help="In hybrid search: weighted, rrf, combsum, combmnz or borda.",
            show_default=False,
            autocompletion=FUSIONS,
        ),
    ] = None,
    fields: FieldsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line instead of a table.")] = False,
) -> None:
    """Search a collection, best rows first.

    \b
    Examples:
      vicinal search ./data docs "how do plants make sugar?"
      vicinal search ./data docs "how do plants make sugar?" -k 3 --json
      vicinal search ./data docs "+chlorophyll sugar" --mode keyword
      vicinal search ./data docs "sugar" --where '{"year": {"$gte": 2020}}' --fields year,author
      vicinal search ./data docs "sugar" --mode hybrid --alpha 0.3
      vicinal search ./data docs "sugar" --mode hybrid --fusion rrf
    """
    tree = None if where is None else filter_of(where)
    with existing_collection(path, collection) as opened:
        count: int = k or setting("max_results")
        chosen = cast("Syntax | None", syntax or ("operators" if mode == "keyword" else None))
        legs: dict[str, Any] = {"alpha": alpha, "fusion": fusion, "syntax": chosen}
        if folder_of(opened.notes(OWNER)) is None:
            found = None
            hits = opened.search(query, k=count, where=tree, mode=cast(Mode, mode or "dense"), **legs)
        else:
            found = search_folder(opened, query, count, tree, mode=mode or "hybrid", **legs)
            hits = found.hits
    names = chosen_fields(fields)
    if as_json:
        for hit in hits:
            say_json(_json_line(hit, names))
    elif found is not None and names is None:
        print_passages(found, query)
    else:
        print_table(row_table(hits, names, f"{counted(len(hits), 'row')}, metric {hits.metric}"))


class QueryCommand(TyperCommand):
    """A command whose query may begin with a dash, which is then parsed as an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if hasattr(error, "option_name") and hasattr(error, "message"):  # typer has no public name for this error
                told: Any = error
                told.message += " Before a query that begins with a dash, write --"
            raise


def filter_of(where: str) -> dict[str, Any]:
    """Parses the filter that an option contains as JSON."""
    try:
        return loads(where)
    except (ValueError, ArithmeticError, RecursionError, TypeError) as error:
        is_other = isinstance(error, InvalidMetadata)  # valid JSON, but a list or a single value
        reason = "it is not an object" if is_other else str(error).partition("\n")[0]
        raise InvalidArgument(
            f"the filter is not a JSON object ({reason:.120})",
            name="--where",
            value=where,
            remedy="""Write it like '{"year": {"$gte": 2020}}'.""",
        ) from None


def _json_line(hit: Hit, fields: Sequence[str] | None) -> str:
    numbers = f'"score":{hit.score!r},"distance":{hit.distance!r}'
    return f"{{{json_members(hit.id, hit.text, only_fields(hit.metadata, fields))},{numbers}}}"
