"""Searching a folder's collection: nothing is answered from a file that is gone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidArgument
from ...types import Hits
from .known import OWNER, folder_of, row_id

__all__ = ["FolderHits", "search_folder"]


@dataclass(frozen=True, slots=True)
class FolderHits:
    """Answers from files that exist.

    Attributes:
        folder: the one that was indexed.
        gone: files that would have answered, but exist no longer.
        stale: files among the answers that were modified since they were indexed.
    """

    hits: Hits
    folder: str
    gone: frozenset[str]
    stale: frozenset[str]


def search_folder(
    collection: Any,
    query: str,
    k: int = 10,
    where: dict[str, Any] | None = None,
    *,
    mode: str = "hybrid",
    **options: Any,
) -> FolderHits:
    """The `k` best passages, none of them from a file that is gone since it was indexed.

    Args:
        collection: one that `index_folder` filled.
        options: whatever `Collection.search` takes.

    Raises:
        InvalidArgument: the collection is not of a folder, or the folder is not there.
    """
    folder = folder_of(collection.notes(OWNER))
    if folder is None:
        raise InvalidArgument("the collection is not of a folder", name="collection", remedy="Call its search().")
    if not os.path.isdir(folder):
        raise InvalidArgument(
            f"the folder {folder!r} that was indexed is not there",
            name="collection",
            value=folder,
            remedy="Mount it, or index it again where it is now.",
        )
    gone: set[str] = set()
    while True:
        allowed = _without(where, gone)
        hits = collection.search(query, k=k, where=allowed, mode=mode, **options)
        missing = {hit.metadata["file"] for hit in hits if not _exists(folder, hit.metadata["file"])}
        if not missing:
            break
        gone |= missing
    return FolderHits(hits, folder, frozenset(gone), _modified(collection, folder, hits))


def _without(where: dict[str, Any] | None, gone: set[str]) -> dict[str, Any] | None:
    if not gone:
        return where
    present = {"file": {"$nin": sorted(gone)}}
    return present if where is None else {"$and": [where, present]}


def _exists(folder: str, name: str) -> bool:
    return os.path.isfile(os.path.join(folder, name))


def _modified(collection: Any, folder: str, hits: Hits) -> frozenset[str]:
    names = {hit.metadata["file"] for hit in hits}
    stale = set()
    for record in collection.get([row_id(name, 0) for name in sorted(names)]):
        about = record.metadata
        status = os.stat(os.path.join(folder, about["file"]))
        trusted = about["modified"] in (0, status.st_mtime_ns)
        if status.st_size != about["size"] or not trusted:
            stale.add(about["file"])
    return frozenset(stale)
