"""The tables of docs/benchmarks.md, from the JSON that `python -m benchmarks` saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
SUITES = ("exact", "collection", "ingest", "opening", "keyword")
OTHERS = {"vicinal": "Vicinal", "chroma": "Chroma", "lancedb": "LanceDB", "zvec-flat": "zvec"}
WORDS = {
    "all rows": "a search",
    "filter of 50 %": "a search where the filter lets half of the rows pass",
    "filter of 7 %": "where it lets 7 % pass",
    "open and search with a filter": "a fresh process: open, and the first answer",
    "ingest in batches of 1,000": "storing rows, until they are searched at full speed",
}


def figures() -> str:
    """Returns a Markdown section for each suite with results."""
    found = [json.loads(path.read_text()) for path in (RESULTS / f"{suite}.json" for suite in SUITES) if path.is_file()]
    return "\n\n".join(section(report) for report in found)


def beside_others() -> str:
    """Returns the table of the README: a few of the figures, with those of other well-known databases."""
    cells: dict[tuple[str, int], dict[str, str]] = {}
    for suite in ("collection", "opening", "ingest"):
        path = RESULTS / f"{suite}.json"
        for one in json.loads(path.read_text())["measurements"] if path.is_file() else []:
            if one["peer"] in OTHERS:
                recall = one["facts"].get("recall", 1.0)
                missed = f", {1 - recall:.1%} of the hits missed" if recall < 0.9995 else ""
                cells.setdefault((one["what"], one["rows"]), {})[one["peer"]] = f"{duration(one['median'])}{missed}"
    there = [peer for peer in OTHERS if any(peer in found for found in cells.values())]
    lines = [
        f"| {WORDS[what]} | {rows:,} | {' | '.join(found.get(peer, '') for peer in there)} |"
        for (what, rows), found in cells.items()
        if what in WORDS and len(found) > 1
    ]
    head = ["", "Rows", *(OTHERS[peer] for peer in there)]
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *lines])


def section(report: dict[str, Any]) -> str:
    measurements = report["measurements"]
    peers = list(dict.fromkeys(one["peer"] for one in measurements))
    groups: dict[tuple[Any, ...], dict[str, str]] = {}
    for one in measurements:
        groups.setdefault((one["what"], one["rows"], one["threads"]), {})[one["peer"]] = cell(one)
    head = ["What", "Rows", "Threads", *peers]
    lines = [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(
            f"| {what} | {rows:,} | {threads} | {' | '.join(cells.get(peer, '') for peer in peers)} |"
            for (what, rows, threads), cells in groups.items()
        ),
    ]
    claims = [f"- {claim['text']}: {claim['value']:.3g} ({limit(claim)})" for claim in report["claims"]]
    return "\n".join(
        [f"### {report['suite'].capitalize()}", "", *lines, "", *claims, *[""][: len(claims)], where(report)]
    )


def cell(one: dict[str, Any]) -> str:
    facts = one["facts"]
    parts = [f"{duration(one['median'])} ({duration(one['cpu_median'])})"]
    if facts.get("recall", 1.0) < 0.9995:
        parts.append(f"recall {facts['recall']:.3f}")
    if "p99_us" in facts:
        parts.append(f"p99 {duration(facts['p99_us'] / 1e6)}")
    return ", ".join(parts)


def limit(claim: dict[str, Any]) -> str:
    wanted = f"at least {claim['at_least']:g}" if claim["at_least"] is not None else f"at most {claim['at_most']:g}"
    processor = "" if claim["by_processor"] is None else f"; {claim['by_processor']:.3g} by the processor"
    return f"wanted: {wanted}{processor}" if claim["holds"] else f"**missed**, wanted: {wanted}{processor}"


def where(report: dict[str, Any]) -> str:
    machine, settings = report["machine"], report["settings"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    load = "" if machine["load"] is None else f"; load {machine['load']:.1f} when it began"
    return (
        f"{machine['processor']}, {machine['processors']} processors, kernels {machine['kernels']}{load}. "
        f"Python {machine['python']}, {versions}. "
        f"Data: {settings['source']}; {settings['queries']} queries, k = {settings['k']}, {settings['rounds']} rounds."
    )


def duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f} µs"
