"""A folder as a collection: what is found, what later runs change, what a kill leaves, no hits from deleted files."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from support.children import wait_for
from support.papers import pdf
from vicinal.errors import InvalidArgument
from vicinal.rag import DocumentSplitter
from vicinal.rag.folder import FolderReport, index_folder, search_folder
from vicinal.rag.folder.find import Finder

OLD = time.time() - 1000


class Counting:
    """Encodes by letters, and counts the texts that it encodes."""

    dim = 26
    name = "counting"
    version = "1"
    fingerprint = "counting/1"
    asked = 0

    def encode(self, texts: list[str]) -> np.ndarray:
        Counting.asked += len(texts)
        rows = [[text.lower().count(letter) + 0.01 for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(texts), 26)


def write(folder: Path, files: dict[str, str | bytes], moment: float = OLD) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (moment, moment))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "papers"
    write(
        place,
        {
            "bread.md": "# Bread\nrye and wheat\n\n# Oven\nheat it well\n",
            "sub/fish.txt": "salted fish\n" * 3,
            "sub/long.txt": "\n\n".join(f"paragraph {n} about number {n}" for n in range(200)),
            "sub/packed.txt.gz": gzip.compress(b"packed words"),
            "page.html": "<h1>Page</h1><p>web words</p>",
        },
    )
    return place


@pytest.fixture
def docs(tmp_path: Path) -> Iterator[vicinal.Collection]:
    with vicinal.connect(tmp_path / "db") as database:
        yield database.collection("docs", encoder=Counting())


def run(docs: vicinal.Collection, folder: Path, **options: Any) -> tuple[FolderReport, int]:
    """Returns the report, and the number of texts encoded."""
    Counting.asked = 0
    report = index_folder(docs, folder, **options)
    return report, Counting.asked


def files_of(docs: vicinal.Collection) -> dict[str, int]:
    return {str(name): count for name, count in docs.facets("file")} if docs.count() else {}


def content(docs: vicinal.Collection) -> list[tuple[Any, ...]]:
    """Returns everything that a search could show, except for modification times."""
    return sorted(
        (r.id, r.text, {k: v for k, v in r.metadata.items() if k != "modified"}, r.vector.tolist())  # type: ignore[union-attr]
        for r in docs.get(vectors=True)
    )


def fresh(folder: Path, place: Path) -> list[tuple[Any, ...]]:
    """Returns the rows of a new index of the folder."""
    with vicinal.connect(place) as database:
        docs = database.collection("fresh", encoder=Counting())
        index_folder(docs, folder)
        return content(docs)


# --- a first run ---


def test_all_documents_are_stored_with_their_places(docs: vicinal.Collection, folder: Path) -> None:
    report, encoded = run(docs, folder)
    assert (report.files, report.new, report.problems, report.empty) == (5, 5, [], [])
    assert report.passages == report.encoded == docs.count() > 5
    assert encoded == report.encoded + 1  # and the probe by which the collection knows its encoder
    assert set(files_of(docs)) == {"bread.md", "sub/fish.txt", "sub/long.txt", "sub/packed.txt.gz", "page.html"}
    (first,) = docs.get(["bread.md#0"])
    assert first.metadata["headings"] == ["Bread"]
    assert first.metadata["line"] == 1
    last = max(docs.get(where={"file": "sub/long.txt"}), key=lambda record: record.metadata["part"])
    text = (folder / "sub/long.txt").read_text()
    assert text[last.metadata["offset"] :].startswith(last.text)
    assert last.metadata["line"] == text.count("\n", 0, last.metadata["offset"]) + 1


def test_bad_files_are_listed_and_stop_nothing(docs: vicinal.Collection, folder: Path) -> None:
    write(
        folder,
        {
            "locked.pdf": pdf(["secret"], password="secret"), "broken.pdf": b"%PDF-1.7 broken",
            "noise.txt": b"\x00\x01" * 99, "torn.txt.gz": gzip.compress(b"x" * 999)[:-20], "blank.txt": "  \n",
            "dots.txt": "....", "zz.txt": "the last",
        },
    )  # fmt: skip
    for _ in range(2):
        report, _ = run(docs, folder)
        assert [name for name, _ in report.problems] == ["broken.pdf", "locked.pdf", "noise.txt", "torn.txt.gz"]
        assert "password" in dict(report.problems)["locked.pdf"]
        assert report.empty == ["blank.txt", "dots.txt"]
        assert report.files == 6
        assert "zz.txt" in files_of(docs)
    assert (report.unchanged, report.new) == (6, 0)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="this user reads everything")
def test_what_may_not_be_read_is_listed(docs: vicinal.Collection, folder: Path) -> None:
    (folder / "bread.md").chmod(0)
    report, _ = run(docs, folder)
    assert report.problems == [("bread.md", "it cannot be read (Permission denied)")]


# --- later runs ---


def test_a_second_run_touches_nothing(docs: vicinal.Collection, folder: Path) -> None:
    run(docs, folder)
    change = docs.stats().change
    report, encoded = run(docs, folder)
    assert (report.unchanged, report.new, report.changed, report.encoded, encoded) == (5, 0, 0, 0, 0)
    assert docs.stats().change == change


def test_only_what_changed_is_stored(docs: vicinal.Collection, folder: Path, tmp_path: Path) -> None:
    run(docs, folder)
    write(folder, {"sub/long.txt": "short now", "bread.md": "# Cake\nsweet\n", "new.txt": "a new one"}, OLD + 5)
    (folder / "page.html").unlink()
    report, encoded = run(docs, folder)
    assert (report.new, report.changed, report.removed, report.unchanged) == (1, 2, 1, 2)
    assert encoded == report.encoded == 3
    assert content(docs) == fresh(folder, tmp_path / "again")


def test_what_moved_keeps_its_vectors(docs: vicinal.Collection, folder: Path, tmp_path: Path) -> None:
    run(docs, folder)
    (folder / "sub").rename(folder / "moved")
    report, encoded = run(docs, folder)
    assert (report.moved, report.removed, report.new, report.unchanged) == (3, 0, 0, 2)
    assert (report.encoded, encoded) == (0, 0)
    assert content(docs) == fresh(folder, tmp_path / "again")
    assert run(docs, folder)[0].unchanged == 5


def test_two_files_may_change_places(docs: vicinal.Collection, folder: Path, tmp_path: Path) -> None:
    run(docs, folder)
    (folder / "sub/fish.txt").rename(folder / "x.txt")
    (folder / "bread.md").rename(folder / "sub/fish.txt")
    (folder / "x.txt").rename(folder / "bread.md")
    run(docs, folder)
    assert content(docs) == fresh(folder, tmp_path / "again")


def test_a_new_time_alone_encodes_nothing(docs: vicinal.Collection, folder: Path) -> None:
    run(docs, folder)
    for path in folder.rglob("*.*"):
        os.utime(path, (OLD + 9, OLD + 9))
    report, encoded = run(docs, folder)
    assert (report.unchanged, encoded) == (5, 0)
    change = docs.stats().change
    run(docs, folder)
    assert docs.stats().change == change


def test_a_change_that_keeps_size_and_time_of_a_new_file_is_seen(docs: vicinal.Collection, folder: Path) -> None:
    write(folder, {"now.txt": "one word"}, time.time())
    run(docs, folder)
    stamp = (folder / "now.txt").stat()
    (folder / "now.txt").write_text("two word")
    os.utime(folder / "now.txt", ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    run(docs, folder)
    assert docs.get(["now.txt#0"])[0].text == "two word"


def test_a_file_that_breaks_loses_its_rows_and_gets_them_back(docs: vicinal.Collection, folder: Path) -> None:
    run(docs, folder)
    write(folder, {"bread.md": b"\x00\x01\x02" * 40}, OLD + 5)
    report, _ = run(docs, folder)
    assert [name for name, _ in report.problems] == ["bread.md"]
    assert "bread.md" not in files_of(docs)
    write(folder, {"bread.md": "good again"}, OLD + 9)
    report, _ = run(docs, folder)
    assert (report.problems, report.changed) == ([], 1)
    assert docs.get(["bread.md#0"])[0].text == "good again"
    assert run(docs, folder)[0].unchanged == 5


def test_another_size_of_chunks_stores_anew(docs: vicinal.Collection, folder: Path) -> None:
    before = run(docs, folder)[0].passages
    write(folder, {"sub/long.txt": (folder / "sub/long.txt").read_text()}, OLD + 5)  # looked at again
    report, _ = run(docs, folder, splitter=DocumentSplitter(chunk_size=100))
    assert (report.changed, report.passages > before) == (1, True)


@pytest.mark.parametrize("seed", range(4))
def test_any_changes_end_where_a_fresh_index_would(seed: int, docs: vicinal.Collection, tmp_path: Path) -> None:
    rng = random.Random(seed)
    folder = tmp_path / "any"
    folder.mkdir()
    for step in range(6):
        for _ in range(8):
            name = f"{rng.choice(['', 'a/', 'b/'])}{rng.randrange(5)}.{rng.choice(['txt', 'md', 'py'])}"
            there = sorted(path for path in folder.rglob("*.*"))
            action = rng.random()
            if action < 0.5 or not there:
                text = "".join(
                    rng.choice(["# a\n", "def f():\n", "word ", "\n\n", "..."]) for _ in range(rng.randrange(600))
                )
                write(folder, {name: text}, OLD + 20 * step + rng.randrange(3))
            elif action < 0.75:
                rng.choice(there).unlink()
            else:
                (folder / name).parent.mkdir(exist_ok=True)
                rng.choice(there).rename(folder / name)
        run(docs, folder)
        assert content(docs) == fresh(folder, tmp_path / f"fresh-{step}")


# --- kills ---


class Killed(BaseException):
    """Stands in for the end of the process: no Python code catches it."""


@pytest.mark.parametrize("step", [1, 2, 3, 5, 8, 9, 10, 11, 12, 14])
def test_a_run_that_ends_anywhere_is_finished_by_the_next(
    step: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each commit in turn is the last one: after a kill, exactly what was committed remains."""
    from vicinal.rag.folder import index

    monkeypatch.setattr(index, "_BATCH_ROWS", 2)
    with vicinal.connect(tmp_path / "db") as database:
        docs = database.collection("docs", encoder=Counting())
        write(folder, {"same.txt": "first version\n\n" * 400})
        index_folder(docs, folder)
        write(folder, {"sub/long.txt": "now short\n\n" * 5, "grown.txt": "many words\n\n" * 900}, OLD + 5)
        write(folder, {"same.txt": "other version\n\n" * 400}, OLD + 5)  # as many passages as before
        (folder / "bread.md").rename(folder / "sub/bread.md")
        (folder / "page.html").unlink()
        with pytest.raises(Killed), monkeypatch.context() as patch:
            _end_after(step, patch)
            index_folder(docs, folder)
            raise Killed
        for name in files_of(docs):  # what moved may be there twice for a moment, what is there no longer is not shown
            found = search_folder(docs, "words", 50)
            assert all((folder / hit.metadata["file"]).exists() for hit in found.hits), name
        index_folder(docs, folder)
        assert content(docs) == fresh(folder, tmp_path / "again")
        assert index_folder(docs, folder).encoded == 0


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_change_that_was_taken_back_after_a_kill_leaves_nothing(
    step: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vicinal.rag.folder import index

    monkeypatch.setattr(index, "_BATCH_ROWS", 2)
    with vicinal.connect(tmp_path / "db") as database:
        docs = database.collection("docs", encoder=Counting())
        index_folder(docs, folder)
        before = (folder / "sub/fish.txt").read_text()
        write(folder, {"sub/fish.txt": "many more words\n\n" * 900}, OLD + 5)
        with pytest.raises(Killed), monkeypatch.context() as patch:
            _end_after(step, patch)
            index_folder(docs, folder)
        write(folder, {"sub/fish.txt": before})
        index_folder(docs, folder)
        assert content(docs) == fresh(folder, tmp_path / "again")


def _end_after(step: int, patch: pytest.MonkeyPatch) -> None:
    left = [step]

    def ending(call: Callable[..., Any]) -> Callable[..., Any]:
        def method(*args: Any, **options: Any) -> Any:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return call(*args, **options)

        return method

    for name in ("upsert", "update", "delete"):
        patch.setattr(vicinal.Collection, name, ending(getattr(vicinal.Collection, name)))


def _has_stored(child: subprocess.Popen[bytes], docs: vicinal.Collection, rows: int) -> bool:
    return child.poll() is not None or docs.count() >= rows


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_process_leaves_what_the_next_one_finishes(folder: Path, tmp_path: Path) -> None:
    write(folder, {f"many/{n}.txt": f"file number {n}\n\n" * 60 for n in range(60)})
    place = tmp_path / "db"
    command = [sys.executable, "-m", "vicinal", "index", str(folder), "--path", str(place), "--encoder", "hashing:64"]
    with vicinal.connect(place) as database:
        docs = database.collection("docs", encoder="hashing:64")
        for rows in (1, 200, 400):
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
                wait_for(partial(_has_stored, child, docs, rows))
                child.send_signal(signal.SIGKILL)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "65 files" in done.stdout
        stored = {(r.id, r.text) for r in docs.get()}
    with vicinal.connect(tmp_path / "whole") as database:
        whole = database.collection("docs", encoder="hashing:64")
        index_folder(whole, folder, splitter=DocumentSplitter("hashing:64"))
        assert stored == {(r.id, r.text) for r in whole.get()}


# --- answers ---


def test_no_answer_comes_from_a_file_that_is_gone(docs: vicinal.Collection, folder: Path) -> None:
    run(docs, folder)
    found = search_folder(docs, "salted fish", 1)
    assert [hit.metadata["file"] for hit in found.hits] == ["sub/fish.txt"]
    assert (found.gone, found.stale) == (frozenset(), frozenset())
    (folder / "sub/fish.txt").unlink()
    found = search_folder(docs, "salted fish", 3)
    assert found.gone == {"sub/fish.txt"}
    assert len(found.hits) == 3
    write(folder, {"sub/long.txt": "changed"}, OLD + 5)
    assert search_folder(docs, "paragraph", 1).stale == {"sub/long.txt"}
    only = search_folder(docs, "words", 9, where={"kind": "html"}, mode="keyword")
    assert {hit.metadata["file"] for hit in only.hits} == {"page.html"}
    for path in sorted(folder.rglob("*.*")):
        path.unlink()
    assert len(search_folder(docs, "words", 3).hits) == 0


class Searched:
    """A collection that counts its searches."""

    def __init__(self, docs: vicinal.Collection) -> None:
        self.docs = docs
        self.searches = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.docs, name)

    def search(self, *args: Any, **options: Any) -> Any:
        self.searches += 1
        return self.docs.search(*args, **options)


