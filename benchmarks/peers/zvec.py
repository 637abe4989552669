"""zvec, embedded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..contract import Below, Rows, VectorPeer, Vectors

_VECTOR, _TEXT, _METADATA = "vector", "text", "metadata"


class Zvec(VectorPeer):
    """HNSW: the defaults of `HnswIndexParam`, except for the metric.

    A collection of zvec has typed fields. Whole numbers of the metadata get one each, with an inverted index; all
    metadata is also stored as JSON, so that a search can return it.
    """

    name = "zvec"
    module = "zvec"
    install = "pip install zvec"
    rows = True
    persistent = True

    def __init__(self, folder: Path, threads: int) -> None:
        super().__init__(folder, threads)
        import zvec

        self._zvec = zvec
        zvec.init(query_threads=threads, optimize_threads=threads, log_level=zvec.LogLevel.ERROR)
        self._path = str(folder / "collection")

    def create(self, dimension: int) -> None:
        self._dimension = dimension
        self._collection: Any = None  # the first batch determines the fields

    def open(self) -> None:
        self._collection = self._zvec.open(self._path)

    def add(self, rows: Rows) -> None:
        metadata = rows.metadata or [{}] * len(rows.vectors)
        if self._collection is None:
            self._collection = self._zvec.create_and_open(self._path, self._schema(metadata[0]))
        documents = [
            self._zvec.Doc(id=str(number), vectors={_VECTOR: vector}, fields=_fields(text, row))
            for number, vector, text, row in zip(
                rows.numbers, rows.vectors, rows.texts or [""] * len(metadata), metadata, strict=True
            )
        ]
        refused = [status for status in self._collection.insert(documents) if not status.ok()]
        if refused:
            raise RuntimeError(f"zvec refused {len(refused)} rows: {refused[0]}")

    def finish(self) -> None:
        self._collection.flush()
        self._collection.optimize(self._zvec.OptimizeOption(concurrency=self.threads))

    def close(self) -> None:
        self._collection.close()

    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        passes = None if where is None else f"{where.field} < {where.value}"
        found = self._collection.query(self._zvec.Query(field_name=_VECTOR, vector=query), topk=k, filter=passes)
        return [(doc.id, doc.score, doc.field(_TEXT), json.loads(doc.field(_METADATA))) for doc in found]

    def search_many(self, queries: Vectors, k: int) -> Any:
        return [self.search(query, k, None) for query in queries]

    def numbers(self, answer: Any) -> list[int]:
        return [int(hit[0]) for hit in answer]

    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        return [self.numbers(hits) for hits in answer]

    def _vector_index(self) -> Any:
        return self._zvec.HnswIndexParam(metric_type=self._zvec.MetricType.IP)

    def _schema(self, row: dict[str, Any]) -> Any:
        zvec = self._zvec
        text = [zvec.FieldSchema(name, zvec.DataType.STRING) for name in (_TEXT, _METADATA)]
        index = zvec.InvertIndexParam(enable_range_optimization=True)
        numbers = [zvec.FieldSchema(name, zvec.DataType.INT64, index_param=index) for name in _whole_numbers(row)]
        vector = zvec.VectorSchema(
            _VECTOR, zvec.DataType.VECTOR_FP32, self._dimension, index_param=self._vector_index()
        )
        return zvec.CollectionSchema(name="rows", fields=[*text, *numbers], vectors=vector)


class ZvecFlat(Zvec):
    """`FlatIndexParam`, the default for a vector field: no graph, every vector is compared."""

    name = "zvec-flat"
    exact = True

    def _vector_index(self) -> Any:
        return self._zvec.FlatIndexParam(metric_type=self._zvec.MetricType.IP)


def _whole_numbers(row: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in row.items() if type(value) is int}


def _fields(text: str, row: dict[str, Any]) -> dict[str, Any]:
    return {_TEXT: text, _METADATA: json.dumps(row), **_whole_numbers(row)}
