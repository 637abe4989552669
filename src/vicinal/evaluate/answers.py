"""Inputs and results of `Evaluator` and its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from ..errors import InvalidArgument, InvalidInput

__all__ = ["EvaluationInput", "EvaluationReport", "Metric", "MetricResult"]


@dataclass(frozen=True, slots=True)
class EvaluationInput:
    """A question, the contexts found for it, and the answer.

    Attributes:
        query: the question.
        contexts: the texts that were found and from which the answer was made.
        answer: the answer, if a metric needs it.
        ground_truth: the expected answer, if a metric needs it.
    """

    query: str
    contexts: Sequence[str]
    answer: str | None = None
    ground_truth: str | None = None

    def __post_init__(self) -> None:
        for name in ("query", "answer", "ground_truth"):
            value = getattr(self, name)
            if not isinstance(value, str) and (name == "query" or value is not None):
                raise _no_text(name, value)
        if isinstance(self.contexts, (str, bytes)) or not hasattr(self.contexts, "__iter__"):
            raise InvalidArgument(
                f"contexts must be a list of texts, not {type(self.contexts).__name__}",
                name="contexts",
                value=self.contexts,
                remedy="Put one text into a list.",
            )
        object.__setattr__(self, "contexts", list(self.contexts))
        for i, context in enumerate(self.contexts):
            if not isinstance(context, str):
                raise _no_text(f"contexts[{i}]", context)

    def needed(self, name: str, metric: str) -> str:
        """Returns the answer or the ground truth. An empty text counts as present.

        Raises:
            InvalidInput: it is missing.
        """
        value: str | None = getattr(self, name)
        if value is None:
            raise InvalidInput(
                f"{metric} needs {name}, which is missing",
                name=name,
                remedy=f"Write EvaluationInput(..., {name}='...').",
            )
        return value


@dataclass(frozen=True, slots=True)
class MetricResult:
    """The result of one metric for one answer.

    Attributes:
        score: from 0 to 1, higher is better.
        details: how it was computed. They contain "unreadable" if a model's reply did not have the requested form;
            such a reply counts as no, or as 0.
    """

    metric_name: str
    score: float
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The results of all metrics for one answer.

    Attributes:
        overall_score: the mean of all results, 0 if there are none.
        metric_scores: score by metric name; if two metrics have the same name, that of the last.
        results: in the order in which the metrics were added.
        timestamp: seconds since 1970.
    """

    overall_score: float
    metric_scores: dict[str, float]
    results: list[MetricResult]
    timestamp: int


@runtime_checkable
class Metric(Protocol):
    """What `Evaluator` requires of a metric: these two methods."""

    def name(self) -> str: ...

    def evaluate(self, input: EvaluationInput) -> MetricResult: ...


def _no_text(name: str, value: object) -> InvalidArgument:
    return InvalidArgument(f"{name} must be a text, not {type(value).__name__}", name=name, value=value)
