"""The course's exercise that compares databases: measured by the code of `benchmarks`, plotted as measured."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.course import program

EXERCISE = program("exercise_2_performance_comparison")
MODULES = {"Vicinal": "vicinal", "ChromaDB": "chromadb", "FAISS_Flat": "faiss", "FAISS_HNSW": "faiss"}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    pytest.importorskip("plotly", reason="plotly is not installed")
    folder = tmp_path_factory.mktemp("comparison")
    return EXERCISE.main(folder, sizes=(600,))[600], folder


def test_what_is_installed_is_measured(measured: tuple[Any, Path]) -> None:
    found, folder = measured
    assert list(found) == [name for name, module in MODULES.items() if find_spec(module)]
    assert found["Vicinal"].accuracy == 1.0
    for one in found.values():
        assert one.insert_time > 0
        assert one.search_time > 0
        assert 0 < one.accuracy <= 1
        assert one.index_size >= 600 * 128 * 4 / 2**20 * 0.9
        assert one.memory_usage >= 0
    assert (folder / "performance_600.html").stat().st_size > 100_000


def test_each_plot_has_a_bar_of_the_true_height_for_each_database(measured: tuple[Any, Path]) -> None:
    found, _ = measured
    benchmark = EXERCISE.VectorDBBenchmark(8, 50)
    figure = benchmark.plot_results(found)
    bars = [[trace for trace in figure.data if trace.xaxis == axis] for axis in ("x", "x2", "x3", "x4")]
    heights = [[one.insert_time, one.search_time * 1000, one.memory_usage, one.accuracy] for one in found.values()]
    for place, plot in enumerate(bars):
        assert [trace.name for trace in plot] == list(found)
        assert [trace.y[0] for trace in plot] == [one[place] for one in heights]
    assert [trace.name for trace in figure.data if trace.showlegend] == list(found)
    units = [figure.layout[f"yaxis{number}"].title.text for number in ("", 2, 3, 4)]
    assert units == ["seconds", "milliseconds", "MiB", "share of the true ones"]
    assert all(figure.layout[f"yaxis{number}"].rangemode == "tozero" for number in ("", 2, 3, 4))
    assert len(figure.layout.annotations) == 4
    assert benchmark.plot_results({}) is None


def test_vectors_and_queries_are_the_same_for_all() -> None:
    one, other = EXERCISE.VectorDBBenchmark(8, 200), EXERCISE.VectorDBBenchmark(8, 200)
    assert one.vectors.shape == (200, 8)
    assert np.array_equal(one.vectors, other.vectors)
    assert np.array_equal(one.query_vectors, other.query_vectors)
    assert not (one.query_vectors[:, None] == one.vectors[None]).all(axis=2).any()


def test_what_cannot_be_measured_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(EXERCISE, "available", lambda name: False)
    assert EXERCISE.VectorDBBenchmark(8, 50).run_benchmark() == {}
    assert "ChromaDB is left out: pip install chromadb" in capsys.readouterr().out
