"""Four metrics for two vectors, each computed by a collection with that metric.

pip install vicinal
python examples/course/similarity_metrics.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

import vicinal


class SimilarityMetrics:
    """Cosine, Euclidean, Manhattan and inner product, as in the hits of the engine."""

    def __init__(self) -> None:
        self.vector_a = np.array([1, 2, 3, 4, 5])
        self.vector_b = np.array([2, 3, 4, 5, 6])
        self.vector_c = np.array([5, 4, 3, 2, 1])

    def cosine_similarity(self, v1: Any, v2: Any) -> float:
        """From -1 to 1; raises ZeroVector if one of them has no direction."""
        return self._hit(v1, v2, "cosine").score

    def euclidean_distance(self, v1: Any, v2: Any) -> float:
        """The length of the straight line between them."""
        return self._hit(v1, v2, "l2").distance

    def manhattan_distance(self, v1: Any, v2: Any) -> float:
        """The sum of the distances along the axes."""
        return self._hit(v1, v2, "l1").distance

    def dot_product_similarity(self, v1: Any, v2: Any) -> float:
        """The inner product, which also depends on lengths."""
        return self._hit(v1, v2, "ip").score

    def compare_all_metrics(self) -> dict[tuple[str, str], dict[str, float]]:
        """Prints and returns the value of each metric for each pair."""
        named = {"A": self.vector_a, "B": self.vector_b, "C": self.vector_c}
        found = {}
        for first, second in (("A", "B"), ("A", "C"), ("B", "C")):
            pair = named[first], named[second]
            values = {
                "cosine": self.cosine_similarity(*pair),
                "euclidean": self.euclidean_distance(*pair),
                "manhattan": self.manhattan_distance(*pair),
                "dot product": self.dot_product_similarity(*pair),
            }
            found[first, second] = values
            print(f"{first} and {second}: " + ", ".join(f"{name} {value:.4f}" for name, value in values.items()))
        return found

    def demonstrate_metric_properties(self) -> dict[str, tuple[float, float]]:
        """Prints and returns pairs of numbers that show what a metric does and does not detect."""
        longer = self.vector_a * 10
        unit_a, unit_b = (v / np.linalg.norm(v) for v in (self.vector_a, self.vector_b))
        shown = {
            "the cosine of A and B, and of ten times A and B": (
                self.cosine_similarity(self.vector_a, self.vector_b),
                self.cosine_similarity(longer, self.vector_b),
            ),
            "their distance, which grows": (
                self.euclidean_distance(self.vector_a, self.vector_b),
                self.euclidean_distance(longer, self.vector_b),
            ),
            "cosine and inner product of vectors of length one": (
                self.cosine_similarity(unit_a, unit_b),
                self.dot_product_similarity(unit_a, unit_b),
            ),
        }
        for what, (before, after) in shown.items():
            print(f"{what}: {before:.4f}, {after:.4f}")
        return shown

    def _hit(self, query: Any, row: Any, metric: Any) -> vicinal.Hit:
        pair = vicinal.connect(":memory:").collection("pair", metric=metric)
        pair.add(vectors=[row])
        return pair.search(query, k=1)[0]


if __name__ == "__main__":
    metrics = SimilarityMetrics()
    metrics.compare_all_metrics()
    metrics.demonstrate_metric_properties()
