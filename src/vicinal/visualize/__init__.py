"""Plots of a collection and of its searches, with plotly: `pip install 'vicinal[viz]'`.

`plot_map` arranges rows in the plane, `plot_scores` shows the scores of hits, `plot_recall` the recall and search time
of an index, `plot_buckets` how evenly an index of lists or hash tables has distributed the rows. Each returns a plotly
figure; `write` saves one as HTML, PNG or SVG.
"""

from .buckets import BucketSizes, measure_buckets, plot_buckets
from .files import write
from .map import plot_map
from .projection import METHODS, Projection, project
from .recall import RecallCurve, RecallPoint, measure_recall, plot_recall
from .scores import plot_scores

__all__ = [
    "METHODS",
    "BucketSizes",
    "Projection",
    "RecallCurve",
    "RecallPoint",
    "measure_buckets",
    "measure_recall",
    "plot_buckets",
    "plot_map",
    "plot_recall",
    "plot_scores",
    "project",
    "write",
]
