"""A database through Chroma's API: the same program on Vicinal and on chromadb.

pip install 'vicinal[minilm,cli]' && vicinal models add minilm
python examples/course/chroma_implementation.py
python examples/course/chroma_implementation.py --chromadb    # after pip install chromadb
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4


class ChromaVectorDB:
    """Collections of documents in a folder.

    Args:
        persist_directory: the folder; existing collections are opened.
        chroma: the module with Chroma's API; by default that of Vicinal.
    """

    def __init__(self, persist_directory: str = "./chroma_db", chroma: Any = None) -> None:
        self.chroma = chroma or importlib.import_module("vicinal.compat.chroma")
        settings = self.chroma.config.Settings(anonymized_telemetry=False)
        self.client = self.chroma.PersistentClient(path=persist_directory, settings=settings)
        self.collections: dict[str, Any] = {}

    def create_collection(
        self, name: str, embedding_function: Any = None, metadata: Mapping[str, Any] | None = None
    ) -> Any:
        """Creates the collection, or opens the existing one. The metric is cosine unless metadata sets another.

        Args:
            embedding_function: by default that of Chroma.
        """
        given = {} if embedding_function is None else {"embedding_function": embedding_function}
        about = {"hnsw:space": "cosine", **(metadata or {})}
        self.collections[name] = self.client.get_or_create_collection(name=name, metadata=about, **given)
        return self.collections[name]

    def get_collection(self, name: str) -> Any:
        """Returns the collection; raises Chroma's error if it does not exist."""
        if name not in self.collections:
            self.collections[name] = self.client.get_collection(name)
        return self.collections[name]

    def add_documents(
        self,
        collection_name: str,
        documents: Sequence[str],
        metadatas: Sequence[Mapping[str, Any]] | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[str]:
        """Stores documents; returns their ids, which are generated if none are given."""
        named = list(ids) if ids is not None else [str(uuid4()) for _ in documents]
        self.get_collection(collection_name).add(ids=named, documents=list(documents), metadatas=_own(metadatas))
        return named

    def add_embeddings(
        self,
        collection_name: str,
        embeddings: Sequence[Sequence[float]],
        metadatas: Sequence[Mapping[str, Any]] | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[str]:
        """Stores vectors computed elsewhere; returns their ids."""
        named = list(ids) if ids is not None else [str(uuid4()) for _ in embeddings]
        self.get_collection(collection_name).add(ids=named, embeddings=list(embeddings), metadatas=_own(metadatas))
        return named

    def query(
        self,
        collection_name: str,
        query_texts: Sequence[str] | None = None,
        query_embeddings: Sequence[Sequence[float]] | None = None,
        n_results: int = 10,
        where: Mapping[str, Any] | None = None,
        include: Sequence[str] | None = None,
    ) -> Any:
        """Returns the nearest rows of each query in Chroma's format: lists by column, one list per query."""
        return self.get_collection(collection_name).query(
            query_texts=None if query_texts is None else list(query_texts),
            query_embeddings=None if query_embeddings is None else list(query_embeddings),
            n_results=n_results,
            where=where,
            include=["documents", "metadatas", "distances"] if include is None else list(include),
        )

    def update_documents(
        self,
        collection_name: str,
        ids: Sequence[str],
        documents: Sequence[str] | None = None,
        metadatas: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        """Changes documents or metadata of existing rows."""
        self.get_collection(collection_name).update(
            ids=list(ids), documents=None if documents is None else list(documents), metadatas=_own(metadatas)
        )

    def delete_documents(self, collection_name: str, ids: Sequence[str]) -> None:
        """Deletes documents; ignores unknown ids."""
        self.get_collection(collection_name).delete(ids=list(ids))

    def get_collection_info(self, collection_name: str) -> dict[str, Any]:
        """Returns name, number of rows and metadata."""
        collection = self.get_collection(collection_name)
        return {"name": collection_name, "count": collection.count(), "metadata": collection.metadata}

    def list_collections(self) -> list[str]:
        """Returns the names of all collections."""
        return [collection.name for collection in self.client.list_collections()]


def chroma_of_arguments() -> Any:
    """Returns chromadb itself if the command line has --chromadb, otherwise Vicinal's module."""
    return importlib.import_module("chromadb" if "--chromadb" in sys.argv[1:] else "vicinal.compat.chroma")


def _own(metadatas: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any] | None] | None:
    """Replaces empty dicts by None, because Chroma rejects them."""
    return None if metadatas is None else [dict(one) if one else None for one in metadatas]


BOOKS = {
    "A lighthouse keeper and his daughter through one long winter": {"genre": "novel", "pages": 310},
    "Thirty soups, from clear broth to thick lentils": {"genre": "cooking", "pages": 120},
    "How mountains rise and rivers carry them away": {"genre": "science", "pages": 260},
    "Pies, tarts and everything with a crust": {"genre": "cooking", "pages": 180},
    "Why stars shine, and what becomes of them": {"genre": "science", "pages": 220},
}


def main(folder: str, chroma: Any, embedding_function: Any = None) -> dict[str, Any]:
    """Stores books, searches them, and returns the results."""
    database = ChromaVectorDB(folder, chroma)
    database.create_collection("books", embedding_function, {"about": "books of a small library"})
    ids = database.add_documents("books", list(BOOKS), list(BOOKS.values()))
    found = database.query("books", query_texts=["astronomy: the life of a star"], n_results=3)
    for document, metadata, distance in zip(*(found[column][0] for column in ("documents", "metadatas", "distances"))):
        print(f"{distance:.4f} {metadata['genre']:8} {document}")
    cooking = database.query("books", query_texts=["stars"], n_results=5, where={"genre": "cooking"})
    print("cooking only:", cooking["documents"][0])
    database.update_documents("books", ids[:1], metadatas=[{"pages": 312}])
    database.delete_documents("books", ids[1:2])
    info = database.get_collection_info("books")
    print(info, database.list_collections())
    left = database.get_collection("books").get(ids=ids[:2])
    return {"found": found, "cooking": cooking, "info": info, "left": left, "names": database.list_collections()}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        main(scratch, chroma_of_arguments())
