"""Events between two steps of a call: another process commits, or this one is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.errors import CollectionDropped, CollectionNotFound, ZeroVector
from vicinal.records import insert
from vicinal.store import backup, drop
from vicinal.store.open_files import OpenFiles

_FIRST_VECTOR = """
import sys, vicinal
with vicinal.connect(sys.argv[1]) as db:
    db.collection("docs").add(["first"], vectors=[[1, 2, 3]], texts=["a text"])
"""


class Killed(BaseException):
    """Stands in for kill -9: code that runs after it changes no file."""


def _another_process_writes_the_first_vector(database: Path) -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", _FIRST_VECTOR, str(database)], check=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db"


@pytest.fixture
def docs(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[vicinal.Collection]:
    monkeypatch.setattr("vicinal.store.registry.ensure_running", lambda *_: None)  # it would catch up in between
    with vicinal.connect(path) as database:
        yield database.collection("docs")


class TestFirstVectorOfAnotherProcess:
    """It fixes the dimension, which this process learns too late to read the vector."""

    @pytest.fixture
    def meanwhile(self, docs: vicinal.Collection, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The first vector is committed after this process has caught up, and before it reads."""
        hold, done = OpenFiles.hold_in_force, list[int]()

        def hold_and_be_overtaken(self: OpenFiles[Any], user: object) -> Any:
            opened = hold(self, user)
            if not done:
                done.append(1)
                _another_process_writes_the_first_vector(path)
            return opened

        monkeypatch.setattr(OpenFiles, "hold_in_force", hold_and_be_overtaken)

    @pytest.fixture
    def before_the_copy(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        copy = backup.copy_generation

        def be_overtaken(*arguments: Any) -> Any:
            _another_process_writes_the_first_vector(path)
            return copy(*arguments)

        monkeypatch.setattr(backup, "copy_generation", be_overtaken)

    @pytest.mark.usefixtures("meanwhile")
    def test_get(self, docs: vicinal.Collection) -> None:
        (record,) = docs.get(vectors=True)
        assert record.vector is not None
        assert record.vector.tolist() == [1, 2, 3]

    @pytest.mark.usefixtures("before_the_copy")
    def test_backup(self, docs: vicinal.Collection, tmp_path: Path) -> None:
        docs.backup(tmp_path / "copy")
        with vicinal.connect(tmp_path / "copy") as copy:
            assert copy.verify("docs").ok
            assert [hit.id for hit in copy.collection("docs").search([1, 2, 3])] == ["first"]

    @pytest.mark.usefixtures("before_the_copy")
    def test_snapshot(self, docs: vicinal.Collection) -> None:
        docs.snapshot("s")
        docs.delete(["first"])
        docs.restore("s")
        assert [hit.id for hit in docs.search([1, 2, 3])] == ["first"]

    @pytest.mark.usefixtures("meanwhile")
    def test_compaction(self, docs: vicinal.Collection) -> None:
        docs.compact()
        assert [hit.id for hit in docs.search([1, 2, 3])] == ["first"]

    def test_after_our_own_first_vector_was_not_to_be(
        self, docs: vicinal.Collection, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise Killed

        monkeypatch.setattr(insert.Transaction, "finish", fail)
        with pytest.raises(Killed):
            docs.add(["two dimensions"], vectors=[[1, 2]])
        monkeypatch.undo()
        _another_process_writes_the_first_vector(path)
        (record,) = docs.get(vectors=True)
        assert record.vector is not None
        assert record.vector.tolist() == [1, 2, 3]


class TestDrop:
    """`moved_to` is authoritative; the marker is a hint that opening, listing and dropping repair."""

    def _killed_in(self, where: str, monkeypatch: pytest.MonkeyPatch, call: Callable[[], Any]) -> None:
        def kill(*_: Any, **__: Any) -> None:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(drop, where, kill)
            with pytest.raises(Killed):
                call()

    @pytest.fixture
    def half_dropped(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The commit was made, the marker was not written."""
        with vicinal.connect(path) as database:
            database.collection("docs").add(["old"], vectors=[[1, 2]])
            self._killed_in("write_file", monkeypatch, lambda: database.drop("docs"))
        (folder,) = path.glob("docs-*")
        assert not (folder / "dropped").exists()
        return folder

    def test_the_name_can_be_taken_again(self, half_dropped: Path, path: Path) -> None:
        with vicinal.connect(path) as database:
            assert database.collection("docs").count() == 0
            assert database.collections() == ["docs"]
            assert half_dropped.exists()

    def test_it_can_be_dropped_once_more(self, half_dropped: Path, path: Path) -> None:
        with vicinal.connect(path) as database:
            database.drop("docs")
            assert database.collections() == []
            assert not half_dropped.exists()
            with pytest.raises(CollectionNotFound):
                database.drop("docs")

    def test_repair_does_not_bring_it_back(self, half_dropped: Path, path: Path) -> None:
        with vicinal.connect(path) as database:
            with pytest.raises(CollectionDropped):
                database.repair("docs")
            assert database.collection("docs").count() == 0
        assert half_dropped.exists()

    def test_nor_where_only_the_marker_can_be_read(self, half_dropped: Path, path: Path) -> None:
        (half_dropped / "dropped").write_bytes(b"")
        records = half_dropped / "g1" / "records.db"
        records.write_bytes(b"\xff" * len(records.read_bytes()))
        with vicinal.connect(path) as database, pytest.raises(CollectionDropped):
            database.repair("docs")

    def test_one_made_anew_is_listed_although_its_maker_died(self, path: Path) -> None:
        with vicinal.connect(path) as database:
            database.collection("docs").add(["new"], vectors=[[1, 2]])
        (folder,) = path.glob("docs-*")
        (folder / "dropped").write_bytes(b"")  # as between the rename of the new generation and the last step
        with vicinal.connect(path) as database:
            assert database.collections() == ["docs"]
            assert [record.id for record in database.collection("docs").get()] == ["new"]
        assert not (folder / "dropped").exists()

    def test_opening_mends_the_marker_too(self, path: Path) -> None:
        with vicinal.connect(path) as database:
            database.collection("docs").add(["new"], vectors=[[1, 2]])
        (folder,) = path.glob("docs-*")
        (folder / "dropped").write_bytes(b"")
        with vicinal.connect(path) as database:
            assert database.collection("docs").count() == 1
        assert not (folder / "dropped").exists()

    def test_a_kill_while_files_are_removed(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with vicinal.connect(path) as database:
            for name in ("docs", "dead", "other"):
                database.collection(name).add(["x"], vectors=[[1, 2]])
            remove, kill = database._files.remove_tree, Killed()

            def removed(tree: str) -> None:
                if os.path.basename(tree).startswith("dead-"):
                    raise kill
                remove(tree)

            with monkeypatch.context() as patched:
                patched.setattr(database._files, "remove_tree", removed)
                with pytest.raises(Killed):
                    database.drop("docs")
            assert database.collections() == ["dead", "other"]
            assert len(list(path.iterdir())) == 3
            database.drop("other")
            assert database.collections() == ["dead"]
            assert len(list(path.iterdir())) == 1, "what the kill left is gone too"
            assert database.collection("dead").count() == 1


def test_an_orphan_of_a_killed_switch_is_in_nobodys_way(docs: vicinal.Collection) -> None:
    docs.add(["a", "b"], vectors=[[1, 2], [3, 4]])
    docs.delete(["a"])
    folder = Path(docs.stats().path)
    shutil.copytree(folder / "g1", folder / "g2")
    docs.compact()
    assert [record.id for record in docs.get()] == ["b"]
    assert docs.stats().dead_slots == 0
    assert [entry.name for entry in folder.glob("g*")] == ["g2"]


def test_opening_ends_rows_whose_vectors_were_lost(path: Path) -> None:
    """As after a power failure: rows since the last sync reached the log, but their vectors not their file."""
    with vicinal.connect(path) as database:
        docs = database.collection("docs", dimension=2, durability="process")
        docs.add(["kept"], vectors=[[1, 2]])
        docs.sync()
        docs.add(["lost"], vectors=[[3, 4]])
        saved = path.with_name("saved")
        shutil.copytree(path, saved)
    (vectors,) = saved.glob("docs-*/g1/vectors.f32")
    os.truncate(vectors, 8)
    with vicinal.connect(saved) as database:
        docs = database.collection("docs")
        assert any("1 rows" in sentence for sentence in docs.stats().recovery)
        assert [record.id for record in docs.get()] == ["kept"]
        assert docs.count() == 1
        assert [hit.id for hit in docs.search([3, 4])] == ["kept"]
        assert docs.add(["lost"], vectors=[[3, 4]]) == ["lost"]


class TestStreams:
    def test_a_time_to_live_begins_with_its_batch(
        self, docs: vicinal.Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = [4_000_000_000_000_000]
        monkeypatch.setattr(insert, "now", lambda: clock[0])

        def rows() -> Iterator[dict[str, Any]]:
            for i in range(3 * 8192):
                clock[0] += 1000  # a batch takes eight seconds
                yield {"id": i, "vector": [1.0, 2.0]}

        docs.add(rows=rows(), ttl=1)
        stored = docs._context.store.read(
            lambda reader: reader._connection.execute("SELECT slot, expires_at FROM rows ORDER BY slot").fetchall()
        )
        begun = 4_000_000_000_000_000
        assert [expires for _, expires in stored[::8192]] == [begun + 8192 * 1000 * n + 1_000_000 for n in (1, 2, 3)]

    @pytest.mark.parametrize("at_once", [False, True])
    def test_rules_are_those_of_the_moment(self, path: Path, at_once: bool) -> None:
        """The metric is changed to cosine, which rejects vectors of length zero, in the middle of a stream."""
        altered = vicinal.connect(path).collection("docs", metric="ip")
        altered.add(["x"], vectors=[[1.0, 2.0]])

        def rows() -> Iterator[dict[str, Any]]:
            for i in range(2 * 8192):
                if i == 8192:
                    altered.alter(metric="cosine")
                yield {"id": i, "vector": [0.0, 0.0] if i == 2 * 8192 - 1 else [1.0, 2.0]}

        if at_once:
            with pytest.raises(ZeroVector):
                _between_check_and_write(altered, lambda: altered.alter(metric="cosine"))
        else:
            with pytest.raises(ZeroVector):
                altered.add(rows=rows())
        assert all(np.any(record.vector) for record in altered.get(vectors=True))


def _between_check_and_write(docs: vicinal.Collection, happens: Callable[[], None]) -> None:
    store = docs._context.store
    write, done = store.write, threading.Event()

    def overtaken(*arguments: Any, **named: Any) -> Any:
        if not done.is_set():
            done.set()
            happens()
        return write(*arguments, **named)

    store.write = overtaken
    try:
        docs.add(["zero"], vectors=[[0.0, 0.0]])
    finally:
        store.write = write
