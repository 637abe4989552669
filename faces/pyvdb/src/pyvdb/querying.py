"""Runs queries: filters, one result per date, scores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vicinal import Collection, Hit

from .metadata import KIND, from_row
from .options import QueryOptions, where_of
from .results import QueryResult

Query = str | NDArray[np.float32]


def query(rows: Collection, asked: Query, options: QueryOptions, *, without: str = "") -> list[QueryResult]:
    """Returns the `options.k` best entries that match, or all if there are fewer; best first, ties by id.

    Args:
        without: the kind of vectors that cannot be compared with the query.
    """
    if options.k == 0:
        return []
    where = where_of(options)
    if without:
        where[KIND] = {"$ne": without}
    find = _one_of_each_date if options.deduplicate_by_date else _best
    hits = sorted(find(rows, asked, options.k, where), key=lambda hit: (hit.distance, hit.id))
    return [_result(hit, options.include_metadata) for hit in hits]


def _best(rows: Collection, asked: Query, k: int, where: dict[str, Any]) -> list[Hit]:
    return list(rows.search(asked, k, where or None))


def _one_of_each_date(rows: Collection, asked: Query, k: int, where: dict[str, Any]) -> Iterator[Hit]:
    """Repeats the search without the dates found so far, until there are `k` results or no more."""
    seen: list[str] = []
    while len(seen) < k:
        dates = {**where.get("date", {}), "$nin": list(seen)}
        hits = rows.search(asked, k - len(seen), {**where, "date": dates} if seen else where or None)
        if not hits:
            return
        for hit in hits:
            date = hit.metadata["date"]
            if date not in seen:
                seen.append(date)
                yield hit


def _result(hit: Hit, include_metadata: bool) -> QueryResult:
    id_ = int(hit.id)
    metadata = from_row(id_, hit.metadata) if include_metadata else None
    return QueryResult(id_, hit.distance, 1.0 - hit.distance, metadata)  # type: ignore[arg-type]
