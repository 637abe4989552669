"""Evaluation of answers by several metrics."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InvalidArgument
from ..progress import progress
from .answers import EvaluationInput, EvaluationReport, Metric, MetricResult

__all__ = ["Evaluator"]


class Evaluator:
    """Evaluates answers by the metrics that were added to it.

    evaluator = Evaluator()
    evaluator.add_metric(AnswerFaithfulness(model))
    report = evaluator.evaluate(EvaluationInput("Which is the largest planet?", contexts, answer="Jupiter"))
    """

    def __init__(self) -> None:
        self._metrics: list[Metric] = []

    def add_metric(self, metric: Metric) -> None:
        """Adds a metric: an object with `name()` and `evaluate(input)`."""
        if isinstance(metric, type) or not isinstance(metric, Metric):
            raise InvalidArgument(
                f"a metric has name() and evaluate(input), which {metric!r:.80} has not",
                name="metric",
                value=metric,
                remedy="Pass an object such as AnswerFaithfulness(model).",
            )
        self._metrics.append(metric)

    def metric_count(self) -> int:
        return len(self._metrics)

    def metric_names(self) -> list[str]:
        """The names of the metrics, in the order in which they were added."""
        return [metric.name() for metric in self._metrics]

    def evaluate(self, input: EvaluationInput) -> EvaluationReport:
        """Computes all metrics, in order. Errors of a metric, or of its model, propagate."""
        if not isinstance(input, EvaluationInput):
            raise InvalidArgument(
                f"an EvaluationInput is needed, not {type(input).__name__}",
                name="input",
                value=input,
                remedy="Write EvaluationInput(query, contexts, answer, ground_truth).",
            )
        results = [_result(metric, input) for metric in self._metrics]
        return EvaluationReport(
            overall_score=statistics.fmean(result.score for result in results) if results else 0.0,
            metric_scores={result.metric_name: result.score for result in results},
            results=results,
            timestamp=int(time.time()),
        )

    def evaluate_batch(self, inputs: Iterable[EvaluationInput]) -> list[EvaluationReport]:
        """Returns one report per input, in order. Shows a progress bar on a terminal."""
        if not isinstance(inputs, Iterable):
            raise InvalidArgument(
                f"inputs must be a list of EvaluationInputs, not {type(inputs).__name__}",
                name="inputs",
                value=inputs,
                remedy="Call evaluate() with one input.",
            )
        listed = list(inputs)
        reports = []
        with progress("Evaluating", len(listed)) as advance:
            for one in listed:
                reports.append(self.evaluate(one))
                advance(1)
        return reports

    @staticmethod
    def aggregate_reports(reports: Sequence[EvaluationReport]) -> dict[str, Any]:
        """Summarizes reports.

        Returns:
            `count`, `average_overall_score`, `min_score` and `max_score` of the overall scores, and
            `average_metric_scores` by name: the sum of a metric's scores divided by the number of all reports.
        """
        overall = [report.overall_score for report in reports]
        sums: dict[str, float] = {}
        for report in reports:
            for name, score in report.metric_scores.items():
                sums[name] = sums.get(name, 0.0) + score
        return {
            "count": len(reports),
            "average_overall_score": statistics.fmean(overall) if overall else 0.0,
            "average_metric_scores": {name: total / len(reports) for name, total in sums.items()},
            "min_score": min(overall, default=0.0),
            "max_score": max(overall, default=0.0),
        }

    def __repr__(self) -> str:
        return f"Evaluator({', '.join(self.metric_names()) or 'no metrics'})"


def _result(metric: Metric, input: EvaluationInput) -> MetricResult:
    result = metric.evaluate(input)
    if not isinstance(result, MetricResult):
        raise InvalidArgument(
            f"metric {metric.name()!r:.80} gave a {type(result).__name__}, not a MetricResult",
            name="metric",
            value=result,
            remedy="Return MetricResult(name, score, details).",
        )
    return result
