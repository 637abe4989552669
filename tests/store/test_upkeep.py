"""Automatic upkeep: publication, compaction, copies, erasure and dropping a collection."""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.errors import (
    CollectionDropped,
    CollectionNotFound,
    DiskFull,
    InvalidArgument,
    NotFound,
    SettingsMismatch,
    Unsupported,
    ZeroVector,
)
from vicinal.filters import saved
from vicinal.records import rebuild
from vicinal.store import backup, feed, open_stores, publishing, registry, upkeep
from vicinal.store.files import DiskFiles

DIM = 16


def vectors(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)


def fill(docs: vicinal.Collection, count: int, seed: int = 0) -> np.ndarray:
    block = vectors(count, seed)
    docs.upsert(
        list(range(count)), vectors=block, texts=[f"text {i} of {seed}" for i in range(count)],
        metadata=[{"i": i} for i in range(count)],
    )  # fmt: skip
    return block


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def everything(docs: vicinal.Collection) -> list[tuple[object, ...]]:
    return [
        (r.id, r.text, r.metadata, None if r.vector is None else r.vector.tobytes()) for r in docs.get(vectors=True)
    ]


def in_another_process(code: str, *arguments: object) -> str:
    """Runs `code` in a new interpreter and returns its output."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def folder_of(database: vicinal.Database, name: str) -> Path:
    return Path(database.collection(name).stats().path)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[vicinal.Database]:
    with vicinal.connect(tmp_path / "db") as opened:
        yield opened


@pytest.fixture
def docs(database: vicinal.Database) -> vicinal.Collection:
    return database.collection("docs")


class TestCompaction:
    def test_leaves_rows_order_and_scores_as_they_were(self, docs: vicinal.Collection) -> None:
        block = fill(docs, 300)
        docs.delete(list(range(0, 300, 3)))
        docs.upsert([1, 2], vectors=block[[1, 2]], texts=["new", None])
        docs.update([4], metadata={"more": None})
        before, hits = everything(docs), docs.search(block[7], k=500)
        docs.compact()
        assert everything(docs) == before
        assert docs.search(block[7], k=500) == hits
        assert docs.stats().dead_slots == 0

    def test_replays_what_is_written_meanwhile(self, docs: vicinal.Collection) -> None:
        block = fill(docs, 20_000)
        stop, written = threading.Event(), []

        def write() -> None:
            number = 0
            while not stop.is_set():
                docs.upsert([f"w{number}"], vectors=block[:1], metadata=[{"n": number}])
                docs.delete([number])
                docs.update([19_999 - number % 100], metadata={"n": number})
                written.append(number)
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            wait_until(lambda: len(written) > 5)
            before = len(written)
            docs.compact()
            after = len(written)
        finally:
            stop.set()
            writer.join()
        assert after > before, "writers go on while the next generation is built"
        count = len(written)
        assert docs.count() == 20_000
        assert [r.id for r in docs.get([f"w{n}" for n in range(count)])] == [f"w{n}" for n in range(count)]
        assert docs.get(list(range(count))) == []
        assert docs.get([19_999 - (count - 1) % 100])[0].metadata["n"] == count - 1

    def test_comes_by_itself_and_bounds_the_disk(self, database: vicinal.Database) -> None:
        rounds = 100 if os.environ.get("VICINAL_FULL") else 10
        wide = np.random.default_rng(0).normal(size=(4000, 1024)).astype(np.float32)
        docs = database.collection("wide", dimension=1024)
        docs.add(list(range(4000)), vectors=wide)
        fresh = docs.stats().bytes_on_disk
        for _ in range(rounds):
            docs.delete(list(range(4000)))
            docs.add(list(range(4000)), vectors=wide)
            wait_until(lambda: docs.stats().dead_slots <= 4000)
            wait_until(lambda: docs.stats().bytes_on_disk <= 2 * fresh + (64 << 20))
        assert docs.count() == 4000

    def test_reclaims_expired_rows(self, docs: vicinal.Collection) -> None:
        docs.add(["gone"], vectors=vectors(1), ttl=0.01)
        docs.add(["stays"], vectors=vectors(1), ttl=1000)
        wait_until(lambda: docs.count() == 1)
        assert docs.stats().expired == 1
        docs.compact()
        assert docs.stats().expired == 0
        assert docs.get()[0].expires_at is not None

    def test_another_process_follows(self, docs: vicinal.Collection, tmp_path: Path) -> None:
        block = fill(docs, 50)
        in_another_process(
            """
            import sys, vicinal
            docs = vicinal.connect(sys.argv[1]).collection("docs")
            docs.delete([3])
            docs.compact()
            """,
            tmp_path / "db",
        )
        assert docs.count() == 49
        assert 3 not in docs.search(block[3], k=50).ids
        docs.add([3], vectors=block[3:4])
        assert docs.search(block[3], k=1)[0].id == 3

    def test_in_memory_comes_with_the_write_that_makes_it_due(self) -> None:
        docs = vicinal.connect(":memory:").collection("docs")
        for seed in range(8):
            block = fill(docs, 1500, seed)
        assert docs.stats().dead_slots <= 1500 + 1024
        assert docs.count() == 1500
        assert docs.search(block[7], k=1)[0].id == 7
        docs.compact()
        assert docs.stats().dead_slots == 0
        assert everything(docs)[3][:2] == (3, "text 3 of 7")

    def test_in_memory_under_threads(self) -> None:
        docs = vicinal.connect(":memory:").collection("docs", dimension=DIM)
        block = vectors(100)

        def work(name: str) -> None:
            for _ in range(60):
                docs.upsert([f"{name}{i}" for i in range(100)], vectors=block)
                assert docs.search(block[3], k=1)[0].score > 0.99

        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert docs.count() == 200


class TestPublication:
    def test_a_saved_index_gives_the_same_answers(self, tmp_path: Path) -> None:
        with vicinal.connect(tmp_path) as database:
            docs = database.collection("docs")
            block = fill(docs, 6000)
            docs.delete(list(range(100)))
            hits, rows = docs.search(block[200], k=50), everything(docs)
        assert list(tmp_path.glob("docs-*/g1/index/vectors-*.idx")), "past the limit, closing publishes"
        with vicinal.connect(tmp_path) as database:
            docs = database.collection("docs")
            assert docs.stats().published is not None
            assert docs.search(block[200], k=50) == hits
            assert everything(docs) == rows

    def test_it_leaves_the_interpreter_to_who_keeps_writing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for seconds in ("_QUIET_SECONDS", "_PAUSE_SECONDS"):
            monkeypatch.setattr(upkeep, seconds, 1000.0)
        with vicinal.connect(tmp_path) as database:
            docs = database.collection("docs")
            store = docs._context.store
            with store.upkeep.lock:  # or the housekeeping thread may have begun the same work
                docs.add(vectors=vectors(5000))
                store.upkeep._build_what_is_due(store.writer.wrote_at + 999)
                assert store.published() is None
                store.upkeep._build_what_is_due(store.writer.wrote_at + 1001)
                assert store.published() is not None, "enough for a pause"
                docs.add(vectors=vectors(5000))
                monkeypatch.setattr(publishing, "_ROWS_BUSY_MIN", 5000)
                store.upkeep._build_what_is_due(store.writer.wrote_at)
                assert docs.stats().tail == 0, "enough for everybody"

    @pytest.mark.parametrize("part", ["slots", "vectors", "columns", "words", "sparse"])
    @pytest.mark.parametrize("damage", ["deleted", "truncated", "flipped", "foreign"])
    def test_without_its_file_the_answers_stay(self, tmp_path: Path, damage: str, part: str) -> None:
        with vicinal.connect(tmp_path / "a") as database:
            docs = database.collection("docs")
            block = fill(docs, 5000)
            hits, words = docs.search(block[5], k=20), docs.search("text 77", k=3, mode="keyword")
            docs.search(mode="hybrid", sparse={1: 1.0})  # only parts that were searched are saved on closing
        [file] = (tmp_path / "a").glob(f"docs-*/g1/index/{part}-*.idx")
        if damage == "deleted":
            file.unlink()
        elif damage == "truncated":
            os.truncate(file, file.stat().st_size // 2)
        elif damage == "flipped":
            data = bytearray(file.read_bytes())
            data[-1] ^= 1
            file.write_bytes(data)
        else:  # an index of other records that claims this change and nonce
            with vicinal.connect(tmp_path / "b") as database:
                others = database.collection("docs")
                fill(others, 5000, seed=1)
                others.search("text", mode="hybrid", vector=block[5], sparse={1: 1.0})
            [other] = (tmp_path / "b").glob(f"docs-*/g1/index/{part}-*.idx")
            shutil.copy(other, file)
        with vicinal.connect(tmp_path / "a") as database:
            docs = database.collection("docs")
            assert (docs.stats().published is None) == (part in ("slots", "vectors", "columns"))
            with docs._context.store.using() as opened:
                assert set(opened.feed.published) == {"slots", "vectors", "columns", "words", "sparse"} - {part}
            assert docs.search(block[5], k=20) == hits
            assert docs.search("text 77", k=3, mode="keyword") == words
            assert docs.count({"i": {"$lt": 77}}) == 77

    def test_index_folders_may_vanish_at_any_moment(self, tmp_path: Path) -> None:
        """Two processes write, publish and search while the folder is repeatedly deleted."""
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(
                """
                import sys, numpy as np, vicinal
                docs = vicinal.connect(sys.argv[1]).collection("docs", dimension=16)
                block = np.random.default_rng(1).normal(size=(200, 16)).astype("f4")
                for i in range(40):
                    docs.upsert([f"c{n}" for n in range(200)], vectors=block)
                    docs._context.store.upkeep.build(always=True)
                    assert docs.search(block[9], k=1)[0].id == "c9"
                """), str(tmp_path)],
        )  # fmt: skip
        docs = vicinal.connect(tmp_path).collection("docs", dimension=DIM)
        block = fill(docs, 500)
        while child.poll() is None:
            for index in tmp_path.glob("docs-*/g*/index"):
                shutil.rmtree(index, ignore_errors=True)
            docs.update([3], metadata={"again": True})
            hits = docs.search(block[3], k=5)
            assert hits[0].id == 3
        assert child.returncode == 0
        docs.close()
        with vicinal.connect(tmp_path) as database:
            assert database.collection("docs").count() == 700

    def test_a_process_behind_the_trimmed_changes_catches_up(self, docs: vicinal.Collection, tmp_path: Path) -> None:
        block = fill(docs, 100)
        assert docs.search(block[0], k=1)[0].id == 0
        in_another_process(
            """
            import sys, vicinal
            docs = vicinal.connect(sys.argv[1]).collection("docs")
            docs.delete([0])
            docs.add(["late"], vectors=[[1.0] * 16])
            docs._context.store.upkeep.build(always=True)
            """,
            tmp_path / "db",
        )
        assert docs.search(block[0], k=1)[0].id != 0
        assert docs.search([1.0] * DIM, k=1)[0].id == "late"

    def test_happens_after_quiet(self, docs: vicinal.Collection) -> None:
        fill(docs, 10)
        wait_until(lambda: docs.stats().published == docs.stats().change)
        assert docs.stats().tail == 0


class TestOffTheLock:
    """Searches and writes never wait for an index that is being built or saved."""

    @pytest.mark.parametrize(
        "slow",
        [
            "vicinal.indexes.flat.FlatIndex._extend",
            "vicinal.indexes.flat.sections",
            "vicinal.filters.saved._arrays",
            "vicinal.indexes.text.TextIndex.save",
            "vicinal.indexes.sparse.SparseIndex.save",
            "vicinal.store.publishing.publish",
        ],
    )
    def test_nobody_waits(self, docs: vicinal.Collection, monkeypatch: pytest.MonkeyPatch, slow: str) -> None:
        block = fill(docs, 60)  # few enough for a search to build them in by itself
        began, go_on = threading.Event(), threading.Event()
        real = pkgutil.resolve_name(slow)

        def waiting(*arguments: Any, **named: Any) -> Any:
            began.set()
            assert go_on.wait(60), "the test is over and nobody said so"
            return real(*arguments, **named)

        monkeypatch.setattr(slow, waiting)
        saver = threading.Thread(target=lambda: docs._context.store.upkeep.build(always=True))
        saver.start()
        try:
            assert began.wait(30)
            assert docs.search(block[5], k=3)[0].id == 5
            docs.update([6], metadata={"late": True})
            docs.upsert([7], vectors=block[8:9], metadata=[{"late": False}])
            docs.delete([9])
            assert docs.search(block[8], k=2).ids == [8, 7]
            assert docs.count({"late": True}) == 1
            assert docs.search(block[9], k=59, where={"i": {"$lt": 30}})[0].id != 9
            assert not go_on.is_set()
        finally:
            go_on.set()
            saver.join()
        monkeypatch.undo()
        docs._context.store.upkeep.build(always=True)
        assert docs.search("text 6", k=1, mode="keyword").ids == [6]
        assert docs.verify().ok

    def test_what_was_saved_meanwhile_is_of_one_moment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Values are overwritten after the snapshot was taken and before it is written."""
        with vicinal.connect(tmp_path) as database:
            docs = database.collection("docs")
            fill(docs, 200)
            real = saved._arrays

            def overwriting(*arguments: Any) -> Any:
                monkeypatch.undo()
                docs.update(list(range(100)), metadata={"i": -1, "new": "field"})
                docs.delete(list(range(150, 200)))
                return real(*arguments)

            monkeypatch.setattr(saved, "_arrays", overwriting)
            docs._context.store.upkeep.build(always=True)
            expected = everything(docs)
        with vicinal.connect(tmp_path) as database:
            docs = database.collection("docs")
            assert docs.count({"i": -1}) == docs.count({"new": "field"}) == 100
            assert docs.facets("i") == [(-1, 100), *((i, 1) for i in range(100, 150))]
            assert everything(docs) == expected

    def test_a_changed_row_writes_no_large_part_anew(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(publishing, "_SMALL_BYTES", 1 << 14)
        with vicinal.connect(tmp_path) as database:
            docs = database.collection("docs")
            fill(docs, 5000)
            upkeep_of = docs._context.store.upkeep
            upkeep_of.build(always=True)
            before = index_files(tmp_path)
            docs.upsert([5], vectors=vectors(1), texts=["one"], metadata=[{"i": 1}])
            upkeep_of.build()
            written = {part for part, _ in index_files(tmp_path) - before}
            assert written == {"slots"}, "which is small"
            assert docs.stats().published == 1
            docs.upsert(list(range(100)), vectors=vectors(100), texts=["one"] * 100)
            upkeep_of.build()
            written = {part for part, _ in index_files(tmp_path) - before}
            assert written == {"slots", "vectors", "columns", "words", "sparse"}, "enough has changed"
            assert docs.stats().published == docs.stats().change == 3

    def test_what_another_builder_saved_is_not_saved_again(
        self, docs: vicinal.Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(docs, 5000)
        upkeep_of = docs._context.store.upkeep
        upkeep_of.build(always=True)
        monkeypatch.setattr(publishing, "_SMALL_BYTES", 1 << 14)
        in_another_process(
            """
            import sys, vicinal
            from vicinal.store import publishing
            publishing._SMALL_BYTES = 1 << 14
            docs = vicinal.connect(sys.argv[1]).collection("docs")
            docs.delete([0])
            docs._context.store.upkeep.build()
            """,
            tmp_path / "db",
        )
        theirs = index_files(tmp_path / "db")
        assert {name.rsplit("-", 1)[0] for _, name in theirs if "-2-" in name} == {"slots-2"}
        monkeypatch.setattr(publishing, "publish", None)
        docs.count()
        upkeep_of.build()
        assert index_files(tmp_path / "db") == theirs
        assert upkeep_of.postponed() == ()


def index_files(database: Path) -> set[tuple[str, str]]:
    """Returns (part, name) of each."""
    return {(path.name.split("-")[0], path.name) for path in database.glob("docs-*/g1/index/*.idx")}


class TestSwitchWithIndexes:
    """The next generation has its indexes before anyone switches to it."""

    def test_nobody_has_to_build_them_after_it(self, docs: vicinal.Collection, monkeypatch: pytest.MonkeyPatch) -> None:
        block = fill(docs, 300)
        docs.delete(list(range(0, 300, 7)))
        hits, words = docs.search(block[5], k=20), docs.search("text 77", k=3, mode="keyword")
        read, reads = feed.read_everything, []
        monkeypatch.setattr(feed, "read_everything", lambda *given: reads.append(1) or read(*given))
        docs.compact()
        assert len(reads) == 1, "from the records, for the one that publishes"
        with docs._context.store.in_force() as opened:
            assert set(opened.feed.published) == {"slots", "vectors", "columns", "words"}, "nobody asked the others"
            assert opened.generation.name == "g2"
            assert opened.feed.index.vectors.covered == opened.feed.state.next_slot == 257
            assert opened.feed.index.words.slot_count == 257
        assert docs.search(block[5], k=20).ids == hits.ids
        assert docs.search("text 77", k=3, mode="keyword").ids == words.ids
        assert docs.count({"i": {"$lt": 77}}) == 66

    def test_what_is_written_while_they_are_built_is_there(
        self, docs: vicinal.Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(docs, 50)
        docs.delete([3])

        def meanwhile(*arguments: Any, **named: Any) -> None:
            publishing.publish_generation(*arguments, **named)
            docs.add(
                ["new", "soon gone"], vectors=vectors(2, 9), texts=["a new text", "another"], metadata=[{"i": -1}, {}]
            )
            docs.update([4, "new"], metadata={"late": True})
            docs.delete(["soon gone", 5])
            docs.notes("me")["last"] = b"note"
            for i in range(100):  # more than are replayed while writers wait
                docs.upsert([6], vectors=vectors(1, i), texts=[f"version {i}"])

        monkeypatch.setattr(upkeep, "publish_generation", meanwhile)
        docs.compact()
        monkeypatch.undo()
        before = everything(docs)
        assert [row[0] for row in before] == [i for i in range(50) if i not in (3, 5, 6)] + ["new", 6]
        assert docs.search(vectors(2, 9)[0], k=1).ids == ["new"]
        assert docs.search("version 99", k=1, mode="keyword").ids == [6]
        assert docs.count({"late": True}) == 2
        assert dict(docs.notes("me")) == {"last": b"note"}
        report = docs.verify()
        assert report.ok, report
        docs.compact()  # its feed is one like any other
        assert everything(docs) == before
        assert docs.verify().ok

    def test_an_index_that_cannot_be_saved_hinders_nothing(
        self, docs: vicinal.Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        block = fill(docs, 50)

        def full(*_: object) -> None:
            raise DiskFull("no space", name="disk")

        monkeypatch.setattr(publishing, "publish", full)
        docs.compact()
        assert docs.search(block[5], k=1).ids == [5]
        assert docs.stats().published is None


class TestErasure:
    def test_purged_bytes_are_in_no_file(self, tmp_path: Path) -> None:
        with vicinal.connect(tmp_path) as database:
            docs = database.collection("docs", encoder="hashing:32")
            docs.add(["a", "b"], texts=["the secret word is xyzzy", "harmless"], metadata=[{"key": "plugh"}, None])
            secret = docs.get(["a"], vectors=True)[0].vector
            assert secret is not None
            docs.delete(["a"])
            docs._context.store.upkeep.build(always=True)
            needles = [b"xyzzy", b"plugh", secret.tobytes()]
            assert all(found(tmp_path, needle) for needle in needles), "a delete alone leaves the bytes"
            receipt = docs.purge()
            assert receipt.complete
            assert not any(found(tmp_path, needle) for needle in needles)
            assert docs.get()[0].text == "harmless"
        assert not any(found(tmp_path, needle) for needle in needles)

    def test_snapshots_stand_in_the_way(self, docs: vicinal.Collection) -> None:
        fill(docs, 5)
        docs.snapshot("monday")
        with pytest.raises(Unsupported, match="monday"):
            docs.purge()
        assert docs.purge(drop_snapshots=True).snapshots_dropped == ("monday",)
        assert docs.snapshots() == []

    def test_a_purge_refused_for_want_of_room_deletes_nothing(
        self, docs: vicinal.Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(docs, 5)
        docs.snapshot("monday")
        monkeypatch.setattr(DiskFiles, "free_bytes", lambda *_: 0)
        with pytest.raises(DiskFull):
            docs.purge(drop_snapshots=True)
        assert [snapshot.name for snapshot in docs.snapshots()] == ["monday"]

    @pytest.mark.parametrize("kept", ["g1", "snapshots"])
    def test_a_receipt_names_what_cannot_be_deleted(
        self, kept: str, docs: vicinal.Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill(docs, 5)
        docs.snapshot("monday")
        monkeypatch.setattr(rebuild, "_PURGE_WAIT_SECONDS", 0.1)
        really = DiskFiles.remove_tree

        def remove(files: DiskFiles, path: str) -> None:
            if ("dead-g1" in path) != (kept == "g1"):
                really(files, path)

        monkeypatch.setattr(DiskFiles, "remove_tree", remove)
        receipt = docs.purge(drop_snapshots=True)
        assert not receipt.complete
        assert "dead-" in receipt.note
        monkeypatch.undo()
        assert docs.purge().complete

    def test_what_repair_set_aside_goes_too(self, docs: vicinal.Collection, database: vicinal.Database) -> None:
        fill(docs, 5)
        docs.delete([1])
        database.repair("docs")
        assert list(folder_of(database, "docs").glob("damaged-*"))
        assert len(docs.purge().damaged_removed) == 1
        assert not found(folder_of(database, "docs"), b"text 1 of 0")

    def test_a_snapshot_that_cannot_say_what_it_is_can_be_dropped(
        self, docs: vicinal.Collection, database: vicinal.Database
    ) -> None:
        fill(docs, 5)
        docs.snapshot("s")
        [about] = folder_of(database, "docs").glob("snapshots/*/snapshot.json")
        about.write_bytes(b"garbage")
        docs.drop_snapshot("s")
        assert docs.snapshots() == []

    def test_waits_for_idle_processes_and_says_so_if_they_stay(self, docs: vicinal.Collection, tmp_path: Path) -> None:
        """An idle process releases the old files within about two seconds; a stopped one cannot."""
        fill(docs, 5)
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c",
             "import sys, vicinal; docs = vicinal.connect(sys.argv[1]).collection('docs'); docs.count();"
             "print('ready', flush=True); sys.stdin.readline()", str(tmp_path / "db")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            assert docs.purge().complete
            child.send_signal(19)  # SIGSTOP: alive, holding its files, deaf
            try:
                busy = vicinal.connect(tmp_path / "db").collection("docs", timeout=1.0).purge()
            finally:
                child.send_signal(18)  # SIGCONT
            assert not busy.complete
            assert "Another process" in busy.note
            wait_until(docs._context.store.upkeep.clear_up)
            child.communicate("\n")


def found(folder: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.rglob("*") if path.is_file())


class TestCopies:
    def test_a_backup_is_a_database(self, docs: vicinal.Collection, tmp_path: Path) -> None:
        fill(docs, 100)
        docs.backup(tmp_path / "copy")
        docs.delete([0])
        with vicinal.connect(tmp_path / "copy") as copy:
            assert copy.collection("docs").count() == 100
        with pytest.raises(InvalidArgument, match="already"):
            docs.backup(tmp_path / "copy")

    def test_a_backup_under_writing_is_whole(self, docs: vicinal.Collection, tmp_path: Path) -> None:
        """Every batch of ten is in the copy completely or not at all, and so are its vectors."""
        stop = threading.Event()

        def write() -> None:
            number = 0
            while not stop.is_set():
                block = np.full((10, DIM), number + 1, dtype=np.float32)
                docs.add([f"{number}-{i}" for i in range(10)], vectors=block)
                number += 1

        writer = threading.Thread(target=write)
        writer.start()
        try:
            wait_until(lambda: docs.count() > 100)
            for round_ in range(5):
                docs.backup(tmp_path / f"copy{round_}")
        finally:
            stop.set()
            writer.join()
        for round_ in range(5):
            with vicinal.connect(tmp_path / f"copy{round_}") as copy:
                rows = copy.collection("docs").get(vectors=True)
                assert rows
                assert len(rows) % 10 == 0
                for row in rows:
                    assert row.vector is not None
                    assert (row.vector == int(str(row.id).split("-")[0]) + 1).all()

    def test_a_backup_of_a_generation_that_was_just_switched_away_from_is_taken_again(
        self, docs: vicinal.Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its copy would refer to a generation that it does not have."""
        fill(docs, 20)
        tries = []

        def after_a_switch(*arguments: object) -> str:
            tries.append(arguments)
            if len(tries) == 1:
                in_another_process(
                    "import sys, vicinal; vicinal.connect(sys.argv[1]).collection('docs').compact()", tmp_path / "db"
                )
            return backup.back_up(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(upkeep, "back_up", after_a_switch)
        docs.backup(tmp_path / "copy")
        assert len(tries) == 2
        with vicinal.connect(tmp_path / "copy") as copy:
            assert copy.collection("docs").count() == 20

    def test_restore_goes_back_for_everybody(self, docs: vicinal.Collection, database: vicinal.Database) -> None:
        block = fill(docs, 20)
        before = everything(docs)
        snapshot = docs.snapshot("good")
        assert (snapshot.name, snapshot.rows) == ("good", 20)
        other = database.collection("docs")
        docs.delete(list(range(10)))
        docs.add(["new"], vectors=block[:1])
        change = docs.stats().change
        docs.restore("good")
        assert everything(docs) == before == everything(other)
        assert docs.stats().change > change
        assert docs.search(block[3], k=1)[0].id == 3
        docs.drop_snapshot("good")
        with pytest.raises(NotFound, match="no snapshot 'good'"):
            docs.restore("good")

    def test_automatic_ids_are_not_reused_after_restore(self, database: vicinal.Database) -> None:
        docs = database.collection("counted", auto_ids="integer")
        docs.add(texts=["a"])
        docs.snapshot("s")
        docs.add(texts=["b", "c"])
        docs.restore("s")
        assert docs.add(texts=["d"]) == [4]


class TestAlter:
    def test_metric(self, docs: vicinal.Collection, database: vicinal.Database) -> None:
        block = fill(docs, 50)
        docs.alter(metric="l2")
        hits = docs.search(block[4], k=3)
        assert hits.metric == "l2"
        expected = np.argsort(np.linalg.norm(block - block[4], axis=1))[:3]
        assert hits.ids == expected.tolist()
        with pytest.raises(SettingsMismatch, match="metric"):
            database.collection("docs", metric="cosine")

    def test_cosine_over_a_zero_vector_is_refused(self, database: vicinal.Database) -> None:
        docs = database.collection("zeros", metric="ip")
        docs.add(["z"], vectors=[[0.0, 0.0]])
        with pytest.raises(ZeroVector, match="id 'z'"):
            docs.alter(metric="cosine")
        assert docs.stats().metric == "ip"
        assert len(list(folder_of(database, "zeros").glob("g*"))) == 1

    def test_reembed(self, tmp_path: Path) -> None:
        with vicinal.connect(tmp_path) as database:
            docs = database.collection("docs", encoder="hashing:16")
            other = database.collection("docs")
            docs.add(["a", "b", "m"], texts=["apples and pears", "ships at sea", None], metadata=[None, None, {"x": 1}])
            docs.reembed("hashing:48")
            for handle in (docs, other):
                assert handle.search("apples and pears", k=1)[0].id == "a"
                assert handle.stats().dimension == 48
            other.add(["c"], texts=["trains on rails"])
            assert docs.search("trains on rails", k=1)[0].id == "c"
        with vicinal.connect(tmp_path) as database:
            assert database.collection("docs").search("ships at sea", k=1)[0].id == "b"

    def test_reembed_refuses_rows_that_have_only_a_vector(self, database: vicinal.Database) -> None:
        docs = database.collection("mixed", encoder="hashing:8")
        docs.add(["v"], vectors=[[1.0] * 8])
        with pytest.raises(InvalidArgument, match="'v' has a vector but no text"):
            docs.reembed("hashing:16")
        assert docs.stats().dimension == 8


class TestDrop:
    def test_everything_goes(self, docs: vicinal.Collection, database: vicinal.Database, tmp_path: Path) -> None:
        fill(docs, 5)
        docs.snapshot("s")
        database.drop("docs")
        with pytest.raises(CollectionDropped):
            docs.count()
        with pytest.raises(CollectionDropped):
            docs.add(vectors=vectors(1))
        assert database.collections() == []
        assert list((tmp_path / "db").iterdir()) == []
        with pytest.raises(CollectionNotFound, match="no collection 'docs'"):
            database.drop("docs")

    def test_the_name_can_be_taken_again_while_others_hold_the_old_one(
        self, docs: vicinal.Collection, database: vicinal.Database, tmp_path: Path
    ) -> None:
        fill(docs, 5)
        child = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", textwrap.dedent(
                """
                import sys, vicinal
                from vicinal.errors import CollectionDropped
                docs = vicinal.connect(sys.argv[1]).collection("docs")
                docs.count()
                print("ready", flush=True)
                sys.stdin.readline()
                try:
                    docs.add(texts=["late"])
                except CollectionDropped:
                    print("dropped", flush=True)
                print(vicinal.connect(sys.argv[1]).collection("docs").count(), flush=True)
                """), str(tmp_path / "db")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            child.send_signal(19)  # SIGSTOP: it must not let go of the files by itself
            try:
                database.drop("docs")
                assert database.collections() == []
                again = database.collection("docs", metric="l2")
                again.add(["only"], vectors=vectors(1))
            finally:
                child.send_signal(18)  # SIGCONT
            out, _ = child.communicate("\n")
        assert out.split() == ["dropped", "1"]
        assert again.count() == 1
        assert database.collections() == ["docs"]


class TestManyHandles:
    def test_least_recently_used_collections_sleep(
        self, database: vicinal.Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(open_stores, "AWAKE_MAX", 3)
        handles = [database.collection(f"c{i}") for i in range(12)]
        for handle in handles:
            handle.add(["x"], vectors=vectors(1))
        stores = registry.open_stores()
        wait_until(lambda: sum(store.is_awake for store in stores) <= 3)
        for handle in handles:  # and wake when they are called
            assert handle.search(vectors(1)[0], k=1)[0].id == "x"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    def test_a_child_forked_while_the_parent_builds(self, docs: vicinal.Collection, tmp_path: Path) -> None:
        block = fill(docs, 3000)
        stop = threading.Event()

        def build() -> None:
            while not stop.is_set():
                docs.update([1], metadata={"t": time.monotonic()})
                docs._context.store.upkeep.build(always=True)

        builder = threading.Thread(target=build)
        builder.start()
        try:
            context = multiprocessing.get_context("fork")
            for number in range(3):
                child = context.Process(target=_write_in_child, args=(docs, number, block))
                child.start()
                child.join(60)
                assert child.exitcode == 0
        finally:
            stop.set()
            builder.join()
        assert len(docs.get([f"child{n}" for n in range(3)])) == 3


def _write_in_child(docs: vicinal.Collection, number: int, block: np.ndarray) -> None:
    docs.add([f"child{number}"], vectors=block[:1])
    assert docs.count() >= 3001
    docs.compact()
    os._exit(0 if docs.search(block[5], k=1)[0].id == 5 else 1)
