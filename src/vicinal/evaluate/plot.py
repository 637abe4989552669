"""A picture of a comparison."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtra

if TYPE_CHECKING:
    from .compare import Comparison, Difference

_BETTER, _EQUAL, _WORSE = "#0072b2", "#999999", "#d55e00"  # told apart by the colour-blind too


def plot_difference(comparison: Comparison, difference: Difference) -> Any:
    """A bar a query, greatest gain first; a line at the mean and a band over its interval.

    Raises:
        MissingExtra: plotly is not installed.
    """
    try:
        graph_objects = import_module("plotly.graph_objects")  # it has no types
    except ImportError:
        raise MissingExtra("plotly", "viz", "plot()") from None
    ordered = sorted(difference.by_query.items(), key=lambda pair: -pair[1])
    values = [value for _, value in ordered]
    figure = graph_objects.Figure(
        graph_objects.Bar(
            x=list(range(1, len(values) + 1)),
            y=values,
            customdata=[str(query) for query, _ in ordered],
            marker_color=[_BETTER if value > 0 else _WORSE if value < 0 else _EQUAL for value in values],
            hovertemplate="query %{customdata}: %{y:+.4f}<extra></extra>",
        )
    )
    mean = f"mean {difference.mean:+.4f}"
    if difference.low <= difference.high:  # not for one query alone
        figure.add_hrect(y0=difference.low, y1=difference.high, fillcolor="black", opacity=0.15, line_width=0)
        mean += f", {comparison.confidence:.0%} interval {difference.low:+.4f} to {difference.high:+.4f}"
    figure.add_hline(y=difference.mean, line_dash="dash", annotation_text=mean, annotation_position="top right")
    figure.update_layout(
        title=f"{difference.metric}: {difference.verdict}<br><sup>a: {comparison.a}<br>b: {comparison.b}</sup>",
        xaxis_title="queries, greatest gain first",
        yaxis_title=f"{difference.metric} of b less that of a",
        template="plotly_white",
    )
    return figure
