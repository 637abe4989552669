"""Writes `chroma_folder.tar.xz`, a folder written by chromadb itself, and knows its content.

Its index was synced after ten rows, so that the vectors of the first rows are only in the index.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ARCHIVE = Path(__file__).with_name("chroma_folder.tar.xz")
SPACES = {"under-l2": "l2", "under-cosine": "cosine", "under-ip": "ip"}
DELETED, CHANGED = 1, 2


def row(i: int) -> tuple[str, list[float], str | None, dict[str, Any] | None]:
    """Returns a row as it was added: id, vector, document, metadata."""
    metadata = {"i": i, "f": i / 2, "s": f"\u00fc{i}", "b": bool(i % 2), "l": [i, i + 1]}
    return f"row-{i}", [1.0 + i, 2.0, 0.5 * i], f"document {i}" if i % 3 else None, metadata if i % 5 else None


def write(folder: str, count: int, **settings: Any) -> None:
    """Writes three collections of `count` rows each, with one row deleted and one changed."""
    import chromadb

    client = chromadb.PersistentClient(folder)
    for name, space in SPACES.items():
        metadata = {"hnsw:space": space, "note": name, "truth": True, **settings}
        rows = client.create_collection(name, metadata=metadata, embedding_function=None)
        for start in range(0, count, 1000 if not settings else 5):
            part = [row(i) for i in range(start, min(count, start + (1000 if not settings else 5)))]
            ids, vectors, documents, metadatas = map(list, zip(*part))
            rows.add(ids=ids, embeddings=vectors, documents=documents, metadatas=metadatas)
        rows.delete(ids=[f"row-{DELETED}"])
        rows.update(ids=[f"row-{CHANGED}"], embeddings=[[9, 8, 7]], documents=["changed"], metadatas=[{"s": None}])
    client.close()


def expected(count: int) -> dict[str, tuple[list[float], str | None, dict[str, Any] | None]]:
    """Returns the final rows by id."""
    found = {}
    for i in range(count):
        id_, vector, document, metadata = row(i)
        if i == CHANGED and metadata is not None:
            vector, document = [9.0, 8.0, 7.0], "changed"
            del metadata["s"]
        if i != DELETED:
            found[id_] = (vector, document, metadata)
    return found


if __name__ == "__main__":
    if len(sys.argv) == 3:
        write(sys.argv[1], int(sys.argv[2]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            write(folder, 24, **{"hnsw:sync_threshold": 10, "hnsw:batch_size": 5})
            with tarfile.open(ARCHIVE, "w:xz") as archive:
                archive.add(folder, "chroma")
