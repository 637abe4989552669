"""A store is identified by the current content of its path: a folder may be deleted, moved, replaced or linked."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.errors import CollectionDropped, InvalidArgument, Unsupported

_READ = """
import sys, vicinal
with vicinal.connect(sys.argv[1]) as db:
    print(*sorted(record.id for record in db.collection("docs").get()))
"""

CALLS: dict[str, Callable[[vicinal.Collection], object]] = {
    "add": lambda docs: docs.add(["late"], vectors=[[1, 2]]),
    "get": lambda docs: docs.get(),
    "search": lambda docs: docs.search([1, 2]),
    "count": lambda docs: docs.count(),
    "sync": lambda docs: docs.sync(),
    "stats": lambda docs: docs.stats(),
    "compact": lambda docs: docs.compact(),
    "snapshot": lambda docs: docs.snapshot("s"),
    "snapshots": lambda docs: docs.snapshots(),
}


def _made(path: Path, *ids: str) -> vicinal.Collection:
    docs = vicinal.connect(path).collection("docs", dimension=2)
    docs.add(list(ids), vectors=[[1, 2]] * len(ids))
    return docs


def _delete(path: Path) -> None:
    shutil.rmtree(path)


def _move(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))


def _replace_by_a_copy(path: Path) -> None:
    shutil.copytree(path, path.with_name("copy"))
    shutil.rmtree(path)
    path.with_name("copy").rename(path)


def _replace_the_generation(path: Path) -> None:
    (generation,) = path.glob("docs-*/g1")
    shutil.copytree(generation, generation.with_name("copy"))
    shutil.rmtree(generation)
    generation.with_name("copy").rename(generation)


AWAY = [_delete, _move, _replace_by_a_copy, _replace_the_generation]


def _ids_in_another_process(path: Path) -> list[str]:
    read = [sys.executable, "-W", "ignore", "-c", _READ, str(path)]
    return subprocess.run(read, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("away", AWAY)
def test_the_next_call_says_that_the_files_are_gone(tmp_path: Path, away: Callable[[Path], None], name: str) -> None:
    docs = _made(tmp_path / "db", "old")
    away(tmp_path / "db")
    with pytest.raises(CollectionDropped, match="gone"):
        CALLS[name](docs)
    with pytest.raises(CollectionDropped, match="gone"):
        docs.count()
    docs.close()


@pytest.mark.parametrize("away", [_delete, _move])
def test_a_cell_that_is_run_twice_begins_anew(tmp_path: Path, away: Callable[[Path], None]) -> None:
    old = _made(tmp_path / "db", "old")
    away(tmp_path / "db")
    new = _made(tmp_path / "db", "new")
    new.sync()
    assert _ids_in_another_process(tmp_path / "db") == ["new"]
    with pytest.raises(CollectionDropped):
        old.count()
    old.close()  # leaves the files of the new one alone
    assert new.add(["newer"], vectors=[[3, 4]]) == ["newer"]
    new.close()
    assert _ids_in_another_process(tmp_path / "db") == ["new", "newer"]


def test_a_forgotten_handle_on_a_deleted_folder_makes_nothing_again(tmp_path: Path) -> None:
    docs = _made(tmp_path / "db", *(f"row{i}" for i in range(5000)))  # enough to publish when it closes
    shutil.rmtree(tmp_path / "db")
    docs.close()
    assert not (tmp_path / "db").exists()


def test_a_copy_in_place_of_the_original_is_opened_as_it_is(tmp_path: Path) -> None:
    docs = _made(tmp_path / "db", "one")
    vicinal.connect(tmp_path / "db").collection("docs").backup(tmp_path / "saved")
    docs.add(["two"], vectors=[[3, 4]])
    shutil.rmtree(tmp_path / "db")
    shutil.copytree(tmp_path / "saved", tmp_path / "db")
    again = vicinal.connect(tmp_path / "db").collection("docs")
    assert [record.id for record in again.get()] == ["one"]
    assert [hit.id for hit in again.search([3, 4], k=9)] == ["one"]


def test_moved_away_and_back_is_the_same(tmp_path: Path) -> None:
    docs = _made(tmp_path / "db", "one")
    (tmp_path / "db").rename(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").rename(tmp_path / "db")
    assert docs.add(["two"], vectors=[[3, 4]]) == ["two"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_is_pointed_elsewhere(tmp_path: Path) -> None:
    _made(tmp_path / "first", "one").close()
    _made(tmp_path / "second", "two").close()
    os.symlink("first", tmp_path / "db")
    docs = vicinal.connect(tmp_path / "db").collection("docs")
    assert [record.id for record in docs.get()] == ["one"]
    (tmp_path / "db").unlink()
    os.symlink("second", tmp_path / "db")
    with pytest.raises(CollectionDropped, match="gone"):
        docs.get()
    again = vicinal.connect(tmp_path / "db").collection("docs")
    assert [record.id for record in again.get()] == ["two"]
    first = vicinal.connect(tmp_path / "first").collection("docs")
    assert [record.id for record in first.get()] == ["one"]


def test_a_sleeping_collection_does_not_wake_as_another_one(tmp_path: Path) -> None:
    docs = _made(tmp_path / "db", "old")
    assert docs._context.store.sleep()
    _replace_by_a_copy(tmp_path / "db")
    with pytest.raises(CollectionDropped, match="gone"):
        docs.add(["late"], vectors=[[1, 2]])


class TestWarm:
    def test_a_collection_for_each_call_opens_its_files_once(self, tmp_path: Path) -> None:
        _made(tmp_path / "db", "a").close()
        database = vicinal.connect(tmp_path / "db")
        generations = set()
        for _ in range(5):
            docs = database.collection("docs")
            assert docs.search([1, 2])[0].id == "a"
            generations.add(docs._context.store.open_files.opened.generation)
            del docs
            gc.collect()
        assert len(generations) == 1

    def test_the_last_close_closes(self, tmp_path: Path) -> None:
        docs = _made(tmp_path / "db", "a")
        docs.close()
        assert not list(tmp_path.glob("db/docs-*/g1/records.db-wal"))

    def test_closing_the_database_closes_what_was_forgotten(self, tmp_path: Path) -> None:
        with vicinal.connect(tmp_path / "db") as database:
            database.collection("docs").add(["a"], vectors=[[1, 2]])
            gc.collect()
        assert not list(tmp_path.glob("db/docs-*/g1/records.db-wal"))

    def test_what_nobody_asked_for_a_while_closes_itself(self, tmp_path: Path) -> None:
        from vicinal.store import registry

        docs = _made(tmp_path / "db", "a")
        store = docs._context.store
        del docs
        gc.collect()
        registry.close_unused()
        assert store.is_awake
        store.used_at -= 2 * registry._WARM_SECONDS
        registry.close_unused()
        assert not store.is_awake
        assert store not in registry.open_stores()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
@pytest.mark.parametrize("linked", [".", "g1", "g1/records.db"])
def test_a_drop_that_would_leave_data_behind_a_link_is_refused(tmp_path: Path, linked: str) -> None:
    _made(tmp_path / "db", "one").close()
    (folder,) = (tmp_path / "db").glob("docs-*")
    place = folder / linked
    place.rename(tmp_path / "elsewhere")
    place.symlink_to(tmp_path / "elsewhere")
    with vicinal.connect(tmp_path / "db") as db:
        with pytest.raises(Unsupported, match="would leave the files behind the link"):
            db.drop("docs")
        assert db.collection("docs", create=False).get(["one"])  # nothing was changed
        db.collection("docs").close()
    place.unlink()
    (tmp_path / "elsewhere").rename(place)
    with vicinal.connect(tmp_path / "db") as db:
        db.drop("docs")
        assert not folder.exists()


@pytest.mark.parametrize("path", ["", None, "a\0b", b"bytes", 5, ":memory:", "s3://bucket/copies"])
def test_what_is_no_folder_takes_no_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Any) -> None:
    docs = _made(tmp_path / "db", "one")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises((InvalidArgument, Unsupported)) as refused:
        docs.backup(path)
    assert refused.value.name == "path"
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("name", ["", None, 5, ["a"], "\ud800"])
def test_what_is_no_name_names_no_snapshot(tmp_path: Path, name: Any) -> None:
    docs = _made(tmp_path / "db", "one")
    for call in (docs.snapshot, docs.restore, docs.drop_snapshot):
        with pytest.raises(InvalidArgument):
            call(name)
