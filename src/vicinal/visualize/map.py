"""A map of a collection: rows as points, close together if their vectors are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Collection, Mode
from ..errors import InvalidArgument
from ..filters.evaluate import value_at
from ..filters.where import parse_path
from ..types import Hits, Id, Record
from ..visible import shown
from .drawing import FAINT, PALETTE, TEMPLATE, label, plotly
from .projection import Projection, project

__all__ = ["plot_map"]

_NAMES: Final = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
_TEXT_CHARS_MAX: Final = 100
_READ_AT_ONCE: Final = 2_000
_NO_VALUE: Final = "no value"
_OTHERS: Final = "other values"


def plot_map(
    collection: Collection,
    *,
    method: str = "pca",
    color: str | None = None,
    query: Any = None,
    k: int = 10,
    mode: Mode = "dense",
    where: Mapping[str, Any] | None = None,
    limit: int = 2_000,
    dimensions: int = 2,
    seed: int = 0,
) -> Any:
    """Returns a plotly figure of the rows of a collection; hovering over a row shows its id and text.

    Args:
        method: "pca", "tsne" or "umap"; see `project`.
        color: a field. Its most frequent values get a colour and a legend entry; numbers with many values, a scale.
        query: a text or vector: its hits are highlighted, and so is a query that is a vector.
        k, mode: of that search.
        where: only rows that match.
        limit: if there are more rows with a vector, a sample of them is drawn, the same each time, and always the hits.
        dimensions: 2, or 3 for space.
        seed: of the sample, t-SNE and UMAP.

    Raises:
        InvalidArgument: fewer than two rows have a vector; an argument is invalid.
        MissingExtra: plotly, or what the method needs, is not installed.
    """
    graph = plotly("plot_map")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 2:
        raise InvalidArgument(
            f"limit must be a whole number of at least 2, not {shown(limit)}", name="limit", value=limit
        )
    hits = None if query is None else collection.search(query, k, where, mode=mode)
    every = collection.ids(where)
    records = _chosen(collection, every, hits, limit, seed)
    if len(records) < 2:
        raise InvalidArgument(
            f"a map needs at least two rows with a vector, and there are {len(records)}",
            name="collection",
            remedy="Add vectors, or texts to a collection with an encoder.",
        )
    vectors = [np.asarray(record.vector, dtype=np.float64) for record in records]
    given = _given_vector(query)
    found = project(np.stack([*vectors, *([] if given is None else [given])]), method, dimensions=dimensions, seed=seed)
    drawing = _Drawing(graph, found, records)
    figure = graph.Figure([*drawing.rows(color), *drawing.hits(hits), *drawing.query(given)])
    named = f"{len(records):,} of {len(every):,} rows" if len(records) < len(every) else f"{len(records):,} rows"
    title = f"{label(collection.name)}: {named}, {_NAMES[method]}"
    if isinstance(query, str):
        title += f"<br><sup>hits of “{label(query)}”</sup>"
    figure.update_layout(
        title=title,
        template=TEMPLATE,
        showlegend=True,
        legend={"itemsizing": "constant", "title": label(color) if color and not drawing.has_scale(color) else ""},
        **drawing.axes(),
    )
    return figure


def _chosen(collection: Collection, every: Sequence[Id], hits: Hits | None, limit: int, seed: int) -> list[Record]:
    """Returns all rows with a vector, or a sample of them with the hits, in insertion order."""
    if len(every) <= limit:
        return _read(collection, every)
    wanted = set() if hits is None else set(hits.ids)
    found = _read(collection, [id_ for id_ in every if id_ in wanted])
    others = [id_ for id_ in every if id_ not in wanted]
    drawn = [others[place] for place in np.random.default_rng(seed).permutation(len(others)).tolist()]
    at_once = min(limit, _READ_AT_ONCE)
    for start in range(0, len(drawn), at_once):  # whether a row has a vector is only known after reading it
        if len(found) >= limit:
            break
        found += _read(collection, drawn[start : start + at_once])[: limit - len(found)]
    places = {id_: place for place, id_ in enumerate(every)}
    return sorted(found, key=lambda record: places[record.id])


def _read(collection: Collection, ids: Sequence[Id]) -> list[Record]:
    found = []
    for start in range(0, len(ids), _READ_AT_ONCE):
        found += collection.get(ids[start : start + _READ_AT_ONCE], vectors=True)
    return [record for record in found if record.vector is not None]


def _given_vector(query: Any) -> NDArray[np.float64] | None:
    return None if query is None or isinstance(query, str) else np.asarray(query, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Drawing:
    graph: Any
    projection: Projection
    records: list[Record]

    def rows(self, color: str | None) -> list[Any]:
        """One trace per value, or one with a scale."""
        places = list(range(len(self.records)))
        if color is None:
            return [self._trace("rows", places, {"color": PALETTE[0]})]
        values = self._values(color)
        if all(value is None for value in values):
            raise InvalidArgument(f"no row has a field {shown(color)}", name="color", value=color)
        if _is_scale(values):
            return self._scale(color, values)
        names = [_NO_VALUE if value is None else label(value) for value in values]
        common = [name for name, _ in Counter(name for name in names if name != _NO_VALUE).most_common(len(PALETTE))]
        groups: dict[str, list[int]] = {name: [] for name in [*common, _OTHERS, _NO_VALUE]}
        for place, name in enumerate(names):
            groups[name if name in groups else _OTHERS].append(place)
        colors = dict(zip(common, PALETTE))
        return [self._trace(name, mine, {"color": colors.get(name, FAINT)}) for name, mine in groups.items() if mine]

    def has_scale(self, color: str) -> bool:
        """Whether the colours of a field are a scale."""
        return _is_scale(self._values(color))

    def _values(self, color: str) -> list[Any]:
        path = parse_path(color)
        return [value_at(record.metadata, path) for record in self.records]

    def _scale(self, color: str, values: Sequence[Any]) -> list[Any]:
        there = [place for place, value in enumerate(values) if value is not None]
        bar = {"title": label(color), "x": 1.02, "y": 0.4, "len": 0.7}
        marker = {"color": [float(values[place]) for place in there], "colorscale": "Viridis", "colorbar": bar}
        missing = [place for place, value in enumerate(values) if value is None]
        traces = [self._trace("rows", there, marker)]
        return traces + ([self._trace(_NO_VALUE, missing, {"color": FAINT})] if missing else [])

    def hits(self, hits: Hits | None) -> list[Any]:
        if not hits:
            return []
        place_of = {record.id: place for place, record in enumerate(self.records)}
        places = [place_of[hit.id] for hit in hits if hit.id in place_of]
        ring = {"color": "rgba(0,0,0,0)", "size": 14, "line": {"color": "black", "width": 2}}
        return [self._trace("hits", places, ring)] if places else []

    def query(self, given: NDArray[np.float64] | None) -> list[Any]:
        if given is None:
            return []
        marker = {"color": "black", "symbol": "x", "size": 11}
        return [self._scatter("query", [len(self.records)], marker, ["the query"])]

    def axes(self) -> dict[str, Any]:
        names = self.projection.axes
        if len(names) == 2:
            return {"xaxis_title": names[0], "yaxis_title": names[1]}
        return {"scene": {f"{letter}axis": {"title": name} for letter, name in zip("xyz", names)}}

    def _trace(self, name: str, places: list[int], marker: dict[str, Any]) -> Any:
        return self._scatter(
            name, places, {"size": 7, "opacity": 0.8, **marker}, [self._hover(place) for place in places]
        )

    def _hover(self, place: int) -> str:
        record = self.records[place]
        return f"<b>{label(record.id)}</b><br>{label(record.text or '', _TEXT_CHARS_MAX)}"

    def _scatter(self, name: str, places: list[int], marker: dict[str, Any], hover: list[str]) -> Any:
        points = self.projection.points[places]
        shared = {"mode": "markers", "name": name, "marker": marker, "hovertext": hover, "hoverinfo": "text"}
        if points.shape[1] == 2:
            return self.graph.Scatter(x=points[:, 0].tolist(), y=points[:, 1].tolist(), **shared)
        x, y, z = (points[:, i].tolist() for i in range(3))
        return self.graph.Scatter3d(x=x, y=y, z=z, **shared)


def _is_scale(values: Sequence[Any]) -> bool:
    """Whether these are numbers with more values than there are colours."""
    there = [value for value in values if value is not None]
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in there)
    return numbers and len(set(there)) > len(PALETTE)
