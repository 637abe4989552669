"""`vicinal plot`: plots a collection, the scores of a search, or the recall of an index."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ..collection import Collection
from ..contract import Mode
from ..errors import InvalidArgument
from ..settings import Settings
from ..visualize import measure_recall, plot_map, plot_recall, plot_scores, write
from .common import CollectionName, DatabasePath, at_home, existing_collection, say
from .search import WhereOption, filter_of

__all__ = ["plot"]


class Kind(StrEnum):
    map = "map"
    scores = "scores"
    recall = "recall"


def plot(
    path: DatabasePath,
    collection: CollectionName,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="File to write: .html, or .png, .svg, .pdf.", show_default=False, callback=at_home
        ),
    ],
    kind: Annotated[
        Kind,
        typer.Option(help="map: rows near where their vectors are; scores: of a query's hits; recall: of the index."),
    ] = Kind.map,
    method: Annotated[str, typer.Option(help="Of a map: pca, tsne or umap.")] = "pca",
    color: Annotated[
        str | None, typer.Option(help="Of a map: a field whose values get colours.", show_default=False)
    ] = None,
    query: Annotated[
        str | None,
        typer.Option("--query", "-q", help="A text whose hits are highlighted or plotted.", show_default=False),
    ] = None,
    k: Annotated[
        int | None, typer.Option("-k", min=1, help="How many hits. Default: MAX_RESULTS, else 10.", show_default=False)
    ] = None,
    mode: Annotated[str, typer.Option(help="dense, keyword or hybrid.")] = "dense",
    where: WhereOption = None,
    limit: Annotated[int, typer.Option(min=2, help="Of a map: of more rows a sample is drawn.")] = 2_000,
) -> None:
    """Plot a collection: a map of its rows, the scores of a search, or the recall of its index.

    \b
    Examples:
      vicinal plot ./data docs -o map.html
      vicinal plot ./data docs -o map.png --method tsne --color year --query "how do plants make sugar?"
      vicinal plot ./data docs -o scores.html --kind scores --query sugar --mode hybrid
      vicinal plot ./data docs -o recall.html --kind recall
    """
    if kind is Kind.scores and query is None:
        raise InvalidArgument("scores are those of a query", name="--query", remedy="Add --query 'a text'.")
    tree = None if where is None else filter_of(where)
    hits_wanted = k or Settings.load().max_results
    with existing_collection(path, collection) as opened:
        if kind is Kind.map:
            search: dict[str, Any] = {} if query is None else {"query": query, "k": hits_wanted, "mode": mode}
            figure = plot_map(opened, method=method, color=color, where=tree, limit=limit, **search)
        elif kind is Kind.scores:
            figure = plot_scores(opened.search(query, hits_wanted, tree, mode=cast(Mode, mode)))
        else:
            figure = plot_recall(_curve(opened, hits_wanted, tree))
    say(f"wrote {write(figure, out)}")


def _curve(collection: Collection, k: int, where: dict[str, Any] | None) -> Any:
    return measure_recall(collection, k=k, where=where, progress=True)
