"""An HNSW index: `index="hnsw"` of a collection in memory, under the Euclidean distance.

pip install vicinal
python examples/course/hnsw_implementation.py
"""

from __future__ import annotations

from typing import Any

import numpy as np

import vicinal


class HNSWIndex:
    """A graph of near vectors. Up to 2,000 vectors, the engine compares all, which is faster than a walk.

    Args:
        dimension: components per vector.
        max_connections: half the maximum number of links of a vector.
        ef_construction: width of the walk that finds the neighbours of a new vector.
    """

    def __init__(self, dimension: int, max_connections: int = 16, ef_construction: int = 200) -> None:
        self.dimension = dimension
        self.max_connections = max_connections
        self.ef_construction = ef_construction
        self.rows = vicinal.connect(":memory:").collection(
            "hnsw",
            dimension=dimension,
            metric="l2",
            zero_vectors="allow",
            index={"name": "hnsw", "m": max_connections, "ef_construction": ef_construction},
        )

    def add(self, vector: Any, node_id: int) -> None:
        """Adds a vector, or replaces the one with this id."""
        self.rows.upsert([node_id], vectors=[vector])

    def search(self, query: Any, k: int, ef: int | None = None) -> list[tuple[float, int]]:
        """Returns distance and id of the `k` nearest, nearest first.

        Args:
            ef: width of the walk of this search, by default `ef_construction` or `k`; `self.rows.search(query,
                recall=0.99)` sets a target recall instead.
        """
        width = max(self.ef_construction, k) if ef is None else max(ef, 1)
        if not self.rows:
            return []
        self.rows.wait_indexed()
        return [(hit.distance, int(hit.id)) for hit in self.rows.search(query, k, effort=width, select=())]


def compare(index: HNSWIndex, queries: Any, k: int = 10) -> float:
    """Returns the share of the exact nearest vectors that the index finds."""
    found = [{id_ for _, id_ in index.search(query, k)} for query in queries]
    exact = [set(index.rows.search(query, k, exact=True, select=()).ids) for query in queries]
    return float(np.mean([len(one & true) / len(true) for one, true in zip(found, exact)]))


if __name__ == "__main__":
    random = np.random.default_rng(0)
    index = HNSWIndex(dimension=128)
    vectors = random.random((3_000, 128), dtype=np.float32)
    index.rows.add(range(3_000), vectors=vectors)
    index.add(random.random(128, dtype=np.float32), 3_000)

    query = random.random(128, dtype=np.float32)
    for place, (distance, node_id) in enumerate(index.search(query, k=10), 1):
        print(f"{place:2}. node {node_id}, distance {distance:.4f}")
    queries = random.random((50, 128), dtype=np.float32)
    print(f"Of the ten nearest to 50 queries the graph finds {compare(index, queries):.1%}.")
