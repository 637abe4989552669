"""An inverted file index: `index="ivf"` of a collection in memory, compared with exact search.

pip install 'vicinal[viz]'
python examples/course/ivf_implementation.py            # plots in ivf_comparison.html, ivf_clusters.html
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from vicinal.visualize import measure_buckets, plot_buckets, write
from vicinal.visualize.drawing import PALETTE

Answers = list[list[tuple[float, int]]]


class IVFIndex:
    """Lists of vectors around centroids; a search scans the lists whose centroids are nearest.

    With fewer than 2,000 vectors, the engine compares all, which is faster than using lists, and exact.

    Args:
        dimension: components per vector.
        n_clusters: lists.
    """

    def __init__(self, dimension: int, n_clusters: int = 8) -> None:
        self.dimension = dimension
        self.n_clusters = n_clusters
        self.is_trained = False
        self.rows = vicinal.connect(":memory:").collection(
            "ivf",
            dimension=dimension,
            metric="l2",
            zero_vectors="allow",
            index={"name": "ivf", "lists": n_clusters, "train_from": 1},
        )

    def train(self, training_vectors: Any) -> None:
        """Validates the sample. The engine computes the centroids from the rows themselves, once they exist.

        Raises:
            ValueError: it has fewer vectors than there will be clusters, or another dimension.
        """
        sample = np.asarray(training_vectors, dtype=np.float32)
        if sample.ndim != 2 or sample.shape[1] != self.dimension or len(sample) < self.n_clusters:
            raise ValueError(
                f"{self.n_clusters} clusters need as many training vectors of {self.dimension} dimensions, "
                f"not an array of shape {sample.shape}"
            )
        self.is_trained = True

    def add(self, vector: Any, vector_id: int) -> None:
        """Adds a vector, or replaces the one with this id."""
        self._check_trained("adding vectors")
        self.rows.upsert([vector_id], vectors=[vector])

    def search(self, query: Any, k: int, n_probe: int = 1) -> list[tuple[float, int]]:
        """Returns distance and id of the `k` nearest in the `n_probe` nearest lists, nearest first.

        `self.rows.search(query, recall=0.95)` scans as many lists as this recall needs.
        """
        self._check_trained("searching")
        if not self.rows:
            return []
        self.rows.wait_indexed()
        return [(hit.distance, int(hit.id)) for hit in self.rows.search(query, k, effort=n_probe, select=())]

    def get_cluster_info(self) -> dict[str, Any]:
        """Returns the number of vectors in each list."""
        if self.rows:
            self.rows.compact()
            self.rows.wait_indexed()
        found = measure_buckets(self.rows).sizes
        sizes = {cluster: found.get((0, cluster), 0) for cluster in range(self.n_clusters)}
        return {
            "n_clusters": self.n_clusters,
            "cluster_sizes": sizes,
            "total_vectors": sum(sizes.values()),
            "avg_cluster_size": sum(sizes.values()) / self.n_clusters,
            "max_cluster_size": max(sizes.values()),
            "min_cluster_size": min(sizes.values()),
        }

    def _check_trained(self, what: str) -> None:
        if not self.is_trained:
            raise ValueError(f"call train() before {what}")


class IndexComparison:
    """Exact search compared with the index, on the same vectors and queries."""

    def __init__(self, dimension: int = 128) -> None:
        self.dimension = dimension
        self.vectors: Any = None
        self.query_vectors: Any = None

    def generate_data(self, n_vectors: int = 10000, n_queries: int = 100) -> None:
        """Generates vectors in clusters, like embeddings, and queries from the same clusters; always the same."""
        random = np.random.default_rng(0)
        centres = random.normal(size=(64, self.dimension)) * 0.8
        points = centres[random.integers(0, 64, n_vectors + n_queries)]
        points = (points + random.normal(size=points.shape)).astype(np.float32)
        self.vectors, self.query_vectors = points[:n_vectors], points[n_vectors:]

    def benchmark_brute_force(self, k: int = 10) -> tuple[float, Answers]:
        """Returns seconds of all queries compared with every vector, and the results."""
        rows = vicinal.connect(":memory:").collection("all", metric="l2", index="flat")
        rows.add(range(len(self.vectors)), vectors=self.vectors)
        rows.search(self.query_vectors[0], k)  # computes the codes that the other searches scan
        start = time.perf_counter()
        hits = [rows.search(query, k, select=()) for query in self.query_vectors]
        seconds = time.perf_counter() - start
        return seconds, [[(hit.distance, int(hit.id)) for hit in one] for one in hits]

    def benchmark_ivf(self, k: int = 10, n_clusters: int = 8, n_probe: int = 1) -> tuple[float, Answers]:
        """Returns seconds of building the index and of all queries, and the results."""
        start = time.perf_counter()
        index = IVFIndex(self.dimension, n_clusters)
        index.train(self.vectors[:1000])
        index.rows.add(range(len(self.vectors)), vectors=self.vectors)
        answers = [index.search(self.query_vectors[0], k, n_probe)]
        built = time.perf_counter()
        answers += [index.search(query, k, n_probe) for query in self.query_vectors[1:]]
        done = time.perf_counter()
        print(f"built in {built - start:.3f} s, searched in {done - built:.3f} s")
        return done - start, answers

    def calculate_recall(self, ground_truth: Answers, results: Answers, k: int = 10) -> float:
        """Returns the mean share of the exact `k` nearest among the results."""
        pairs = [
            ({id_ for _, id_ in true[:k]}, {id_ for _, id_ in own[:k]}) for true, own in zip(ground_truth, results)
        ]
        return float(np.mean([len(true & own) / len(true) for true, own in pairs if true]))

    def plot(self, found: dict[str, tuple[float, float]]) -> Any:
        """Returns a plotly figure of recall and seconds by configuration, from `found`."""
        from plotly.subplots import make_subplots

        figure = make_subplots(cols=2, subplot_titles=["recall of the ten nearest", "seconds, building included"])
        for place, (name, values) in enumerate(found.items()):
            for column, value in enumerate(values, 1):
                figure.add_bar(
                    x=[name], y=[value], name=name, legendgroup=name, showlegend=column == 1, col=column, row=1
                )
                figure.data[-1].marker.color = PALETTE[place % len(PALETTE)]
        figure.update_xaxes(title="configuration")
        figure.update_yaxes(title="recall", range=[0, 1.05], col=1)
        figure.update_yaxes(title="seconds", col=2)
        figure.update_layout(title=f"IVF beside exact search, {len(self.vectors):,} vectors", template="plotly_white")
        return figure


def main(folder: Path = Path()) -> dict[str, tuple[float, float]]:
    """Compares, plots, and returns recall and seconds by configuration."""
    comparison = IndexComparison(dimension=64)
    comparison.generate_data(n_vectors=5000, n_queries=50)
    seconds, truth = comparison.benchmark_brute_force(k=10)
    found = {"exact": (1.0, seconds)}
    for clusters, probes in ((50, 1), (50, 5), (100, 1), (100, 5)):
        seconds, answers = comparison.benchmark_ivf(10, clusters, probes)
        found[f"{clusters} lists, {probes} looked into"] = comparison.calculate_recall(truth, answers), seconds
    for name, (recall, seconds) in found.items():
        print(f"{name}: recall {recall:.3f}, {seconds:.3f} s")
    write(comparison.plot(found), folder / "ivf_comparison.html")

    index = IVFIndex(64, 50)
    index.train(comparison.vectors[:1000])
    index.rows.add(range(5000), vectors=comparison.vectors)
    info = index.get_cluster_info()
    print(f"{info['n_clusters']} lists of {info['min_cluster_size']} to {info['max_cluster_size']} vectors")
    write(plot_buckets(measure_buckets(index.rows)), folder / "ivf_clusters.html")
    return found


if __name__ == "__main__":
    main()
