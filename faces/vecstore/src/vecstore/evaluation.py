"""Evaluation of answers: the engine's text-based evaluation, under the names of this package's document."""

from __future__ import annotations

from vicinal.evaluate import (
    LLM,
    AnswerCorrectness,
    AnswerFaithfulness,
    ContextRelevance,
    Embedder,
    EvaluationInput,
    EvaluationReport,
    Evaluator,
    Metric,
    MetricResult,
)

__all__ = [
    "LLM",
    "AnswerCorrectness",
    "AnswerFaithfulness",
    "ContextRelevance",
    "Embedder",
    "EvaluationInput",
    "EvaluationReport",
    "Evaluator",
    "Metric",
    "MetricResult",
]
