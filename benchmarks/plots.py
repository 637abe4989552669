"""Draws a report as bars: one SVG figure per suite."""

from __future__ import annotations

from pathlib import Path

from .report import Measurement, Report, duration

_BAR = 0.8


def draw(report: Report, folder: Path) -> Path | None:
    """Writes SUITE.svg and returns its path; None if matplotlib is not installed or nothing was measured."""
    try:
        import matplotlib
    except ImportError:
        return None
    if not report.measurements:
        return None
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": report.suite, "svg.fonttype": "none"})  # equal data, equal file
    from matplotlib import pyplot

    groups = list(dict.fromkeys(_group(found) for found in report.measurements))
    peers = list(dict.fromkeys(found.peer for found in report.measurements))
    figure, axes = pyplot.subplots(figsize=(max(6, 1.0 + 0.45 * len(groups) * (len(peers) + 1)), 4.5))
    width = _BAR / len(peers)
    for place, peer in enumerate(peers):
        own = [found for found in report.measurements if found.peer == peer]
        at = [groups.index(_group(found)) + (place - (len(peers) - 1) / 2) * width for found in own]
        bars = axes.bar(at, [found.median for found in own], width, label=peer)
        axes.bar_label(bars, [duration(found.median) for found in own], fontsize=6, rotation=90, padding=2)
    axes.set_yscale("log")
    axes.margins(y=0.25)
    axes.set_xticks(range(len(groups)), groups, fontsize=7)
    axes.set_ylabel("seconds, median of the rounds (lower is better)", fontsize=8)
    axes.set_title(f"{report.suite}: {report.machine['processor']}", fontsize=9)
    axes.legend(fontsize=7)
    path = folder / f"{report.suite}.svg"
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    return path


def _group(found: Measurement) -> str:
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    return f"{found.what}\n{found.rows:,} rows, {threads}"
