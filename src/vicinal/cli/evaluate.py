"""`vicinal evaluate`: how good the hits of a collection are, and whether another setting is better."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InvalidArgument
from ..evaluate import Comparison, Report, compare, read_judgements, read_queries
from ..evaluate import evaluate as measure
from ..inputs.names import nearest
from ..visualize import write
from .common import CollectionName, DatabasePath, at_home, existing_collection, say, say_json

__all__ = ["evaluate"]

_SETTINGS = {"mode": str, "alpha": float, "fusion": str, "syntax": str}


def evaluate(
    path: DatabasePath,
    collection: CollectionName,
    queries: Annotated[
        Path, typer.Option(help="JSONL: an id and a text per line.", show_default=False, callback=at_home)
    ],
    judgements: Annotated[
        Path, typer.Option(help="JSONL: query, row id and grade per line.", show_default=False, callback=at_home)
    ],
    k: Annotated[int | None, typer.Option("-k", min=1, help="Number of hits. Default: 10.", show_default=False)] = None,
    mode: Annotated[str, typer.Option(help="dense, keyword or hybrid.")] = "dense",
    alpha: Annotated[float | None, typer.Option(help="Weight of the dense leg.", show_default=False)] = None,
    fusion: Annotated[str | None, typer.Option(help="How legs are fused.", show_default=False)] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Such as ndcg@5; may be repeated.", show_default=False)
    ] = None,
    gain: Annotated[str, typer.Option(help="Gain of a grade in nDCG: linear or exponential.")] = "linear",
    against: Annotated[
        list[str] | None,
        typer.Option("--compare", help="Another setting: mode=hybrid,alpha=0.3. May be repeated.", show_default=False),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="File for a plot of the last comparison: .html, .png, .svg.", show_default=False, callback=at_home
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Measure the hits of a collection on judged queries.

    \b
    Examples:
      vicinal evaluate ./data docs --queries q.jsonl --judgements j.jsonl
      vicinal evaluate ./data docs --queries q.jsonl --judgements j.jsonl --metric ndcg@5 --json
      vicinal evaluate ./data docs --queries q.jsonl --judgements j.jsonl --compare mode=hybrid --plot it.html
    """
    if plot is not None and not against:
        raise InvalidArgument("--plot shows a comparison", name="--plot", remedy="Add --compare, such as mode=hybrid.")
    base = {name: value for name, value in (("mode", mode), ("alpha", alpha), ("fusion", fusion)) if value is not None}
    others = [setting_of(words) for words in against or []]
    asked, judged = read_queries(queries), read_judgements(judgements)
    with existing_collection(path, collection) as opened:

        def run(setting: dict[str, Any]) -> Report:
            chosen: dict[str, Any] = {"metrics": metric} if metric else {}
            return measure(opened, asked, judged, k=k, gain=gain, **chosen, **setting)

        report = run(base)
        comparisons = [compare(report, run(other)) for other in others]
    _show(report, comparisons, as_json)
    if plot is not None:
        write(comparisons[-1].plot(), plot)


def setting_of(words: str) -> dict[str, Any]:
    """`mode=hybrid,alpha=0.3` as arguments of search."""
    found: dict[str, Any] = {}
    for word in words.split(","):
        name, equals, value = word.strip().partition("=")
        if name not in _SETTINGS or not equals or name in found:
            raise InvalidArgument(
                f"{word.strip()!r} is not a setting" if name not in found else f"{name} occurs twice",
                name="--compare",
                value=words,
                remedy=f"{nearest(name, _SETTINGS)}Write it like mode=hybrid,alpha=0.3,fusion=rrf.",
            )
        try:
            found[name] = _SETTINGS[name](value)
        except ValueError:
            raise InvalidArgument(
                f"{name} must be a number, not {value!r}", name="--compare", value=words, remedy="Such as alpha=0.3."
            ) from None
    return found


def _show(report: Report, comparisons: list[Comparison], as_json: bool) -> None:
    if as_json:
        # The report writes typed JSON already; comparisons name their queries in the same way.
        members = json.loads(report.to_json())
        members["comparisons"] = [json.loads(one.to_json()) for one in comparisons]
        say_json(json.dumps(members, ensure_ascii=False))
        return
    for shown in (report, *comparisons):
        say(shown)
