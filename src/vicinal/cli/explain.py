"""`vicinal explain`: how a search arrived at its hits, and why a row is not among them."""

from __future__ import annotations

from typing import Annotated, Any, cast

import typer

from ..contract import Mode, Syntax
from ..explanation import Explanation, WhyNot
from ..rag.folder.known import OWNER, folder_of
from ..settings import setting
from .common import CollectionName, DatabasePath, existing_collection, say, say_json
from .ids import ids_of
from .search import ModeOption, QueryArgument, SyntaxOption, WhereOption, filter_of

__all__ = ["explain"]


def explain(
    path: DatabasePath,
    collection: CollectionName,
    query: QueryArgument,
    why_not: Annotated[
        str | None,
        typer.Option(
            "--why-not", metavar="ID", help="The id of a row that is missing from the hits.", show_default=False
        ),
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="How many rows. Default: MAX_RESULTS, else 10.", show_default=False)
    ] = None,
    mode: ModeOption = None,
    syntax: SyntaxOption = None,
    where: WhereOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of lines.")] = False,
) -> None:
    """Explain a search: the rows that the filter keeps, each step and its time, why each hit has its rank.

    \b
    Examples:
      vicinal explain ./data docs "how do plants make sugar?"
      vicinal explain ./data docs "sugar" --mode hybrid --where '{"year": {"$gte": 2020}}' --json
      vicinal explain ./data docs "sugar" --why-not leaves
    """
    tree = None if where is None else filter_of(where)
    with existing_collection(path, collection) as opened:
        of_folder = folder_of(opened.notes(OWNER)) is not None
        settings: dict[str, Any] = {"mode": cast(Mode, mode or ("hybrid" if of_folder else "dense"))}
        if syntax or settings["mode"] == "keyword":
            settings["syntax"] = cast(Syntax, syntax or "operators")
        told: Explanation | WhyNot
        wanted: int = k or setting("max_results")
        if why_not is None:
            told = opened.explain(query, wanted, tree, **settings)
        else:
            told = opened.why_not(ids_of(opened, [why_not])[0], query, wanted, tree, **settings)
    say_json(told.to_json()) if as_json else say(told)
