"""Each suite from start to end, tiny, with the peers that every environment of ours has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.peers import VECTORS
from benchmarks.suites import SUITES, suite

SMALL = ["--rows", "200", "--data", "generated", "--dimension", "8", "--queries", "3", "--batch", "4", "--rounds", "2"]
SMALL += ["--processes", "2"]
OURS = ("vicinal", "scanner", "numpy", "sqlite-fts5")


# Suites of several seconds each.
LONG = frozenset({"opening", "exact"})


def run(folder: Path, name: str, peers: Sequence[str] = OURS) -> int:
    places = ["--output", str(folder), "--scratch", str(folder)]
    return command.main([name, *SMALL, "--peers", *peers, *places])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in SUITES]
)
def test_a_suite_writes_its_numbers_and_draws_them(name: str, tmp_path: Path, capsys):
    assert run(tmp_path, name) == 0
    found = json.loads((tmp_path / f"{name}.json").read_text())
    wanted = {peer for peer in suite(name).PEERS if peer in OURS}
    assert found["left_out"] == {}
    assert {one["peer"] for one in found["measurements"]} == wanted
    for one in found["measurements"]:
        assert len(one["samples"]) == 2
        assert one["median"] == pytest.approx(sum(sample["seconds"] for sample in one["samples"]) / 2)
        assert one["facts"].get("other_answers", 0) == 0
    assert found["machine"]["versions"]
    assert found["settings"]["source"] == "generated"
    printed = capsys.readouterr().out
    assert suite(name).QUESTION in printed
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []  # databases are gone


def test_drawings_are_the_same_for_the_same_numbers(tmp_path: Path):
    pytest.importorskip("matplotlib", reason="optional drawing: pip install matplotlib")
    from benchmarks.plots import draw
    from benchmarks.report import load

    assert run(tmp_path, "exact", ["vicinal", "numpy"]) == 0
    drawn = (tmp_path / "exact.svg").read_text()
    assert ">numpy<" in drawn
    assert ">vicinal<" in drawn
    draw(load(tmp_path / "exact.json"), tmp_path)
    assert (tmp_path / "exact.svg").read_text() == drawn


def test_a_peer_that_is_not_installed_is_left_out_with_the_way_to_get_it(tmp_path: Path, monkeypatch, capsys):
    import benchmarks.crew

    monkeypatch.setattr(benchmarks.crew, "available", lambda name: name != "numpy")
    assert run(tmp_path, "exact", ["scanner", "numpy"]) == 0
    found = json.loads((tmp_path / "exact.json").read_text())
    assert found["left_out"] == {"numpy": "not installed: pip install numpy"}
    assert "pip install numpy" in capsys.readouterr().err


def test_help_names_every_suite_and_peer_with_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in (*SUITES, *VECTORS))
    assert "examples:" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exakt"], "there is no suite 'exakt'"),
        (["exact", "--peers", "faiss"], "there is no peer 'faiss'"),
        (["exact", "--rows", "0"], "--rows must be at least 1"),
        (["exact", "--data", "nowhere.npy"], "there is no such file"),
        (["exact", "--data", "vectors.txt"], "the name must end in"),
    ],
    ids=["suite", "peer", "rows", "file", "kind"],
)
def test_a_wrong_command_line_says_what_would_be_right(arguments: list[str], said: str, capsys):
    assert command.main(arguments) == 2
    assert said in capsys.readouterr().err
