"""As in Chroma: splits rows into batches."""

from __future__ import annotations

from typing import Any

from ..client import ClientAPI

__all__ = ["create_batches"]

Batch = tuple[Any, Any, Any, Any]


def create_batches(
    api: ClientAPI, ids: list[str], embeddings: Any = None, metadatas: Any = None, documents: Any = None
) -> list[Batch]:
    """Returns tuples of ids, embeddings, metadatas and documents, each at most as large as the client allows."""
    size = api.get_max_batch_size()
    parts = [ids, embeddings, metadatas, documents]
    cut = [
        [None if part is None else part[start : start + size] for part in parts] for start in range(0, len(ids), size)
    ]
    return [(batch[0], batch[1], batch[2], batch[3]) for batch in cut or [parts]]