def test_many_files_that_are_gone_take_few_searches(docs: vicinal.Collection, folder: Path) -> None:
    write(folder, {f"{n:03}.txt": f"bread number {n}" for n in range(300)})
    run(docs, folder)
    for n in range(290):
        (folder / f"{n:03}.txt").unlink()
    searched = Searched(docs)
    found = search_folder(searched, "bread number", 10)
    assert {hit.metadata["file"] for hit in found.hits} >= {f"{n:03}.txt" for n in range(290, 300)} - {"bread.md"}
    assert found.gone == {f"{n:03}.txt" for n in range(290)}
    assert searched.searches <= 3


def test_copies_of_a_passage_are_one_answer(docs: vicinal.Collection, folder: Path) -> None:
    write(folder, {f"copies/{n:02}.txt": "the same licence text" for n in range(30)})
    run(docs, folder)
    found = search_folder(docs, "licence text", 3)
    assert [hit.text for hit in found.hits[:1]] == ["the same licence text"]
    assert len({hit.text for hit in found.hits}) == len(found.hits) == 3
    assert len(found.copies[found.hits[0].id]) == 29
    alone = search_folder(docs, "licence text", 3, where={"file": {"$startswith": "copies/"}})
    assert len(alone.hits) == 1


def test_rows_of_others_in_between_disturb_nothing(docs: vicinal.Collection, folder: Path) -> None:
    run(docs, folder)
    docs.add(["mine"], texts=["my own words"], metadata=[{"part": 0}])
    assert run(docs, folder)[0].unchanged == 5
    assert "mine" in search_folder(docs, "my own words", 3).hits.ids


