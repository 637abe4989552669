"""Reads rows by an expression, in pages that fit into messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from .calls import Calls, TooLong

__all__ = ["STRONG", "Queries"]

STRONG: Final = "Strong"  # every completed write is seen. A session does not see its own deletes, in 2.3
_PAGE_ROWS: Final = 1000
_SMALL_PAGE_ROWS: Final = 16_384  # of small columns; the engine returns no more at once


class Queries:
    """Reads that see every write that completed before them.

    Args:
        local: rows come unordered, and their number is not limited.
    """

    def __init__(self, calls: Calls, *, local: bool) -> None:
        self._calls = calls
        self._local = local

    def all(
        self, name: str, expression: str, columns: Sequence[str], *, small: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yields every row that matches.

        Args:
            small: whether the columns are small, so that pages may have many rows.
        """
        if self._local:
            yield from self._query(name, expression, columns)
            return
        last, limit = "", _SMALL_PAGE_ROWS if small else _PAGE_ROWS
        while True:
            page = f"key > {json.dumps(last)} and ({expression})"
            try:
                found = self._query(name, page, columns, limit=limit)
            except TooLong as error:
                if limit == 1:
                    raise self._calls.too_long(error) from error
                limit = max(1, limit // 8)
                continue
            yield from found  # those with the smallest keys
            if len(found) < limit:
                return
            last = max(row["key"] for row in found)

    def count(self, name: str, expression: str) -> int:
        [found] = self._query(name, expression, ["count(*)"])
        return int(found["count(*)"])

    def _query(self, name: str, expression: str, columns: Sequence[str], **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._calls.read(
            "query", name, filter=expression, output_fields=list(columns), consistency_level=STRONG, **more
        )
        return found
