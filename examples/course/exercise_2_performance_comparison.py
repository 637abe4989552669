"""Vicinal compared with Chroma and FAISS: insert, search, memory, recall and size, measured like `make bench`.

    pip install 'vicinal[viz]' faiss-cpu chromadb     # the last two as needed
    python examples/course/exercise_2_performance_comparison.py       # plots in performance_10000.html and so on

Each database runs in its own process, with one thread; those that are not installed are reported and skipped. The code
is that of the folder `benchmarks`, which also measures larger collections: `make bench`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vicinal.visualize import write
from vicinal.visualize.drawing import PALETTE

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the folder `benchmarks` is beside `examples`

from benchmarks.answers import judge
from benchmarks.crew import Member, PeerFailed
from benchmarks.data import Data, make
from benchmarks.peers import available, load

K, BATCH, QUERIES = 10, 1000, 100
MEGABYTE = 2**20
# One plot per figure: its title, its axis, and the factor for its values.
PLOTS = {
    "insert_time": ("Storing all rows", "seconds", 1.0),
    "search_time": ("A search", "milliseconds", 1000.0),
    "memory_usage": ("Memory for the rows", "MiB", 1.0),
    "accuracy": (f"Recall of the {K} nearest", "share of the true ones", 1.0),
}


@dataclass
class PerformanceMetrics:
    """The results of one database.

    Attributes:
        insert_time: seconds until all rows are stored and searchable.
        search_time: seconds per search, on average.
        memory_usage: MiB by which its process grew.
        accuracy: the share of the exact nearest rows that it found.
        index_size: MiB on disk; for one in memory, the size if it were saved.
    """

    insert_time: float
    search_time: float
    memory_usage: float
    accuracy: float
    index_size: float


class VectorDBBenchmark:
    """The same vectors and queries for every database."""

    def __init__(self, dimension: int = 128, num_vectors: int = 10000) -> None:
        self.dimension = dimension
        self.num_vectors = num_vectors
        self.data: Data = make("generated", num_vectors, dimension)
        self.vectors: np.ndarray = self.data.vectors
        self.query_vectors: np.ndarray = self.data.queries[:QUERIES]

    def benchmark_vicinal(self) -> PerformanceMetrics:
        """A collection in a folder, with the defaults: durable and exact."""
        return self._measured("vicinal")

    def benchmark_chromadb(self) -> PerformanceMetrics:
        """A collection in a folder, with Chroma's defaults."""
        return self._measured("chroma")

    def benchmark_faiss_flat(self) -> PerformanceMetrics:
        """IndexFlatIP: exact, in memory."""
        return self._measured("faiss-flat")

    def benchmark_faiss_hnsw(self) -> PerformanceMetrics:
        """IndexHNSWFlat with 32 links, in memory."""
        return self._measured("faiss-hnsw")

    def run_benchmark(self) -> dict[str, PerformanceMetrics]:
        """Returns the results of all installed databases, by name."""
        chosen = {
            "Vicinal": ("vicinal", self.benchmark_vicinal),
            "ChromaDB": ("chroma", self.benchmark_chromadb),
            "FAISS_Flat": ("faiss-flat", self.benchmark_faiss_flat),
            "FAISS_HNSW": ("faiss-hnsw", self.benchmark_faiss_hnsw),
        }
        found = {}
        for name, (peer, benchmark) in chosen.items():
            if not available(peer):
                print(f"{name} is left out: {load(peer).install}")
                continue
            try:
                found[name] = benchmark()
            except PeerFailed as failure:
                print(f"{name} is left out: {failure}")
        return found

    def plot_results(self, results: Mapping[str, PerformanceMetrics], save_path: str | None = None) -> Any:
        """Returns a plotly figure of four plots with a bar for each database; None if there is nothing to plot."""
        if not results:
            print("There is nothing to draw.")
            return None
        from plotly.subplots import make_subplots

        figure = make_subplots(2, 2, subplot_titles=[title for title, _, _ in PLOTS.values()], vertical_spacing=0.16)
        for place, (what, (_, unit, times)) in enumerate(PLOTS.items()):
            row, column = place // 2 + 1, place % 2 + 1
            for number, (name, metrics) in enumerate(results.items()):
                figure.add_bar(
                    x=[name],
                    y=[getattr(metrics, what) * times],
                    name=name,
                    legendgroup=name,
                    showlegend=place == 0,
                    marker={"color": PALETTE[number]},
                    row=row,
                    col=column,
                )
            figure.update_yaxes(title=unit, rangemode="tozero", row=row, col=column)
            figure.update_xaxes(title="database", row=row, col=column)
        title = f"{self.num_vectors:,} vectors of {self.dimension} dimensions, one thread"
        figure.update_layout(title=title, template="plotly_white", width=1000, height=800)
        if save_path:
            write(figure, save_path)
        return figure

    def _measured(self, peer: str) -> PerformanceMetrics:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder, "data")
            data.mkdir()
            self.data.save(data)
            count = len(self.query_vectors)
            with Member(peer, Path(folder), data, threads=1) as member:
                before = member.ask("space")
                built = member.ask("build", count=self.num_vectors, size=BATCH, bare=True)
                answers = member.ask("answers", count=count, k=K, below=None)
                searched = member.ask("search", count=count, k=K, below=None)
                after = member.ask("space")
        return PerformanceMetrics(
            insert_time=built["seconds"],
            search_time=searched["seconds"],
            memory_usage=max(0, after["memory_bytes"] - before["memory_bytes"]) / MEGABYTE,
            accuracy=judge(self.data, {peer: answers["numbers"]}, K)[peer]["recall"],
            index_size=after["stored_bytes"] / MEGABYTE,
        )


def main(folder: Path = Path(), sizes: tuple[int, ...] = (1000, 5000, 10000)) -> dict[int, Any]:
    """Measures each size, prints a table, and writes a page with plots."""
    found = {}
    for size in sizes:
        benchmark = VectorDBBenchmark(dimension=128, num_vectors=size)
        results = found[size] = benchmark.run_benchmark()
        print(f"{size:,} vectors      insert       search     memory     recall       size")
        for name, one in results.items():
            times = f"{one.insert_time:8.3f} s {one.search_time * 1000:9.3f} ms"
            print(f"{name:14} {times} {one.memory_usage:6.1f} MiB {one.accuracy:10.3f} {one.index_size:6.1f} MiB")
        benchmark.plot_results(results, str(folder / f"performance_{size}.html"))
    return found


if __name__ == "__main__":
    main()
