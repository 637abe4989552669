"""On a full disk, writes raise DiskFull, nothing is lost, and reads work; with free space everything works again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.errors import CommitFailed, DiskFull

NAME = "docs"
DISK_BYTES = 6 << 20
BLOCK = 4096
VECTORS = np.random.default_rng(0).standard_normal((40, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of six megabytes."""
    folder = tmp_path_factory.mktemp("small")
    mounted = sys.platform == "linux" and shutil.which("mount") and os.geteuid() == 0
    if mounted:
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("only root may mount a small file system, and only on Linux")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def database(small_disk: Path) -> Iterator[Path]:
    path = small_disk / uuid.uuid4().hex
    yield path
    (small_disk / "ballast").unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)
    shutil.rmtree(small_disk / "elsewhere", ignore_errors=True)


def fill(database: Path, left: int) -> None:
    """Leaves `left` bytes free."""
    free = shutil.disk_usage(database).free
    with open(database.parent / "ballast", "wb") as file:
        file.write(b"\xff" * max(0, free - left))


def make_room(database: Path) -> None:
    (database.parent / "ballast").unlink()


def add(docs: vicinal.Collection) -> None:
    docs.add([uuid.uuid4() for _ in VECTORS], vectors=VECTORS, texts=["a text " * 60] * len(VECTORS))


def delete(docs: vicinal.Collection) -> None:
    docs.delete([record.id for record in docs.peek(20)])


def update(docs: vicinal.Collection) -> None:
    docs.update([record.id for record in docs.peek(20)], metadata={"more": "m" * 500})


def checkpoint(docs: vicinal.Collection) -> None:
    from vicinal.store.commit import keep_log_short

    connections = docs._context.store.open_files.opened.generation.connections  # type: ignore[union-attr]
    connections.log_bytes = 1 << 30
    keep_log_short(docs._context.store.open_files.opened.generation)  # type: ignore[union-attr]


def publish(docs: vicinal.Collection) -> None:
    docs._context.store.upkeep.build(always=True)


STEPS: dict[str, Callable[[vicinal.Collection], Any]] = {
    "add": add,
    "delete": delete,
    "update": update,
    "sync": vicinal.Collection.sync,
    "checkpoint": checkpoint,
    "publish": publish,
    "compact": vicinal.Collection.compact,
    "backup": lambda docs: docs.backup(Path(docs.stats().path).parents[1] / "elsewhere"),
    "snapshot": lambda docs: docs.snapshot("monday"),
}


def contents(docs: vicinal.Collection) -> list[Any]:
    found = [(record.id, record.text, str(record.metadata)) for record in docs.get()]
    assert docs.count() == len(found)
    assert len(docs.search(VECTORS[0], k=10_000)) == len(found)
    return found


def refused(step: Callable[[vicinal.Collection], Any], docs: vicinal.Collection) -> bool:
    """Returns whether the step raised that there is no space, and that nothing changed."""
    try:
        step(docs)
    except DiskFull:
        return True
    except CommitFailed as error:
        return error.committed is False
    return False


def tidy(docs: vicinal.Collection) -> None:
    """Deletes copies, so that the next one can be made."""
    shutil.rmtree(Path(docs.stats().path).parents[1] / "elsewhere", ignore_errors=True)
    for snapshot in docs.snapshots():
        docs.drop_snapshot(snapshot.name)


@pytest.mark.parametrize("durability", ["full", "process"])
@pytest.mark.parametrize("name", STEPS)
def test_every_step_of_a_write(name: str, durability: Any, database: Path) -> None:
    """At any amount of free space at which it runs out."""
    with vicinal.connect(database) as db:
        docs = db.collection(NAME, durability=durability)
        add(docs)
        for left in range(0, 64 * BLOCK, 6 * BLOCK):
            before = contents(docs)
            fill(database, left)
            if refused(STEPS[name], docs):
                assert contents(docs) == before
            make_room(database)
            tidy(docs)
            STEPS[name](docs)
            tidy(docs)
            assert db.verify(NAME).ok, db.verify(NAME)
            docs.delete([record.id for record in docs.peek(max(0, docs.count() - 60))])
            add(docs)
        after = contents(docs)
    with vicinal.connect(database) as db:
        assert contents(db.collection(NAME)) == after
        assert db.verify(NAME).ok


@pytest.mark.parametrize("name", ["add", "backup", "snapshot", "compact"])
def test_no_room_at_all_is_told_as_such(name: str, database: Path) -> None:
    with vicinal.connect(database) as db:
        docs = db.collection(NAME)
        add(docs)
        fill(database, 0)
        before = contents(docs)
        with pytest.raises(DiskFull):
            STEPS[name](docs)
        assert contents(docs) == before
        assert sorted(os.listdir(docs.stats().path)) in (["g1", "name"], ["g1", "name", "snapshots"])  # nothing half


def test_closing_and_opening_on_a_full_disk(database: Path) -> None:
    """SQLite needs space for its shared memory, which is in a file."""
    with vicinal.connect(database) as db:
        docs = db.collection(NAME)
        add(docs)
        before = contents(docs)
        fill(database, 0)
    fill(database, 0)
    with vicinal.connect(database) as db:
        assert contents(db.collection(NAME)) == before
    make_room(database)
    with vicinal.connect(database) as db:
        assert contents(db.collection(NAME)) == before
        assert db.verify(NAME).ok


LIMITED = """
import resource, signal, sys
import numpy as np
import vicinal
from vicinal.errors import VicinalError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
vectors = np.ones((64, 64), dtype=np.float32)
with vicinal.connect(sys.argv[1]) as db:
    docs = db.collection("docs")
    docs.add(vectors=vectors)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    refused = 0
    for limit in range(1000, 200_000, 7000):
        before = docs.count()
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            docs.add(vectors=vectors, texts=["text " * 50] * 64)
        except VicinalError as error:
            refused += 1
            if getattr(error, "committed", False) is False:
                assert docs.count() == len(docs.get(vectors=True)) == before
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        docs.add(vectors=vectors[:1])
        assert db.verify("docs").ok, db.verify("docs")
    assert refused > 3
    after = docs.count()
with vicinal.connect(sys.argv[1]) as db:
    assert db.collection("docs").count() == len(db.collection("docs").get()) == after
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_limit_on_the_size_of_files(tmp_path: Path) -> None:
    """Needs no privileges: the same errors as on a small disk, by size limits instead of free space."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
