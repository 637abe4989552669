"""`vicinal explain`: how a search came to its hits, and why a row is not among them."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, cast
from uuid import UUID

import typer

from ..collection import Collection
from ..contract import Mode, Syntax
from ..explanation import Explanation, WhyNot
from ..rag.folder.known import OWNER, folder_of
from ..settings import setting
from ..types import Id
from .common import CollectionName, DatabasePath, existing_collection, say, say_json
from .search import ModeOption, QueryArgument, SyntaxOption, WhereOption, filter_of

__all__ = ["explain"]

_DIGITS_MAX = 19  # of an int64


def explain(
    path: DatabasePath,
    collection: CollectionName,
    query: QueryArgument,
    why_not: Annotated[
        str | None,
        typer.Option(
            "--why-not", metavar="ID", help="A row that is missed: say why it is not there.", show_default=False
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
    """Explain a search: the rows that the filter lets through, each step and its time, why each hit is where it is.

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
            told = opened.why_not(_id_of(opened, why_not), query, wanted, tree, **settings)
    say_json(told.to_json()) if as_json else say(told)


def _id_of(collection: Collection, written: str) -> Id:
    """The id that a row has: the text, or what is written so."""
    choices: list[Id] = [written]
    digits = written.removeprefix("-")
    if digits.isdecimal() and len(digits) <= _DIGITS_MAX and -(2**63) <= int(written) < 2**63:
        choices.append(int(written))
    with contextlib.suppress(ValueError):
        choices.append(UUID(written))
    there = collection.get(choices, limit=1)
    return there[0].id if there else written
