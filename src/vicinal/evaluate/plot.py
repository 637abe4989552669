"""The plot of a comparison: a bar for each query, and apart from them the mean with its interval."""

from __future__ import annotations

from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ..errors import MissingExtra
from ..types import Id
from ..visible import one_line

if TYPE_CHECKING:
    from .compare import Comparison, Difference

_BETTER, _EQUAL, _WORSE, _MEAN = "#0072b2", "#999999", "#d55e00", "#222222"  # distinguishable by the colour-blind too
_NAMED_QUERIES_MAX: Final = 40  # beyond this names would be illegible
_TICK_CHARS, _HOVER_CHARS, _SETTING_CHARS = 40, 160, 60
_ROW_PIXELS, _OTHER_PIXELS = 24, 260
_HEIGHT_MAX: Final = 900


def plot_difference(comparison: Comparison, difference: Difference) -> Any:
    """Plots bars from the greatest gain down, labelled with their queries; below them the mean and its interval.

    Raises:
        MissingExtra: plotly is not installed.
    """
    try:
        graph = import_module("plotly.graph_objects")  # it has no types
    except ImportError:
        raise MissingExtra("plotly", "viz", "plot()") from None
    ordered = sorted(difference.by_query.items(), key=lambda pair: -pair[1])
    first, second = _short_names(comparison.a, comparison.b)
    figure = graph.Figure(
        [
            *_bars(graph, comparison, ordered, first, second),
            _mean(graph, comparison, difference, len(ordered)),
        ]
    )
    figure.add_vline(x=0, line_color="#666666", line_width=1)
    is_named = len(ordered) <= _NAMED_QUERIES_MAX
    places = list(range(len(ordered))) if is_named else []
    names = [_text(one_line(_query(comparison, query), _TICK_CHARS)) for query, _ in ordered] if is_named else []
    figure.update_layout(
        title={
            "text": _title(comparison, difference),
            "x": 0,
            "xref": "paper",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 14},
        },
        xaxis_title=f"{_text(difference.metric)} of {second} minus that of {first}",
        yaxis={
            "title": "query" if is_named else f"{len(ordered):,} queries, greatest gain first",
            "tickvals": [*places, _mean_place(len(ordered))],
            "ticktext": [*names, "<b>mean</b>"],
            "range": [2 * _mean_place(len(ordered)) - len(ordered) + 0.2, -0.8],  # the greatest gain at the top
            "automargin": True,
            "showgrid": False,
        },
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        showlegend=True,
        template="plotly_white",
        margin={"t": 150, "b": 70},
        height=min(_OTHER_PIXELS + _ROW_PIXELS * (len(ordered) + 2), _HEIGHT_MAX),
    )
    return figure


def _bars(graph: Any, comparison: Comparison, ordered: list[tuple[Id, float]], first: str, second: str) -> list[Any]:
    """One trace for each of better, equal and worse, so that the legend shows their numbers."""
    kinds = (
        (f"{second} is better", _BETTER, [i for i, (_, value) in enumerate(ordered) if value > 0]),
        ("equal", _EQUAL, [i for i, (_, value) in enumerate(ordered) if value == 0]),
        (f"{first} is better", _WORSE, [i for i, (_, value) in enumerate(ordered) if value < 0]),
    )
    traces = []
    for name, color, rows in kinds:
        if not rows:
            continue
        common = {
            "x": [ordered[i][1] for i in rows],
            "y": rows,
            "name": f"{name}: {len(rows):,} {'query' if len(rows) == 1 else 'queries'}",
            "customdata": [_hover(comparison, ordered[i][0]) for i in rows],
            "hovertemplate": "%{customdata}<br>%{x:+.4f}<extra></extra>",
        }
        if name == "equal":  # a bar of length zero would be invisible
            marker = {"color": color, "symbol": "circle", "size": 8 if len(ordered) <= _NAMED_QUERIES_MAX else 3}
            traces.append(graph.Scatter(mode="markers", marker=marker, **common))
        else:
            traces.append(graph.Bar(orientation="h", width=0.7, marker={"color": color}, **common))
    return traces


def _mean(graph: Any, comparison: Comparison, difference: Difference, queries: int) -> Any:
    name = f"mean {difference.mean:+.4f}"
    error = None
    if difference.low <= difference.high:  # there is none for a single query
        name += f", {comparison.confidence:.0%} interval {difference.low:+.4f} to {difference.high:+.4f}"
        error = {
            "type": "data",
            "symmetric": False,
            "array": [difference.high - difference.mean],
            "arrayminus": [difference.mean - difference.low],
            "thickness": 2,
            "width": 7,
        }
    return graph.Scatter(
        x=[difference.mean],
        y=[_mean_place(queries)],
        error_x=error,
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": _MEAN},
        name=name,
        hovertemplate=name + "<extra></extra>",
    )


def _mean_place(queries: int) -> float:
    """The position of the mean: below the bars, with space between, however thin they are."""
    return queries - 0.5 + max(1.0, 0.04 * queries)


def _title(comparison: Comparison, difference: Difference) -> str:
    verdict = difference.verdict
    lines = [f"<b>{_text(difference.metric)}: {verdict}</b>"]
    warnings = [note for note in comparison.notes if "queries" in note and "interval" in note]
    lines += [_small(warning) for warning in warnings]
    lines += [_small(f"{name}: {words}") for name, words in (("a", comparison.a), ("b", comparison.b))]
    return "<br>".join(lines)


def _small(text: str) -> str:
    return f'<span style="font-size: 12px">{_text(text)}</span>'


def _short_names(a: str, b: str) -> tuple[str, str]:
    """The settings that differ; a and b if none do, or if they take too much space."""
    parts = [words.split(", ") for words in (a, b)]
    alone = [", ".join(one for one in mine if one not in other) for mine, other in (parts, parts[::-1])]
    if all(alone) and all(len(one) <= _SETTING_CHARS for one in alone):
        return _text(f"a ({alone[0]})"), _text(f"b ({alone[1]})")
    return "a", "b"


def _query(comparison: Comparison, query: Id) -> str:
    return comparison.texts.get(query) or str(query)


def _hover(comparison: Comparison, query: Id) -> str:
    text = comparison.texts.get(query)
    name = f"<b>{_text(one_line(str(query), _TICK_CHARS))}</b>"
    return f"{name}<br>{_text(one_line(text, _HOVER_CHARS))}" if text else name


def _text(text: str) -> str:
    """Escapes the text, so that plotly finds no markup in it."""
    return escape(text, quote=False)
