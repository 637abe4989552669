"""Splits rows into requests that an engine accepts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from .engine import Point

__all__ = ["pages"]

_BYTES_A_CHAR: Final = 4
_BYTES_A_COMPONENT: Final = 16  # as JSON
_BYTES_BESIDE: Final = 1000  # of every row


def pages(rows: Sequence[Point], rows_max: int, bytes_max: int) -> Iterator[list[Point]]:
    """Pages of at most this many rows and bytes, by a rough and high estimate of their size."""
    page: list[Point] = []
    size = 0
    for row in rows:
        more = _bytes_of(row)
        if page and (size + more > bytes_max or len(page) == rows_max):
            yield page
            page, size = [], 0
        page.append(row)
        size += more
    if page:
        yield page


def _bytes_of(row: Point) -> int:
    text, vector = row.payload.get("text") or "", row.vector
    chars = len(text) + len(str(row.payload.get("metadata")))
    return _BYTES_A_CHAR * chars + _BYTES_BESIDE + (0 if vector is None else _BYTES_A_COMPONENT * len(vector))
