"""What is read before the first search: a saved index is mapped, and of the records only those needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from vicinal.database import Database
from vicinal.store.files import DiskFiles

DIM = 4
LITTLE = 64 << 10  # some pages for each statement, and one a level of its trees


class CountingFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: Any, read: list[int]) -> None:
        super().__init__("", name, flags)
        self._read = read

    def xRead(self, amount: int, offset: int) -> bytes:
        data: bytes = super().xRead(amount, offset)
        self._read[0] += len(data)
        return data


class CountingVFS(apsw.VFS):
    """SQLite's own file access; `read[0]` counts the bytes."""

    def __init__(self) -> None:
        self.read = [0]
        super().__init__("counting", "")

    def xOpen(self, name: Any, flags: Any) -> CountingFile:
        return CountingFile(name, flags, self.read)


@pytest.fixture
def counting() -> Iterator[CountingVFS]:
    vfs = CountingVFS()
    yield vfs
    vfs.unregister()


class CountedFiles(DiskFiles):
    vfs = "counting"


def make(path: Path, rows: int, *, saved: bool) -> int:
    """Creates a closed collection; returns the size of its records."""
    with Database(str(path)) as db:
        docs = db.collection("docs", dimension=DIM)
        docs.add(
            [f"r{i}" for i in range(rows)],
            vectors=np.random.default_rng(rows).standard_normal((rows, DIM)),
            texts=["a text of some length, so that few rows fit on a page"] * rows,
            metadata=[{"n": i % 7} for i in range(rows)],
        )
        if saved:
            docs._context.store.upkeep.build(always=True)
    [records] = path.glob("*/g1/records.db")
    return records.stat().st_size


def bytes_to_first_answer(path: Path, vfs: CountingVFS) -> int:
    vfs.read[0] = 0
    with Database(str(path), files=CountedFiles()) as db:
        hits = db.collection("docs").search([1, 0, 0, 0], k=3, where={"n": 3})
        assert [hit.metadata["n"] for hit in hits] == [3, 3, 3]
        return vfs.read[0]


def test_bytes_read_from_the_records_do_not_grow_with_the_rows(tmp_path: Path, counting: CountingVFS) -> None:
    sizes = [make(tmp_path / str(rows), rows, saved=True) for rows in (500, 20_000)]
    few, many = (bytes_to_first_answer(tmp_path / str(rows), counting) for rows in (500, 20_000))
    assert sizes[1] > 20 * sizes[0]
    assert few > 0
    assert many < few + LITTLE < sizes[1] / 10


def test_without_a_saved_index_the_rows_are_read(tmp_path: Path, counting: CountingVFS) -> None:
    """Proves that the count above measures what it should."""
    size = make(tmp_path / "db", 3000, saved=False)
    assert bytes_to_first_answer(tmp_path / "db", counting) > size / 3
