"""The course's plots as rendered by a browser: titles of axes, legends, and every bar and point."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("plotly", reason="plotly is not installed")

from support.course import program
from vicinal.visualize import write

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")]


def drawn(figure: Any, folder: Path) -> tuple[list[str], set[str], str]:
    """Returns the lines of the legend, titles of axes, and the plot without its legend."""
    page = write(figure, folder / "plot.html")
    command = [str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"]
    command += ["--dump-dom", f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    texts = re.compile(r'class="(legendtext|[xy]\d*title)"[^>]*data-unformatted="([^"]*)"')
    found = [(kind, unescape(text)) for kind, text in texts.findall(done)]
    titles = {text for kind, text in found if kind.endswith("title")}
    return [text for kind, text in found if kind == "legendtext"], titles, done.split('class="legend"')[0]


def test_embeddings_have_a_point_each_and_a_legend_of_the_labels(tmp_path: Path) -> None:
    embedding = program("advanced_embedding_system")
    system = embedding.AdvancedEmbeddingSystem("hashing:64", cache_dir=str(tmp_path / "cache"))
    labels = list(embedding.TEXTS.values())
    figure = system.visualize_embeddings(list(embedding.TEXTS), labels, method="pca")
    system._database.close()
    legend, titles, drawing = drawn(figure, tmp_path)
    assert legend == list(dict.fromkeys(labels))
    assert sorted(title.split(" (")[0] for title in titles) == ["PC 1", "PC 2"]
    assert len(re.findall(r'<path class="point"', drawing)) == len(labels)


def test_bars_are_as_many_as_values_and_none_is_flat(tmp_path: Path) -> None:
    exercise, ivf = program("exercise_2_performance_comparison"), program("ivf_implementation")
    measured = {name: exercise.PerformanceMetrics(n, n / 1000, n, 1 / n, 1.0) for n, name in enumerate("ABC", 1)}
    comparison = ivf.IndexComparison(4)
    comparison.generate_data(100, 2)
    found = {"exact": (1.0, 0.5), "10 lists, 1 looked into": (0.7, 0.4)}
    for figure, legend, titles, bars in (
        (
            exercise.VectorDBBenchmark(4, 50).plot_results(measured),
            list("ABC"),
            {"database", "seconds", "milliseconds", "MiB", "share of the true ones"},
            12,
        ),
        (comparison.plot(found), list(found), {"configuration", "recall", "seconds"}, 4),
    ):
        said, axes, drawing = drawn(figure, tmp_path)
        assert (said, axes) == (legend, titles)
        paths = re.findall(r'class="point"[^>]*><path d="M[\d.]+,([\d.]+)V([\d.]+)H', drawing)
        assert len(paths) == bars
        assert all(abs(float(bottom) - float(top)) > 1 for bottom, top in paths)
