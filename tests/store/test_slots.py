"""A slot is never written twice, no file is truncated below what others have seen, a failed writer harms no other."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest

import vicinal
from support.children import run
from support.hooked import HookedFiles
from vicinal.store.folder_names import folder_name

ROW = 4 * 8  # bytes of a vector of eight components


def vector_file(database: Path) -> Path:
    return database / folder_name("docs") / "g1" / "vectors.f32"


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Three rows of eight components."""
    with vicinal.connect(tmp_path) as db:
        db.collection("docs").add([0, 1, 2], vectors=np.eye(8)[:3])
    return tmp_path


DIES = """
from support.hooked import HookedFiles
files = HookedFiles()
docs = vicinal.Database(path, files=files).collection("docs")
files.hooks[sys.argv[2]] = lambda: os.kill(os.getpid(), signal.SIGKILL)
docs.add([10, 11], vectors=np.full((2, 8), 7.0))
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_writer_that_dies_before_its_commit_leaves_a_hole(filled: Path) -> None:
    run(DIES, filled, "sync", status=-signal.SIGKILL)
    assert vector_file(filled).stat().st_size == 5 * ROW
    with vicinal.connect(filled) as db:
        docs = db.collection("docs")
        assert [row.id for row in docs.get()] == [0, 1, 2]
        assert docs.search(np.ones(8), k=99).ids == [0, 1, 2]
        docs.add([10], vectors=np.full((1, 8), 9.0))
        assert docs.search(np.ones(8), k=1).ids == [10]
        assert docs.stats().dead_slots == 2
    slots = np.fromfile(vector_file(filled), dtype="<f4").reshape(-1, 8)
    assert slots[:3].tolist() == np.eye(8)[:3].tolist()
    assert slots[3:5].tolist() == np.full((2, 8), 7.0).tolist()  # the dead writer's bytes, untouched
    assert slots[5].tolist() == [9.0] * 8


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
def test_a_torn_vector_of_a_dead_writer_is_passed_over(filled: Path) -> None:
    with vector_file(filled).open("ab") as file:
        file.write(b"\x7f" * (ROW + 5))  # one vector and five bytes of the next
    with vicinal.connect(filled) as db:
        docs = db.collection("docs")
        docs.add([10], vectors=np.full((1, 8), 9.0))
        assert docs.search(np.ones(8), k=1).ids == [10]
        assert docs.get([10], vectors=True)[0].vector is not None
    assert np.fromfile(vector_file(filled), dtype="<f4").reshape(-1, 8)[5].tolist() == [9.0] * 8


@pytest.mark.parametrize("operation", ["add", "upsert", "update"])
@pytest.mark.parametrize("at", ["write_at", "sync"])
def test_a_writer_that_fails_gives_back_what_it_appended(filled: Path, operation: str, at: str) -> None:
    class Broken(Exception):
        pass

    def fail() -> None:
        raise Broken

    files = HookedFiles()
    with vicinal.Database(str(filled), files=files) as db:
        docs = db.collection("docs")
        before = docs.get(vectors=False), docs.stats().change
        files.hooks[at] = fail
        with pytest.raises(Broken):
            getattr(docs, operation)([0, 1] if operation != "add" else [10, 11], vectors=np.full((2, 8), 7.0))
        assert vector_file(filled).stat().st_size == 3 * ROW
        assert (docs.get(vectors=False), docs.stats().change) == before
        files.hooks.clear()
        docs.add([10], vectors=np.full((1, 8), 9.0))
        assert vector_file(filled).stat().st_size == 4 * ROW
    with vicinal.connect(filled) as db:
        assert db.collection("docs").search(np.ones(8), k=99).ids == [10, 0, 1, 2]


def test_rows_without_vectors_take_slots_but_no_bytes(filled: Path) -> None:
    with vicinal.connect(filled) as db:
        docs = db.collection("docs")
        docs.add([3, 4], texts=["x", "y"])
        assert vector_file(filled).stat().st_size == 3 * ROW
        docs.add([5], vectors=np.full((1, 8), 9.0))
        assert vector_file(filled).stat().st_size == 6 * ROW
        assert docs.search(np.ones(8), k=99).ids == [5, 0, 1, 2]


TAKES_BACK = """
import threading
from support.hooked import HookedFiles
files = HookedFiles()
docs = vicinal.Database(path, files=files).collection("docs")
docs.add([3], texts=["no vector"])

def read_and_fail():
    reader = threading.Thread(target=lambda: docs.search(np.ones(8), k=1))
    reader.start()
    reader.join()
    raise MemoryError

files.hooks["sync"] = read_and_fail
try:
    docs.add(list(range(10, 40010)), vectors=np.ones((40000, 8)))
except MemoryError:
    files.hooks.clear()
docs.add(list(range(10, 40010)), texts=["no vector"] * 40000)
print(docs.search(np.ones(8), k=1).ids, docs.count())
"""


def test_a_reader_that_saw_the_file_longer_than_it_is_now_lives_on(filled: Path) -> None:
    """Accessing a mapped page past the end of a file raises a bus error, which no program survives."""
    assert run(TAKES_BACK, filled).strip() == "[0] 40004"


def test_the_hole_before_a_failed_append_stays(filled: Path) -> None:
    """Another process that knows this many slots may have mapped it already."""
    files = HookedFiles()
    with vicinal.Database(str(filled), files=files) as db:
        docs = db.collection("docs")
        docs.add([3, 4], texts=["x", "y"])

        def fail() -> None:
            raise MemoryError

        files.hooks["sync"] = fail
        with pytest.raises(MemoryError):
            docs.add([5], vectors=np.ones((1, 8)))
        assert vector_file(filled).stat().st_size == 5 * ROW
        files.hooks.clear()
        docs.add([5], vectors=np.full((1, 8), 9.0))
        assert docs.search(np.ones(8), k=1).ids == [5]
