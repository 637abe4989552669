"""`vicinal migrate`: its output, and what happens when it is stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

import vicinal
from vicinal.migration import moving, reading

Command = Callable[..., Any]
EVIL = "a\x1b[2J\x07\u202egnp"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with vicinal.connect("data") as database:
        docs = database.collection("docs", encoder="hashing:8")
        docs.add(list(range(200)), texts=[f"text {i}" for i in range(200)])
        docs.snapshot("first")
        database.collection(EVIL).add([EVIL], vectors=[[1.0, 2.0]])
    return tmp_path


def test_a_receipt_for_people_and_for_programs(place: Path, command: Command) -> None:
    previewed = command("migrate", "data", "copy", "--dry-run")
    assert "docs: 200 rows, 200 to write." in previewed.out
    assert "left behind: snapshots ('first')" in previewed.out
    assert previewed.out.endswith("201 rows in 2 collections of data; nothing was changed.\n")
    assert not (place / "copy").exists()
    done = command("migrate", "data", "copy", "--json", "--check-all")
    found = json.loads(done.out)
    assert {one["name"]: (one["rows"], one["compared"]) for one in found["collections"]} == {
        "docs": (200, 200),
        EVIL: (1, 1),
    }
    again = command("migrate", "data", "copy")
    assert "docs: 200 rows, 0 written in" in again.out
    assert "every id, 200 rows and the neighbours of 10 are the same." in again.out
    for printed in (previewed.out, done.out, again.out):
        assert all(character.isprintable() or character == "\n" for character in printed)


def test_on_a_narrow_terminal_lines_are_whole(place: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are sentences, which a terminal wraps; nothing is drawn that depends on its width."""
    wide = command("migrate", "data", "copy", "--dry-run").out
    monkeypatch.setenv("COLUMNS", "30")
    assert command("migrate", "data", "copy", "--dry-run").out == wide
    shown = command("migrate", "--help").out
    assert max(map(cell_len, shown.splitlines())) <= 30


def test_ctrl_c_leaves_a_state_from_which_the_same_command_goes_on(
    place: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ROWS_MAX", 64)
    with monkeypatch.context() as patch:
        advance = moving.Claim.advance

        def interrupted(self: Any, rows: int, change: int) -> None:
            advance(self, rows, change)
            raise KeyboardInterrupt

        patch.setattr(moving.Claim, "advance", interrupted)
        stopped = command("migrate", "data", "copy", "--collection", "docs")
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err == "Stopped. The same command goes on where it was.\n"
    assert "docs: 200 rows, 136 written" in command("migrate", "data", "copy", "--collection", "docs").out


def test_a_key_is_named_and_not_typed(place: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    done = command("migrate", "data", "http://127.0.0.1:9", "--to-key", "NO_SUCH_VARIABLE")
    assert (done.code, "no variable 'NO_SUCH_VARIABLE'" in done.err) == (1, True)
    monkeypatch.setenv("SOME_KEY", "secret")
    done = command("migrate", "data", "copy", "--to-key", "SOME_KEY")
    assert done.code == 1
    assert "changes nothing" in done.err
    assert "secret" not in done.err


def test_the_database_of_a_folder_of_documents_lies_in_it(place: Path, command: Command) -> None:
    (place / "texts").mkdir()
    (place / "data").rename(place / "texts" / ".vicinal")
    (place / "texts" / "one.md").write_text("text")
    assert command("migrate", "texts", "copy", "--collection", "docs").code == 0
    refused = command("migrate", "copy", "texts")
    assert (refused.code, "which holds other files" in refused.err) == (1, True)
