"""`connect` and the folder of collections."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import vicinal
from support import children
from vicinal.errors import DimensionMismatch, InvalidArgument, SettingsMismatch, Unsupported, VicinalError
from vicinal.store.folder_names import folder_name


def test_opening_and_looking_creates_nothing(tmp_path: Path) -> None:
    db = vicinal.connect(tmp_path / "data")
    assert db.collections() == []
    assert "docs" not in db
    assert repr(db) == f"Database({str(tmp_path / 'data')!r})"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", [None, 5, b"data", "", "a\x00b", ["data"]])
def test_what_is_no_path_is_refused(target: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        vicinal.connect(target)
    assert caught.value.remedy


@pytest.mark.parametrize("target", ["ftp://host:80", "pinecone://host"])
def test_remote_targets_say_that_they_are_not_there(target: str) -> None:
    with pytest.raises(Unsupported, match="there are no databases at"):
        vicinal.connect(target)


def test_a_file_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidArgument, match="is a file; a database is a folder"):
        vicinal.connect(tmp_path / "file")
    with pytest.raises(VicinalError):
        vicinal.connect(tmp_path / "file" / "below").collection("docs")
    assert (tmp_path / "file").read_text() == "x"


def test_a_relative_path_means_the_folder_of_that_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with vicinal.connect("data") as db:
        db.collection("one").add(["a"], texts=["x"])
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        monkeypatch.chdir(elsewhere)
        db.collection("two").add(["a"], texts=["x"])
        assert db.collections() == ["one", "two"]
    assert list(elsewhere.iterdir()) == []


def test_two_ways_to_one_folder_are_one_collection(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "link")
    with vicinal.connect(tmp_path / "real") as one, vicinal.connect(tmp_path / "link") as two:
        one.collection("docs").add(["a"], vectors=[[1.0]])
        two.collection("docs").add(["b"], vectors=[[1.0]])
        assert one.collection("docs").search([1.0]).ids == ["a", "b"]


def test_folders_that_are_not_ours_are_passed_over(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        db.collection("docs").add(["a"], texts=["x"])
    for name, content in (
        ("empty", None),
        ("photos", {"name": "not a collection"}),
        ("new-0123456789abcdef", {"name": "docs"}),
        ("dead-g1", {"name": "docs"}),
        (folder_name("half"), {}),
        (folder_name("odd"), {"name": b"\xff\xfe"}),
    ):
        folder = tmp_path / name
        folder.mkdir()
        for file, text in (content or {}).items():
            (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "file").write_text("x")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    with vicinal.connect(tmp_path) as db:
        assert db.collections() == ["docs"]
        assert db.collection("docs").count() == 1
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_a_foreign_folder_in_our_place_is_an_error_and_stays(tmp_path: Path) -> None:
    foreign = tmp_path / folder_name("docs")
    foreign.mkdir()
    (foreign / "precious").write_text("mine")
    with vicinal.connect(tmp_path) as db, pytest.raises(VicinalError):
        db.collection("docs")
    assert (foreign / "precious").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == [foreign.name]


def test_a_failed_creation_leaves_nothing(tmp_path: Path) -> None:
    class Broken:
        name, version, fingerprint, dim = "broken", "1", "f", 3

        def encode(self, texts: Any) -> Any:
            raise RuntimeError("no model today")

    db = vicinal.connect(tmp_path / "data")
    with pytest.raises(RuntimeError, match="no model today"):
        db.collection("docs", encoder=Broken())
    assert db.collections() == []
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(VicinalError):
        vicinal.connect(locked / "data").collection("docs")


def test_an_unknown_argument_is_pythons_own_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        vicinal.connect(tmp_path).collection("docs", metrics="l2")  # type: ignore[call-arg]


def test_a_dimension_given_before_the_first_vector_holds() -> None:
    with vicinal.connect(":memory:") as database:
        first = database.collection("d")
        second = database.collection("d", dimension=3)
        for handle in (first, second):
            with pytest.raises(DimensionMismatch, match="has 2 components, this collection's have 3"):
                handle.add(["a"], vectors=[[1.0, 2.0]])
        with pytest.raises(SettingsMismatch, match="dimension"):
            database.collection("d", dimension=4)


@pytest.mark.parametrize(("name", "value"), [("language", 5), ("language", "English"), ("analyzer", "nonsense")])
def test_settings_for_words_are_checked(name: str, value: object) -> None:
    with vicinal.connect(":memory:") as database, pytest.raises(InvalidArgument, match=f"{name}"):
        database.collection("d", **{name: value})  # type: ignore[arg-type]


ANEW = """
with vicinal.connect(path) as db:
    db.drop("docs")
    db.collection("docs", dimension=3)
"""


@pytest.mark.parametrize("use", ["open", "drop"])
def test_what_another_process_dropped_and_made_anew_is_there(tmp_path: Path, use: str) -> None:
    """This process has the old one open, and is the last to notice."""
    with vicinal.connect(tmp_path / "data") as db:
        held = db.collection("docs", dimension=2)
        held.add(["a"], vectors=[[1.0, 0.0]])
        children.run(ANEW, tmp_path / "data")
        if use == "open":
            assert db.collection("docs").stats().dimension == 3
        else:
            db.drop("docs")
            assert db.collections() == []