def test_a_folder_that_is_not_there_is_an_error(docs: vicinal.Collection, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="not of a folder"):
        search_folder(docs, "x")
    run(docs, folder)
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(InvalidArgument, match=r"papers' that was indexed is not there"):
        search_folder(docs, "x")
    with pytest.raises(InvalidArgument, match="no folder"):
        run(docs, folder)
    assert run(docs, tmp_path / "elsewhere")[0].unchanged == 5
    assert len(search_folder(docs, "fish", 1).hits) == 1


def test_a_collection_belongs_to_one_folder(docs: vicinal.Collection, folder: Path, tmp_path: Path) -> None:
    run(docs, folder)
    (tmp_path / "other").mkdir()
    with pytest.raises(InvalidArgument, match="has the files of"):
        index_folder(docs, tmp_path / "other")
    with vicinal.connect(":memory:") as database:
        mine = database.collection("mine", encoder=Counting())
        mine.add(texts=["my own row"])
        with pytest.raises(InvalidArgument, match="rows that are not of a folder"):
            index_folder(mine, folder)
        assert mine.count() == 1


# --- which files ---


def names(root: Path, **options: Any) -> list[str]:
    return [file.name for file in Finder(root, **options).files()]


def test_hidden_ignored_and_foreign_files_are_passed_over(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".hidden.txt": "x", ".git/config": "x", "a.png": b"x", "node_modules/m.js": "x", "__pycache__/c.py": "x",
            ".gitignore": "*.log\n/build/\n!keep.log\n# comment\n[\n", "a.log": "x", "keep.log": "x",
            "build/b.txt": "x",
            "sub/build/b.txt": "x", "sub/.gitignore": "*.txt\n!b.txt\nkeep.log", "sub/a.txt": "x", "sub/keep.log": "x",
            "README": "x", "docs/ä.md": "x",
        },
    )  # fmt: skip
    assert names(tmp_path) == ["README", "docs/ä.md", "keep.log", "sub/build/b.txt"]
    assert names(tmp_path, include=["*.md", "b.txt"]) == ["docs/ä.md", "sub/build/b.txt"]
    assert names(tmp_path, exclude=["sub/", "*.md"]) == ["README", "keep.log"]
    assert names(tmp_path, exclude=["!a.log"]) == ["README", "a.log", "docs/ä.md", "keep.log", "sub/build/b.txt"]
    assert names(tmp_path, skip=tmp_path / "docs") == ["README", "keep.log", "sub/build/b.txt"]


