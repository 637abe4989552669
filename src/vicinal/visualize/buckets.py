"""How evenly an index of lists or hash tables has distributed the rows: few full buckets cost more than many small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..contract import Collection
from ..errors import InvalidArgument, Unsupported
from ..records.context import Context
from ..records.summarize import bucket_sizes
from ..visible import shown
from .drawing import PALETTE, TEMPLATE, label, plotly

__all__ = ["BucketSizes", "measure_buckets", "plot_buckets"]

_MARKED_MAX: Final = 60  # buckets; beyond this markers overlap


@dataclass(frozen=True, slots=True)
class BucketSizes:
    """The bucket sizes of one collection.

    Attributes:
        name: name of the collection.
        tables: number of hash tables, or 1 if the index has lists.
        sizes: rows in each non-empty bucket, by table and number of the bucket. Deleted rows count until the
            collection is compacted.
    """

    name: str
    tables: int
    sizes: dict[tuple[int, int], int]

    @property
    def imbalance(self) -> float:
        """How many times as many rows a search compares as it would if all buckets had one size; 1 is best."""
        rows = sum(self.sizes.values())
        return len(self.sizes) * sum(size**2 for size in self.sizes.values()) / rows**2 if rows else 1.0


def measure_buckets(collection: Collection) -> BucketSizes:
    """Returns the current buckets of the collection's index; none before it is trained.

    Raises:
        Unsupported: its index has no buckets, or the collection is behind a server.
    """
    context = getattr(collection, "_context", None)  # only a handle of this process has one
    if not isinstance(context, Context):
        raise Unsupported("buckets are known where the collection is open, not behind a server", name="collection")
    found = bucket_sizes(context)
    if found is None:
        raise Unsupported(
            "the index of this collection has no buckets", name="collection", remedy="Choose index='ivf' or 'lsh'."
        )
    tables = len({table for table, _, _ in found}) or 1
    return BucketSizes(collection.name, tables, {(table, key): size for table, key, size in found})


def plot_buckets(*buckets: BucketSizes) -> Any:
    """Returns a plotly figure with a line for each index: the sizes of its buckets, largest first.

    Raises:
        InvalidArgument: one of them has no buckets.
        MissingExtra: plotly is not installed.
    """
    graph = plotly("plot_buckets")
    if not buckets or not all(isinstance(one, BucketSizes) and one.sizes for one in buckets):
        raise InvalidArgument(
            f"plot_buckets takes what measure_buckets returns for trained indexes, not {shown(buckets)}",
            name="buckets",
            remedy="Call wait_indexed() on the collection first.",
        )
    figure = graph.Figure([_line(graph, one, PALETTE[i % len(PALETTE)]) for i, one in enumerate(buckets)])
    figure.update_layout(
        title="Rows per bucket",
        xaxis={"title": "bucket, largest first", "rangemode": "tozero"},
        yaxis={"title": "rows", "rangemode": "tozero"},
        template=TEMPLATE,
        showlegend=True,
    )
    return figure


def _line(graph: Any, one: BucketSizes, color: str) -> Any:
    """A step line, not bars: hundreds of bars are thinner than a pixel, and those of two indexes overlap."""
    sizes = sorted(one.sizes.values(), reverse=True)
    return graph.Scatter(
        x=list(range(1, len(sizes) + 1)),
        y=sizes,
        name=label(one.name),
        mode="lines+markers" if len(sizes) <= _MARKED_MAX else "lines",
        line={"color": color, "shape": "hvh"},
        hovertemplate="bucket %{x}: %{y} rows",
    )
