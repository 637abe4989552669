"""The demo: real queries on the real library, and an index that is built once."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.cli import demo
from vicinal.cli.catalogue import Entry

FEW = [Entry(f"toolbox.tool{i}", "function", "toolbox", f"Tool {i}. It turns screws.") for i in range(300)]
FEW[7] = Entry("toolbox.chisel", "class", "toolbox", "Sharpened on a whetstone. Cuts wood.")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A small catalogue and a folder for its index."""
    monkeypatch.setattr(demo.catalogue, "standard_library", lambda: FEW)
    monkeypatch.setattr(demo.sys, "stdin", io.StringIO())
    return tmp_path


def test_a_question_is_answered_in_a_table(few: Path, command: Callable[..., Any]) -> None:
    done = command("demo", "sharpened on a whetstone", "-k", 3, "--encoder", "hashing", "--path", few)
    assert done.code == 0
    lines = [line for line in done.out.splitlines() if "toolbox." in line]
    assert len(lines) == 3
    for cell in ("toolbox.chisel", "class", "Sharpened on a whetstone."):
        assert cell in lines[0]
    assert "Cuts wood" not in done.out
    assert "300 docstrings" in done.err
    assert "\x1b" not in done.err  # no bar without a terminal


def test_the_second_run_reads_no_docstrings(
    few: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("demo", "screws", "--encoder", "hashing", "--path", few)
    first = command(*arguments)

    def refuse() -> list[Entry]:
        raise AssertionError("the catalogue was read again")

    monkeypatch.setattr(demo.catalogue, "standard_library", refuse)
    second = command(*arguments)
    assert second.out == first.out
    assert second.err == ""


def test_an_interrupted_run_goes_on_where_it_stopped(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = demo.demo_database(few, "hashing")
    stored: list[int] = []
    upsert = vicinal.Collection.upsert

    def counting(self: vicinal.Collection, ids: list[str], **columns: object) -> list[str]:
        if len(stored) == 1:
            stored.append(0)
            raise KeyboardInterrupt
        stored.append(len(ids))
        return upsert(self, ids, **columns)  # type: ignore[return-value]

    monkeypatch.setattr(vicinal.Collection, "upsert", counting)
    with vicinal.connect(folder) as database:
        library = database.collection(demo.COLLECTION, encoder="hashing")
        with pytest.raises(KeyboardInterrupt):
            demo.index_library(library, folder)
        assert library.count() == stored[0] < len(FEW)
        demo.index_library(library, folder)
        assert library.count() == len(FEW) == sum(stored)


def test_without_question_and_terminal_samples_are_asked(few: Path, command: Callable[..., Any]) -> None:
    done = command("demo", "--encoder", "hashing", "--path", few, "-k", 1)
    assert done.code == 0
    for sample in demo.SAMPLE_QUESTIONS:
        assert sample in done.out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("typed", ["screws\nsharpened on a whetstone\n\n", "screws\nsharpened on a whetstone\n"])
def test_on_a_terminal_questions_are_asked_until_an_empty_line_or_the_end(
    typed: str, few: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo.sys, "stdin", Terminal(typed))
    done = command("demo", "--encoder", "hashing", "--path", few, "-k", 1)
    assert done.code == 0
    assert "toolbox.chisel" in done.out


def test_the_folder_comes_from_the_environment_or_the_system(
    few: Path, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VICINAL_DEMO_PATH", str(few / "named"))
    command("demo", "screws", "--encoder", "hashing")
    assert [folder.name.startswith("python-") for folder in (few / "named").iterdir()] == [True]
    monkeypatch.setattr(demo.sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(few))
    assert demo._user_folder() == few / "vicinal" / "demo"


def test_each_encoder_has_an_index_of_its_own(few: Path) -> None:
    names = {demo.demo_database(few, encoder).name for encoder in ("hashing", "hashing:64", "minilm")}
    assert len(names) == 3


def test_an_unknown_encoder_is_one_line(few: Path, command: Callable[..., Any]) -> None:
    done = command("demo", "screws", "--encoder", "minilmm", "--path", few)
    assert done.code == 1
    assert done.err.startswith("vicinal: no encoder is registered as 'minilmm'")
    assert done.err.count("\n") == 1


# --- the library under MiniLM ---

QUESTIONS = {
    "how do I compress a file?": {"gzip", "zlib", "bz2", "lzma"},
    "copy a directory tree": {"shutil"},
    "comma-separated files": {"csv"},
    "parse command line arguments": {"argparse", "optparse", "getopt"},
    "read JSON": {"json"},
    "search text with a regular expression": {"re"},
    "run another program and get its output": {"subprocess"},
    "send an e-mail": {"smtplib"},
    "create a temporary file": {"tempfile"},
    "compute a SHA-256 checksum": {"hashlib"},
    "write a unit test": {"unittest"},
    "pick a random number": {"random"},
    "connect to an SQL database": {"sqlite3"},
    "keep a list sorted while inserting": {"bisect"},
    "exact decimal arithmetic for money": {"decimal"},
    "find files that match a wildcard pattern": {"glob", "fnmatch"},
    "ask for a password without showing it": {"getpass"},
    "compare two texts and show the differences": {"difflib"},
    "average and standard deviation of a list": {"statistics"},
    "encode binary data as text": {"base64", "binascii"},
}


@pytest.mark.slow
def test_the_library_is_indexed(library: vicinal.Collection) -> None:
    assert library.count() >= 2000


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
def test_the_right_module_is_among_the_first_five(question: str, library: vicinal.Collection) -> None:
    hits = library.search(question, k=5)
    modules = {hit.metadata["module"] for hit in hits}
    packages = {module.partition(".")[0] for module in modules}
    assert QUESTIONS[question] & (modules | packages), [str(hit.id) for hit in hits]


@pytest.mark.slow
def test_the_command_answers_from_that_index(
    library: vicinal.Collection, demo_folder: Path, command: Callable[..., Any]
) -> None:
    done = command("demo", "how do I compress a file?", "-k", 5, "--path", demo_folder)
    assert done.code == 0
    assert done.err == ""
    assert any(name in done.out for name in ("gzip", "zlib", "bz2", "lzma"))
