"""A signal handler may raise at any point: it leaves no lock, no connection and no row behind."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from support.interrupting import interrupted_at
from vicinal.store import indexing
from vicinal.store.builder import builder_role
from vicinal.store.creation import create_builder
from vicinal.store.files import DiskFiles
from vicinal.store.forking import building, sqlite_in_use

_STRIDE = 7  # `python -m torture` tests every point
_DIM = 4


def _filled(database: vicinal.Database) -> vicinal.Collection:
    docs = database.collection("docs", dimension=_DIM)
    block = np.eye(_DIM, dtype=np.float32)
    docs.add(ids=[f"row{i}" for i in range(_DIM)], vectors=block, texts=[f"word{i} common" for i in range(_DIM)])
    return docs


CALLS: dict[str, Callable[[vicinal.Collection, int], Any]] = {
    "search": lambda docs, _: docs.search([1, 0, 0, 0], k=2),
    "search words": lambda docs, _: docs.search("word1", mode="keyword"),
    "search where": lambda docs, _: docs.search([1, 0, 0, 0], where={"n": {"$gt": 1}}),
    "get": lambda docs, _: docs.get(["row1"]),
    "get where": lambda docs, _: docs.get(where={"n": {"$gt": 1}}),
    "count": lambda docs, _: docs.count(),
    "stats": lambda docs, _: docs.stats(),
    "add": lambda docs, i: docs.add(ids=[f"new{i}a", f"new{i}b"], vectors=[[1, 1, 0, 0]] * 2, metadata=[{"n": i}] * 2),
    "update": lambda docs, i: docs.update(["row1"], metadata={"n": i}),
    "delete": lambda docs, _: docs.delete(["row9"]),
    "delete where": lambda docs, _: docs.delete(where={"n": -1}),
}


@pytest.fixture(params=["disk", "memory"])
def docs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("vicinal.store.registry.ensure_running", lambda *_: None)  # it would count as a user
    with vicinal.connect(tmp_path / "db" if request.param == "disk" else ":memory:") as database:
        docs = _filled(database)
        docs.update(ids=[f"row{i}" for i in range(_DIM)], metadata=[{"n": i} for i in range(_DIM)])
        yield docs


def _in_another_thread(work: Callable[[], Any]) -> Any:
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert found, "another thread waits for ever"
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _leaks(docs: vicinal.Collection) -> list[str]:
    """Returns what an interrupted call of this thread still holds."""
    store = docs._context.store
    opened = store.open_files.opened
    assert opened is not None
    connections = opened.generation.connections
    locks = {
        "gate": sqlite_in_use.own.lock,
        "builder's gate": building.own.lock,
        "store": store.open_files.lock,
        "connections": connections.lock,
        "writer": connections._write_lock,
        "index": opened.feed.lock.held,
        "turn": opened.feed.lock.turn,
        "upkeep": store.upkeep.lock,
    }
    found = [name for name, lock in locks.items() if lock._is_owned()]
    # Threads of an earlier test may still maintain every open store, and one builds what a call has added.
    with store.upkeep.lock, store.upkeep.sync_lock, indexing._working:
        if opened.generation._users:
            found.append("users")
        if len(connections._readers) > len(connections._idle):
            found.append("readers")
    if connections._is_writing:
        found.append("writing")
    return found


@pytest.mark.parametrize("name", CALLS)
def test_an_interrupt_leaves_nothing_behind(docs: vicinal.Collection, name: str) -> None:
    call, number, added = CALLS[name], 0, set[str]()
    call(docs, -1)
    while interrupted_at(number, partial(call, docs, number)):
        assert _leaks(docs) == [], f"after an interrupt at place {number}"
        ids = _in_another_thread(lambda: {str(record.id) for record in docs.get()})
        assert {f"row{i}" for i in range(_DIM)} <= ids
        assert added <= ids, "a row was lost"
        added = ids
        assert all((f"new{i}a" in ids) == (f"new{i}b" in ids) for i in range(number + 1)), "half a write"
        number += _STRIDE
    assert number > 30, "it was interrupted at many places"
    found = _in_another_thread(lambda: docs.search([0, 1, 0, 0], k=1))
    assert found[0].id == "row1"
    assert [hit.id for hit in docs.search("word2", mode="keyword")] == ["row2"]
    assert docs.count() == len(docs.get())
    docs.add(["last"], vectors=[[0, 0, 1, 1]])


def test_a_traceback_does_not_keep_the_builder_role(tmp_path: Path) -> None:
    files, folder = DiskFiles(), str(tmp_path)
    create_builder(files, folder)
    kept: list[BaseException] = []  # as an interactive session keeps the last one

    def build() -> None:
        try:
            with builder_role(files, folder):
                pass
        except BaseException as error:
            kept.append(error)
            raise

    while interrupted_at(len(kept), build):
        with builder_role(files, folder) as held:
            assert held, f"after an interrupt at place {len(kept) - 1}"
    assert len(kept) > 10


@pytest.mark.skipif(sys.platform != "linux", reason="maps are listed in /proc")
def test_a_map_ends_whatever_comes(tmp_path: Path) -> None:
    path = tmp_path / "mapped"
    path.write_bytes(bytes(4096))
    file = DiskFiles().open(str(path))
    for number in range(8):
        held = [file.map(4096)]
        assert str(path) in Path("/proc/self/maps").read_text()
        interrupted_at(number, held.clear)
        held.clear()
        assert str(path) not in Path("/proc/self/maps").read_text()
    file.close()
