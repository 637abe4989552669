"""LanceDB, embedded: a table without a vector index, which it searches by scanning every row."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..contract import Below, Rows, VectorPeer, Vectors

_NAME = "rows"


class Lance(VectorPeer):
    """`connect`; texts and metadata are columns, and filters are evaluated before the search."""

    name = "lancedb"
    module = "lancedb"
    install = "pip install lancedb"
    exact = True
    rows = True
    persistent = True

    def __init__(self, folder: Path, threads: int) -> None:
        os.environ["LANCE_CPU_THREADS"] = str(threads)  # read when it is imported
        super().__init__(folder, threads)
        import lancedb
        import pyarrow

        self._arrow = pyarrow
        self._database = lancedb.connect(str(folder))

    def create(self, dimension: int) -> None:
        self._table: Any = None
        self._vectors = self._arrow.list_(self._arrow.float32(), dimension)

    def open(self) -> None:
        self._table = self._database.open_table(_NAME)

    def add(self, rows: Rows) -> None:
        flat = self._arrow.array(rows.vectors.ravel())
        columns: dict[str, Any] = {
            "number": list(rows.numbers),
            "vector": self._arrow.FixedSizeListArray.from_arrays(flat, type=self._vectors),
        }
        if rows.texts is not None:
            columns["text"] = rows.texts
        for field in (rows.metadata or [{}])[0]:
            columns[field] = [one[field] for one in rows.metadata or []]
        table = self._arrow.table(columns)
        if self._table is None:
            self._table = self._database.create_table(_NAME, table)
        else:
            self._table.add(table)

    def finish(self) -> None:
        self._table.optimize()

    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        asked = self._table.search(query).distance_type("dot").limit(k)
        if where is not None:
            asked = asked.where(f"{where.field} < {where.value}", prefilter=True)
        return asked.to_list()

    def search_many(self, queries: Vectors, k: int) -> Any:
        return [self.search(query, k, None) for query in queries]

    def numbers(self, answer: Any) -> list[int]:
        return [row["number"] for row in answer]

    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        return [self.numbers(one) for one in answer]
