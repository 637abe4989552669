"""Plots: titles, legends and points match the data, in the figure and as rendered by a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.errors import InvalidArgument, MissingExtra, Unsupported
from vicinal.visualize import (
    BucketSizes,
    measure_buckets,
    measure_recall,
    plot_buckets,
    plot_map,
    plot_recall,
    plot_scores,
    project,
    write,
)

pytest.importorskip("plotly", reason="plotly is not installed")

KINDS = ["cats", "dogs <b>", "owls"]
BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


@pytest.fixture
def docs() -> Any:
    docs = vicinal.connect(":memory:").collection("<i>animals</i>", encoder="hashing:32")
    docs.add(
        range(60),
        texts=[f"{KINDS[i % 3]} in house {i}" for i in range(60)],
        metadata=[{"kind": KINDS[i % 3], "n": i, "deep": {"two": i % 2}} if i % 10 else {} for i in range(60)],
    )
    docs.add(["bare"], metadata=[{"kind": "bare"}])
    return docs


def traces(figure: Any) -> dict[str, int]:
    """Returns the names in the legend, and the number of points of each."""
    assert figure.layout.showlegend
    return {trace.name: len(trace.x) for trace in figure.data}


def test_a_map_has_every_row_with_a_vector_once(docs: Any) -> None:
    figure = plot_map(docs)
    assert traces(figure) == {"rows": 60}
    assert figure.layout.title.text == "&lt;i&gt;animals&lt;/i&gt;: 60 of 61 rows, PCA"
    assert figure.layout.xaxis.title.text.startswith("PC 1 (")
    [trace] = figure.data
    assert trace.hovertext[1] == "<b>1</b><br>dogs &lt;b&gt; in house 1"
    assert np.isfinite([trace.x, trace.y]).all()


def test_values_of_a_field_are_the_legend(docs: Any) -> None:
    figure = plot_map(docs, color="kind")
    assert traces(figure) == {"cats": 18, "dogs &lt;b&gt;": 18, "owls": 18, "no value": 6}
    assert figure.layout.legend.title.text == "kind"
    assert len({trace.marker.color for trace in figure.data}) == 4
    assert traces(plot_map(docs, color="deep.two")) == {"1": 30, "0": 24, "no value": 6}
    scale = plot_map(docs, color="n")
    assert traces(scale) == {"rows": 54, "no value": 6}
    assert list(scale.data[0].marker.color) == [float(i) for i in range(60) if i % 10]
    assert scale.data[0].marker.colorbar.title.text == "n"
    many = vicinal.connect(":memory:").collection("many")
    many.add(range(30), vectors=np.eye(30), metadata=[{"v": f"value {i % 15}"} for i in range(30)])
    found = traces(plot_map(many, color="v"))
    assert (len(found), found["other values"], sum(found.values())) == (9, 14, 30)


def test_the_hits_of_a_query_stand_out_where_they_are(docs: Any) -> None:
    figure = plot_map(docs, color="kind", query="owls in house 5", k=4)
    assert traces(figure)["hits"] == 4
    assert "hits of “owls in house 5”" in figure.layout.title.text
    where = {(x, y): text for t in figure.data if t.name != "hits" for x, y, text in zip(t.x, t.y, t.hovertext)}
    hits = figure.data[-1]
    ids = docs.search("owls in house 5", k=4).ids
    assert [where[point] for point in zip(hits.x, hits.y)] == list(hits.hovertext)
    assert [re.match(r"<b>(\d+)</b>", text)[1] for text in hits.hovertext] == [str(id_) for id_ in ids]
    by_vector = plot_map(docs, query=docs.get([3], vectors=True)[0].vector, k=2)
    assert traces(by_vector) == {"rows": 60, "hits": 2, "query": 1}
    rows, _, query = by_vector.data
    assert (query.x[0], query.y[0]) == pytest.approx((rows.x[3], rows.y[3]), abs=1e-9)


def test_of_many_rows_a_sample_is_drawn_the_same_each_time_and_with_the_hits(docs: Any) -> None:
    figure = plot_map(docs, limit=20, query="dogs", k=3)
    found = traces(figure)
    assert found["hits"] == 3
    assert found["rows"] == 20
    assert "of 61 rows" in figure.layout.title.text
    assert plot_map(docs, limit=20, query="dogs", k=3).data[0].hovertext == figure.data[0].hovertext
    assert traces(plot_map(docs, where={"kind": "owls"})) == {"rows": 18}


def test_a_sample_is_of_rows_with_a_vector() -> None:
    docs = vicinal.connect(":memory:").collection("few")
    docs.add(range(5_000), texts=["no vector"] * 5_000)
    docs.add(range(5_000, 5_010), vectors=np.eye(10))
    figure = plot_map(docs, limit=4)
    assert traces(figure) == {"rows": 4}
    assert figure.data[0].hovertext == plot_map(docs, limit=4).data[0].hovertext
    assert traces(plot_map(docs, limit=200)) == {"rows": 10}


def test_space(docs: Any) -> None:
    figure = plot_map(docs, dimensions=3, color="kind")
    assert {trace.type for trace in figure.data} == {"scatter3d"}
    assert figure.layout.scene.zaxis.title.text.startswith("PC 3")


def test_pca_is_that_of_the_eigenvectors_of_the_covariance() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(200, 6)) * [5, 3, 1, 1, 0.5, 0.1]
    found = project(rows, dimensions=3)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    expected = (rows - rows.mean(axis=0)) @ vectors[:, ::-1][:, :3]
    np.testing.assert_allclose(np.abs(found.points), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(found.explained, values[::-1][:3] / values.sum())
    assert project(rows[:, :1]).points.shape == (200, 2)
    assert project(np.ones((3, 4))).explained == (0.0, 0.0)
    assert np.array_equal(project(rows).points, project(rows.copy()).points)


def test_tsne_keeps_groups_together() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    rng = np.random.default_rng(2)
    rows = np.concatenate([rng.normal(size=(30, 60)) + 20 * group for group in range(2)])
    points = project(rows, "tsne").points
    apart = np.linalg.norm(points[:30].mean(axis=0) - points[30:].mean(axis=0))
    within = max(np.linalg.norm(part - part.mean(axis=0), axis=1).max() for part in (points[:30], points[30:]))
    assert apart > 1.5 * within
    assert np.array_equal(project(rows, "tsne").points, points)
    assert project(rows[:3, :2], "tsne").points.shape == (3, 2)


def test_umap_where_it_is_installed_and_the_install_line_where_not() -> None:
    rows = np.random.default_rng(3).normal(size=(40, 5))
    if find_spec("umap") is None:
        with pytest.raises(MissingExtra, match=r"vicinal\[umap\]"):
            project(rows, "umap")
    else:
        assert project(rows, "umap").points.shape == (40, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda docs: plot_map(docs, method="pcb"), "Did you mean 'pca'"),
        (lambda docs: plot_map(docs, dimensions=4), "dimensions must be 2 or 3"),
        (lambda docs: plot_map(docs, limit=1), "limit must be"),
        (lambda docs: plot_map(docs, color="nothing"), "no row has a field"),
        (lambda docs: plot_map(docs, where={"$id": "bare"}), "at least two rows with a vector"),
        (lambda docs: project([[1, 2]]), "at least two finite vectors"),
        (lambda docs: project([[1, np.nan], [1, 2]]), "at least two finite vectors"),
        (lambda docs: plot_scores([]), "takes hits"),
        (lambda docs: plot_scores(docs.search("x", where={"n": -1})), "no hit"),
        (lambda docs: plot_recall(), "takes curves"),
        (lambda docs: measure_recall(docs, []), "nothing to ask with"),
        (lambda docs: write(plot_map(docs), "map.gif"), "End the name in .html"),
    ],
)
def test_what_cannot_be_drawn_is_refused(docs: Any, call: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        call(docs)


def test_scores_by_rank_and_what_the_legs_said(docs: Any) -> None:
    hits = docs.search("owls in house 5", 7)
    figure = plot_scores(hits)
    assert traces(figure) == {"score": 7}
    assert list(figure.data[0].y) == hits.scores
    assert list(figure.data[0].x) == [1, 2, 3, 4, 5, 6, 7]
    assert figure.layout.title.text == "Scores by rank (cosine)"
    both = docs.search("owls in house 5", 7, mode="hybrid")
    legs = plot_scores(both)
    assert len(traces(legs)) == 3
    dense = legs.data[1]
    assert dense.name.startswith("leg dense, over its best")
    told = [hit.legs["dense"].score for hit in both]
    np.testing.assert_allclose(list(dense.y), [score / max(told) for score in told])
    assert traces(plot_scores({"one": hits, "<b>": hits[:2]})) == {"one": 7, "&lt;b&gt;": 2}


def test_recall_is_that_of_the_hits(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", index={"name": "ivf", "lists": 64, "nprobe": 1})
        docs.add(range(6_000), vectors=rng.normal(size=(6_000, 8)))
        docs._context.store.upkeep.build(always=True)
        queries = rng.normal(size=(12, 8))
        curve = measure_recall(docs, queries, k=5, targets=(0.5, 1.0))
        shares = [len({*docs.search(q, 5).ids} & {*docs.search(q, 5, exact=True).ids}) / 5 for q in queries]
        assert [point.asked for point in curve.points] == [None, 0.5, 1.0, 1.0]
        assert curve.points[0].found == pytest.approx(np.mean(shares))
        assert curve.points[0].found < 1.0 == curve.points[-1].found
        assert all(point.milliseconds > 0 for point in curve.points)
        assert measure_recall(docs, k=5, sample=4, targets=()).queries == 4
    figure = plot_recall(curve)
    assert [trace.name for trace in figure.data if trace.showlegend is None] == ["docs"]
    assert list(figure.data[0].y) == [point.found for point in curve.points]
    assert list(figure.data[0].x) == ["default", "recall=0.5", "exact", "exact"]
    assert list(figure.data[1].y) == [point.milliseconds for point in curve.points]


def test_buckets_are_those_of_the_index() -> None:
    db, rng = vicinal.connect(":memory:"), np.random.default_rng(6)
    lists = db.collection("<lists>", index={"name": "ivf", "lists": 4, "train_from": 10})
    lists.add(range(9), vectors=rng.normal(size=(9, 4)))
    lists.wait_indexed()
    assert measure_buckets(lists).sizes == {}
    with pytest.raises(InvalidArgument, match="wait_indexed"):
        plot_buckets(measure_buckets(lists))
    lists.add(range(9, 100), vectors=rng.normal(size=(91, 4)))
    lists.wait_indexed()
    found = measure_buckets(lists)
    sizes = sorted(found.sizes.values(), reverse=True)
    assert (found.tables, len(sizes), sum(sizes)) == (1, 4, 100)
    assert found.imbalance == pytest.approx(4 * sum(size**2 for size in sizes) / 100**2)
    figure = plot_buckets(found)
    assert [(trace.name, list(trace.x), list(trace.y)) for trace in figure.data] == [
        ("&lt;lists&gt;", [1, 2, 3, 4], sizes)
    ]
    assert (figure.layout.title.text, figure.layout.showlegend) == ("Rows per bucket", True)
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("bucket, largest first", "rows")
    tables = db.collection("tables", index={"name": "lsh", "tables": 3, "bits": 2, "train_from": 10})
    tables.add(range(50), vectors=rng.normal(size=(50, 4)))
    tables.wait_indexed()
    hashed = measure_buckets(tables)
    assert hashed.tables == 3
    both = plot_buckets(found, hashed)
    assert traces(both) == {"&lt;lists&gt;": 4, "tables": len(hashed.sizes)}
    assert len({trace.line.color for trace in both.data}) == 2
    assert [sum(size for (at, _), size in hashed.sizes.items() if at == table) for table in range(3)] == [50, 50, 50]
    with pytest.raises(Unsupported, match="no buckets"):
        measure_buckets(db.collection("exact", index="flat"))


def test_html_needs_no_network_and_shows_texts_as_they_are(docs: Any, tmp_path: Path) -> None:
    page = write(plot_map(docs, color="kind"), tmp_path / "map.html").read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", page)
    assert "dogs <b>" not in page


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")
def test_a_browser_draws_title_legend_and_all_points(docs: Any, tmp_path: Path) -> None:
    page = write(plot_map(docs, color="kind", query="owls", k=5), tmp_path / "map.html")
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    legend = [unescape(text) for text in re.findall(r'class="legendtext"[^>]*data-unformatted="([^"]*)"', done.stdout)]
    assert [unescape(text) for text in legend] == ["dogs <b>", "owls", "cats", "no value", "hits"]
    title = re.search(r'class="gtitle"[^>]*data-unformatted="([^"]*)"', done.stdout)
    assert title is not None
    assert "60 of 61 rows" in title[1]
    drawn = done.stdout.split('class="legend"')[0]
    assert len(re.findall(r'<path class="point"', drawn)) == 60 + 5


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")
def test_a_browser_draws_the_buckets_of_two_indexes(tmp_path: Path) -> None:
    few, many = (
        BucketSizes("few", 1, {(0, 0): 5, (0, 1): 3}),
        BucketSizes("many", 1, {(0, i): 1 + i for i in range(200)}),
    )
    page = write(plot_buckets(few, many), tmp_path / "buckets.html")
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()]
    drawn = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    def texts_of(kind: str) -> list[str]:
        return re.findall(rf'class="{kind}"[^>]*data-unformatted="([^"]*)"', drawn)

    assert (texts_of("xtitle"), texts_of("ytitle")) == (["bucket, largest first"], ["rows"])
    assert texts_of("legendtext") == ["few", "many"]
    assert "200" in re.findall(r'class="[xy]tick"><text[^>]*>(.*?)</text>', drawn)
    plot = drawn.split('class="legend"')[0]
    assert len(re.findall(r'class="js-line"', plot)) == 2
    assert len(re.findall(r'<path class="point"', plot)) == 2  # the markers of the few


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")
def test_a_picture_is_drawn_and_is_not_blank(docs: Any, tmp_path: Path) -> None:
    pytest.importorskip("kaleido", reason="kaleido is not installed")
    images = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    path = write(plot_map(docs, color="kind"), tmp_path / "map.png", width=600, height=400)
    with images.open(path) as picture:
        assert picture.size == (1200, 800)
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    for wanted in ((0, 114, 178), (230, 159, 0), (0, 158, 115)):  # markers let a little of the ground through
        assert any(all(abs(a - (0.8 * b + 51)) < 3 for a, b in zip(color, wanted)) for color in colors)


def test_without_kaleido_or_a_browser_the_remedy_is_told(
    docs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vicinal.visualize import files

    class Broken:
        def write_image(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("no browser\nat all")

    monkeypatch.setattr(files, "find_spec", lambda name: object())
    with pytest.raises(Unsupported, match="Install Chrome or Chromium"):
        write(Broken(), tmp_path / "x.png")
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"vicinal\[viz\]"):
        write(Broken(), tmp_path / "x.png")


def test_without_plotly_the_install_line_is_told(docs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vicinal.visualize import drawing

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(drawing, "import_module", missing)
    with pytest.raises(MissingExtra, match=r"vicinal\[viz\]"):
        plot_map(docs)
