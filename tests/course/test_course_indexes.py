"""The course's programs about metrics and indexes, on small data."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.course import program
from vicinal.errors import ZeroVector

METRICS, HNSW, IVF = (program(name) for name in ("similarity_metrics", "hnsw_implementation", "ivf_implementation"))


def nearest(vectors: Any, query: Any, k: int) -> list[int]:
    return np.argsort(np.linalg.norm(vectors - query, axis=1), kind="stable")[:k].tolist()


@pytest.fixture(scope="module")
def vectors() -> Any:
    return np.random.default_rng(3).normal(size=(2_500, 12)).astype(np.float32)


def test_the_four_metrics_are_their_formulas() -> None:
    metrics = METRICS.SimilarityMetrics()
    a, b = np.array([1.0, -2.0, 3.5]), np.array([0.5, 4.0, -1.0])
    assert metrics.cosine_similarity(a, b) == pytest.approx(a @ b / math.sqrt((a @ a) * (b @ b)), abs=1e-6)
    assert metrics.euclidean_distance(a, b) == pytest.approx(math.dist(a, b), rel=1e-6)
    assert metrics.manhattan_distance(a, b) == pytest.approx(0.5 + 6 + 4.5)
    assert metrics.dot_product_similarity(a, b) == pytest.approx(a @ b)
    with pytest.raises(ZeroVector):
        metrics.cosine_similarity(a, a * 0)


def test_what_the_metrics_see(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = METRICS.SimilarityMetrics()
    pairs = metrics.compare_all_metrics()
    assert pairs["A", "B"]["cosine"] > pairs["B", "C"]["cosine"] > pairs["A", "C"]["cosine"]
    assert pairs["A", "B"]["manhattan"] == 5
    same, grown, unit = metrics.demonstrate_metric_properties().values()
    assert same[0] == pytest.approx(same[1])
    assert grown[1] > 10 * grown[0]
    assert unit[0] == pytest.approx(unit[1])
    assert "cosine 0.9949" in capsys.readouterr().out


def test_hnsw_gives_distance_and_id_of_the_nearest(vectors: Any) -> None:
    index = HNSW.HNSWIndex(12, max_connections=8, ef_construction=40)
    assert index.search(vectors[0], 3) == []
    for i in range(5):
        index.add(vectors[i], i)
    assert [id_ for _, id_ in index.search(vectors[3], 5)] == nearest(vectors[:5], vectors[3], 5)
    index.rows.upsert(range(len(vectors)), vectors=vectors)
    queries = vectors[:40] + np.float32(0.05)
    found = [[id_ for _, id_ in index.search(query, 10, ef=120)] for query in queries]
    true = [nearest(vectors, query, 10) for query in queries]
    assert np.mean([len({*one} & {*other}) / 10 for one, other in zip(found, true)]) > 0.95
    [(distance, id_)] = index.search(vectors[7], 1)
    assert (distance, id_) == (0, 7)
    assert HNSW.compare(index, queries) > 0.95


def test_the_graph_is_built_and_a_narrower_walk_finds_less(vectors: Any) -> None:
    index = HNSW.HNSWIndex(12, max_connections=2, ef_construction=10)
    index.rows.add(range(len(vectors)), vectors=vectors)
    queries = vectors[:60] + np.float32(0.3)

    def recall(ef: int) -> float:
        shares = [{id_ for _, id_ in index.search(query, 10, ef)} & {*nearest(vectors, query, 10)} for query in queries]
        return sum(map(len, shares)) / (10 * len(queries))

    index.rows.wait_indexed()
    before = index.rows.stats()
    assert recall(1) < recall(400)
    assert index.rows.stats() == before  # one graph for all widths


def test_ivf_wants_training_and_looks_into_lists(vectors: Any) -> None:
    index = IVF.IVFIndex(12, n_clusters=16)
    for call in (lambda: index.add(vectors[0], 0), lambda: index.search(vectors[0], 1)):
        with pytest.raises(ValueError, match="train"):
            call()
    with pytest.raises(ValueError, match="16 clusters need"):
        index.train(vectors[:15])
    index.train(vectors[:1000])
    assert index.search(vectors[0], 3) == []
    index.rows.add(range(1, len(vectors)), vectors=vectors[1:])
    index.add(vectors[0], 0)
    assert index.search(vectors[9], 1) == [(0, 9)]
    queries = vectors[:60] + np.float32(0.3)
    true = [nearest(vectors, query, 10) for query in queries]
    found = {
        probes: np.mean(
            [len({id_ for _, id_ in index.search(q, 10, probes)} & {*ids}) / 10 for q, ids in zip(queries, true)]
        )
        for probes in (1, 16)
    }
    assert found[1] < found[16] == 1.0


def test_cluster_info_counts_each_vector_once(vectors: Any) -> None:
    index = IVF.IVFIndex(12, n_clusters=4)
    index.train(vectors[:10])
    index.rows.add(range(200), vectors=vectors[:200])
    index.add(vectors[7], 7)  # again
    info = index.get_cluster_info()
    assert info["total_vectors"] == sum(info["cluster_sizes"].values()) == 200
    assert list(info["cluster_sizes"]) == [0, 1, 2, 3]
    assert info["min_cluster_size"] <= info["avg_cluster_size"] == 50 <= info["max_cluster_size"]
    index = IVF.IVFIndex(12, n_clusters=4)
    index.train(vectors[:4])
    index.add(vectors[0], 0)
    assert index.get_cluster_info()["cluster_sizes"] == {0: 1, 1: 0, 2: 0, 3: 0}
    empty = IVF.IVFIndex(12, n_clusters=4).get_cluster_info()
    assert empty["total_vectors"] == empty["max_cluster_size"] == 0


def test_the_comparison_measures_and_draws(tmp_path: Path) -> None:
    pytest.importorskip("plotly", reason="plotly is not installed")
    found = IVF.main(tmp_path)
    assert found["exact"][0] == 1.0
    assert found["50 lists, 1 looked into"][0] < found["50 lists, 5 looked into"][0] <= 1.0
    assert all(seconds > 0 for _, seconds in found.values())
    comparison = IVF.IndexComparison(8)
    comparison.generate_data(300, 4)
    _, truth = comparison.benchmark_brute_force(5)
    assert [[id_ for _, id_ in one] for one in truth] == [
        nearest(comparison.vectors, query, 5) for query in comparison.query_vectors
    ]
    assert comparison.calculate_recall(truth, [one[:2] for one in truth], 4) == 0.5
    figure = comparison.plot(found)
    assert [trace.name for trace in figure.data if trace.showlegend] == list(found)
    assert [trace.y[0] for trace in figure.data[::2]] == [recall for recall, _ in found.values()]
    assert [trace.y[0] for trace in figure.data[1::2]] == [seconds for _, seconds in found.values()]
    assert figure.layout.xaxis.title.text == figure.layout.xaxis2.title.text == "configuration"
    assert (figure.layout.yaxis.title.text, figure.layout.yaxis2.title.text) == ("recall", "seconds")
    assert (tmp_path / "ivf_comparison.html").exists()
    assert (tmp_path / "ivf_clusters.html").exists()
