"""The graph index compared with those of other libraries: recall against time, time to build, memory.

    pip install '.[all]' faiss-cpu hnswlib usearch zvec matplotlib
    python -m benchmarks.ann.graph [--source wordnet|generated] [--rows 117159] [--rounds 3] [--peers faiss,hnswlib]

One query at a time through the Python API of each library, including query preparation, in one thread; then many at
once in two threads. All alternate in one run, and the best round of each counts, because other processes only make it
slower. Equal recall is found by interpolation on the curves. Indexes are built with two threads and with the parameters
that this benchmark prescribes: 16 links per row, 200 candidates while building.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks import data
from benchmarks.ann.curves import K, at, draw, truth
from benchmarks.machine import machine
from vicinal.contract import Accuracy
from vicinal.filters.bitmap import pack
from vicinal.indexes.graph import GraphIndex, GraphSearcher
from vicinal.indexes.kernels import kernels

RESULTS = Path(__file__).parents[1] / "results"
WIDTHS = (14, 20, 28, 40, 56, 80, 112, 160)
RECALLS = (0.95, 0.99)
M, EF = 16, 200

Find = Callable[[Any], Any]  # slots of the nearest rows of each query, shape (queries, K)
Measure = Callable[[Find, Any], tuple[float, Any]]  # seconds per query, and what was found


class Way:
    """An index of all rows, and how it is searched with a setting."""

    name = ""
    settings: tuple[Any, ...] = WIDTHS

    def build(self, rows: Any) -> None:
        raise NotImplementedError

    def finder(self, setting: Any, threads: int) -> Find:
        raise NotImplementedError


SHARES = (0.93, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995)  # of the exact hits; the settings of our own indexes


class Ours(Way):
    name = "vicinal graph"
    settings = SHARES

    def build(self, rows: Any) -> None:
        self._rows, self._all = rows, pack(np.ones(len(rows), np.bool_))
        self._index = GraphIndex(kernels(), "cosine")
        while self._index.build(rows, self._all) or self._index.refine(rows, self._all, awaited=True):
            pass

    def finder(self, setting: Any, threads: int) -> Find:
        index, rows, everything, accuracy = self._index, self._rows, self._all, Accuracy(recall=setting)

        def find(queries: Any) -> Any:
            searcher = index.searcher(rows)
            assert isinstance(searcher, GraphSearcher)
            return [slots for slots, _ in searcher.search(queries, K, everything, accuracy, threads=threads)]

        return find


class OursCollection(Way):
    """The same graph through `Collection.search(select=())`, with a target recall."""

    name = "vicinal collection"
    settings = SHARES

    def build(self, rows: Any) -> None:
        import vicinal

        self._docs = vicinal.connect(":memory:").collection("rows", metric="cosine", index="graph")
        self._docs.add(list(range(len(rows))), vectors=rows)
        self._docs.wait_indexed()

    def finder(self, setting: Any, threads: int) -> Find:
        def find(queries: Any) -> Any:
            found = [self._docs.search(query, K, select=(), recall=setting) for query in queries]
            return [np.array([hit.id for hit in hits]) for hits in found]

        return find


class Faiss(Way):
    name = "faiss HNSW"

    def build(self, rows: Any) -> None:
        import faiss

        self._faiss = faiss
        faiss.omp_set_num_threads(2)
        self._index = faiss.IndexHNSWFlat(rows.shape[1], M, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = EF
        self._index.add(rows)

    def finder(self, setting: int, threads: int) -> Find:
        def find(queries: Any) -> Any:
            self._index.hnsw.efSearch = setting
            return self._index.search(queries, K)[1]

        self._faiss.omp_set_num_threads(threads)
        return find


class FaissFastScan(Way):
    """4-bit product quantization, two components per code, then the best 10 times as many by their vectors."""

    name = "faiss IVF-PQ FastScan"
    settings = (8, 16, 32, 64, 128)

    def build(self, rows: Any) -> None:
        import faiss

        self._faiss = faiss
        faiss.omp_set_num_threads(2)
        dim, lists = rows.shape[1], round(4 * len(rows) ** 0.5)
        base = faiss.index_factory(dim, f"IVF{lists},PQ{dim // 2}x4fs", faiss.METRIC_INNER_PRODUCT)
        self._lists, self._index = base, faiss.IndexRefineFlat(base)
        self._index.train(rows[: 40 * lists])
        self._index.add(rows)
        self._index.k_factor = 10

    def finder(self, setting: int, threads: int) -> Find:
        def find(queries: Any) -> Any:
            self._lists.nprobe = setting
            return self._index.search(queries, K)[1]

        self._faiss.omp_set_num_threads(threads)
        return find


class Hnswlib(Way):
    name = "hnswlib"

    def build(self, rows: Any) -> None:
        import hnswlib

        self._index = hnswlib.Index("ip", rows.shape[1])
        self._index.init_index(len(rows), M=M, ef_construction=EF)
        self._index.add_items(rows, num_threads=2)

    def finder(self, setting: int, threads: int) -> Find:
        def find(queries: Any) -> Any:
            self._index.set_ef(setting)
            return self._index.knn_query(queries, K, num_threads=threads)[0]

        return find


class Usearch(Way):
    name = "usearch"

    def build(self, rows: Any) -> None:
        from usearch.index import Index

        self._index = Index(ndim=rows.shape[1], metric="ip", dtype="bf16", connectivity=M, expansion_add=EF)
        self._index.add(np.arange(len(rows)), rows, threads=2)

    def finder(self, setting: int, threads: int) -> Find:
        def find(queries: Any) -> Any:
            self._index.expansion_search = setting
            return self._index.search(queries, K, threads=threads).keys.reshape(len(queries), -1)

        return find


WAYS: dict[str, type[Way]] = {
    "faiss": Faiss,
    "hnswlib": Hnswlib,
    "usearch": Usearch,
    "fastscan": FaissFastScan,
}


def resident() -> int:
    """Returns the resident bytes of this process, including file pages that it has touched."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def built(names: list[str], rows: Any) -> Iterator[tuple[Way, float, int]]:
    """Yields each index, the seconds it took to build, and the growth of memory."""
    kinds: list[type[Way]] = [Ours, OursCollection, *(WAYS[name] for name in names)]
    for kind in kinds:
        way, before, start = kind(), resident(), time.perf_counter()
        way.build(rows)
        yield way, time.perf_counter() - start, resident() - before