def test_rules_of_the_repository_above_hold(tmp_path: Path) -> None:
    write(
        tmp_path,
        {".gitignore": "sub/deep/x.txt\n*.tmp\n", "sub/deep/x.txt": "x", "sub/deep/y.txt": "x", "sub/a.tmp": "x"},
    )
    assert names(tmp_path / "sub") == ["a.tmp", "deep/x.txt", "deep/y.txt"]
    (tmp_path / ".git").mkdir()
    assert names(tmp_path / "sub") == ["deep/y.txt"]
    assert names(tmp_path / "sub" / "deep") == ["y.txt"]
    (tmp_path / ".gitignore").write_text("*.tmp\n/sub/\n")  # who names it means it
    assert names(tmp_path / "sub") == ["a.tmp", "deep/x.txt", "deep/y.txt"]


@pytest.mark.skipif(os.name == "nt", reason="Windows makes links for administrators only")
def test_a_rule_that_would_be_matched_for_hours_is_passed_over(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            ".gitignore": "*a*a*a*a*a*a*a*b\n/**/a/**/a/**/a/**/b\n# * * * * * *\n*-*-*.log\n",
            "a" * 20 + ".txt": "kept", "a-b-c.log": "ignored",
        },
    )  # fmt: skip
    finder = Finder(tmp_path)
    assert [file.name for file in finder.files()] == ["a" * 20 + ".txt"]
    assert [(name, "is ignored: " in reason) for name, reason in finder.problems] == [(".gitignore", True)] * 2


