"""The cost of hybrid search compared with its legs, with texts and metadata, over the glosses of WordNet.

    python benchmarks/hybrid.py [--rows 117159] [--queries 300] [--k 10] [--json FILE]

The words and the vector of a query are those of a gloss that is not in the collection. Prints p50 and p95 of dense
search, keyword search and hybrid search with each fusion method, alternating, and the ratio of hybrid search to the sum
of both legs: below 1 if its legs run in parallel. VICINAL_THREADS=1 makes them run one after the other. The data are in
../shared/data/wordnet; without them the program says so and ends.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # read when these libraries are loaded

import numpy as np  # noqa: E402

import vicinal  # noqa: E402

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "wordnet"
LEGS = ("dense", "keyword")
FUSIONS = ("weighted", "rrf", "borda")
HELD_OUT = 500
BATCH = 5_000


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="default: all but the 500 that queries are drawn from")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--json", type=Path, help="where the percentiles are kept")
    return parser.parse_args()


def data() -> tuple[list[str], np.ndarray]:
    """Returns texts and vectors in a fixed random order."""
    vectors = np.load(FOLDER / "vectors.f16.npy").astype(np.float32)
    with gzip.open(FOLDER / "texts.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [text_of(json.loads(line)) for line in lines]
    order = np.random.default_rng(0).permutation(len(texts))
    return [texts[i] for i in order.tolist()], vectors[order]


def text_of(row: object) -> str:
    return row["text"] if isinstance(row, dict) else str(row)


def filled(database: vicinal.Database, texts: list[str], vectors: np.ndarray) -> vicinal.Collection:
    docs = database.collection("glosses")
    for start in range(0, len(texts), BATCH):
        rows = range(start, min(start + BATCH, len(texts)))
        metadata = [{"number": i, "shelf": f"s{i % 50}"} for i in rows]
        docs.add(list(rows), texts=texts[start : rows.stop], vectors=vectors[start : rows.stop], metadata=metadata)
    return docs


def measured(docs: vicinal.Collection, texts: list[str], vectors: np.ndarray, k: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in (*LEGS, *FUSIONS)}
    for text, vector in zip(texts, vectors, strict=True):
        for name in seconds:
            start = time.perf_counter()
            if name == "dense":
                hits = docs.search(vector, k)
            elif name == "keyword":
                hits = docs.search(text, k, mode="keyword")
            else:
                hits = docs.search(text, k, mode="hybrid", vector=vector, fusion=name)
            _ = [(hit.text, hit.metadata) for hit in hits]
            seconds[name].append(time.perf_counter() - start)
    return seconds


def percentiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{percent}_ms": float(np.percentile(seconds, percent)) * 1e3 for percent in (50, 95)}


def main() -> None:
    chosen = options()
    if not FOLDER.is_dir():
        raise SystemExit(f"{FOLDER} is not there: nothing to measure")
    texts, vectors = data()
    asked, asked_vectors = texts[: chosen.queries], vectors[: chosen.queries]
    rows = slice(HELD_OUT, None if chosen.rows is None else HELD_OUT + chosen.rows)
    with tempfile.TemporaryDirectory() as folder, vicinal.connect(folder) as database:
        docs = filled(database, texts[rows], vectors[rows])
        measured(docs, asked[:3], asked_vectors[:3], chosen.k)  # warm
        seconds = measured(docs, asked, asked_vectors, chosen.k)
        count = len(docs)
    found = {name: percentiles(times) for name, times in seconds.items()}
    for name in FUSIONS:
        for percent in ("p50", "p95"):
            both = sum(found[leg][f"{percent}_ms"] for leg in LEGS)
            found[name][f"{percent}_of_both"] = found[name][f"{percent}_ms"] / both
    print(f"{count:,} rows, k = {chosen.k}")
    for name, figures in found.items():
        print(f"{name:<9}" + "  ".join(f"{figure} {value:.2f}" for figure, value in figures.items()))
    if chosen.json:
        chosen.json.write_text(json.dumps({"rows": count, "k": chosen.k, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
