"""Speed of the native kernels relative to NumPy, per metric and SIMD level.

    python benchmarks/kernels.py [--rows 100000] [--dim 384]

Prints milliseconds of the best of several runs, GB/s of vectors read, and the ratio to NumPy. For cosine and ip, NumPy
calls BLAS, which uses all cores unless OPENBLAS_NUM_THREADS=1; the native scan runs in one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from vicinal.contract import METRICS, Kernels, Metric
from vicinal.indexes.kernels import NativeKernels, NumpyKernels, kernels

RUNS = 9
RESCORED = 100


def best_seconds(work: Callable[[], object]) -> float:
    """Returns the time of the fastest run, which the rest of the machine disturbed least."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def report(what: str, seconds: float, bytes_read: int, referee_seconds: float) -> None:
    speed, ratio = bytes_read / seconds / 1e9, referee_seconds / seconds
    print(f"{what:20} {seconds * 1e3:9.3f} ms {speed:7.1f} GB/s {ratio:7.2f} x NumPy")


class Comparison:
    """Native code compared with NumPy on one matrix of random vectors."""

    def __init__(self, native: NativeKernels, rows: int, dim: int) -> None:
        random = np.random.default_rng(0)
        self.native, self.referee = native, NumpyKernels()
        self.vectors = random.standard_normal((rows, dim), dtype=np.float32)
        self.query = random.standard_normal(dim, dtype=np.float32)
        self.slots = random.integers(0, rows, RESCORED, dtype=np.uint32)
        self.out = np.empty(rows, np.float32)

    def scan(self, metric: Metric) -> None:
        def seconds(kernels: Kernels) -> float:
            return best_seconds(lambda: kernels.scan(metric, self.vectors, self.query, self.out))

        referee = seconds(self.referee)
        report(f"scan {metric} numpy", referee, self.vectors.nbytes, referee)
        for level in self.native.levels():
            self.native.use_level(level)
            report(f"scan {metric} {level}", seconds(self.native), self.vectors.nbytes, referee)

    def score(self, metric: Metric) -> None:
        def seconds(kernels: Kernels) -> float:
            return best_seconds(lambda: kernels.score(metric, self.vectors, self.slots, self.query))

        bytes_read = RESCORED * self.vectors[0].nbytes
        report(f"score {metric} of {RESCORED}", seconds(self.native), bytes_read, seconds(self.referee))

    def squared_norms(self) -> None:
        def seconds(kernels: Kernels) -> float:
            return best_seconds(lambda: kernels.squared_norms(self.vectors))

        report("squared_norms", seconds(self.native), self.vectors.nbytes, seconds(self.referee))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=384)
    options = parser.parse_args()
    native = kernels()
    if not isinstance(native, NativeKernels):
        raise SystemExit("the native core is not installed: nothing to compare")

    comparison = Comparison(native, options.rows, options.dim)
    for metric in METRICS:
        comparison.scan(metric)
        comparison.score(metric)
    comparison.squared_norms()


if __name__ == "__main__":
    main()
