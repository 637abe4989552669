"""faiss: only vectors, in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Below, Rows, VectorPeer, Vectors


class _Faiss(VectorPeer):
    module = "faiss"
    install = "pip install faiss-cpu"

    def __init__(self, folder: Path, threads: int) -> None:
        super().__init__(folder, threads)
        import faiss

        self._faiss = faiss
        self._index: Any = None
        faiss.omp_set_num_threads(threads)

    def add(self, rows: Rows) -> None:
        self._index.add(rows.vectors)

    def stored_bytes(self) -> int:
        return len(self._faiss.serialize_index(self._index))

    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        return self._index.search(query[np.newaxis], k)[1][0]

    def search_many(self, queries: Vectors, k: int) -> Any:
        return self._index.search(queries, k)[1]

    def numbers(self, answer: Any) -> list[int]:
        return [int(number) for number in answer if number >= 0]  # -1 is padding

    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        return [self.numbers(numbers) for numbers in answer]


class FaissFlat(_Faiss):
    """`IndexFlatIP`: exact."""

    name = "faiss-flat"
    exact = True

    def create(self, dimension: int) -> None:
        self._index = self._faiss.IndexFlatIP(dimension)


class FaissHnsw(_Faiss):
    """`IndexHNSWFlat` with 32 links and otherwise its defaults."""

    name = "faiss-hnsw"

    def create(self, dimension: int) -> None:
        self._index = self._faiss.IndexHNSWFlat(dimension, 32, self._faiss.METRIC_INNER_PRODUCT)
