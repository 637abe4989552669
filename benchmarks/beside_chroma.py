"""The same program on Chroma and on Vicinal: `python -m benchmarks.beside_chroma [ROWS] [DIMENSION]`.

Each runs in its own process, three times, alternating; the median counts. Recall is the share of the exact ten nearest,
as computed with NumPy. Requires chromadb.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

import numpy as np

NEIGHBOURS = 10
QUERIES = 200
BATCH = 2000
TURNS = 3
SEED = 3


def vectors(rows: int, dimension: int) -> tuple[Any, Any]:
    """Returns rows in 200 clusters, as embeddings form, and queries of the same kind."""
    random = np.random.default_rng(SEED)
    centres = random.normal(size=(200, dimension))

    def drawn(count: int) -> Any:
        return (centres[random.integers(200, size=count)] + random.normal(size=(count, dimension))).astype(np.float32)

    return drawn(rows), drawn(QUERIES)


def run(side: str, rows: int, dimension: int) -> dict[str, float]:
    """Returns seconds until all rows are stored and indexed, milliseconds per query, and recall."""
    if side == "vicinal":
        import vicinal
        import vicinal.compat.chroma as chroma
    else:
        import chromadb as chroma
    data, queries = vectors(rows, dimension)
    ids = [str(i) for i in range(rows)]
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        docs = chroma.PersistentClient(folder).create_collection("docs", embedding_function=None)
        began = time.perf_counter()
        for start in range(0, rows, BATCH):
            part = slice(start, start + BATCH)
            docs.add(ids=ids[part], embeddings=data[part], metadatas=[{"n": int(i) % 100} for i in ids[part]])
        if side == "vicinal":  # Chroma's add waits for its index, ours does not
            vicinal.connect(folder).collection("docs").wait_indexed()
        found["add_s"] = time.perf_counter() - began
        for name, where in (("query_ms", None), ("filtered_ms", {"n": {"$lt": 10}})):
            docs.query(query_embeddings=queries[:1], n_results=NEIGHBOURS, where=where)
            began = time.perf_counter()
            answers = [docs.query(query_embeddings=[one], n_results=NEIGHBOURS, where=where) for one in queries]
            found[name] = (time.perf_counter() - began) / QUERIES * 1000
            kept = np.arange(rows) if where is None else np.flatnonzero(np.arange(rows) % 100 < 10)
            found[name.replace("_ms", "_recall")] = recall(data, queries, kept, answers)
    return found


def recall(data: Any, queries: Any, kept: Any, answers: list[Any]) -> float:
    right = 0
    for query, answer in zip(queries, answers):
        nearest = kept[np.argsort(((data[kept] - query) ** 2).sum(axis=1))[:NEIGHBOURS]]
        right += len(set(map(str, nearest)) & set(answer["ids"][0]))
    return right / (len(queries) * NEIGHBOURS)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    dimension = int(sys.argv[2]) if len(sys.argv) > 2 else 384
    found: dict[str, list[dict[str, float]]] = {"chroma": [], "vicinal": []}
    for _ in range(TURNS):
        for side, runs in found.items():
            command = [sys.executable, "-m", "benchmarks.beside_chroma", "run", side, str(rows), str(dimension)]
            runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    for name in found["chroma"][0]:
        theirs, ours = (statistics.median(run[name] for run in found[side]) for side in ("chroma", "vicinal"))
        print(f"{name:16} chroma {theirs:9.3f}   vicinal {ours:9.3f}   ratio {theirs / ours:6.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        print(json.dumps(run(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
