"""Measured recall and search time of an index, for each requested recall."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..contract import Collection
from ..errors import InvalidArgument
from ..progress import progress as bar
from ..visible import shown
from .drawing import PALETTE, TEMPLATE, label, plotly

__all__ = ["RecallCurve", "RecallPoint", "measure_recall", "plot_recall"]

_TARGETS: Final = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class RecallPoint:
    """The result of searches with one setting.

    Attributes:
        asked: the `recall=` of the searches; None for the collection's own; 1 is `exact=True`.
        found: the mean share of the true `k` nearest rows that they found.
        milliseconds: the median time of a search.
    """

    asked: float | None
    found: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class RecallCurve:
    """Recall and search times of one collection.

    Attributes:
        name: name of the collection.
        queries: number of queries.
        points: in the order requested, the exact search last.
    """

    name: str
    k: int
    queries: int
    points: tuple[RecallPoint, ...]


def measure_recall(
    collection: Collection,
    queries: Any = None,
    *,
    k: int = 10,
    targets: Sequence[float] = _TARGETS,
    sample: int = 50,
    where: Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: bool = False,
) -> RecallCurve:
    """Measures recall and time of searches, against the exact results of the same queries.

    Rows used as queries find themselves, which is too easy. So if no queries are given, the search is for rows by id,
    which excludes the row itself.

    Args:
        queries: texts and vectors, as in production; by default `sample` rows of the collection.
        targets: each `recall=` to try.
        where: only rows that match are searched.

    Raises:
        InvalidArgument: there is nothing to search for.
    """
    if queries is None:
        ids = collection.ids(where)
        drawn = np.random.default_rng(seed).permutation(len(ids))
        rows = collection.get([ids[place] for place in drawn[: 2 * sample].tolist()], vectors=True)
        asked: list[dict[str, Any]] = [{"id": row.id} for row in rows if row.vector is not None][:sample]
    else:
        asked = [{"query": query} for query in queries]
    if not asked:
        raise InvalidArgument("there is nothing to ask with", name="queries", value=queries, remedy="Pass queries.")
    settings: list[tuple[float | None, dict[str, Any]]] = [(None, {}), *((one, {"recall": one}) for one in targets)]
    exact: dict[str, Any] = {"exact": True}
    with bar("Measuring recall", (len(settings) + 1) * len(asked)) if progress else _Silent() as advance:
        true, milliseconds = _answers(collection, asked, k, where, exact, advance)
        points = []
        for target, setting in settings:
            found, own = _answers(collection, asked, k, where, setting, advance)
            shares = [len(a & b) / len(b) for a, b in zip(found, true) if b]
            points.append(RecallPoint(target, float(np.mean(shares)) if shares else 1.0, own))
    return RecallCurve(collection.name, k, len(asked), (*points, RecallPoint(1.0, 1.0, milliseconds)))


class _Silent:
    def __enter__(self) -> Any:
        return lambda done: None

    def __exit__(self, *_: object) -> None:
        pass


def _answers(
    collection: Collection,
    asked: Sequence[dict[str, Any]],
    k: int,
    where: Mapping[str, Any] | None,
    setting: dict[str, Any],
    advance: Any,
) -> tuple[list[set[Any]], float]:
    """Returns ids for each query, and the median time of a search in milliseconds."""
    answers, times = [], []
    for one in asked:
        start = time.perf_counter()
        hits = collection.search(k=k, where=where, select=(), **one, **setting)
        times.append(time.perf_counter() - start)
        answers.append(set(hits.ids))
        advance(1)
    return answers, float(np.median(times)) * 1e3


def plot_recall(*curves: RecallCurve) -> Any:
    """Returns a plotly figure of measured recall and, below it, search times, with a line for each curve.

    Raises:
        InvalidArgument: no curve is given.
        MissingExtra: plotly is not installed.
    """
    graph = plotly("plot_recall")
    if not curves or not all(isinstance(curve, RecallCurve) for curve in curves):
        raise InvalidArgument(
            f"plot_recall takes curves of measure_recall, not {shown(curves)}", name="curves", value=curves
        )
    traces = [trace for i, curve in enumerate(curves) for trace in _lines(graph, curve, PALETTE[i % len(PALETTE)])]
    figure = graph.Figure(traces)
    one = curves[0]
    least = min(point.found for curve in curves for point in curve.points)
    figure.update_layout(
        title=f"Recall@{one.k} and search time by requested recall, {one.queries:,} queries",
        xaxis={"title": "requested recall", "anchor": "y2", "type": "category"},
        yaxis={"title": f"recall@{one.k}", "domain": [0.45, 1.0], "range": [min(0.95, least) - 0.05, 1.02]},
        yaxis2={"title": "milliseconds", "domain": [0.0, 0.38], "rangemode": "tozero"},
        template=TEMPLATE,
        showlegend=True,
    )
    return figure


def _lines(graph: Any, curve: RecallCurve, color: str) -> list[Any]:
    """Recall above, milliseconds below."""
    asked, name = [_asked(point) for point in curve.points], label(curve.name)
    shared = {"x": asked, "name": name, "legendgroup": name, "mode": "lines+markers", "line": {"color": color}}
    found = [point.found for point in curve.points]
    times = [point.milliseconds for point in curve.points]
    return [
        graph.Scatter(y=found, hovertemplate="%{x}: recall %{y:.3f}", **shared),
        graph.Scatter(y=times, yaxis="y2", showlegend=False, hovertemplate="%{x}: %{y:.2f} ms", **shared),
    ]


def _asked(point: RecallPoint) -> str:
    if point.asked is None:
        return "default"
    return "exact" if point.asked == 1 else f"recall={point.asked:g}"
