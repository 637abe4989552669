"""Is one setting better than another? Differences per query, and how certain their mean is."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import notebook
from ..errors import InvalidArgument, InvalidInput
from ..inputs.names import nearest
from ..types import Id
from .bootstrap import bootstrap_interval
from .files import Judged, Queries
from .metrics import Gain
from .report import Report, settings_text, typed
from .run import DEFAULT_METRICS, Searcher, evaluate

__all__ = ["Comparison", "Difference", "compare"]

# With fewer, an interval is rough: the bootstrap knows no queries but these.
_FEW_QUERIES = 30

# A report; arguments of search; or a function of query and k.
Setting = Report | Mapping[str, Any] | Any


@dataclass(frozen=True)
class Difference:
    """One metric under two settings.

    Attributes:
        a, b: its mean under each.
        low, high: ends of the interval for the mean of b - a; nan if there is only one query.
        by_query: b - a of each query.
        confidence: of the interval.
    """

    metric: str
    a: float
    b: float
    low: float
    high: float
    by_query: Mapping[Id, float]
    confidence: float = 0.95

    @property
    def mean(self) -> float:
        return self.b - self.a

    @property
    def better(self) -> int:
        """The number of queries for which b has the higher value."""
        return sum(difference > 0 for difference in self.by_query.values())

    @property
    def worse(self) -> int:
        return sum(difference < 0 for difference in self.by_query.values())

    @property
    def verdict(self) -> str:
        """Which setting is better, if the interval excludes 0 and enough queries differ to say so.

        If neither setting were better, `n` queries that differ would all point the same way with probability `2 ** (1 -
        n)` (the sign test). With five that is 6 %, so an interval of 95 % that excludes 0 cannot be trusted then.
        """
        if not (self.low > 0 or self.high < 0):
            return "no clear difference"
        differ = self.better + self.worse
        if 2.0 ** (1 - differ) > 1 - self.confidence:
            return f"too few queries differ to tell ({differ} of {len(self.by_query):,})"
        return "b is better" if self.low > 0 else "a is better"


@dataclass(frozen=True)
class Comparison:
    """Two settings over the same queries, b against a.

    Attributes:
        a, b: the settings, in words.
        differences: one per metric.
        method: of the bootstrap: "bca" or "percentile".
        notes: what the reader should know, one sentence each.
        texts: texts of the text queries.
    """

    a: str
    b: str
    differences: tuple[Difference, ...]
    confidence: float
    resamples: int
    seed: int
    method: str
    notes: tuple[str, ...] = ()
    texts: Mapping[Id, str] = field(default_factory=dict)

    def __getitem__(self, metric: str) -> Difference:
        """Returns the difference in a metric: `comparison["ndcg@10"]`."""
        names = [difference.metric for difference in self.differences]
        if metric not in names:
            raise InvalidArgument(
                f"there is no metric {metric!r} in this comparison",
                name="metric",
                value=metric,
                remedy=f"{nearest(str(metric), names)}It has {', '.join(names)}.",
            )
        return self.differences[names.index(metric)]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain Python values; missing ends of an interval are None."""
        return {
            "a": self.a,
            "b": self.b,
            "bootstrap": {
                "method": self.method,
                "confidence": self.confidence,
                "resamples": self.resamples,
                "seed": self.seed,
            },
            "metrics": {
                one.metric: {
                    "a": one.a,
                    "b": one.b,
                    "mean": one.mean,
                    "low": _or_none(one.low),
                    "high": _or_none(one.high),
                    "better": one.better,
                    "worse": one.worse,
                    "queries": [{"id": query, "difference": value} for query, value in one.by_query.items()],
                }
                for one in self.differences
            },
            "notes": list(self.notes),
        }

    def to_json(self) -> str:
        """`to_dict()` as JSON, typed like metadata."""
        return json.dumps(self.to_dict(), ensure_ascii=False, default=typed)

    def plot(self, metric: str | None = None) -> Any:
        """Plots a bar for each query's difference, greatest gain first, and below them the mean with its interval.

        Args:
            metric: by default the first one.

        Returns:
            A plotly.graph_objects.Figure, which has `show()` and `write_html(path)`.

        Raises:
            MissingExtra: plotly is not installed.
        """
        from .plot import plot_difference

        return plot_difference(self, self.differences[0] if metric is None else self[metric])

    def _repr_html_(self) -> str:
        """The comparison as a table for notebooks."""
        queries = len(self.differences[0].by_query)
        rows = [
            [
                notebook.code(one.metric),
                *(f"{value:.4f}" for value in (one.a, one.b)),
                f"{one.mean:+.4f}",
                f"[{one.low:+.4f}, {one.high:+.4f}]",
                *map(str, (one.better, queries - one.better - one.worse, one.worse)),
                one.verdict,
            ]
            for one in self.differences
        ]
        header = ["", "a", "b", "b - a", f"{self.confidence:.0%} interval", "better", "equal", "worse", ""]
        title = f"{queries:,} queries; a: {self.a}; b: {self.b}"
        return notebook.table(title, header, rows, "; ".join(self.notes))

    def __repr__(self) -> str:
        queries = len(self.differences[0].by_query)
        names = {"bca": "BCa bootstrap", "percentile": "percentile bootstrap"}
        lines = [
            f"Comparison({queries:,} queries, {self.confidence:.0%} intervals: {names[self.method]}, "
            f"{self.resamples:,} resamples, seed {self.seed})",
            f"  a: {self.a}",
            f"  b: {self.b}",
            f"  {'':<14}{'a':>8}{'b':>9}{'b - a':>10}   {'interval':<20}{'better':>7}{'equal':>7}{'worse':>7}",
        ]
        for one in self.differences:
            interval = f"[{one.low:+.4f}, {one.high:+.4f}]"
            equal = queries - one.better - one.worse
            lines.append(
                f"  {one.metric:<14}{one.a:>8.4f}{one.b:>9.4f}{one.mean:>+10.4f}   {interval:<20}"
                f"{one.better:>7}{equal:>7}{one.worse:>7}   {one.verdict}"
            )
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def compare(
    a: Setting,
    b: Setting,
    collection: Searcher | None = None,
    queries: Queries | None = None,
    judgements: Judged | None = None,
    *,
    k: int | None = None,
    metrics: Sequence[str] | None = None,
    gain: Gain = "linear",
    confidence: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    method: str = "bca",
) -> Comparison:
    """Compares `b` with `a`, query by query, with a bootstrap interval for the mean difference.

    The same queries are drawn for both settings, so how hard a query is cancels out. An interval that excludes 0 says
    that other queries of this kind would likely show the same; it does not correct for looking at many metrics or
    settings, so choose the metric before you look.

    Args:
        a, b: each a report of `evaluate`; or a dict of arguments of search, such as {"mode": "hybrid", "alpha": 0.3};
            or a function `f(query, k)`. Dicts need the collection; dicts and functions need queries and judgements.
        collection, queries, judgements, k, gain: as for `evaluate`.
        metrics: names; by default all that both reports have, or the five of `evaluate`.
        confidence, resamples, seed, method: as for `bootstrap_interval`.
    """
    names = DEFAULT_METRICS if metrics is None else tuple(metrics)

    def report(setting: Setting) -> Report:
        if isinstance(setting, Report):
            return setting
        if queries is None or judgements is None or (collection is None and isinstance(setting, Mapping)):
            raise InvalidArgument(
                "settings that are not reports need something to search",
                name="collection",
                remedy="Pass compare(a, b, collection, queries, judgements).",
            )
        if isinstance(setting, Mapping):
            assert collection is not None  # checked above
            return evaluate(collection, queries, judgements, k=k, metrics=names, gain=gain, **setting)
        return evaluate(setting, queries, judgements, k=k, metrics=names, gain=gain)

    first, second = report(a), report(b)
    common, notes = _common_queries(first, second)
    differences = []
    for metric in _common_metrics(first, second, metrics if isinstance(a, Report) and isinstance(b, Report) else None):
        values_a, values_b = first.by_query(metric), second.by_query(metric)
        by_query = {query: values_b[query] - values_a[query] for query in common}
        low, high = bootstrap_interval(
            list(by_query.values()), confidence=confidence, resamples=resamples, seed=seed, method=method
        )
        means = [statistics.fmean(values[query] for query in common) for values in (values_a, values_b)]
        differences.append(Difference(metric, means[0], means[1], low, high, by_query, confidence))
    words = [_in_words(setting, found) for setting, found in ((a, first), (b, second))]
    notes += dict.fromkeys([*first.notes, *second.notes])
    if len(common) < _FEW_QUERIES:
        notes.append(f"{len(common):,} queries are few: an interval is rough with fewer than {_FEW_QUERIES}")
    texts = {**first.texts, **second.texts}
    return Comparison(words[0], words[1], tuple(differences), confidence, resamples, seed, method, tuple(notes), texts)


def _common_queries(first: Report, second: Report) -> tuple[list[Id], list[str]]:
    others = set(second.queries)
    common = [query for query in first.queries if query in others]
    if not common:
        raise InvalidInput(
            "the two reports have no query in common", name="b", remedy="Evaluate both settings on the same queries."
        )
    alone = len(first.queries) + len(second.queries) - 2 * len(common)
    return common, [f"{alone:,} queries are in one report only and are left out"] if alone else []


def _common_metrics(first: Report, second: Report, wanted: Sequence[str] | None) -> list[str]:
    if wanted is not None:
        for report in (first, second):
            for metric in wanted:
                report.by_query(metric)  # raises an error that lists the metrics
        return list(wanted)
    common = [metric for metric in first.metrics if metric in second.values]
    if not common:
        raise InvalidInput(
            f"the two reports have no metric in common: {', '.join(first.metrics)} and {', '.join(second.metrics)}",
            name="b",
            remedy="Evaluate both settings with the same metrics and the same k.",
        )
    return common


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _in_words(setting: Setting, report: Report) -> str:
    is_function = not isinstance(setting, (Report, Mapping))
    name = getattr(setting, "__name__", "") if is_function else ""
    return ", ".join(filter(None, [name, settings_text(report.settings)]))
