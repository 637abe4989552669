"""Recall and time of searches: the exact hits, time at equal recall, and plots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

K = 10

Curves = dict[str, list[dict[str, float]]]
"""By name of the way its points: `setting`, `recall`, `microseconds` a query."""


def truth(rows: Any, queries: Any) -> list[set[int]]:
    found = []
    for start in range(0, len(queries), 100):
        scores = queries[start : start + 100] @ rows.T
        found += [set(best.tolist()) for best in np.argpartition(-scores, K, axis=1)[:, :K]]
    return found


def at(curve: list[dict[str, float]], recall: float) -> float | None:
    """Returns microseconds at that recall, interpolating their logarithm."""
    points = sorted((point["recall"], point["microseconds"]) for point in curve)
    if not points[0][0] <= recall <= points[-1][0]:
        return None
    return float(np.exp(np.interp(recall, [r for r, _ in points], np.log([t for _, t in points]))))


def draw(result: dict[str, Any], curves: Curves, path: Path) -> None:
    """Plots recall and queries per second as SVG; does nothing if matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "ann", "svg.fonttype": "none"})
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for name, curve in curves.items():
        points = sorted((point["recall"], 1e6 / point["microseconds"]) for point in curve)
        axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=name)
    axes.set_yscale("log")
    axes.set_xlim(0.8, 1.0)
    axes.set_xlabel("recall@10")
    axes.set_ylabel("queries a second, one thread, one at a time")
    axes.set_title(f"{result['data']}, {result['rows']:,} rows of 384: {result['machine']['processor']}", fontsize=9)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})
