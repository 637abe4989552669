"""Each command: its help, also on a narrow terminal; its success; the three most likely mistakes; output to a pipe."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.main import get_command

import vicinal
from vicinal.cli.app import app

Command = Callable[..., Any]
Mistake = tuple[str, int, str]  # the arguments, the exit code, what the error stream says


def _names(group: Any, before: str = "") -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        found += _names(command, f"{name} ") if hasattr(command, "commands") else [f"{before}{name}"]
    return found


NO_DATABASE: Mistake = ("nowhere docs", 1, "there is no database at 'nowhere'")
NO_COLLECTION: Mistake = ("data dosc", 1, "there is no collection 'dosc'")
BAD_OPTION: Mistake = ("data docs --bogus", 2, "No such option")


def _with(more: str) -> list[Mistake]:
    """Returns the mistakes of a command that takes an argument after the collection."""
    return [(arguments.replace("docs", f"docs {more}").replace("dosc", f"dosc {more}"), code, said)
            for arguments, code, said in (NO_DATABASE, NO_COLLECTION, BAD_OPTION)]  # fmt: skip


# A successful call, its output, and the mistakes.
CASES: dict[str, tuple[str, str, list[Mistake]]] = {
    "ask": (
        "bread --path data -k 1",
        "Rye *bread*",
        [
            ("bread --path nowhere", 1, "there is no database"),
            ("bread --path data --collection dosc", 1, "'dosc'"),
            ("bread --path data --url http://127.0.0.1:9/v1", 1, "--url needs a model"),
        ],
    ),
    "backup": (
        "data copy",
        "docs: 2 rows copied.",
        [
            ("nowhere copy", 1, "there is no database"),
            ("data copy --collection dosc", 1, "'dosc'"),
            ("data data", 1, "already"),
        ],
    ),
    "compact": ("data docs", "dead row", [NO_DATABASE, NO_COLLECTION, BAD_OPTION]),
    "delete": (
        "data docs a",
        "1 row deleted",
        [
            ("nowhere docs a", 1, "there is no database"),
            ("data docs", 1, "delete needs ids or --where"),
            ("data docs --where year=1", 1, "not a JSON object"),
        ],
    ),
    "drop": ("data docs --yes", "docs is deleted.", [NO_DATABASE, NO_COLLECTION, ("data docs", 1, "Add --yes")]),
    "evaluate": (
        "data docs --queries q.jsonl --judgements j.jsonl",
        "Report(1 queries",
        [
            ("data docs", 2, "Missing option"),
            ("data docs --queries x --judgements j.jsonl", 1, "'x'"),
            ("data docs --queries q.jsonl --judgements j.jsonl --compare mode", 1, "is not a setting"),
        ],
    ),
    "explain": ("data docs bread", "2 hits", [*_with("x")[:2], ("data docs", 2, "Missing argument")]),
    "export": (
        "data docs out/rows.csv",
        "2 rows written",
        [
            ("nowhere docs x.csv", 1, "there is no database"),
            ("data docs x.xlsx", 1, "not a known format"),
            ("data dosc x.csv", 1, "'dosc'"),
        ],
    ),
    "get": ("data docs a", "Rye bread", [NO_DATABASE, NO_COLLECTION, ("data docs z", 1, "has no row 'z'")]),
    "import": (
        "data docs rows.jsonl",
        "1 rows from rows.jsonl",
        [
            ("data docs none.jsonl", 1, "there is no file"),
            ("data docs rows.txt", 1, "not a known format"),
            ("data docs rows.jsonl --text-column body", 1, "there is no column 'body'"),
        ],
    ),
    "index": (
        "texts --encoder hashing:8",
        "Search them with",
        [("nowhere", 1, "there is no folder"), ("rows.jsonl", 1, "is a file"), ("texts --bogus", 2, "No such option")],
    ),
    "init": (
        "new",
        "main.py",
        [("", 2, "Missing argument"), ("rows.jsonl", 1, "rows.jsonl"), ("x --bogus", 2, "No such")],
    ),
    "migrate": (
        "data copy",
        "docs: 2 rows, 2 written",
        [
            ("nowhere copy", 1, "there is no database"),
            ("data copy --collection dosc", 1, "'dosc'. Did you mean 'docs'?"),
            ("data data", 1, "are the same collection 'docs'"),
        ],
    ),
    "peek": ("data docs", "Rye bread", [NO_DATABASE, NO_COLLECTION, ("data docs -n 0", 2, "Invalid value")]),
    "plot": (
        "data docs --out map.html",
        "wrote map.html",
        [
            ("data docs", 2, "Missing option"),
            ("data dosc --out x.html", 1, "'dosc'"),
            ("data docs --out x.doc", 1, ".html"),
        ],
    ),
    "repair": ("data docs", "kept 2 rows", [NO_DATABASE, NO_COLLECTION, BAD_OPTION]),
    "restore": (
        "data docs first --yes",
        "is as the snapshot first",
        [
            ("data docs none --yes", 1, "none"),
            ("data docs first", 1, "Add --yes"),
            ("data docs", 2, "Missing argument"),
        ],
    ),
    "search": (
        "data docs bread",
        "Rye bread",
        [*_with("x")[:2], ("data docs x --where year", 1, "not a JSON object")],
    ),
    "snapshot": ("data docs second", "holds 2 rows", [NO_DATABASE, NO_COLLECTION, ("data docs first", 1, "first")]),
    "stats": ("data", "docs", [("nowhere", 1, "no database"), ("data dosc", 1, "'dosc'"), ("texts", 1, "other files")]),
    "verify": (
        "data",
        "docs: ok",
        [("nowhere", 1, "no database"), ("data dosc", 1, "'dosc'"), ("", 2, "Missing argument")],
    ),
    "keys create": (
        "data",
        "vk_",
        [("nowhere", 1, "mkdir"), ("data --role owner", 1, "owner"), ("data --where x", 1, "is not JSON")],
    ),
    "keys list": (
        "data",
        "name",
        [("nowhere", 1, "no database"), ("", 2, "Missing"), ("data --bogus", 2, "No such option")],
    ),
    "keys revoke": ("", "", [("nowhere x", 1, "no database"), ("data x", 1, "x"), ("data", 2, "Missing argument")]),
    "models add": ("", "", [("", 2, "Missing"), ("bert", 1, "bert"), ("minilm again", 2, "unexpected")]),
    "models list": (
        "",
        "minilm",
        [("x", 2, "unexpected"), ("--bogus", 2, "No such option"), ("minilm", 2, "unexpected")],
    ),
    "models remove": ("", "", [("", 2, "Missing"), ("bert", 1, "bert"), ("minilm --bogus", 2, "No such option")]),
    # Success takes minutes, or the command does not end: other tests cover that.
    "demo": (
        "",
        "",
        [("x -k 0", 2, "Invalid value"), ("x --encoder bert", 1, "bert"), ("x --bogus", 2, "No such option")],
    ),
    "serve": (
        "",
        "",
        [("data --set timeout", 1, "NAME=VALUE"), ("", 2, "Missing argument"), ("data --set tim=1", 1, "tim")],
    ),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with vicinal.connect("data") as database:
        docs = database.collection("docs", encoder="hashing:32")
        docs.add(["a", "b"], texts=["Rye bread bakes for forty minutes.", "Fish is salted."], metadata=[{"n": 1}, {}])
        docs.snapshot("first")
    (tmp_path / "rows.jsonl").write_text('{"id": "c", "text": "more"}\n')
    (tmp_path / "rows.txt").write_text("x")
    (tmp_path / "q.jsonl").write_text('{"id": "q", "text": "bread"}\n')
    (tmp_path / "j.jsonl").write_text('{"query": "q", "id": "a", "grade": 1}\n')
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "one.md").write_text("# Bread\n\nRye and wheat.\n")
    return tmp_path


def test_no_command_is_without_a_case() -> None:
    assert set(CASES) == set(_names(get_command(app)))
    assert all(len(mistakes) == 3 for *_, mistakes in CASES.values())


@pytest.mark.parametrize("name", CASES)
def test_help_fits_a_narrow_terminal_and_has_no_colour_in_a_pipe(
    name: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = command(*name.split(), "--help")
    assert shown.code == 0
    assert "Usage:" in shown.out
    assert max(map(cell_len, shown.out.splitlines())) <= 50
    assert "\x1b" not in shown.out


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[1]])
def test_success_in_a_pipe_and_on_a_narrow_terminal(
    name: str, command: Command, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "plot":
        pytest.importorskip("plotly", reason="plotly is not installed")
    arguments, said, _ = CASES[name]
    done = command(*name.split(), *arguments.split())
    assert done.code == 0, done.err
    assert said in " ".join(done.out.split())
    assert "\x1b" not in done.out + done.err
    if name in ("search", "get", "peek", "stats", "keys list"):
        monkeypatch.setenv("COLUMNS", "40")
        narrow = command(*name.split(), *arguments.split())
        assert max(map(cell_len, narrow.out.splitlines())) <= 40
        if name != "keys list":
            monkeypatch.setenv("COLUMNS", "120")
            lines = command(*name.split(), *arguments.split(), "--json").out
            assert json.loads(lines if name == "stats" else lines.splitlines()[0])


@pytest.mark.parametrize("name", CASES)
def test_mistakes_are_told_and_change_nothing(name: str, command: Command, place: Path) -> None:
    if name == "plot":
        pytest.importorskip("plotly", reason="plotly is not installed")
    before = sorted(path.name for path in place.iterdir())
    for arguments, code, said in CASES[name][2]:
        done = command(*name.split(), *arguments.split())
        assert done.code == code, (arguments, done.err)
        assert said in " ".join(done.err.split())
        if code == 1:
            assert done.err.count("\n") == 1, done.err
        assert sorted(path.name for path in place.iterdir()) == before, arguments
