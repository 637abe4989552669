"""Background upkeep: stores do not affect each other, nothing is retried forever, rarely used stores sleep."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

import vicinal
from vicinal.errors import DiskFull, StoreError, WriterBusy
from vicinal.store import backoff, open_stores, publishing, registry, upkeep
from vicinal.store.backoff import Backoff

DIM = 8


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def vectors(count: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, DIM)).astype(np.float32)


def store_of(docs: vicinal.Collection) -> Any:
    return docs._context.store


@pytest.fixture
def database(tmp_path: Path) -> Iterator[vicinal.Database]:
    with vicinal.connect(tmp_path / "db") as opened:
        yield opened


class TestSleep:
    def test_the_least_recently_used_sleep(self, database: vicinal.Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(open_stores, "AWAKE_MAX", 3)
        handles = {name: database.collection(name, dimension=DIM) for name in "abc"}
        stores = {name: store_of(docs) for name, docs in handles.items()}
        for name in "bac":
            handles[name].count()
        for name in "abc":  # upkeep is no use
            stores[name].upkeep.keep_synced()
            stores[name].upkeep.keep_built()
        handles["d"] = database.collection("d", dimension=DIM)
        assert [name for name, store in stores.items() if store.is_awake] == ["a", "c"]
        handles["b"].count()  # wakes, and the next one sleeps
        assert [name for name, store in stores.items() if store.is_awake] == ["b", "c"]

    def test_one_that_cannot_sleep_is_left_awake(
        self, database: vicinal.Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(open_stores, "AWAKE_MAX", 2)
        first, second = database.collection("first"), database.collection("second")

        def refuse(**_: Any) -> bool:
            raise WriterBusy("not now")

        monkeypatch.setattr(store_of(first), "sleep", refuse)
        assert database.collection("third").count() == 0
        assert store_of(first).is_awake
        assert second.count() == 0

    @pytest.mark.skipif(sys.platform == "win32", reason="no limit on descriptors there")
    def test_more_collections_than_descriptors(self, tmp_path: Path) -> None:
        program = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
import vicinal
database = vicinal.connect(sys.argv[1])
handles = [database.collection(f"c{i}", dimension=2, durability="process") for i in range(60)]
for docs in handles:
    docs.add(["a"], vectors=[[1, 2]])
print(sum(docs.search([1, 2])[0].id == "a" for docs in handles))
"""
        run = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)]
        assert subprocess.run(run, check=True, stdout=subprocess.PIPE, text=True).stdout.split() == ["60"]


class TestSync:
    def test_a_store_that_is_locked_keeps_no_other_from_its_sync(self, database: vicinal.Database) -> None:
        first = database.collection("first", dimension=DIM, durability="process")
        second = database.collection("second", dimension=DIM, durability="process")
        first.add(vectors=vectors(1))
        (path,) = Path(first.stats().path).glob("g1/records.db")
        with_lock = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        with_lock.execute("BEGIN IMMEDIATE")
        try:
            second.add(vectors=vectors(1))
            wait_until(lambda: second.stats().synced == second.stats().change)
            second.add(vectors=vectors(1))
            wait_until(lambda: second.stats().synced == second.stats().change)
        finally:
            with_lock.close()
        wait_until(lambda: first.stats().synced == first.stats().change)

    def test_a_build_keeps_no_other_from_its_sync(
        self, database: vicinal.Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        building, ended = threading.Event(), threading.Event()
        first = database.collection("first", dimension=DIM)
        second = database.collection("second", dimension=DIM, durability="process")

        def build_for_long(**_: Any) -> None:
            building.set()
            assert ended.wait(60)

        monkeypatch.setattr(upkeep, "_QUIET_SECONDS", 0.0)
        monkeypatch.setattr(store_of(first).upkeep, "build", build_for_long)
        try:
            assert building.wait(60)
            second.add(vectors=vectors(1))
            wait_until(lambda: second.stats().synced == second.stats().change)
        finally:
            ended.set()


class TestBackoff:
    def test_each_failure_doubles_the_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [100.0]
        monkeypatch.setattr(backoff.time, "monotonic", lambda: now[0])
        tried = Backoff("compaction")
        assert tried.is_due()
        assert tried.report == ""
        for wait in (5.0, 10.0, 20.0):
            tried.failed(OSError("full"))
            now[0] += wait - 0.1
            assert not tried.is_due()
            now[0] += 0.1
            assert tried.is_due()
        assert tried.report == "compaction failed 3 times in a row, and is tried again after 20 s: full"
        for _ in range(30):
            tried.failed(OSError("full"))
        now[0] += 3600
        assert tried.is_due(), "once an hour at least"
        tried.succeeded()
        assert tried.is_due()
        assert tried.report == ""

    def test_a_compaction_that_fails_is_not_repeated_and_the_index_is_published(
        self, database: vicinal.Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        docs = database.collection("docs", dimension=DIM)
        docs.add(list(range(3000)), vectors=vectors(3000))
        docs.delete(list(range(2000)))
        store, tries = store_of(docs), list[int]()

        def fail(*_: Any, **__: Any) -> None:
            tries.append(1)
            raise DiskFull("no room left")

        monkeypatch.setattr(upkeep, "switch", fail)
        with store.upkeep.lock:
            for _ in range(10):
                store.upkeep.build()
        assert len(tries) == 1
        stats = docs.stats()
        assert stats.published == stats.change
        assert len(stats.postponed) == 1
        assert "no room left" in stats.postponed[0]
        monkeypatch.undo()
        docs.compact()
        assert docs.stats().dead_slots == 0

    def test_a_publication_that_fails_is_not_repeated(
        self, database: vicinal.Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        docs = database.collection("docs", dimension=DIM)
        docs.add(vectors=vectors(10))
        store, tries = store_of(docs), list[int]()

        def fail(*_: Any, **__: Any) -> None:
            tries.append(1)
            raise StoreError("the disk is unwell")

        monkeypatch.setattr(publishing, "publish", fail)
        with store.upkeep.lock:
            for _ in range(10):
                store.upkeep.build()
        assert len(tries) == 1
        assert "the disk is unwell" in docs.stats().postponed[0]


class TestClosing:
    def test_every_store_is_closed_whatever_becomes_of_the_others(
        self, database: vicinal.Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        handles = [database.collection(name, dimension=DIM) for name in "abc"]
        stores = [store_of(docs) for docs in handles]

        def fail() -> None:
            raise StoreError("the disk is unwell")

        monkeypatch.setattr(stores[0], "close", fail)
        monkeypatch.setattr(registry, "_open", {str(i): registry._Shared(store) for i, store in enumerate(stores)})
        registry.close_all()
        assert [store.is_awake for store in stores] == [True, False, False]


class TestExpired:
    def test_expired_rows_are_reclaimed_by_themselves(self, database: vicinal.Database) -> None:
        docs = database.collection("docs", dimension=DIM)
        docs.add(list(range(3000)), vectors=vectors(3000), ttl=0.01)
        docs.add(["stays"], vectors=vectors(1))
        wait_until(lambda: docs.count() == 1)
        before = docs.stats().bytes_on_disk
        store = store_of(docs)
        with store.upkeep.lock:
            store.upkeep._build_what_is_due(time.monotonic())
        stats = docs.stats()
        assert (stats.rows, stats.expired, stats.dead_slots) == (1, 0, 0)
        assert stats.bytes_on_disk < before / 2
        assert os.path.isdir(stats.path)
