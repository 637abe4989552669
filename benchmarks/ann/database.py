"""A collection with a graph index compared with zvec as a database: both store texts and metadata and return them with
hits.

    python -m benchmarks.ann.database [--rows 60000] [--rounds 3]

Both keep their rows in a folder and receive them in batches of 1,000; then Vicinal's `wait_indexed()` and zvec's
`optimize()` build the index with two threads. One query at a time, alternating; the best round of each counts.
zvec uses 16 links per row and 200 candidates while building, like the libraries in benchmarks/ann/graph.py, and
contiguous memory, its faster mode.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from benchmarks import data
from benchmarks.ann.curves import K, at, truth
from benchmarks.ann.graph import EF, RECALLS, M, Way, curves, one_by_one_in_any_thread
from benchmarks.machine import machine
from benchmarks.peers.zvec import Zvec

RESULT = Path(__file__).parents[1] / "results" / "ann_database.json"
BATCH = 1_000


class Ours(Way):
    name = "vicinal"
    settings = (0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)  # share of the exact hits

    def __init__(self, measured: data.Data, folder: Path) -> None:
        self._measured, self._folder = measured, folder

    def build(self, rows: Any) -> None:
        self._docs = vicinal.connect(self._folder).collection("rows", metric="cosine", index="graph")
        for batch in self._measured.batches(len(rows), BATCH):
            self._docs.upsert(list(batch.numbers), vectors=batch.vectors, texts=batch.texts, metadata=batch.metadata)
        self._docs.wait_indexed()

    def finder(self, setting: Any, threads: int) -> Any:
        def find(queries: Any) -> Any:
            hits = self._docs.search(queries[0], K, recall=setting)
            return [np.array([hit.id for hit in hits if (hit.text, hit.metadata) is not None])]

        return find


class ZvecGraph(Zvec):
    def _vector_index(self) -> Any:
        return self._zvec.HnswIndexParam(
            metric_type=self._zvec.MetricType.IP, m=M, ef_construction=EF, use_contiguous_memory=True
        )

    def search_at(self, query: Any, ef: int) -> list[tuple[str, str, Any]]:
        param = self._zvec.HnswQueryParam(ef=ef)
        found = self._collection.query(self._zvec.Query(field_name="vector", vector=query, param=param), topk=K)
        return [(doc.id, doc.field("text"), json.loads(doc.field("metadata"))) for doc in found]


class Theirs(Way):
    name = "zvec"
    settings = (10, 14, 20, 28, 40, 56, 80, 112, 160)

    def __init__(self, measured: data.Data, folder: Path) -> None:
        self._measured, self._database = measured, ZvecGraph(folder, 2)

    def build(self, rows: Any) -> None:
        self._database.create(rows.shape[1])
        for batch in self._measured.batches(len(rows), BATCH):
            self._database.add(batch)
        self._database.finish()

    def finder(self, setting: Any, threads: int) -> Any:
        def find(queries: Any) -> Any:
            return [np.array([int(hit[0]) for hit in self._database.search_at(queries[0], setting)])]

        return find


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default=data.default_source())
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    measured = data.make(options.source, options.rows)
    rows = np.ascontiguousarray(measured.vectors)
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "zvec").mkdir()
        ways: list[Way] = [Ours(measured, Path(place) / "vicinal"), Theirs(measured, Path(place) / "zvec")]
        seconds = {}
        for way in ways:
            start = time.perf_counter()
            way.build(rows)
            seconds[way.name] = round(time.perf_counter() - start, 1)
            print(way.name, "built in", seconds[way.name], "s", flush=True)
        true = truth(rows, measured.queries)
        found = curves(ways, measured.queries, true, options.rounds, 1, one_by_one_in_any_thread)
    times = {}
    for recall in RECALLS:
        mine, theirs = at(found["vicinal"], recall), at(found["zvec"], recall)
        times[str(recall)] = round(theirs / mine, 2) if mine and theirs else None
    result = {
        "machine": machine(["zvec"]),
        "data": measured.name,
        "rows": len(rows),
        "seconds_to_insert_and_index": seconds,
        "times_ours": times,
        "curves": found,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({key: result[key] for key in list(result)[2:5]}, indent=1))


if __name__ == "__main__":
    main()
