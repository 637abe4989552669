"""A million rows of 384 dimensions in one collection: seconds of each operation, and memory.

    python -m benchmarks.million [rows] [folder]

Vectors are those of WordNet if available, and copies of them with Gaussian noise of 0.3 of their length; otherwise
Gaussian clusters (see `data`). Writes benchmarks/results/million.json, with zvec from the same run if it is installed:
a flat index over the same rows, one query at a time.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import vicinal

from .contract import Below
from .data import Data, default_source, make
from .machine import machine
from .peers.zvec import ZvecFlat

RESULTS = Path(__file__).parent / "results" / "million.json"
_BATCH = 10_000
_ZVEC_BATCH = 1_000  # its limit is 1,024
_QUERIES = 20


def main(rows: int = 1_000_000, folder: str | None = None) -> None:
    data = make(default_source(), rows)
    place = Path(folder or tempfile.mkdtemp(prefix="million-"))
    try:
        report: dict[str, Any] = {"rows": rows, "dimension": data.vectors.shape[1], "machine": machine(["zvec-flat"])}
        report["vicinal"] = _vicinal(data, place / "vicinal")
        report["zvec"] = _zvec(data, place / "zvec")
        RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    finally:
        if folder is None:
            shutil.rmtree(place)


def _vicinal(data: Data, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    db = vicinal.connect(str(folder))
    docs = db.collection("docs", durability="process")
    _timed(found, "ingest", lambda: _ingest(docs, data))
    _timed(found, "first search after the load", lambda: docs.search(data.queries[0]))
    _timed(found, "close", db.close)
    db = vicinal.connect(str(folder))
    docs = _timed(found, "open", lambda: db.collection("docs"))
    _timed(found, "first search after opening", lambda: docs.search(data.queries[1]))
    _median(found, "search", docs.search, data)
    _median(found, "search, filter of a half", lambda query: docs.search(query, where={"part": {"$lt": 500}}), data)
    _median(found, "search, filter of a hundredth", lambda query: docs.search(query, where={"part": {"$lt": 10}}), data)
    _median(found, "write of one row and search", lambda query: _write_and_search(docs, query), data)
    _timed(found, "update(where=) of a tenth", lambda: docs.update(where={"part": {"$lt": 100}}, metadata={"seen": 1}))
    _timed(found, "search after it", lambda: docs.search(data.queries[2]))
    _timed(found, "compact", docs.compact)
    _timed(found, "search after compacting", lambda: docs.search(data.queries[3]))
    found["bytes on disk"] = docs.stats().bytes_on_disk
    found["largest resident bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    found["of these the benchmark's own vectors"] = data.vectors.nbytes
    db.close()
    return found


def _ingest(docs: Any, data: Data) -> None:
    for batch in data.batches(len(data.vectors), _BATCH):
        ids = list(range(batch.start, batch.start + len(batch.vectors)))
        docs.add(ids, vectors=batch.vectors, texts=batch.texts, metadata=batch.metadata)


def _write_and_search(docs: Any, query: Any) -> None:
    docs.upsert([0], vectors=[query], texts=["written again"], metadata=[{"part": 0}])
    docs.search(query)


def _zvec(data: Data, folder: Path) -> dict[str, Any] | str:
    """Measures the operations that zvec also has, with its flat index, which is exact too."""
    if importlib.util.find_spec("zvec") is None:
        return "not installed"
    found: dict[str, Any] = {}
    folder.mkdir()
    peer = ZvecFlat(folder, os.cpu_count() or 1)
    peer.create(data.vectors.shape[1])
    _timed(found, "ingest", lambda: _ingest_zvec(peer, data))
    _timed(found, "finish", peer.finish)
    _timed(found, "first search after the load", lambda: peer.search(data.queries[0], 10, None))
    _timed(found, "close", peer.close)
    _timed(found, "open", peer.open)
    _timed(found, "first search after opening", lambda: peer.search(data.queries[1], 10, None))
    _median(found, "search", lambda query: peer.search(query, 10, None), data)
    for name, below in (("a half", 500), ("a hundredth", 10)):
        filtered = partial(peer.search, k=10, where=Below("part", below))
        _median(found, f"search, filter of {name}", filtered, data)
    peer.close()
    return found


def _ingest_zvec(peer: ZvecFlat, data: Data) -> None:
    for batch in data.batches(len(data.vectors), _ZVEC_BATCH):
        peer.add(batch)


def _timed(found: dict[str, Any], name: str, do: Callable[[], Any]) -> Any:
    start = time.perf_counter()
    done = do()
    found[name] = round(time.perf_counter() - start, 5)
    print(f"{name:40} {found[name]:10.4f} s", flush=True)
    return done


def _median(found: dict[str, Any], name: str, do: Callable[[Any], Any], data: Data) -> None:
    """Records the median seconds of some queries, and those of the slowest."""
    taken = []
    for query in data.queries[:_QUERIES]:
        start = time.perf_counter()
        do(np.asarray(query))
        taken.append(time.perf_counter() - start)
    found[name] = {"median": round(statistics.median(taken), 6), "slowest": round(max(taken), 6)}
    print(f"{name:40} {found[name]['median']:10.4f} s, slowest {found[name]['slowest']:.4f}", flush=True)


if __name__ == "__main__":
    main(*(int(argument) if argument.isdecimal() else argument for argument in sys.argv[1:]))  # type: ignore[arg-type]
