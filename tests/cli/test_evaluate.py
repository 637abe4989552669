"""Evaluation from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.cli.evaluate import setting_of
from vicinal.errors import InvalidArgument

Command = Callable[..., Any]


@pytest.fixture
def judged(tmp_path: Path) -> list[Any]:
    with vicinal.connect(tmp_path / "database") as opened:
        docs = opened.collection("docs", encoder="hashing:64")
        docs.add(["a", "b"], texts=["plants make sugar", "knives are sharpened"])
    (tmp_path / "q.jsonl").write_text('{"id":"q1","text":"sugar plants"}\n{"id":"q2","text":"sharp knives"}\n')
    (tmp_path / "j.jsonl").write_text('{"query":"q1","id":"a"}\n{"query":"q2","id":"b","grade":2}\n')
    files = ["--queries", tmp_path / "q.jsonl", "--judgements", tmp_path / "j.jsonl"]
    return ["evaluate", tmp_path / "database", "docs", *files]


def test_a_table(judged: list[Any], command: Command) -> None:
    done = command(*judged)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "Report(2 queries, k=10, mode='dense')"
    assert lines[1].split() == ["ndcg@10", "recall@10", "precision@10", "mrr@10", "map@10"]
    assert lines[2].split()[:3] == ["mean", "1.0000", "1.0000"]


def test_json_and_comparisons(judged: list[Any], command: Command, tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    picture = tmp_path / "it.html"
    options = ["--metric", "mrr@1", "-k", 2, "--compare", "mode=dense", "--plot", picture, "--json"]
    found = json.loads(command(*judged, *options).out)
    assert found["means"] == {"mrr@1": 1.0}
    assert found["settings"] == {"k": 2, "mode": "dense"}
    assert found["comparisons"][0]["metrics"]["mrr@1"]["mean"] == 0
    html = picture.read_text(encoding="utf-8")
    assert "minus that of" in html
    assert "<script src=" not in html  # it opens without a network
    shown = command(*judged, "--compare", "mode=dense").out
    assert "Comparison(2 queries" in shown
    assert "no clear difference" in shown


def test_errors_are_one_line(judged: list[Any], command: Command, tmp_path: Path) -> None:
    (tmp_path / "j.jsonl").write_text('{"query":"q1"}\n')
    done = command(*judged)
    assert (done.code, done.out) == (1, "")
    assert done.err.strip().endswith("j.jsonl:1: the member 'id' is missing. Mend that line.")
    assert "--plot shows a comparison" in command(*judged, "--plot", "x.html").err
    assert command("evaluate", "x", "docs").code == 2


def test_settings() -> None:
    assert setting_of("mode=hybrid, alpha=0.3,fusion=rrf") == {"mode": "hybrid", "alpha": 0.3, "fusion": "rrf"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("mod=dense", "'mod=dense' is not a setting.* Did you mean 'mode'"),
        ("mode", "'mode' is not a setting"),
        ("", "'' is not a setting"),
        ("alpha=much", "alpha must be a number, not 'much'"),
        ("mode=dense,mode=hybrid", "mode occurs twice"),
    ],
)
def test_settings_that_do_not_exist(words: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        setting_of(words)
