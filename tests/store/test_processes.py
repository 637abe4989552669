"""Several processes on one path: creation races, visibility of commits, kills, forks, waiting."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import vicinal
from support.children import run, start, wait_for
from vicinal.errors import WriterBusy, ZeroVector
from vicinal.store.folder_names import folder_name

posix = pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")


def stop(child: subprocess.Popen[str]) -> None:
    child.kill()
    child.communicate()


def test_a_commit_of_another_process_is_seen_without_reopening(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", dimension=2)
        docs.add(["a"], vectors=[[1.0, 0.0]])
        run("vicinal.connect(path).collection('docs').add(['b'], vectors=[[1.0, 0.0]])", tmp_path)
        assert docs.search([1.0, 0.0]).ids == ["a", "b"]
        run("vicinal.connect(path).collection('docs').update(['a'], metadata={'n': 1})", tmp_path)
        assert docs.search([1.0, 0.0])[0].metadata == {"n": 1}
        run("vicinal.connect(path).collection('docs').delete(['a'])", tmp_path)
        assert docs.search([1.0, 0.0]).ids == ["b"]
        assert docs.count() == 1


def test_the_dimension_that_another_process_fixed_holds_here(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        run("vicinal.connect(path).collection('docs').add(['b'], vectors=[[1.0, 0.0]])", tmp_path)
        with pytest.raises(vicinal.errors.DimensionMismatch):
            docs.add(["a"], vectors=[[1.0, 0.0, 0.0]])
        docs.add(["a"], vectors=[[1.0, 0.0]])
        assert docs.search([1.0, 0.0]).ids == ["b", "a"]


def test_integers_of_two_processes_do_not_collide(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", auto_ids="integer")
        made = docs.add(texts=["x"])
        code = "print(*vicinal.connect(path).collection('docs').add(texts=['x', 'y']))"
        made += [int(id_) for id_ in run(code, tmp_path).split()]
        made += docs.add(texts=["x"])
        assert made == [1, 2, 3, 4]


RACE = """
sys.stdin.readline()
docs = vicinal.connect(path).collection("docs", dimension=2)
docs.add([sys.argv[2]], vectors=[[1.0, 0.0]])
print(docs.stats().path)
"""


def test_a_race_of_creators_has_one_collection_and_loses_no_row(tmp_path: Path) -> None:
    for round_ in range(2):
        database = tmp_path / str(round_)
        children = [start(RACE, database, i) for i in range(4)]
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        for child in children:
            _, complaint = child.communicate(timeout=60)
            assert child.returncode == 0, complaint
        assert [path.name for path in database.iterdir()] == [folder_name("docs")]
        with vicinal.connect(database) as db:
            assert sorted(row.id for row in db.collection("docs").get()) == ["0", "1", "2", "3"]  # type: ignore[type-var]


HOLDS = """
import apsw, glob
[file] = glob.glob(path + "/*/g1/records.db")
connection = apsw.Connection(file)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


