"""Chroma, embedded, with its default HNSW index."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ..contract import Below, Rows, VectorPeer, Vectors

_NAME = "rows"


class Chroma(VectorPeer):
    """`PersistentClient`; documents and metadatas are returned."""

    name = "chroma"
    module = "chromadb"
    install = "pip install chromadb"
    rows = True
    persistent = True
    returned: ClassVar[list[str]] = ["documents", "metadatas", "distances"]

    def __init__(self, folder: Path, threads: int) -> None:
        super().__init__(folder, threads)
        import chromadb
        from chromadb.config import Settings

        self._chromadb = chromadb
        self._settings = Settings(anonymized_telemetry=False)

    def create(self, dimension: int) -> None:
        client = self._chromadb.PersistentClient(str(self.folder), self._settings)
        configuration = {"hnsw": {"space": "ip", "num_threads": self.threads}}
        self._collection = client.create_collection(_NAME, configuration=configuration, embedding_function=None)

    def open(self) -> None:
        client = self._chromadb.PersistentClient(str(self.folder), self._settings)
        self._collection = client.get_collection(_NAME, embedding_function=None)

    def add(self, rows: Rows) -> None:
        ids = [str(number) for number in rows.numbers]
        self._collection.add(ids, embeddings=rows.vectors, documents=rows.texts, metadatas=rows.metadata)

    def search(self, query: Vectors, k: int, where: Below | None) -> Any:
        passes = None if where is None else {where.field: {"$lt": where.value}}
        return self._collection.query([query], n_results=k, where=passes, include=self.returned)

    def search_many(self, queries: Vectors, k: int) -> Any:
        return self._collection.query(queries, n_results=k, include=self.returned)

    def numbers(self, answer: Any) -> list[int]:
        return [int(number) for number in answer["ids"][0]]

    def numbers_of_many(self, answer: Any) -> list[list[int]]:
        return [[int(number) for number in numbers] for numbers in answer["ids"]]
