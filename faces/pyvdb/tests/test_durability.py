"""Handles, processes and kills: nothing is lost, nothing reappears, no id is used twice."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import numpy as np
import pytest

import pyvdb
from support.pyvdb import Make

# A process that adds and removes until it is killed, and reports each call only after it returned.
WRITER = """
import random, sys
import numpy as np
import pyvdb

db = pyvdb.open_database(sys.argv[1])
dice = random.Random(int(sys.argv[2]))
mine = []
while True:
    if mine and dice.random() < 0.4:
        gone = mine.pop(dice.randrange(len(mine)))
        print("removing", gone, flush=True)
        db.remove(gone)
        print("removed", gone, flush=True)
    elif dice.random() < 0.3:
        ids = db.add_vectors(np.full((5, 8), dice.random()), {"asset": sys.argv[2]})
        print("added", *ids, flush=True)
        mine += ids
    else:
        mine.append(db.add_text("text", {"asset": sys.argv[2]}))
        print("added", mine[-1], flush=True)
"""


def start(path: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-c", WRITER, str(path), str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class Acknowledged:
    """What the writers reported before they were killed."""

    def __init__(self) -> None:
        self.added: set[int] = set()
        self.removed: set[int] = set()
        self.in_doubt: set[int] = set()

    def read(self, line: str) -> None:
        word, *numbers = line.split()
        ids = {int(number) for number in numbers}
        if word == "added":
            assert not ids & self.added, "an id was given twice"
            self.added |= ids
        elif word == "removing":
            self.in_doubt |= ids
        else:
            self.removed |= ids


def test_kill_9_loses_nothing_and_brings_nothing_back(make: Make, tmp_path: Path) -> None:
    make()
    said, dice = Acknowledged(), random.Random(7)
    for round_ in range(6):
        children = [start(tmp_path / "db", 10 * round_ + i) for i in range(2)]
        for child in children:
            assert child.stdout is not None
            for _ in range(dice.randint(5, 40)):
                said.read(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
        for child in children:
            assert child.stdout is not None
            with child.stdout:
                rest = child.stdout.read()
            assert child.wait(60) == -signal.SIGKILL
            for line in rest.splitlines(keepends=True):
                if line.endswith("\n"):  # the last may be cut in the middle of a number
                    said.read(line)
        db = make()
        there = {id_ for id_ in range(1, max(said.added) + 50) if db.get_metadata(id_) is not None}
        assert said.added - said.in_doubt <= there
        assert not said.removed & there
        fresh = db.add_vector(np.ones(8), {})
        assert fresh > max(said.added | there)
        said.read(f"added {fresh}")
        found = {result.id for result in db.query_vector(np.ones(8), _all())}
        assert found == there | {fresh}
        del db


def _all() -> pyvdb.QueryOptions:
    options = pyvdb.QueryOptions()
    options.k = 100_000
    return options


def test_two_handles_on_one_path_see_each_other(make: Make) -> None:
    first, second = make(), make()
    ids = [first.add_text("gold", {"date": "a"}), second.add_text("silver", {"date": "b"})]
    assert ids == [1, 2]
    assert first.all_dates() == second.all_dates() == ["a", "b"]
    second.remove(1)
    assert first.get_vector(1) is None
    assert [result.id for result in first.search("gold")] == [2]
    first.compact()
    assert second.add_text("copper", {}) == 3
    assert len(first) == 2


def test_a_dropped_handle_overwrites_nothing(make: Make, tmp_path: Path) -> None:
    """As when a program assigns a new database to the same name."""
    old = _open(tmp_path / "db")
    old.add_text("one", {})
    new = _open(tmp_path / "db")
    new.add_text("two", {})
    new.remove(1)
    del old
    gc.collect()
    assert len(new) == 1
    del new
    gc.collect()
    again = _open(tmp_path / "db")
    assert again.find_by_date("") == [2]
    assert again.add_text("three", {}) == 3


def _open(path: Path, **settings: object) -> pyvdb.VectorDatabase:
    config = pyvdb.DatabaseConfig()
    config.path, config.dimension, config.text_model_path = path, 8, "hashing"
    for name, value in settings.items():
        setattr(config, name, value)
    db = pyvdb.VectorDatabase(config)
    db.init()
    return db


def test_any_entry_can_be_removed_and_the_rest_is_found(make: Make) -> None:
    db = make()
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((60, 8)).astype(np.float32)
    ids = db.add_vectors(vectors, {})
    dice = random.Random(3)
    alive = dict(zip(ids, vectors, strict=True))
    while alive:
        gone = dice.choice([*alive])
        db.remove(gone)
        del alive[gone]
        for id_, vector in list(alive.items())[:3]:
            assert db.query_vector(vector)[0].id == id_
        assert len(db.query_vector(vectors[0], _all())) == len(alive)
        if len(alive) % 20 == 0:
            db.compact()
    assert make().add_vector(vectors[0], {}) == 61


def test_compact_gives_room_back_and_changes_no_answer(make: Make, tmp_path: Path) -> None:
    db = make(dimension=64)
    rng = np.random.default_rng(2)
    db.add_vectors(rng.standard_normal((2000, 64)), {"date": "old"})
    kept = db.add_vectors(rng.standard_normal((50, 64)), {"date": "new"})
    assert db.remove_by_date("old") == 2000
    query = rng.standard_normal(64)
    before = [(r.id, r.distance) for r in db.query_vector(query)]
    db.compact()
    assert [(r.id, r.distance) for r in db.query_vector(query)] == before
    assert db.find_by_date("new") == kept
    db._ready().rows.close()  # any build of an index of the old files has then ended
    vectors = sum(path.stat().st_size for path in (tmp_path / "db").rglob("vectors.f32"))
    assert vectors == 50 * 64 * 4


@pytest.mark.parametrize("auto_sync", [True, False])
def test_auto_sync_decides_when_a_write_is_on_the_disk(make: Make, auto_sync: bool) -> None:
    db = make(auto_sync=auto_sync)
    db.add_text("gold", {})
    stats = db._ready().rows.stats()
    assert (stats.synced == stats.change) == auto_sync
    db.sync()
    stats = db._ready().rows.stats()
    assert stats.synced == stats.change
    db.remove(1)
    assert make().size() == 0


def test_without_auto_sync_a_killed_process_loses_nothing_either(tmp_path: Path) -> None:
    program = """
import os, signal, sys, pyvdb
config = pyvdb.DatabaseConfig()
config.path, config.dimension, config.text_model_path, config.auto_sync = sys.argv[1], 8, "hashing", False
db = pyvdb.VectorDatabase(config)
db.init()
db.add_text("gold", {})
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "db")], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert len(_open(tmp_path / "db")) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(RuntimeError):
        _open(tmp_path / "locked" / "db")


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("not a folder")
    with pytest.raises(RuntimeError, match="db"):
        _open(tmp_path / "db")


def test_opening_waits_for_no_writer(make: Make) -> None:
    """The note with the configuration is written once, when the database is created."""
    db = make()
    (records,) = Path(db.config().path).rglob("records.db")
    writer = apsw.Connection(str(records))
    writer.execute("BEGIN IMMEDIATE")
    opened: list[int] = []
    thread = threading.Thread(target=lambda: opened.append(pyvdb.open_database(db.config().path).size()))
    thread.start()
    thread.join(20)  # a writer would be waited for 30 seconds
    writer.close()
    thread.join()
    assert opened == [0]
    assert not thread.is_alive()


def test_a_path_with_nul_is_an_error_of_ours() -> None:
    with pytest.raises(RuntimeError, match="is no path"):
        pyvdb.open_database("a\0b")
