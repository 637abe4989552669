"""The tables of docs/benchmarks.md, from the JSON that `python -m benchmarks` keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"
SUITES = ("exact", "collection", "ingest", "opening", "keyword")


def figures() -> str:
    """A section for each suite that has been measured, in Markdown."""
    found = [json.loads(path.read_text()) for path in (RESULTS / f"{suite}.json" for suite in SUITES) if path.is_file()]
    return "\n\n".join(section(report) for report in found)


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
