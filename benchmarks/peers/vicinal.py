"""Vicinal itself, embedded, through its public API."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from ..contract import Below, Rows, VectorPeer, Vectors
from ..counting import CountingVFS

_NAME = "rows"
_SETTLE_SECONDS = 120


class Vicinal(VectorPeer):
    """A collection in a folder, durability "full", inner product; exact."""

    name = "vicinal"
    module = "vicinal"
    install = "pip install ."
    exact = True
    rows = True
    persistent = True

    def __init__(self, folder: Path, threads: int) -> None:
        super().__init__(folder, threads)
        os.environ["VICINAL_THREADS"] = str(threads)
        import vicinal

        self._connect = vicinal.connect
        self._vfs: CountingVFS | None = None

    def create(self, dimension: int) -> None:
        self._database = self._connect(self.folder)
        self._collection = self._database.collection(_NAME, dimension=dimension, metric="ip", durability="full")

    def open(self) -> None:
        self._database = self._connect(self.folder)
        self._collection = self._database.collection(_NAME)

    def count_reads(self) -> None:
        self._vfs = CountingVFS()

    def records_read(self) -> int | None:
        return None if self._vfs is None else self._vfs.read["records.db"]

    def add(self, rows: Rows) -> None:
        self._last = rows.vectors[-1]
        self._collection.add(list(rows.numbers), vectors=rows.vectors, texts=rows.texts, metadata=rows.metadata)

    def finish(self) -> None:
        self._collection.search(self._last)  # the first search computes the codes that later ones scan

    def settle(self) -> None:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while self._collection.stats().tail:  # rows not in a saved index; it is saved after some quiet seconds
            if time.monotonic() > deadline:
                raise TimeoutError(f"no index was saved within {_SETTLE_SECONDS} seconds")
            time.sleep(0.1)

    def close(self) -> None:
        self._database.close()

    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        passes = None if where is None else {where.field: {"$lt": where.value}}
        hits = self._collection.search(query, k, passes)
        return [(hit.id, hit.score, hit.text, hit.metadata) for hit in hits]  # metadata is decoded when first read

    def search_many(self, queries: Vectors, k: int) -> Any:
        found = self._collection.search_many(queries, k)
        return [[(hit.id, hit.score, hit.text, hit.metadata) for hit in hits] for hits in found]

    def numbers(self, answer: Any) -> list[int]:
        return [hit[0] for hit in answer]

    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        return [self.numbers(hits) for hits in answer]
