"""Records in one collection of the engine: what stores and collections have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import vicinal
from vicinal.errors import DuplicateId, IdNotFound, InvalidId
from vicinal.filters.tree import Node
from vicinal.inputs import checks

from .filters import parse
from .queries import Vector
from .results import SearchResult

# As every collection of this API is made. Scores are cosines; a zero vector is as far from all as can be.
SETTINGS: Final[Mapping[str, Any]] = {"metric": "cosine", "analyzer": "vecstore", "zero_vectors": "allow"}
_TRIES_MAX: Final = 1_000


def count_of(k: Any) -> int:
    """A number of results.

    Raises:
        TypeError: it is missing, or no whole number.
        ValueError: it is negative.
    """
    if k is None:
        raise TypeError("k is missing: say how many results at most, such as k=10")
    number = checks.integer("k", k)
    if number < 0:
        raise ValueError(f"k must be at least 0, not {number}")
    return number


def metadata_of(metadata: Any) -> dict[str, Any]:
    if not isinstance(metadata, dict):
        raise TypeError(f"metadata must be a dict, not {type(metadata).__name__}")
    for key in metadata:
        checks.text("a key of metadata", key)
    return metadata


def filter_of(expression: Any) -> Node | None:
    return None if expression is None else parse(checks.text("filter", expression))


def upsert(rows: vicinal.Collection, id: str, vector: Vector, metadata: dict[str, Any]) -> None:
    """Stores a record, or replaces its vector and metadata; a text that was indexed for it stays. One commit."""
    id, metadata = checks.text("id", id), metadata_of(metadata)
    if not id:
        raise InvalidId("an id must not be empty", name="id", value=id, remedy="Give it at least one character.")
    given: dict[str, Any] = {"vectors": [checks.vector("vector", vector)], "metadata": [metadata]}
    for _ in range(_TRIES_MAX):
        try:
            rows.add([id], **given)
        except DuplicateId:
            pass
        else:
            return
        try:
            rows.update([id], **given, merge=False)
        except IdNotFound:  # removed since
            continue
        return
    raise ValueError(f"another program keeps adding and removing {id!r}")


def remove(rows: vicinal.Collection, id: str) -> bool:
    """Whether there was such a record; now there is none."""
    return rows.delete([checks.text("id", id)]) == 1


def search(rows: vicinal.Collection, vector: Vector, k: int, where: Node | None) -> list[SearchResult]:
    """The nearest records that match, or all there are; best first, ties by insertion order."""
    checked = checks.vector("vector", vector)
    return [SearchResult.of(hit) for hit in rows.search(checked, k, where)] if k else []


def hybrid(
    rows: vicinal.Collection, vector: Vector, keywords: str, k: int, alpha: float, where: Node | None
) -> list[SearchResult]:
    """The best records by vector and words, `alpha` being the share of the vector. The engine decides how."""
    checked = checks.vector("vector", vector)
    found = rows.search(keywords, k, where, vector=checked, mode="hybrid", alpha=alpha) if k else []
    return [SearchResult.of(hit) for hit in found]
