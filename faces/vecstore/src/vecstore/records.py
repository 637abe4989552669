"""Records in a collection of the engine: shared by stores and collections."""

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

# The settings of every collection of this API. Scores are cosines; a zero vector is as far as possible from all
# others.
SETTINGS: Final[Mapping[str, Any]] = {"metric": "cosine", "analyzer": "vecstore", "zero_vectors": "allow"}
_TRIES_MAX: Final = 1_000


def count_of(k: Any) -> int:
    """Validates a number of results.

    Raises:
        TypeError: it is missing, or not a whole number.
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
    """Stores a record, or replaces its vector and metadata and keeps its indexed text. One commit."""
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
        except IdNotFound:  # removed meanwhile
            continue
        return
    raise ValueError(f"another program keeps adding and removing {id!r}")


def remove(rows: vicinal.Collection, id: str) -> bool:
    """Removes a record; returns whether it existed."""
    return rows.delete([checks.text("id", id)]) == 1


def search(rows: vicinal.Collection, vector: Vector, k: int, where: Node | None) -> list[SearchResult]:
    """Returns the nearest records that match, or all if there are fewer; best first, ties by insertion order."""
    checked = checks.vector("vector", vector)
    return [SearchResult.of(hit) for hit in rows.search(checked, k, where)] if k else []


def hybrid(
    rows: vicinal.Collection, vector: Vector, keywords: str, k: int, alpha: float, where: Node | None
) -> list[SearchResult]:
    """Returns the best records by vector and keywords; `alpha` is the weight of the vector. The engine fuses."""
    checked = checks.vector("vector", vector)
    found = rows.search(keywords, k, where, vector=checked, mode="hybrid", alpha=alpha) if k else []
    return [SearchResult.of(hit) for hit in found]
