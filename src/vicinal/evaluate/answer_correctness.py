"""Does the answer mean what it should?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Embedder
from .answers import EvaluationInput, MetricResult
from .models import embedding

__all__ = ["AnswerCorrectness"]


class AnswerCorrectness:
    """How close the answer is to the ground truth in meaning: `(cosine + 1) / 2` of their vectors.

    Args:
        embedder: encodes both texts. Vectors that cannot be compared count as a cosine of 0.
    """

    def __init__(self, embedder: Embedder | Callable[[str], Any] | str) -> None:
        self._embed = embedding(embedder)

    def name(self) -> str:
        return "answer_correctness"

    def evaluate(self, input: EvaluationInput) -> MetricResult:
        """Returns the metric; its details are `cosine_similarity`, and `answer_length` and `ground_truth_length` in
        characters.

        Raises:
            InvalidInput: the answer or the ground truth is missing.
        """
        answer = input.needed("answer", self.name())
        truth = input.needed("ground_truth", self.name())
        similarity = _cosine(self._embed(answer), self._embed(truth))
        details = {
            "cosine_similarity": similarity,
            "answer_length": len(answer),
            "ground_truth_length": len(truth),
        }
        return MetricResult(self.name(), (similarity + 1) / 2, details)


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Cosine in [-1, 1]; 0 if the vectors differ in length, are zero or are not finite."""
    if len(a) != len(b) or not np.isfinite(a).all() or not np.isfinite(b).all():
        return 0.0
    largest = [float(np.abs(vector).max(initial=0.0)) for vector in (a, b)]
    if not all(largest):
        return 0.0
    a, b = a / largest[0], b / largest[1]  # so that no square overflows
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))
