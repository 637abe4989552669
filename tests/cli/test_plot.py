"""Plots from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vicinal

pytest.importorskip("plotly", reason="plotly is not installed")

Command = Callable[..., Any]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with vicinal.connect(tmp_path / "db") as opened:
        docs = opened.collection("docs", encoder="hashing:32")
        docs.add(range(20), texts=[f"text {i}" for i in range(20)], metadata=[{"n": i % 2} for i in range(20)])
    return tmp_path / "db"


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--color", "n", "--query", "text 3", "-k", "2"),
        ("--kind", "scores", "--query", "text 3", "--mode", "hybrid"),
        ("--kind", "recall", "-k", "3"),
        ("--where", '{"n": 1}', "--limit", "5"),
    ],
)
def test_a_page_is_written(database: Path, tmp_path: Path, command: Command, options: tuple[str, ...]) -> None:
    done = command("plot", database, "docs", "--out", tmp_path / "it.html", *options)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"wrote {tmp_path / 'it.html'}\n"
    assert "plotly" in (tmp_path / "it.html").read_text(encoding="utf-8")


def test_what_cannot_be_drawn_is_one_line(database: Path, tmp_path: Path, command: Command) -> None:
    for options, message in (
        (("--kind", "scores"), "scores are those of a query"),
        (("--color", "m"), "no row has a field 'm'"),
        (("--method", "pcb"), "Did you mean 'pca'"),
    ):
        done = command("plot", database, "docs", "--out", tmp_path / "it.html", *options)
        assert done.code == 1
        assert message in done.err
    assert "no folder" in command("plot", database, "docs", "--out", tmp_path / "none" / "it.html").err
    assert "End the name in" in command("plot", database, "docs", "--out", tmp_path / "it.txt").err
    assert command("plot", database, "docs").code == 2
