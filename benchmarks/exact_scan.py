"""Exact search over 8-bit codes against NumPy and faiss, everybody with the same number of threads.

    python benchmarks/exact_scan.py [--rows 100000 180000] [--threads 1] [--queries 50] [--batch 100] [--k 10]

Vectors are WordNet glosses by MiniLM (384 dims) where ../shared/data/wordnet has them, filled up with noisy copies of
its rows (Gaussian, 0.3 of their length); else generated. Prints the median of five alternating rounds:
milliseconds per query, and how many times faster than each peer the codes are. A peer that is not installed
is left out. Answers are compared: other ids must score the same within 1e-6.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

WORDNET = Path(__file__).parents[2] / "shared" / "data" / "wordnet" / "vectors.f16.npy"
ROUNDS = 5
HELD_OUT = 500
NOISE = 0.3
SHARES = (0.5, 0.07, 0.002)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 180_000])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--queries", type=int, default=50, help="searched one by one in each round")
    parser.add_argument("--batch", type=int, default=100, help="searched at once in each round")
    parser.add_argument("--k", type=int, default=10)
    return parser.parse_args()


OPTIONS = options()
# BLAS and OpenMP read these when they are loaded.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = str(OPTIONS.threads)

import numpy as np  # noqa: E402

from vicinal.indexes.codes import scanner  # noqa: E402
from vicinal.indexes.kernels import kernels  # noqa: E402

Answer = Callable[[np.ndarray], np.ndarray]  # queries to ids


def noisy(rows: np.ndarray, random: np.random.Generator) -> np.ndarray:
    noise = random.standard_normal(rows.shape, dtype=np.float32)
    noise *= NOISE * np.linalg.norm(rows, axis=1, keepdims=True) / np.linalg.norm(noise, axis=1, keepdims=True)
    return rows + noise


def data(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of length 1, and queries that are not among them."""
    random = np.random.default_rng(0)
    if WORDNET.exists():
        vectors = np.load(WORDNET).astype(np.float32)
        random.shuffle(vectors)
    else:
        vectors = random.standard_normal((rows + HELD_OUT, 384), dtype=np.float32)
    queries, vectors = vectors[:HELD_OUT], vectors[HELD_OUT : HELD_OUT + rows]
    if len(vectors) < rows:
        vectors = np.concatenate([vectors, noisy(vectors[: rows - len(vectors)], random)])
    for part in (queries, vectors):
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors), np.ascontiguousarray(queries)


def ours(vectors: np.ndarray, allowed: np.ndarray | None = None) -> Answer:
    implementation = scanner(kernels())
    coded = implementation.encode("ip", vectors)

    def answer(queries: np.ndarray) -> np.ndarray:
        return implementation.search_many(
            "ip", vectors, *coded, queries, OPTIONS.k, allowed=allowed, threads=OPTIONS.threads
        )[0]

    return answer


def numpy_answer(vectors: np.ndarray) -> Answer:
    k = OPTIONS.k

    def best(scores: np.ndarray) -> np.ndarray:
        found = np.argpartition(scores, -k)[-k:]
        return found[np.argsort(-scores[found])]

    def answer(queries: np.ndarray) -> np.ndarray:
        products = queries @ vectors.T if len(queries) > 1 else (vectors @ queries[0])[np.newaxis]
        return np.array([best(scores) for scores in products])

    return answer


def faiss_answer(vectors: np.ndarray) -> Answer:
    import faiss

    faiss.omp_set_num_threads(OPTIONS.threads)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda queries: index.search(queries, OPTIONS.k)[1]


def contenders(vectors: np.ndarray) -> dict[str, Answer]:
    found = {"codes": ours(vectors), "numpy": numpy_answer(vectors)}
    try:
        found["faiss"] = faiss_answer(vectors)
    except ImportError:
        print("faiss is not installed (pip install faiss-cpu): left out")
    return found


def seconds_per_query(answer: Answer, queries: np.ndarray, at_once: int) -> float:
    times = []
    for start in range(0, len(queries), at_once):
        begin = time.perf_counter()
        answer(queries[start : start + at_once])
        times.append(time.perf_counter() - begin)
    return statistics.median(times) / at_once


def compare(title: str, found: dict[str, Answer], queries: np.ndarray, at_once: int) -> None:
    """Five rounds, each contender in each of them, so that a busy machine disturbs all alike."""
    rounds: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(ROUNDS):
        for name, answer in found.items():
            rounds[name].append(seconds_per_query(answer, queries, at_once))
    medians = {name: statistics.median(times) for name, times in rounds.items()}
    own = next(iter(medians.values()))
    cells = [f"{name} {median * 1e3:8.3f} ms ({median / own:5.2f} x)" for name, median in medians.items()]
    print(f"{title:28} {'  '.join(cells)}")


def check(found: dict[str, Answer], vectors: np.ndarray, queries: np.ndarray) -> None:
    """The same answers, but for rows that score the same within 1e-6."""
    wide = vectors.astype(np.float64)
    own = found["codes"](queries)
    for name, answer in found.items():
        for query, a, b in zip(queries.astype(np.float64), own, answer(queries), strict=True):
            if not np.allclose(wide[a] @ query, wide[b] @ query, rtol=0, atol=1e-6):
                raise SystemExit(f"codes and {name} disagree: {a} and {b}")


def bitmap(rows: int, share: float) -> np.ndarray:
    chosen = np.zeros(-(-rows // 64) * 64, np.bool_)
    chosen[:rows] = np.random.default_rng(1).random(rows) < share
    return np.packbits(chosen, bitorder="little").view("<u8").astype(np.uint64)


def main() -> None:
    for rows in OPTIONS.rows:
        vectors, queries = data(rows)
        print(f"{rows} x {vectors.shape[1]}, {OPTIONS.threads} threads, k = {OPTIONS.k}")
        found = contenders(vectors)
        check(found, vectors, queries[:20])
        compare("one query", found, queries[: OPTIONS.queries], 1)
        compare(f"{OPTIONS.batch} queries at once", found, queries[: OPTIONS.batch], OPTIONS.batch)
        filtered = {f"{share:.1%}": ours(vectors, bitmap(rows, share)) for share in SHARES}
        compare("one query through a filter", {"all": found["codes"], **filtered}, queries[: OPTIONS.queries], 1)


if __name__ == "__main__":
    main()
