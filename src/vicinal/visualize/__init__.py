"""Pictures of a collection and of its searches, by plotly: `pip install 'vicinal[viz]'`.

`plot_map` lays rows out in the plane, `plot_scores` draws what hits scored, `plot_recall` how much of the true answer
an index finds and how long that takes, `plot_buckets` how evenly an index of lists or hash tables has spread the rows.
Each gives a plotly figure; `write` keeps one as HTML, PNG or SVG.
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
