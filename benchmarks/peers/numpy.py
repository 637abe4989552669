"""The straightforward NumPy version: one product, then `argpartition`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract import Below, Rows, VectorPeer, Vectors


class NumpyScan(VectorPeer):
    """`X @ q` and `argpartition`; many queries are one matrix product."""

    name = "numpy"
    module = "numpy"
    install = "pip install numpy"
    exact = True

    def create(self, dimension: int) -> None:
        self._parts: list[Vectors] = []

    def add(self, rows: Rows) -> None:
        self._parts.append(rows.vectors)

    def finish(self) -> None:
        self._vectors = np.concatenate(self._parts)

    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        return _best(self._vectors @ query, k)

    def search_many(self, queries: Vectors, k: int) -> Any:
        return [_best(scores, k) for scores in queries @ self._vectors.T]

    def numbers(self, answer: Any) -> list[int]:
        return [int(number) for number in answer]

    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        return [self.numbers(numbers) for numbers in answer]


def _best(scores: Vectors, k: int) -> Any:
    k = min(k, len(scores))
    found = np.argpartition(scores, -k)[-k:]
    return found[np.argsort(-scores[found])]
