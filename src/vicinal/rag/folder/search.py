"""Searches a folder's collection; files that are gone do not appear in the results."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidArgument
from ...types import Hit, Hits, Id, Record
from .known import OWNER, folder_of, row_id

__all__ = ["FolderHits", "search_folder"]

# Limit for hits examined to find passages that are not copies of each other.
_LOOKED_AT_MAX = 512


@dataclass(frozen=True, slots=True)
class FolderHits:
    """Hits from files that exist.

    Attributes:
        folder: the folder that was indexed.
        gone: files that are indexed but no longer exist; always includes those that would have been among the hits.
        stale: files of the hits that were modified since they were indexed.
        copies: for the id of a hit, other files that contain the same passage and would have come next.
    """

    hits: Hits
    folder: str
    gone: frozenset[str]
    stale: frozenset[str]
    copies: dict[Id, list[str]]


def search_folder(
    collection: Any,
    query: str,
    k: int = 10,
    where: dict[str, Any] | None = None,
    *,
    mode: str = "hybrid",
    **options: Any,
) -> FolderHits:
    """Returns the `k` best passages, all different, and none from a file that is gone since it was indexed.

    Args:
        collection: a collection filled by `index_folder`.
        options: arguments of `Collection.search`.

    Raises:
        InvalidArgument: the collection is not of a folder, or the folder does not exist.
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
    asked = k
    while True:
        hits = collection.search(query, k=asked, where=_without(where, gone), mode=mode, **options)
        missing = _missing(folder, {_file_of(hit) for hit in hits})
        # If some were in the way there may be thousands: find all of them once, not a few in each search.
        gone |= missing | (_missing(folder, collection.distinct("file")) if missing and gone else set())
        different, copies = _different(hits)
        if not missing and (len(different) >= k or len(hits) < asked or asked >= _LOOKED_AT_MAX):
            break
        asked = asked if missing else 2 * asked
    best = Hits(different[:k], hits.metric, hits.change)
    return FolderHits(best, folder, frozenset(gone), _modified(collection, folder, best), copies)


def _different(hits: Hits) -> tuple[list[Hit], dict[Id, list[str]]]:
    """Returns the first hit of each text, and the files of the others."""
    first: dict[str | None, Hit] = {}
    copies: dict[Id, list[str]] = {}
    for hit in hits:
        kept = first.setdefault(hit.text, hit)
        if kept is not hit:
            copies.setdefault(kept.id, []).append(_file_of(hit) or str(hit.id))
    return list(first.values()), copies


def _without(where: dict[str, Any] | None, gone: set[str]) -> dict[str, Any] | None:
    if not gone:
        return where
    present = {"file": {"$nin": sorted(gone)}}
    return present if where is None else {"$and": [where, present]}


def _file_of(found: Hit | Record) -> str | None:
    """Returns the file of a row; None if a program added the row or changed its `file`."""
    file = found.metadata.get("file")
    return file if isinstance(file, str) and file else None


def _missing(folder: str, files: Iterable[object]) -> set[str]:
    return {file for file in files if isinstance(file, str) and file and _status(folder, file) is None}


def _status(folder: str, name: str) -> os.stat_result | None:
    """None if the file does not or cannot exist."""
    try:
        found = os.stat(os.path.join(folder, name))
    except (OSError, ValueError):  # ValueError: the name contains a NUL character
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _modified(collection: Any, folder: str, hits: Hits) -> frozenset[str]:
    names = {file for hit in hits if (file := _file_of(hit))}
    stale = set()
    for record in collection.get([row_id(name, 0) for name in sorted(names)]):
        file, about = _file_of(record), record.metadata
        status = None if file is None else _status(folder, file)
        if file is None or status is None:  # deleted since we looked, or not our row
            continue
        trusted = about.get("modified") in (0, status.st_mtime_ns)
        if status.st_size != about.get("size") or not trusted:
            stale.add(file)
    return frozenset(stale)
