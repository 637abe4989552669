"""What hybrid search costs beside its legs, with texts and metadata, over the glosses of WordNet.

    python benchmarks/hybrid.py [--rows 117159] [--queries 300] [--k 10] [--json FILE]

The words and the vector of a query are those of a gloss that is not in the collection. Prints p50 and p95 of dense,
keyword and hybrid search, which take turns, and how many times the p95 of its slower leg hybrid search takes;
VICINAL_THREADS=1 makes its legs wait for one another. The data lie in ../shared/data/wordnet; without them the program
says so and ends.
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
MODES = ("dense", "keyword", "hybrid")
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
    """Texts and vectors in a fixed random order."""
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
    seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
    for text, vector in zip(texts, vectors, strict=True):
        for mode in MODES:
            start = time.perf_counter()
            if mode == "dense":
                hits = docs.search(vector, k)
            else:
                hits = docs.search(text, k, mode=mode, vector=vector if mode == "hybrid" else None)
            _ = [(hit.text, hit.metadata) for hit in hits]
            seconds[mode].append(time.perf_counter() - start)
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
    found = {
        mode: {f"p{p}_ms": float(np.percentile(times, p)) * 1e3 for p in (50, 95)} for mode, times in seconds.items()
    }
    for mode, figures in found.items():
        print(f"{mode:<8}" + "  ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    slower = max(found["dense"]["p95_ms"], found["keyword"]["p95_ms"])
    ratio = found["hybrid"]["p95_ms"] / slower
    print(f"{count:,} rows: p95 of hybrid search is {ratio:.2f} times that of its slower leg")
    if chosen.json:
        chosen.json.write_text(json.dumps({"rows": count, "k": chosen.k, **found, "ratio": ratio}, indent=1) + "\n")


if __name__ == "__main__":
    main()
