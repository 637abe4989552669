"""The core of Vicinal's exact search without a collection: the scan over 8-bit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Below, Rows, VectorPeer, Vectors


class CodeScanner(VectorPeer):
    """Codes of all rows in memory, and the scanner that `kernels()` chooses on this machine."""

    name = "scanner"
    module = "vicinal"
    install = "pip install ."
    exact = True

    def __init__(self, folder: Path, threads: int) -> None:
        super().__init__(folder, threads)
        from vicinal.indexes.codes import scanner
        from vicinal.indexes.kernels import kernels

        self._scanner = scanner(kernels())
        self._parts: list[Vectors] = []

    def create(self, dimension: int) -> None:
        self._parts = []

    def add(self, rows: Rows) -> None:
        self._parts.append(rows.vectors)

    def finish(self) -> None:
        self._vectors = np.concatenate(self._parts)
        self._codes = self._scanner.encode("ip", self._vectors)

    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        return self.search_many(query[np.newaxis], k)[0]

    def search_many(self, queries: Vectors, k: int) -> Any:
        return self._scanner.search_many("ip", self._vectors, *self._codes, queries, k, threads=self.threads)[0]

    def numbers(self, answer: Any) -> list[int]:
        return [int(number) for number in answer]

    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        return [self.numbers(numbers) for numbers in answer]
