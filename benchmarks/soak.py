"""Checks that opening, searching and closing leave nothing behind.

    python benchmarks/soak.py [--cycles 10000] [--warm-up 500] [--rows 5000]

Repeatedly opens a database of 5,000 rows, searches it with and without a filter, and closes it. After the warm-up,
memory may grow by less than 5 %, and descriptors, maps and threads not at all. Prints a table; the exit status says
whether that held. Reads /proc, so it runs on Linux only.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import vicinal

DIMENSION = 64
NAME = "soak"
SAMPLES = 20
GROWTH_MAX = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds after a number of cycles."""

    cycles: int
    memory_bytes: int
    descriptors: int
    maps: int
    threads: int

    @classmethod
    def take(cls, cycles: int) -> Sample:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            cycles,
            pages * os.sysconf("SC_PAGESIZE"),
            len(os.listdir("/proc/self/fd")),
            len(Path("/proc/self/maps").read_text().splitlines()),
            len(os.listdir("/proc/self/task")),
        )

    def __str__(self) -> str:
        memory = self.memory_bytes / 2**20
        return f"{self.cycles:>8,} {memory:>10.2f} {self.descriptors:>11} {self.maps:>5} {self.threads:>7}"


def fill(path: str, rows: int) -> None:
    random = np.random.default_rng(0)
    with vicinal.connect(path) as db:
        docs = db.collection(NAME, dimension=DIMENSION)
        docs.add(
            [f"row-{i}" for i in range(rows)],
            texts=[f"text of row {i}" for i in range(rows)],
            vectors=random.standard_normal((rows, DIMENSION), dtype=np.float32),
            metadata=[{"number": i} for i in range(rows)],
        )


def cycle(path: str, query: np.ndarray) -> None:
    with vicinal.connect(path) as db:
        docs = db.collection(NAME)
        assert len(docs.search(query, k=10)) == 10
        hits = docs.search(query, k=10, where={"number": {"$lt": 2500}})
        assert len(hits) == 10
        assert hits[0].metadata["number"] >= 0


def soak(path: str, cycles: int, warm_up: int) -> list[Sample]:
    """Returns samples from the end of the warm-up on, at equal intervals."""
    queries = np.random.default_rng(1).standard_normal((16, DIMENSION), dtype=np.float32)
    every = max(1, (cycles - warm_up) // SAMPLES)
    samples = []
    for done in range(1, cycles + 1):
        cycle(path, queries[done % len(queries)])
        if done >= warm_up and (done - warm_up) % every == 0:
            samples.append(Sample.take(done))
            print(samples[-1], flush=True)
    return samples


def faults(samples: list[Sample]) -> list[str]:
    """Returns what grew. Counts vary while a thread ends, so growth means that the second half never drops to the
    minimum of the first.
    """
    first, found = samples[0], []
    growth = samples[-1].memory_bytes / first.memory_bytes - 1
    if growth >= GROWTH_MAX:
        found.append(f"memory grew by {growth:.1%} after the warm-up")
    half = len(samples) // 2
    for what in ("descriptors", "maps", "threads"):
        early = max(getattr(sample, what) for sample in samples[:half])
        late = min(getattr(sample, what) for sample in samples[half:])
        if late > early:
            found.append(f"{what} grew from {early} to {late}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cycles", type=int, default=10_000)
    parser.add_argument("--warm-up", type=int, default=500)
    parser.add_argument("--rows", type=int, default=5_000)
    options = parser.parse_args()
    if sys.platform != "linux":
        print("soak reads /proc, so it runs on Linux", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="vicinal-soak-") as folder:
        fill(folder, options.rows)
        print(f"{'cycles':>8} {'memory MiB':>10} {'descriptors':>11} {'maps':>5} {'threads':>7}")
        started = time.monotonic()
        samples = soak(folder, options.cycles, options.warm_up)
    found = faults(samples)
    growth = samples[-1].memory_bytes / samples[0].memory_bytes - 1
    print(f"{options.cycles:,} cycles in {time.monotonic() - started:.0f} s; memory {growth:+.1%} since the warm-up")
    for fault in found:
        print(f"FAULT: {fault}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
