"""Evaluation as in the document, on answers of known quality. Misbehaving models are tested with the engine."""

from __future__ import annotations

from typing import Any

import pytest

import vecstore
from vecstore import (
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
    evaluation,
)

CONTEXTS = ["Rust has no garbage collector.", "Bread is baked in an oven.", "Rust checks borrows."]


class KnowsRust:
    """A model that judges texts about Rust relevant, and an answer supported if a source contains it word for word."""

    def __init__(self) -> None:
        self.asked = 0

    def generate(self, prompt: str) -> str:
        self.asked += 1
        if "yes or no" in prompt:
            text = prompt.partition("<text>")[2]
            return "Yes, it does." if "Rust" in text else "No."
        answer = prompt.partition("<answer>\n")[2].partition("\n</answer>")[0]
        return "1.0" if answer in prompt.partition("<answer>")[0] else "0.25"


class CountsLetters:
    def embed(self, text: str) -> list[float]:
        return [float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"]


def asked(**changes: Any) -> EvaluationInput:
    given = {
        "query": "Does Rust collect garbage?",
        "contexts": CONTEXTS,
        "answer": "Rust has no garbage collector.",
        "ground_truth": "Rust has no garbage collector.",
    }
    return EvaluationInput(**(given | changes))


def all_metrics() -> Evaluator:
    evaluator = Evaluator()
    evaluator.add_metric(ContextRelevance(KnowsRust()))
    evaluator.add_metric(AnswerFaithfulness(KnowsRust()))
    evaluator.add_metric(AnswerCorrectness(CountsLetters()))
    return evaluator


def test_context_relevance_is_the_share_of_relevant_contexts() -> None:
    result = ContextRelevance(KnowsRust()).evaluate(asked())
    assert result.metric_name == "context_relevance"
    assert result.score == pytest.approx(2 / 3)
    assert result.details["context_relevance"] == [(0, True), (1, False), (2, True)]
    assert (result.details["relevant_count"], result.details["total_contexts"]) == (2, 3)


def test_faithfulness_tells_a_supported_answer_from_an_invented_one() -> None:
    metric = AnswerFaithfulness(KnowsRust())
    assert metric.evaluate(asked()).score == 1.0
    invented = metric.evaluate(asked(answer="Rust is a fruit."))
    assert (invented.score, invented.details) == (0.25, {"llm_response": "0.25"})


def test_correctness_tells_the_same_from_something_else() -> None:
    metric = AnswerCorrectness(CountsLetters())
    assert metric.evaluate(asked()).score == 1.0
    assert metric.evaluate(asked(answer="zzz")).score == 0.5
    details = metric.evaluate(asked(answer="zzz")).details
    assert details == {"cosine_similarity": 0.0, "answer_length": 3, "ground_truth_length": 30}


def test_a_report_sums_up() -> None:
    report = all_metrics().evaluate(asked())
    assert isinstance(report, EvaluationReport)
    expected = {"context_relevance": 2 / 3, "answer_faithfulness": 1.0, "answer_correctness": 1.0}
    assert report.metric_scores == pytest.approx(expected)
    assert report.overall_score == pytest.approx(8 / 9)
    assert [result.metric_name for result in report.results] == list(expected)
    assert isinstance(report.timestamp, int)


def test_a_batch_gives_a_report_each_in_order() -> None:
    evaluator = all_metrics()
    good, bad = evaluator.evaluate_batch([asked(), asked(answer="zzz", contexts=[CONTEXTS[1]])])
    assert good.overall_score > bad.overall_score
    assert bad.metric_scores == {"context_relevance": 0.0, "answer_faithfulness": 0.25, "answer_correctness": 0.5}
    assert evaluator.evaluate_batch([]) == []


def test_reports_in_figures() -> None:
    evaluator = all_metrics()
    figures = evaluator.aggregate_reports(evaluator.evaluate_batch([asked(), asked(answer="zzz")]))
    assert figures["count"] == 2
    assert figures["average_metric_scores"]["answer_correctness"] == 0.75
    assert figures["min_score"] < figures["average_overall_score"] < figures["max_score"]


def test_without_contexts_nobody_is_asked() -> None:
    model = KnowsRust()
    for metric in (ContextRelevance(model), AnswerFaithfulness(model)):
        result = metric.evaluate(asked(contexts=[]))
        assert (result.score, result.details) == (0.0, {})
    assert model.asked == 0


@pytest.mark.parametrize("missing", ["answer", "ground_truth"])
def test_what_is_missing_is_a_value_error_that_names_it(missing: str) -> None:
    with pytest.raises(ValueError, match=f"needs {missing}"):
        all_metrics().evaluate(asked(**{missing: None}))


def test_answer_and_truth_may_be_left_out() -> None:
    given = EvaluationInput("a question", ["a context"])
    assert (given.answer, given.ground_truth) == (None, None)
    assert ContextRelevance(KnowsRust()).evaluate(given).score == 0.0


def test_an_error_of_the_model_goes_through() -> None:
    def broken(prompt: str) -> str:
        raise ConnectionError("the model is away")

    with pytest.raises(ConnectionError, match="away"):
        ContextRelevance(broken).evaluate(asked())


def test_a_metric_of_a_users_own() -> None:
    class Brevity:
        def name(self) -> str:
            return "brevity"

        def evaluate(self, input: EvaluationInput) -> MetricResult:
            return MetricResult("brevity", 1 / len(input.answer or "?"), {})

    assert isinstance(Brevity(), Metric)
    evaluator = Evaluator()
    evaluator.add_metric(Brevity())
    assert evaluator.metric_names() == ["brevity"]
    assert evaluator.evaluate(asked(answer="word")).metric_scores == {"brevity": 0.25}


def test_models_are_known_by_what_they_can() -> None:
    assert isinstance(KnowsRust(), LLM)
    assert isinstance(CountsLetters(), Embedder)
    assert not isinstance(CountsLetters(), LLM)


def test_the_module_has_the_names_too() -> None:
    for name in evaluation.__all__:
        assert getattr(evaluation, name) is getattr(vecstore, name)
