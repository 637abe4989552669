"""`vicinal index` and how `vicinal search` shows passages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.papers import pdf
from vicinal.rag.highlight import best_stretch, marks

Command = Callable[..., Any]


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "bread.md").write_text("# Bread\n\nRye and wheat.\n\n## Oven\n\nHeat the oven well.\nThen bake.\n")
    (folder / "fish.pdf").write_bytes(pdf(["Fresh fish.", "Salted fish keeps for months."], [("Keeping", 2)]))
    (folder / "odd.txt").write_text("\x1b[2Jclears [bold]the[/bold] screen of a ship\n")
    for path in folder.iterdir():
        os.utime(path, (1e9, 1e9))
    return folder


def index(command: Command, papers: Path, *options: object) -> Any:
    return command("index", papers, "--encoder", "hashing:64", *options)


def test_a_folder_is_indexed_and_kept_up_to_date(papers: Path, command: Command) -> None:
    done = index(command, papers)
    assert (done.code, done.err) == (0, "")
    first, second = done.out.splitlines()
    assert first.startswith("3 files, 4 passages: 3 new; ")
    assert second == f'Search them with: vicinal search {papers} docs "your question"'
    assert (papers / ".vicinal" / ".gitignore").read_text() == "*\n"
    assert command("index", papers).out.startswith("3 files, 4 passages: 3 unchanged; ")  # it knows its encoder
    (papers / "bread.md").rename(papers / "cake.md")
    (papers / "odd.txt").unlink()
    assert index(command, papers).out.startswith("2 files, 3 passages: 1 moved, 1 removed, 1 unchanged; ")


def test_answers_show_file_and_line_or_page_and_mark_the_words(papers: Path, command: Command) -> None:
    index(command, papers)
    shown = command("search", papers, "docs", "how are ovens heated?", "-k", 1).out
    assert "bread.md:5  Bread" in shown
    assert "*Heat* the *oven* well." in shown
    shown = command("search", papers, "docs", "salted fish", "-k", 1).out
    assert "fish.pdf, page 2  Keeping" in shown
    assert "*Salted* *fish* keeps for months." in shown
    found = command("search", papers, "docs", "salted fish", "-k", 1, "--json").out
    assert '"page":2' in found


@pytest.mark.parametrize(
    "name", ["../x", "..", ".", "/tmp/x", "a/../../b", "~/x", "..\\x", "C:\\x", "con", "$HOME", "a b\n"]
)
def test_a_name_leads_nowhere_outside_the_folder(name: str, papers: Path, command: Command) -> None:
    before = {path for path in papers.parent.rglob("*") if ".vicinal" not in path.parts}
    done = index(command, papers, "--collection", name)
    assert (done.code, done.err) == (0, "")
    assert {path for path in papers.parent.rglob("*") if ".vicinal" not in path.parts} == before
    folders = [path for path in (papers / ".vicinal").iterdir() if path.is_dir()]
    assert [(path / "name").read_text() for path in folders] == [name]
    assert "bread.md" in command("search", papers, name, "oven", "-k", 1).out


def test_nothing_that_a_terminal_acts_on_is_printed(papers: Path, command: Command) -> None:
    index(command, papers)
    shown = command("search", papers, "docs", "ship", "-k", 1, "--mode", "keyword").out
    assert "\x1b" not in shown
    assert r"\x1b[2Jclears [bold]the[/bold] screen of a *ship*" in shown


def test_a_file_that_is_gone_is_not_shown(papers: Path, command: Command) -> None:
    index(command, papers)
    (papers / "fish.pdf").unlink()
    done = command("search", papers, "docs", "salted fish")
    assert "fish.pdf" not in done.out
    assert f"1 file that had been indexed is gone from {papers}. Run vicinal index again." in done.err
    (papers / "bread.md").write_text("something else")
    assert "(changed since it was indexed)" in command("search", papers, "docs", "oven").out
    assert "fish.pdf" not in command("search", papers, "docs", "salted fish", "--json").out


def test_what_could_not_be_read_is_listed_at_the_end(papers: Path, command: Command) -> None:
    (papers / "locked.pdf").write_bytes(pdf(["x"], password="secret"))
    (papers / "blank.txt").write_text("\n")
    (papers / "large.txt").write_text("x" * 2000)
    done = index(command, papers, "--max-size", 0.0015)
    assert done.code == 0
    assert done.err.splitlines() == [
        "1 file skipped because of their size:", "  large.txt", "1 file without text:", "  blank.txt",
        "1 file that could not be read:",
        "  locked.pdf: the PDF opens only with a password. Save a copy without a password.",
    ]  # fmt: skip


def test_a_database_elsewhere_and_a_choice_of_files(papers: Path, command: Command, tmp_path: Path) -> None:
    place = papers / "index"
    done = index(command, papers, "--path", place, "--collection", "notes", "--include", "*.md", "--exclude", "fish.*")
    assert done.out.startswith("1 file, 1 passage: 1 new")
    assert f'vicinal search {place} notes "' in done.out
    assert not (papers / ".vicinal").exists()
    assert index(command, papers, "--path", place, "--collection", "notes").out.startswith("3 files, ")
    assert "bread.md" in command("search", place, "notes", "oven").out


def test_what_does_not_fit_is_refused(papers: Path, command: Command, tmp_path: Path) -> None:
    done = command("index", tmp_path / "absent")
    assert (done.code, done.err) == (1, f"vicinal: there is no folder '{tmp_path / 'absent'}'. Check the path.\n")
    assert not (tmp_path / "absent").exists()
    (tmp_path / "file").write_text("x")
    assert f"'{tmp_path / 'file'}' is a file, not a folder. Write: vicinal index {tmp_path} --include file" in (
        command("index", tmp_path / "file").err
    )
    assert "the database cannot be made at" in command("index", papers, "--path", tmp_path / "file" / "db").err
    index(command, papers)
    assert "hashing:64" in command("index", papers, "--encoder", "hashing:32").err


# --- which words are marked ---


@pytest.mark.parametrize(
    ("text", "question", "marked"),
    [
        ("Files are compressed by gzip.", "how do I compress a file?", ["Files", "compressed"]),
        ("How to do it", "how to", ["How", "to"]),
        ("snake_case and camelCase", "case", ["snake_case", "camelCase"]),
        ("Zürich and ZURICH", "zürich", ["Zürich", "ZURICH"]),
        ("don't and can't", "don't", ["don't"]),
        ("東京都に住む", "東京", ["東京"]),
        ("nothing here", "!?", []),
        ("nothing here", "elsewhere", []),
    ],
)
def test_words_of_the_question_in_any_form(text: str, question: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in marks(text, question)] == marked


def test_the_stretch_with_most_words_is_shown() -> None:
    text = "bread " + "filler " * 100 + "bread and salt and water " + "filler " * 100
    spans = marks(text, "bread salt water")
    start, end = best_stretch(text, spans, 100)
    assert "bread and salt and water" in text[start:end]
    assert 80 <= end - start <= 120
    assert best_stretch("short", [], 100) == (0, 5)
    assert best_stretch("x" * 500, [], 100) == (0, 100)
