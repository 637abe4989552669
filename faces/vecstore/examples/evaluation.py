"""Quality of answers: a tiny question-answering program, evaluated with three metrics.

    python evaluation.py

The judge here is a rule, so that the example needs no model. To use a real one, replace it by
`vicinal.llm.OpenAIServer("llama3.2", "http://localhost:11434/v1")`.
"""

from __future__ import annotations

import tempfile

from vecstore import (
    AnswerCorrectness,
    AnswerFaithfulness,
    ContextRelevance,
    EvaluationInput,
    Evaluator,
    VecStore,
)
from vicinal.encoders.registry import resolve

FACTS = [
    "Jupiter is the largest planet of the solar system.",
    "Mercury is the planet nearest to the sun.",
    "Saturn has the brightest rings of all planets.",
    "Bread is baked in an oven.",
]
QUESTIONS = {
    "Which planet is the largest?": "Jupiter is the largest planet of the solar system.",
    "Which planet is nearest to the sun?": "Mercury is the planet nearest to the sun.",
    "Which planet has the brightest rings?": "The rings of Saturn are the brightest.",
}

encoder = resolve("hashing:384")


class MockEmbedder:
    def embed(self, text: str) -> list[float]:
        return encoder.encode([text])[0].tolist()


class MockJudge:
    """Judges a text relevant if it mentions planets, and an answer faithful if a source has it word for word."""

    def generate(self, prompt: str) -> str:
        if "yes or no" in prompt:
            text = prompt.partition("<text>")[2].partition("</text>")[0]
            return "Yes." if "planet" in text else "No."
        sources = prompt.partition("<sources>")[2].partition("</sources>")[0]
        answer = prompt.partition("<answer>")[2].partition("</answer>")[0].strip()
        return "1.0" if answer in sources else "0.2"


def main() -> None:
    embed = MockEmbedder().embed
    evaluator = Evaluator()
    evaluator.add_metric(ContextRelevance(MockJudge()))
    evaluator.add_metric(AnswerFaithfulness(MockJudge()))
    evaluator.add_metric(AnswerCorrectness(MockEmbedder()))

    inputs = []
    with tempfile.TemporaryDirectory() as folder, VecStore(folder) as store:
        for number, fact in enumerate(FACTS):
            store.upsert(f"fact-{number}", embed(fact), {"text": fact})
        for question, truth in QUESTIONS.items():
            contexts = [result.metadata["text"] for result in store.query(embed(question), k=2)]
            inputs.append(EvaluationInput(question, contexts, answer=contexts[0], ground_truth=truth))

    report = evaluator.evaluate(inputs[0])
    print(f"{inputs[0].query} {inputs[0].answer}")
    for result in report.results:
        print(f"  {result.metric_name:<20} {result.score:.2f}")
    print(f"  {'overall':<20} {report.overall_score:.2f}")

    figures = evaluator.aggregate_reports(evaluator.evaluate_batch(inputs))
    print(f"\n{figures['count']} questions, overall {figures['average_overall_score']:.2f}")
    print(f"from {figures['min_score']:.2f} to {figures['max_score']:.2f}")
    for name, score in figures["average_metric_scores"].items():
        print(f"  {name:<20} {score:.2f}")


if __name__ == "__main__":
    main()
