"""Latency of searches during writes, compaction and saving; and how much upkeep writes for one changed row.

    python -m benchmarks.responsive [--rows 62000] [--dim 384] [--seconds 5] [--texts]
    python -m benchmarks.responsive --written 150000 1500000

Prints one line per phase: searches, p50, p99 and the longest in milliseconds. Every search is for ten rows with text
and metadata, in one thread. The writer is another process: 1,000 rows per second in batches of 100.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import vicinal

BATCH = 100
QUIET_SECONDS = 12.0
CLUSTERS = 2000


def vectors(rows: int, dim: int, seed: int = 0) -> Any:
    """Returns clusters in a third of the dimensions, similar to embeddings of texts."""
    random = np.random.default_rng(seed)
    inner = max(2, dim // 3)
    spread = np.random.default_rng(7).standard_normal((inner, dim)).astype(np.float32)
    centres = np.random.default_rng(8).standard_normal((CLUSTERS, inner)).astype(np.float32)
    chosen = centres[random.integers(0, CLUSTERS, rows)]
    return (chosen + 0.5 * random.standard_normal((rows, inner)).astype(np.float32)) @ spread


def fill(docs: vicinal.Collection, block: Any, first: int, texts: bool) -> None:
    ids = range(first, first + len(block))
    words = [f"text number {i} of a collection with {i % 97} and {i % 89}" for i in ids] if texts else None
    docs.add(list(ids), vectors=block, texts=words, metadata=[{"n": i, "tag": f"t{i % 10}"} for i in ids])


def searches(
    docs: vicinal.Collection, queries: Any, seconds: float, until: threading.Event | None = None
) -> list[float]:
    """Returns the milliseconds of each search, for the given time, or until it is over."""
    taken, end, i = [], time.perf_counter() + seconds, 0
    while (until is not None and not until.is_set()) or time.perf_counter() < end:
        start = time.perf_counter()
        hits = docs.search(queries[i % len(queries)], k=10)
        assert len(hits) == 10
        _ = hits[0].text, hits[0].metadata
        taken.append(1000 * (time.perf_counter() - start))
        i += 1
    return taken


def line(name: str, taken: list[float]) -> None:
    p50, p99 = np.percentile(taken, [50, 99])
    print(
        f"{name:34} {len(taken):6} searches  p50 {p50:7.3f}  p99 {p99:7.3f}  longest {max(taken):7.2f} ms", flush=True
    )


def responsive(rows: int, dim: int, seconds: float, texts: bool) -> None:
    queries, command = vectors(1000, dim, seed=1), [sys.executable, "-m", "benchmarks.responsive"]
    with tempfile.TemporaryDirectory() as folder, vicinal.connect(folder) as db:
        docs = db.collection("docs", dimension=dim)
        start = time.perf_counter()
        fill(docs, vectors(rows, dim), 0, texts)
        print(f"{rows:,} rows of {dim} stored in {time.perf_counter() - start:.2f} s", flush=True)
        line("at once", searches(docs, queries, seconds))
        line("later", searches(docs, queries, seconds))
        writer = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.responsive", "--write", folder, str(dim), str(rows)]
        )
        time.sleep(2)
        line("while 1,000 rows a second come", searches(docs, queries, seconds))
        writer.terminate()
        writer.wait()
        done = threading.Event()

        def compact() -> None:
            docs.compact()
            done.set()

        thread = threading.Thread(target=compact)
        thread.start()
        line("while it is compacted, this process", searches(docs, queries, 1.0, until=done))
        thread.join()
        done.clear()
        other = subprocess.Popen([*command, "--compact", folder])
        threading.Thread(target=lambda: (other.wait(), done.set())).start()
        line("while it is compacted, another one", searches(docs, queries, 1.0, until=done))


def write(folder: str, dim: int, first: int) -> None:
    with vicinal.connect(folder) as db:
        docs = db.collection("docs")
        start = time.perf_counter()
        for i in range(10**6):
            fill(docs, vectors(BATCH, dim, seed=i), first + BATCH * i, texts=False)
            time.sleep(max(0.0, start + (i + 1) * BATCH / 1000 - time.perf_counter()))


def written(rows: int, dim: int) -> None:
    """Prints the bytes that this process writes after one changed row, until it is idle."""
    with tempfile.TemporaryDirectory() as folder, vicinal.connect(folder) as db:
        docs = db.collection("docs", dimension=dim)
        for first in range(0, rows, 50_000):
            fill(docs, vectors(min(50_000, rows - first), dim, seed=first), first, texts=False)
        docs._context.store.upkeep.build(always=True)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.idx"))
        before = bytes_written()
        docs.update([17], metadata={"n": -1})
        docs.upsert([18], vectors=vectors(1, dim, seed=3), metadata=[{"n": 1}])
        time.sleep(QUIET_SECONDS)
        print(
            f"{rows:,} rows of {dim}: indexes of {size / 1e6:.1f} MB, "
            f"{(bytes_written() - before) / 1e6:.2f} MB written after two changed rows",
            flush=True,
        )


def bytes_written() -> int:
    """Returns the bytes written to files by this process, as counted by Linux."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(one for one in lines if one.startswith("wchar:")).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=62_000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--texts", action="store_true")
    parser.add_argument("--written", type=int, nargs="+")
    parser.add_argument("--write", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--compact", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        write(given.write[0], int(given.write[1]), int(given.write[2]))
    elif given.compact:
        with vicinal.connect(given.compact) as db:
            db.collection("docs").compact()
    elif given.written:
        for rows in given.written:
            written(rows, 64)
    else:
        print(f"{os.cpu_count()} processors, Vicinal {vicinal.__version__}")
        responsive(given.rows, given.dim, given.seconds, given.texts)


if __name__ == "__main__":
    main()
