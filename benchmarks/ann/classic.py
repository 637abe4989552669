"""The classic indexes compared with faiss: `ivf` with IndexIVFFlat, `lsh` with IndexLSH; one thread, one query at a
time.

    pip install '.[all]' faiss-cpu matplotlib
    python -m benchmarks.ann.classic [--rows 117159] [--rounds 5]

Uses WordNet if available, without 500 rows that are the queries; otherwise generated vectors. All alternate; measured
is the processor time of this thread. Equal recall is found by interpolation on the curves of one round; a ratio is the
median of the better half of the rounds, and the ratios of all rounds are given too.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.update(VICINAL_THREADS="1", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np

from benchmarks import data
from benchmarks.ann.curves import Curves, K, at, draw, truth
from benchmarks.machine import machine
from vicinal.filters.bitmap import pack
from vicinal.indexes.ivf import IvfIndex
from vicinal.indexes.kernels import kernels
from vicinal.indexes.lsh import LshIndex

RESULT = Path(__file__).parents[1] / "results" / "ann_classic.json"
PROBES = {"ivf": (8, 16, 32, 64, 128, 256), "lsh": (128, 256, 512, 1024)}
RECALLS = (0.9, 0.95, 0.98)

Find = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]


def ours(kind: Any, rows: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    index, everything = kind(kernels(), "cosine"), pack(np.ones(len(rows), np.bool_))
    while index.build(rows, everything):
        pass
    index.searcher(rows).search(rows[:1], K, everything)  # building includes the first search
    return index, time.perf_counter() - start


def finder(index: Any, rows: Any, probes: int) -> Find:
    everything = pack(np.ones(len(rows), np.bool_))

    def find(query: Any) -> Any:
        index._probes = probes
        return index.searcher(rows).search(query, K, everything)[0][0]

    return find


def faiss_ivf(rows: Any, lists: int) -> tuple[Any, float]:
    import faiss

    faiss.omp_set_num_threads(1)
    start = time.perf_counter()
    dim = rows.shape[1]
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(dim), dim, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(rows[: 40 * lists])
    index.add(rows)
    return index, time.perf_counter() - start


def faiss_finder(index: Any, probes: int) -> Find:
    def find(query: Any) -> Any:
        index.nprobe = probes
        return index.search(query, K)[1][0]

    return find


def measured(ways: dict[str, Find], queries: Any, true: list[set[int]], rounds: int) -> list[Curves]:
    """Returns the curves of each round: recall and microseconds per query, by setting."""
    found = []
    for _ in range(rounds):
        curves: Curves = {}
        for name, find in ways.items():
            start = time.thread_time()
            answers = [find(queries[i : i + 1]) for i in range(len(queries))]
            microseconds = (time.thread_time() - start) / len(queries) * 1e6
            recall = float(np.mean([len(set(a.tolist()) & b) / K for a, b in zip(answers, true)]))
            kind, setting = name.rsplit(" ", 1)
            point = {"setting": float(setting), "recall": round(recall, 4), "microseconds": round(microseconds, 1)}
            curves.setdefault(kind, []).append(point)
        found.append(curves)
    return found


def best_of(rounds: list[Curves]) -> Curves:
    """Returns the best of the rounds, because other processes only make it slower."""
    return {
        kind: [min(points, key=lambda point: point["microseconds"]) for points in zip(*(r[kind] for r in rounds))]
        for kind in rounds[0]
    }


def ratios(rounds: list[Curves], recall: float) -> dict[str, Any]:
    """Returns by which factor faiss IVFFlat is slower at that recall, by round."""
    pairs = [(at(curves["faiss IVFFlat"], recall), at(curves["ivf"], recall)) for curves in rounds]
    each = [round(theirs / mine, 2) for theirs, mine in pairs if theirs and mine]
    better = sorted(each)[len(each) // 2 :]
    return {"better_half": round(statistics.median(better), 2) if better else None, "rounds": each}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=117_159)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, default=RESULT)
    options = parser.parse_args()
    measured_with = data.make(data.default_source(), options.rows)
    rows, queries = measured_with.vectors, measured_with.queries
    true = truth(rows, queries)
    ivf, ivf_seconds = ours(IvfIndex, rows)
    lsh, lsh_seconds = ours(LshIndex, rows)
    lists = len(ivf._state.partition.probes(rows[0])[1])
    peer, peer_seconds = faiss_ivf(rows, lists)
    ways: dict[str, Find] = {}
    for probes in PROBES["ivf"]:
        ways[f"ivf {probes}"] = finder(ivf, rows, probes)
        ways[f"faiss IVFFlat {probes}"] = faiss_finder(peer, probes)
    for probes in PROBES["lsh"]:
        ways[f"lsh {probes}"] = finder(lsh, rows, probes)
    for bits in (768, 1536, 3072):
        import faiss

        signs = faiss.IndexLSH(rows.shape[1], bits)
        signs.add(rows)
        ways[f"faiss LSH {bits}"] = lambda query, signs=signs: signs.search(query, K)[1][0]
    found = measured(ways, queries, true, options.rounds)
    curves = best_of(found)
    result = {
        "machine": machine(["faiss-flat"]),
        "data": measured_with.name,
        "rows": len(rows),
        "lists": lists,
        "build_seconds": {
            "ivf": round(ivf_seconds, 1),
            "lsh": round(lsh_seconds, 1),
            "faiss IVFFlat": round(peer_seconds, 1),
        },
        "curves": curves,
        "ivf_times_faiss_at_recall": {str(recall): ratios(found, recall) for recall in RECALLS},
    }
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    draw(result, curves, options.json.with_suffix(".svg"))
    print(json.dumps(result["ivf_times_faiss_at_recall"]), json.dumps(curves, indent=1))


if __name__ == "__main__":
    main()