def test_a_writer_waits_and_then_says_so(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", timeout=0.2)
        docs.add(["a"], vectors=[[1.0]])
        holder = start(HOLDS, tmp_path)
        try:
            assert holder.stdout is not None
            assert holder.stdin is not None
            assert holder.stdout.readline() == "held\n"
            began = time.monotonic()
            with pytest.raises(WriterBusy) as caught:
                docs.add(["b"], vectors=[[1.0]])
            assert 0.2 <= time.monotonic() - began < 10
            assert re.fullmatch(
                rf".*records\.db: another writer held the collection during the whole timeout of 0\.2 s"
                rf"( \(now: process {holder.pid}\b.*\))?\. "
                r"Raise `timeout=`, or find the process that writes without pause\.",
                str(caught.value),
            )
            assert docs.search([1.0]).ids == ["a"]  # readers never wait
            assert docs.count() == 1
            holder.stdin.write("\n")
            holder.stdin.flush()
            assert holder.wait(timeout=60) == 0
            assert docs.add(["b"], vectors=[[1.0]]) == ["b"]
        finally:
            stop(holder)


WRITES = """
docs = vicinal.connect(path).collection("docs", dimension=2, durability=sys.argv[2])
print("ready", flush=True)
for number in range(int(sys.argv[3]), 1_000_000):
    docs.upsert([number, number % 7 - 10], vectors=[[1.0, number], [2.0, number]], texts=[str(number)] * 2)
    print(number, flush=True)
"""


@posix
@pytest.mark.parametrize("durability", ["full", "process"])
def test_what_was_acknowledged_survives_kills(tmp_path: Path, durability: str) -> None:
    """Eight processes, each killed at a random point of its writing."""
    rng = np.random.default_rng(20240501)
    acknowledged: list[int] = []
    for _ in range(8):
        child = start(WRITES, tmp_path, durability, acknowledged[-1] + 2 if acknowledged else 0)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        for _ in range(int(rng.integers(1, 30))):
            acknowledged.append(int(child.stdout.readline()))
        time.sleep(float(rng.uniform(0, 0.003)))  # any moment will do
        child.send_signal(signal.SIGKILL)
        # Not `communicate`, which reads past the buffer of `readline` and loses its content.
        acknowledged += [int(line) for line in child.stdout if line.strip()]
        child.communicate()
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        rows = {row.id: row for row in docs.get(vectors=True)}
        assert set(acknowledged) <= set(rows)
        unasked = {id_ for id_ in rows if isinstance(id_, int) and id_ >= 0} - set(acknowledged)
        assert len(unasked) <= 8  # each child may have committed once more before it could say so
        for id_, row in rows.items():
            number = int(row.text or "")
            assert row.vector is not None
            assert row.vector.tolist() == [1.0 if number == id_ else 2.0, number]
        newest = {number % 7 - 10: number for number in sorted(n for n in rows if isinstance(n, int) and n >= 0)}
        assert {id_: int(row.text or "") for id_, row in rows.items() if isinstance(id_, int) and id_ < 0} == newest
        assert len(docs.search([1.0, 1.0], k=10**6)) == len(rows) == docs.count()
        docs.add(["after"], vectors=[[1.0, 1.0]])


FORKS = """
docs = vicinal.connect(path).collection("docs", dimension=1)
docs.add(["parent"], vectors=[[1.0]])
child = os.fork()
if child == 0:
    docs.add(["child"], vectors=[[1.0]])          # the inherited handle
    assert docs.search([1.0]).ids == ["parent", "child"]
    docs.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert docs.search([1.0]).ids == ["parent", "child"]
docs.add(["parent again"], vectors=[[1.0]])
child = os.fork()
if child == 0:
    sys.exit(0)                                   # a child that ends like a program, with exit handlers
assert os.waitpid(child, 0)[1] == 0
docs.add(["parent at last"], vectors=[[1.0]])
print(*[row.id for row in docs.get()], sep=",")
"""


@posix
def test_a_child_uses_the_inherited_handle_and_the_parent_goes_on(tmp_path: Path) -> None:
    assert run(FORKS, tmp_path) == "parent,child,parent again,parent at last\n"
    with vicinal.connect(tmp_path) as db:
        assert db.collection("docs").count() == 4


FORKS_IN_MEMORY = """
docs = vicinal.connect(":memory:").collection("docs")
docs.add(["parent"], vectors=[[1.0]])
child = os.fork()
if child == 0:
    for call in (docs.count, lambda: docs.add(["child"], vectors=[[1.0]]), lambda: docs.search([1.0])):
        try:
            call()
        except Unsupported as error:
            assert "lives in one process, this is a forked child" in str(error)
        else:
            os._exit(3)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert docs.count() == 1
"""


@posix
def test_a_database_in_memory_says_that_it_cannot_be_forked(tmp_path: Path) -> None:
    run(FORKS_IN_MEMORY, tmp_path)


FORKS_IN_AN_IMPORT = """
import signal, threading
importing = threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy.ma.extras" and threading.current_thread() is not threading.main_thread():
            importing.set()
            threading.Event().wait(0.5)      # time for the fork below, which must not come in between

sys.meta_path.insert(0, Slow())
docs = vicinal.connect(path).collection("docs")
docs.add(["parent"], vectors=[[1.0]])
assert importing.wait(30)
child = os.fork()
if child == 0:
    signal.alarm(30)                         # ends a child that waits for the lock of the import
    assert docs.search([1.0]).ids == ["parent"]
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


@posix
def test_a_fork_waits_for_what_is_being_imported_in_the_background(tmp_path: Path) -> None:
    run(FORKS_IN_AN_IMPORT, tmp_path)


SPAWNS = """
import multiprocessing, sys, vicinal

def work(path, number):
    vicinal.connect(path).collection("docs").add([number], vectors=[[1.0]])

if __name__ == "__main__":
    vicinal.connect(sys.argv[1]).collection("docs", dimension=1)
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=work, args=(sys.argv[1], i)) for i in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0
"""


def test_spawned_workers(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(SPAWNS)
    subprocess.run([sys.executable, "-W", "ignore", program, tmp_path / "data"], check=True, timeout=120)
    with vicinal.connect(tmp_path / "data") as db:
        assert sorted(row.id for row in db.collection("docs").get()) == [0, 1, 2]  # type: ignore[type-var]


def test_the_last_to_close_leaves_no_log(tmp_path: Path) -> None:
    log = tmp_path / folder_name("docs") / "g1" / "records.db-wal"
    db = vicinal.connect(tmp_path)
    one, two = db.collection("docs"), db.collection("docs")
    one.add(["a"], vectors=[[1.0]])
    one.close()
    assert log.exists()
    two.close()
    assert not log.exists()
    db.close()


def test_a_program_that_closes_nothing_leaves_no_log_and_unsynced_rows_neither(tmp_path: Path) -> None:
    run("vicinal.connect(path).collection('docs', durability='process').add(['a'], vectors=[[1.0]])", tmp_path)
    assert not (tmp_path / folder_name("docs") / "g1" / "records.db-wal").exists()
    with vicinal.connect(tmp_path) as db:
        stats = db.collection("docs").stats()
        assert (stats.change, stats.synced) == (1, 1)


# -- durability


def test_under_full_every_commit_is_synced_when_it_returns(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        for i in range(3):
            docs.add([i], vectors=[[1.0]])
            assert docs.stats().synced == i + 1


def test_under_process_sync_makes_durable_what_was_not(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", durability="process")
        docs.add([0], vectors=[[1.0]])
        docs.sync()
        stats = docs.stats()
        assert (stats.change, stats.synced) == (1, 1)
        other = run("print(vicinal.connect(path).collection('docs').stats().synced)", tmp_path)
        assert other == "1\n"
        docs.sync()
        assert docs.stats().change == 1


def test_under_process_it_is_synced_in_the_background(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", durability="process")
        for i in range(2):
            docs.add([i], vectors=[[1.0]])
            wait_for(lambda: docs.stats().synced == docs.stats().change)
        assert docs.stats().synced == 2


def test_vectors_are_checked_by_the_metric_that_another_process_has_just_set(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path / "db") as db:
        docs = db.collection("docs", dimension=2, metric="l2")
        docs.add(["a"], vectors=[[1, 0]])
        assert docs.search([0, 0]).scores == [-1.0]
        run("vicinal.connect(path).collection('docs').alter(metric='cosine')", tmp_path / "db")
        with pytest.raises(ZeroVector):
            docs.search([0, 0])
