"""Scores of hits by rank: where they drop, and the score of each leg."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidArgument
from ..types import Hits
from .drawing import PALETTE, TEMPLATE, label, plotly

__all__ = ["plot_scores"]


def plot_scores(hits: Hits | Mapping[str, Hits]) -> Any:
    """Returns a plotly figure with a line for each search; a single hybrid search also gets a line for each leg.

    Args:
        hits: of one search, or of several as a dict from names, such as {"dense": ..., "hybrid": ...}.

    Raises:
        InvalidArgument: there are no hits.
        MissingExtra: plotly is not installed.
    """
    graph = plotly("plot_scores")
    named = dict(hits) if isinstance(hits, Mapping) else {"score": hits}
    if not all(isinstance(one, Hits) for one in named.values()):
        raise InvalidArgument("plot_scores takes hits, or a dict of them by name", name="hits", value=hits)
    if not any(named.values()):
        raise InvalidArgument("there is no hit to draw", name="hits", remedy="Search for something that matches.")
    traces = [_line(graph, label(name), one.scores, one, i) for i, (name, one) in enumerate(named.items()) if one]
    if isinstance(hits, Hits):
        names = list(dict.fromkeys(name for hit in hits for name in hit.legs))
        traces += [_leg(graph, name, hits, i) for i, name in enumerate(names, 1)]
    metrics = " and ".join(dict.fromkeys(one.metric for one in named.values()))
    figure = graph.Figure(traces)
    figure.update_layout(
        title=f"Scores by rank ({label(metrics)})",
        xaxis_title="rank",
        yaxis_title=f"score ({label(metrics)})",
        template=TEMPLATE,
        showlegend=True,
    )
    return figure


def _leg(graph: Any, name: str, hits: Hits, i: int) -> Any:
    """A leg's scores divided by its best one, because legs have different scales."""
    scores = [hit.legs[name].score if name in hit.legs else None for hit in hits]
    best = max((abs(score) for score in scores if score is not None), default=0.0) or 1.0
    shares = [None if score is None else score / best for score in scores]
    line = _line(graph, f"leg {label(name)}, over its best {best:.3g}", shares, hits, i, dash="dot")
    line.customdata = [None if score is None else round(score, 4) for score in scores]
    line.hovertemplate = "%{hovertext}<br>rank %{x}, score %{customdata}<extra>" + f"leg {label(name)}</extra>"
    return line


def _line(graph: Any, name: str, scores: list[Any], hits: Hits, i: int, dash: str = "solid") -> Any:
    hover = [f"<b>{label(hit.id)}</b><br>{label(hit.text or '', 100)}" for hit in hits]
    color = PALETTE[i % len(PALETTE)]
    return graph.Scatter(
        x=list(range(1, len(hits) + 1)),
        y=scores,
        name=name,
        mode="lines+markers",
        line={"color": color, "dash": dash},
        hovertext=hover,
        hovertemplate="%{hovertext}<br>rank %{x}, score %{y:.4f}<extra>" + name + "</extra>",
    )
