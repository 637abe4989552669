"""The result of an evaluation: the value of each metric for each query, and how to show and store them."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import notebook
from ..errors import InvalidArgument, InvalidInput
from ..inputs.names import nearest
from ..metadata import dumps, loads
from ..types import Id

__all__ = ["Report", "settings_text", "typed"]

_SHOWN_QUERIES_MAX = 10
_SHOWN_CHARS_MAX = 24
_BAD_JSON = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError)


@dataclass(frozen=True)
class Report:
    """Values of metrics by query.

    Attributes:
        settings: `k` and the arguments of `search`.
        values: for each metric, by its full name such as "ndcg@10", the value of each query in [0, 1].
        notes: what the reader should know, one sentence each, such as how many queries are not judged.
        texts: texts of the text queries.
    """

    settings: Mapping[str, Any]
    values: Mapping[str, Mapping[Id, float]]
    notes: tuple[str, ...] = field(default=())
    texts: Mapping[Id, str] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        return list(self.values)

    @property
    def queries(self) -> list[Id]:
        return list(next(iter(self.values.values())))

    @property
    def means(self) -> dict[str, float]:
        """The mean of each metric over all queries, each query with the same weight."""
        return {metric: statistics.fmean(by_query.values()) for metric, by_query in self.values.items()}

    def __getitem__(self, metric: str) -> float:
        """The mean of a metric: `report["ndcg@10"]`."""
        return statistics.fmean(self.by_query(metric).values())

    def by_query(self, metric: str) -> Mapping[Id, float]:
        """The values of a metric by query.

        Raises:
            InvalidArgument: the metric was not measured.
        """
        if metric not in self.values:
            raise InvalidArgument(
                f"there is no metric {metric!r} in this report",
                name="metric",
                value=metric,
                remedy=f"{nearest(str(metric), self.metrics)}It has {', '.join(self.metrics)}.",
            )
        return self.values[metric]

    def worst(self, metric: str, n: int = 10) -> list[tuple[Id, float]]:
        """The `n` queries with the lowest values, lowest first: where to start investigating."""
        return sorted(self.by_query(metric).items(), key=lambda pair: pair[1])[:n]

    def to_dict(self) -> dict[str, Any]:
        """Settings, means, values of each query, and notes, as plain Python values."""
        return {
            "settings": dict(self.settings),
            "means": self.means,
            "queries": [
                {"id": query, **self._text_of(query)} | {name: values[query] for name, values in self.values.items()}
                for query in self.queries
            ],
            "notes": list(self.notes),
        }

    def _text_of(self, query: Id) -> dict[str, str]:
        return {"text": self.texts[query]} if query in self.texts else {}

    def to_json(self) -> str:
        """`to_dict()` as JSON, typed like metadata; `from_json` reads it."""
        members = self.to_dict()
        members["settings"] = json.loads(dumps(members["settings"]))
        return json.dumps(members, ensure_ascii=False, default=typed)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The inverse of `to_json`.

        Raises:
            InvalidInput: the text is not a report.
        """
        try:
            members = loads(text)
            metrics = list(members["means"])
            values = {metric: {one["id"]: float(one[metric]) for one in members["queries"]} for metric in metrics}
            if not metrics or not all(
                map(math.isfinite, (v for by_query in values.values() for v in by_query.values()))
            ):
                raise ValueError("no metrics, or values that are not numbers")
            texts = {
                one["id"]: str(one["text"]) for one in members["queries"] if "text" in one and "text" not in values
            }
            return cls(dict(members["settings"]), values, tuple(members["notes"]), texts)
        except _BAD_JSON as error:
            raise InvalidInput(f"the text is not a report: {error!r}", name="text", remedy="Use to_json().") from None

    def _repr_html_(self) -> str:
        """The report as a table for notebooks."""
        first = self.metrics[0]
        shown = [query for query, _ in self.worst(first, notebook.ROWS_MAX)]
        rows: list[list[object]] = [["mean", *(f"{mean:.4f}" for mean in self.means.values())]]
        rows += [
            [notebook.code(query), *(f"{values[query]:.4f}" for values in self.values.values())] for query in shown
        ]
        title = f"{len(self.queries):,} queries, {settings_text(self.settings)}"
        rest = len(self.queries) - len(shown)
        more = [f"and {rest:,} queries with a higher {first}"] if rest else []
        return notebook.table(title, ["", *self.metrics], rows, "; ".join([*more, *self.notes]))

    def __repr__(self) -> str:
        """The means, and the queries with the lowest values of the first metric."""
        head = f"Report({len(self.queries):,} queries, {settings_text(self.settings)})"
        first = self.metrics[0]
        shown = [query for query, _ in self.worst(first, _SHOWN_QUERIES_MAX)]
        names = ["mean", *(_short(repr(query)) for query in shown)]
        rows = [self.means, *({metric: values[query] for metric, values in self.values.items()} for query in shown)]
        width = max(map(len, names))
        lines = [f"  {'':<{width}}  {'  '.join(f'{metric:>12}' for metric in self.metrics)}"]
        for name, row in zip(names, rows, strict=True):
            lines.append(f"  {name:<{width}}  {'  '.join(f'{row[metric]:>12.4f}' for metric in self.metrics)}")
        rest = len(self.queries) - len(shown)
        lines += [f"  ... and {rest:,} queries with a higher {first}"] if rest else []
        return "\n".join([head, *lines, *(f"  note: {note}" for note in self.notes)])


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings in one line: `k=10, mode='hybrid'`."""
    return ", ".join(f"{name}={value!r}" for name, value in settings.items())


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 3] + "..."


def typed(value: Any) -> Any:
    """Encodes a value for which JSON has no type as typed JSON, above all a UUID."""
    return json.loads(dumps({"": value}))[""]