def one_by_one(find: Find, queries: Any, clock: Callable[[], float] = time.thread_time) -> tuple[float, Any]:
    """Returns processor seconds per query, and what was found."""
    start = clock()
    found = [find(queries[i : i + 1])[0] for i in range(len(queries))]
    return (clock() - start) / len(queries), found


def one_by_one_in_any_thread(find: Find, queries: Any) -> tuple[float, Any]:
    """The same for a database that may search in its own threads."""
    return one_by_one(find, queries, time.process_time)


def together(find: Find, queries: Any) -> tuple[float, Any]:
    """Returns seconds per query, all at once."""
    start = time.perf_counter()
    found = find(queries)
    return (time.perf_counter() - start) / len(queries), found


def curves(
    ways: list[Way], queries: Any, true: list[set[int]], rounds: int, threads: int, measure: Measure
) -> dict[str, list[Any]]:
    best: dict[tuple[str, Any], tuple[float, float]] = {}
    for _ in range(rounds):
        for place in range(max(len(way.settings) for way in ways)):
            for way in ways:
                if place >= len(way.settings):
                    continue
                setting = way.settings[place]
                seconds, found = measure(way.finder(setting, threads), queries)
                recall = float(np.mean([len(set(a.tolist()) & b) / K for a, b in zip(found, true, strict=True)]))
                known = best.get((way.name, setting), (seconds, recall))
                best[way.name, setting] = min(known[0], seconds), recall
    return {
        way.name: [
            {"setting": setting, "recall": round(recall, 4), "microseconds": round(1e6 * seconds, 1)}
            for (name, setting), (seconds, recall) in best.items()
            if name == way.name
        ]
        for way in ways
    }


def ratios(found: dict[str, list[Any]], own: str) -> dict[str, dict[str, float | None]]:
    """Returns by which factor others are slower at equal recall."""
    times: dict[str, dict[str, float | None]] = {}
    for name, curve in found.items():
        if name in (Ours.name, OursCollection.name):
            continue
        times[name] = {}
        for recall in RECALLS:
            mine, theirs = at(found[own], recall), at(curve, recall)
            times[name][str(recall)] = round(theirs / mine, 2) if mine and theirs else None
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default=data.default_source())
    parser.add_argument("--rows", type=int, default=117_159)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="faiss,hnswlib,usearch,fastscan")
    parser.add_argument("--name", default="ann_graph", help="of the files in benchmarks/results")
    options = parser.parse_args()
    measured = data.make(options.source, options.rows)
    rows, queries = np.ascontiguousarray(measured.vectors), measured.queries
    true = truth(rows, queries)
    ways, seconds, megabytes = [], {}, {}
    for way, took, grew in built([name for name in options.peers.split(",") if name], rows):
        ways.append(way)
        seconds[way.name], megabytes[way.name] = round(took, 1), round(grew / 1e6)
        print(way.name, "built in", seconds[way.name], "s,", megabytes[way.name], "MB", flush=True)
    one = curves(ways, queries, true, options.rounds, 1, one_by_one)
    two = curves(ways, queries, true, options.rounds, 2, together)
    result = {
        "machine": machine(["faiss-flat", "zvec"]),
        "data": measured.name,
        "rows": len(rows),
        "build_seconds_two_threads": seconds,
        "megabytes": megabytes,
        "times_ours_one_thread": ratios(one, Ours.name),
        "times_ours_many_in_two_threads": ratios(two, Ours.name),
        "times_our_collection_one_thread": ratios(one, OursCollection.name),
        "one_thread": one,
        "two_threads": two,
    }
    (RESULTS / f"{options.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    draw(result, one, RESULTS / f"{options.name}.svg")
    print(json.dumps({key: result[key] for key in list(result)[3:8]}, indent=1))


if __name__ == "__main__":
    main()
