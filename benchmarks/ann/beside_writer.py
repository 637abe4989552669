"""Latency of graph searches while another thread writes as fast as it can: the slowest hundredth.

    python -m benchmarks.ann.beside_writer [--rows 20000] [--seconds 10]

One reader, in the same process as the writer; first alone, then with the writer. The slowest searches compare rows one
by one that the graph does not contain yet.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from benchmarks import data
from benchmarks.machine import machine

RESULT = Path(__file__).parents[1] / "results" / "ann_beside_writer.json"
BATCH = 256


def durations(docs: vicinal.Collection, queries: Any, seconds: float) -> Any:
    """Returns the durations of consecutive searches, in seconds."""
    found, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        docs.search(queries[len(found) % len(queries)], k=10, select=())
        found.append(time.perf_counter() - start)
    return np.array(found)


def percentiles(found: Any) -> dict[str, float]:
    """Returns percentiles in milliseconds."""
    return {f"p{share}": round(1e3 * float(np.percentile(found, share)), 3) for share in (50, 99)}


class Writer:
    """Adds generated rows until it is stopped."""

    def __init__(self, docs: vicinal.Collection, vectors: Any) -> None:
        self._docs, self._vectors = docs, vectors
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.written, self.tails = 0, [0]

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._ended.is_set():
            start = self.written % (len(self._vectors) - BATCH)
            ids = [f"new {self.written + i}" for i in range(BATCH)]
            self._docs.add(ids, vectors=self._vectors[start : start + BATCH])
            self.written += BATCH
            self.tails.append(self._docs.stats().pending)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    measured = data.make(data.default_source(), options.rows)
    fresh = np.random.default_rng(1).permutation(measured.vectors)
    with tempfile.TemporaryDirectory() as folder, vicinal.connect(folder) as db:
        docs = db.collection("docs", index="graph")
        docs.add(list(range(options.rows)), vectors=measured.vectors)
        docs.wait_indexed()
        durations(docs, measured.queries, 1.0)
        alone = durations(docs, measured.queries, options.seconds)
        with Writer(docs, fresh) as writer:
            beside = durations(docs, measured.queries, options.seconds)
        result = {
            "machine": machine([]),
            "data": measured.name,
            "rows": options.rows,
            "milliseconds_alone": percentiles(alone),
            "milliseconds_beside_writer": percentiles(beside),
            "times_p99": round(float(np.percentile(beside, 99) / np.percentile(alone, 99)), 2),
            "rows_written_a_second": round(writer.written / options.seconds),
            "longest_tail": max(writer.tails),
        }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
