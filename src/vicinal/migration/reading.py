"""Reads the ids of a collection, and its rows in batches of a size that every kind of database accepts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..collection import Collection
from ..errors import LimitExceeded
from ..types import Id, Record

__all__ = ["all_ids", "batches", "common_start"]

_FIRST_ROWS: Final = 64
_ROWS_MAX: Final = 2_000
_BYTES: Final = 4 << 20  # per batch, about: far below what a server accepts in one request
_PAGE_ROWS: Final = 5_000


def all_ids(collection: Collection) -> list[Id]:
    """Returns the ids in insertion order, however many there are."""
    try:
        return collection.ids()
    except LimitExceeded:  # a server returns only a limited number at once
        return list(_ids_in_pages(collection))


def _ids_in_pages(collection: Collection) -> Iterator[Id]:
    offset = 0
    while page := collection.get(limit=_PAGE_ROWS, offset=offset):
        yield from (row.id for row in page)
        offset += len(page)


def batches(collection: Collection, ids: Sequence[Id]) -> Iterator[tuple[list[Id], list[Record]]]:
    """Yields these ids in order, in batches, each with the rows that still exist, complete."""
    rows, start = _FIRST_ROWS, 0
    while start < len(ids):
        some = list(ids[start : start + rows])
        try:
            found = collection.get(some, vectors=True)
        except LimitExceeded:
            if rows == 1:
                raise
            rows = max(1, rows // 4)
            continue
        yield some, found
        start += len(some)
        size = sum(map(_bytes, found)) / max(1, len(found))
        rows = max(1, min(_ROWS_MAX, 2 * rows, int(_BYTES / max(1.0, size))))


def _bytes(row: Record) -> int:
    """Approximate size."""
    vector = 0 if row.vector is None else row.vector.nbytes
    return 200 + vector + 4 * len(row.text or "") + 2 * len(repr(row.metadata)) + 16 * len(row.sparse or ())


def common_start(first: Sequence[Id], second: Sequence[Id]) -> int:
    """The number of leading ids that both have in common."""
    for at, (mine, theirs) in enumerate(zip(first, second, strict=False)):
        if mine != theirs or type(mine) is not type(theirs):
            return at
    return min(len(first), len(second))
