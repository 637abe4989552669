"""Rows and hits in the format of the results of `get` and `query`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...types import Hit, Hits, Record
from ...visible import shown
from .rows import URI_KEY

__all__ = ["GetResult", "QueryResult", "checked_include", "page", "rows_of_get", "rows_of_query"]

T = TypeVar("T")
GetResult = dict[str, Any]
QueryResult = dict[str, Any]

_INCLUDE: Final = ("documents", "embeddings", "metadatas", "distances", "uris", "data")
# The engine's distances as Chroma's: under "l2" squared, under "ip" 1 minus the product.
_DISTANCES: Final[Mapping[str, Callable[[float], float]]] = {
    "l2": lambda distance: float(np.float32(distance * distance)),
    "ip": lambda distance: 1.0 + distance,
    "cosine": lambda distance: distance,
}


def page(found: Sequence[T], limit: int | None, offset: int | None) -> list[T]:
    """Returns one page of the rows.

    Raises:
        OverflowError: one of the two is below 0.
    """
    for name, value in (("limit", limit), ("offset", offset)):
        if value is not None and value < 0:
            raise OverflowError(f"{name} is at least 0, not {value}")
    first = offset or 0
    return list(found[first:] if limit is None else found[first : first + limit])


def checked_include(include: Any, call: str, *, can_load: bool, distances: bool) -> list[str]:
    """Returns the parts to include.

    Args:
        can_load: whether the collection has a data loader.
        distances: whether the call returns distances.

    Raises:
        ValueError: a part that the call does not have.
    """
    if not isinstance(include, list):
        raise ValueError(f"include is a list, not {shown(include)}, in {call}.")
    known = [name for name in _INCLUDE if distances or name != "distances"]
    for name in include:
        if name not in known:
            raise ValueError(f"include has {', '.join(known)}, and no {shown(name)}, in {call}.")
    if "data" in include and not can_load:
        raise ValueError(f"to include data, the collection needs a data_loader, in {call}.")
    return include


def rows_of_get(records: Sequence[Record], include: list[str], loader: Any) -> GetResult:
    """Rows as lists, one per part."""
    metadatas = [record.metadata for record in records]
    found: GetResult = {
        "ids": [record.id for record in records],
        "embeddings": _embeddings(records) if "embeddings" in include else None,
        "documents": [record.text for record in records] if "documents" in include else None,
        "uris": _uris(metadatas) if "uris" in include else None,
        "included": list(include),
        "data": loader(_uris(metadatas)) if "data" in include else None,
        "metadatas": list(map(_metadata, metadatas)) if "metadatas" in include else None,
    }
    return found


def rows_of_query(
    answers: Sequence[Hits], include: list[str], records: Mapping[Any, Record], loader: Any
) -> QueryResult:
    """Hits as lists of lists, one per query.

    Args:
        records: rows with vectors, by id, if embeddings are included.
    """

    def lists(part: Callable[[Hit], Any]) -> list[list[Any]]:
        return [[part(hit) for hit in hits] for hits in answers]

    uris = [_uris([hit.metadata for hit in hits]) for hits in answers] if {"uris", "data"} & set(include) else []
    return {
        "ids": lists(lambda hit: hit.id),
        "embeddings": [_embeddings([records[hit.id] for hit in hits]) for hits in answers]
        if "embeddings" in include
        else None,
        "documents": lists(lambda hit: hit.text) if "documents" in include else None,
        "uris": uris if "uris" in include else None,
        "included": list(include),
        "data": [loader(row) for row in uris] if "data" in include else None,
        "metadatas": lists(lambda hit: _metadata(hit.metadata)) if "metadatas" in include else None,
        "distances": [[_DISTANCES[hits.metric](hit.distance) for hit in hits] for hits in answers]
        if "distances" in include
        else None,
    }


def _embeddings(records: Sequence[Record]) -> NDArray[np.float64] | list[Any]:
    """An array; a list if a row has no vector, which is possible after importing from a damaged folder."""
    vectors = [record.vector for record in records]
    if any(vector is None for vector in vectors):
        return vectors
    return np.array(vectors, dtype=np.float64)


def _uris(metadatas: Sequence[Mapping[str, Any]]) -> list[str | None]:
    return [metadata.get(URI_KEY) for metadata in metadatas]


def _metadata(metadata: dict[str, Any]) -> dict[str, Any] | None:
    """The metadata as it was given: without the URI, and None if there is none."""
    if not metadata:
        return None
    return {key: value for key, value in metadata.items() if key != URI_KEY}
