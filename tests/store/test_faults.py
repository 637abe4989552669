"""Disk errors at every system call and in COMMIT: our own errors, nothing lost, and everything works afterwards."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

import vicinal
from vicinal.errors import CommitFailed, DiskFull, StoreError, VicinalError
from vicinal.store import commit as commits
from vicinal.store import connections as connections_module
from vicinal.store import files as seam

CALLS = [
    "open",
    "pwrite",
    "pread",
    "fdatasync",
    "fsync",
    "ftruncate",
    "fstat",
    "makedirs",
    "mkdir",
    "rename",
    "listdir",
]


class Faults:
    """Makes any system call of the storage layer fail: the `at`-th from now on, with `code`."""

    def __init__(self) -> None:
        self.seen = 0
        self.at: int | None = None
        self.code = errno.EIO

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **kwargs: Any) -> Any:
            self.seen += 1
            if self.at is not None and self.seen == self.at:
                raise OSError(self.code, os.strerror(self.code))
            return call(*args, **kwargs)

        return guarded

    def arm(self, at: int, code: int) -> None:
        self.seen, self.at, self.code = 0, at, code

    def disarm(self) -> int:
        self.at, seen, self.seen = None, self.seen, 0
        return seen


class _System:
    """`os` as used by the storage layer."""

    def __init__(self, faults: Faults) -> None:
        for name in CALLS:
            if hasattr(os, name):
                setattr(self, name, faults.wrap(getattr(os, name)))

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    made = Faults()
    system = _System(made)
    monkeypatch.setattr(seam, "os", system)
    for alias in ("_pread", "_pwrite"):
        if hasattr(seam, alias):
            monkeypatch.setattr(seam, alias, made.wrap(getattr(seam, alias)))
    return made


def failure_of(call: Callable[[], object]) -> VicinalError | None:
    """Returns the error of ours that it raised; any other is passed through."""
    try:
        call()
    except VicinalError as error:
        return error
    return None


def rows_of(docs: vicinal.Collection) -> list[tuple[Any, ...]]:
    return [
        (row.id, row.text, row.metadata, None if row.vector is None else row.vector.tolist())
        for row in docs.get(vectors=True)
    ]


WRITES: dict[str, Callable[[vicinal.Collection], object]] = {
    "add": lambda c: c.add([10, 11], vectors=np.ones((2, 3)), texts=["x", "y"]),
    "upsert": lambda c: c.upsert([0, 11], vectors=np.ones((2, 3))),
    "update": lambda c: c.update([0, 1], vectors=np.ones((2, 3)), metadata={"n": 1}),
    "touch": lambda c: c.update([0], metadata={"n": 1}),
    "delete": lambda c: c.delete([0, 1]),
    "sync": lambda c: c.sync(),
}


def after(write: str, folder: Path) -> list[tuple[Any, ...]]:
    """Returns the rows after the write."""
    docs = vicinal.connect(folder).collection("docs")
    docs.add([0, 1, 2], vectors=np.eye(3), texts=["a", "b", None])
    WRITES[write](docs)
    return rows_of(docs)


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize("durability", ["full", "process"])
@pytest.mark.parametrize("write", WRITES)
def test_a_failing_call_of_the_system_loses_nothing(
    tmp_path: Path, faults: Faults, write: str, durability: Any, code: int
) -> None:
    done = after(write, tmp_path / "reference")
    with vicinal.connect(tmp_path / "data") as db:
        docs = db.collection("docs", durability=durability)
        docs.add([0, 1, 2], vectors=np.eye(3), texts=["a", "b", None])
        before = rows_of(docs)
        for at in range(1, 200):
            faults.arm(at, code)
            error = failure_of(lambda: WRITES[write](docs))
            if faults.disarm() < at:  # every call of this write has failed once
                assert error is None
                break
            if error is None:  # a fault beside the write, such as of a look at the log, is not the write's
                assert rows_of(docs) == done
                docs.upsert([0, 1, 2], vectors=np.eye(3), texts=["a", "b", None])
                docs.delete([10, 11])
                before = rows_of(docs)
                continue
            assert isinstance(error, DiskFull if code == errno.ENOSPC else StoreError)
            assert error.place
            assert rows_of(docs) == before, f"call {at}"
        else:
            raise AssertionError("the write never ended")
        assert sorted(map(str, rows_of(docs))) == sorted(map(str, done))
    assert sorted(map(str, rows_of(vicinal.connect(tmp_path / "data").collection("docs")))) == sorted(map(str, done))


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_a_failing_creation_leaves_nothing_and_can_be_repeated(tmp_path: Path, faults: Faults, code: int) -> None:
    for at in range(1, 200):
        folder = tmp_path / str(at)
        folder.mkdir()
        faults.arm(at, code)
        with vicinal.connect(folder) as db:
            error = failure_of(lambda: db.collection("docs"))
            finished = faults.disarm() < at
            assert isinstance(error, StoreError | None)
            assert [path.name for path in folder.iterdir() if path.name.startswith("new-")] == []
            docs = db.collection("docs")
            docs.add(["a"], texts=["x"])
            assert docs.count() == 1
        if finished:
            assert error is None
            return
    raise AssertionError("creation never ended")


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
def test_a_failing_opening_is_an_error_of_ours_and_can_be_repeated(tmp_path: Path, faults: Faults, code: int) -> None:
    with vicinal.connect(tmp_path) as db:
        db.collection("docs").add([0, 1, 2], vectors=np.eye(3))
    for at in range(1, 200):
        faults.arm(at, code)
        with vicinal.connect(tmp_path) as db:
            error = failure_of(lambda: db.collection("docs").search([1.0, 0.0, 0.0]))
            finished = faults.disarm() < at
            assert isinstance(error, StoreError | None)
            assert db.collection("docs").search([1.0, 0.0, 0.0]).ids == [0, 1, 2]
        if finished:
            assert error is None
            return
    raise AssertionError("opening never ended")


# -- COMMIT


@pytest.fixture
def docs(tmp_path: Path) -> Iterator[vicinal.Collection]:
    with vicinal.connect(tmp_path) as db:
        made = db.collection("docs")
        made.add([0], vectors=[[1.0, 0.0]])
        yield made


class _Failing:
    """A writer's connection whose COMMIT raises `error`, before or after it took effect."""

    def __init__(self, connection: apsw.Connection, error: apsw.Error, *, made: bool) -> None:
        self.inner, self.error, self.made = connection, error, made

    def execute(self, sql: str, *args: Any) -> Any:
        if sql == "COMMIT":
            if self.made:
                self.inner.execute("COMMIT")
            raise self.error
        return self.inner.execute(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.fixture
def failing_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def fail(error: apsw.Error, *, made: bool) -> None:
        real = commits.write_once

        def write_once(generation: Any, connection: Any, *rest: Any) -> Any:
            return real(generation, _Failing(connection, error, made=made), *rest)

        monkeypatch.setattr("vicinal.store.writer.write_once", write_once)

    return fail


def test_a_commit_that_was_not_made_says_so(
    docs: vicinal.Collection, failing_commit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_commit(apsw.IOError("disk I/O error"), made=False)
    with pytest.raises(CommitFailed, match="nothing changed") as caught:
        docs.add([1], vectors=[[0.0, 1.0]])
    assert caught.value.committed is False
    monkeypatch.undo()
    assert docs.search([1.0, 0.0], k=9).ids == [0]
    docs.add([1], vectors=[[0.0, 1.0]])
    assert docs.search([1.0, 0.0], k=9).ids == [0, 1]


def test_a_commit_that_was_made_is_no_error(docs: vicinal.Collection, failing_commit: Callable[..., None]) -> None:
    failing_commit(apsw.IOError("disk I/O error"), made=True)
    assert docs.add([1], vectors=[[0.0, 1.0]]) == [1]
    assert docs.search([1.0, 0.0], k=9).ids == [0, 1]


def test_a_commit_of_unknown_outcome_says_so(
    docs: vicinal.Collection, failing_commit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_commit(apsw.IOError("disk I/O error"), made=True)

    def unreadable(*_: Any) -> bool:
        raise StoreError("the disk is gone")

    monkeypatch.setattr(commits, "has_change", unreadable)
    with pytest.raises(CommitFailed, match="whether it was made is unknown") as caught:
        docs.add([1], vectors=[[0.0, 1.0]])
    assert caught.value.committed is None
    assert "look before trying again" in caught.value.remedy
    monkeypatch.undo()
    assert docs.count() == 2


def test_a_full_disk_at_commit_is_a_full_disk(
    docs: vicinal.Collection, failing_commit: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite writes most pages in COMMIT, so this is where it notices a full disk."""
    failing_commit(apsw.FullError("database or disk is full"), made=False)
    with pytest.raises(DiskFull, match="no space left on the disk"):
        docs.add([1], vectors=[[0.0, 1.0]])
    monkeypatch.undo()
    assert docs.count() == 1
    docs.add([1], vectors=[[0.0, 1.0]])


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (apsw.FullError("full"), DiskFull),
        (apsw.IOError("io"), StoreError),
        (apsw.CorruptError("corrupt"), vicinal.errors.Damaged),
        (apsw.NotADBError("no database"), vicinal.errors.Damaged),
        (apsw.CantOpenError("gone"), StoreError),
        (apsw.ReadOnlyError("read-only"), StoreError),
        (apsw.NoMemError("memory"), StoreError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_sqlite_become_ours(error: apsw.Error, ours: type[VicinalError]) -> None:
    error.extendedresult = 0
    with pytest.raises(ours) as caught, connections_module.translated("records.db"):
        raise error
    assert caught.value.place == "records.db"
    assert caught.value.__cause__ is error