def test_a_folder_that_is_too_deep_is_listed_and_stops_nothing(docs: vicinal.Collection, folder: Path) -> None:
    write(
        folder,
        {"/".join(["zz"] + ["d"] * 98 + ["reached.txt"]): "deep", "/".join(["zz"] + ["d"] * 120 + ["a.txt"]): "no"},
    )
    report, _ = run(docs, folder)
    assert report.files == 6
    ((name, reason),) = report.problems
    assert name.startswith("zz/d/d/")
    assert "more than 100 deep" in reason


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"a/a.txt": "x"})
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "b.txt").symlink_to(tmp_path / "a" / "a.txt")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    assert names(tmp_path) == ["a/a.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_not_utf8_are_listed(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    finder = Finder(tmp_path)
    assert finder.files() == []
    assert finder.problems == [("caf\ufffd.txt", "the name of the file is not UTF-8")]


def test_large_files_are_passed_over_and_listed(docs: vicinal.Collection, folder: Path) -> None:
    report, _ = run(docs, folder, bytes_max=100)
    assert report.too_large == ["sub/long.txt"]
    assert report.files == 4
    with pytest.raises(InvalidArgument, match="include has a pattern"):
        run(docs, folder, include=["!"])


@pytest.mark.parametrize(
    "file", [5, ["bread.md"], {"name": "bread.md"}, None, True, "", "bread\0.md", 10**6000], ids=lambda _: ""
)
def test_a_row_whose_file_is_no_name_is_an_answer_like_others(folder: Path, tmp_path: Path, file: Any) -> None:
    with vicinal.connect(tmp_path / "db") as db:
        docs = db.collection("docs", encoder=Counting())
        index_folder(docs, folder)
        docs.add(["mine", "mine too"], texts=["rye and wheat"] * 2, metadata=[{"file": file, "part": 0}] * 2)
        found = search_folder(docs, "rye and wheat", k=50)
        gone = {file} if file == "bread\0.md" else set()
        assert found.gone == gone
        assert any(hit.text and "rye" in hit.text for hit in found.hits)
        index_folder(docs, folder)


def test_a_file_that_vanishes_while_we_answer_is_no_error(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vicinal.connect(tmp_path / "db") as db:
        docs = db.collection("docs", encoder=Counting())
        index_folder(docs, folder)
        get = docs.get

        def after_removal(*args: Any) -> Any:
            shutil.rmtree(folder)
            return get(*args)

        monkeypatch.setattr(docs, "get", after_removal)
        assert search_folder(docs, "rye and wheat", k=2).stale == frozenset()
