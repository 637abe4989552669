"""Compares rows, down to the last bit of their vectors."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..collection import Collection
from ..metadata import to_typed
from ..types import Hits, Id, Record
from .reading import batches

__all__ = ["difference", "first_difference", "same_neighbours", "sample"]

_SEED: Final = 7  # the same rows each time: the next run checks what one run complained about
_NEIGHBOURS: Final = 10
_QUERIES: Final = 10
_LOOKED_AT: Final = 5 * _QUERIES  # some may have no vector
_TRIES: Final = 3  # a row may expire between two reads


def first_difference(source: Collection, target: Collection, ids: Sequence[Id]) -> int:
    """Returns how many of these rows, from the first on, are equal in both."""
    done = 0
    for some, rows in batches(source, ids):
        found = {_key(row.id): row for row in target.get(some, vectors=True)}
        there = {_key(row.id): row for row in rows}
        for id_ in some:
            if difference(there.get(_key(id_)), found.get(_key(id_))) is not None:
                return done
            done += 1
    return done


def difference(given: Record | None, found: Record | None) -> str | None:
    """Returns which part of a row differs, or None if both are equal."""
    if given is None or found is None:
        return None if given is found else "row"
    for part, mine, theirs in zip(_PARTS, _parts(given), _parts(found), strict=True):
        if mine != theirs:
            return part
    return None


_PARTS: Final = ("id", "text", "metadata", "vector", "expiry", "sparse vector")


def _parts(row: Record) -> Iterator[object]:
    yield _key(row.id)
    yield row.text
    yield json.dumps(to_typed(row.metadata), sort_keys=True)  # 1, 1.0 and True are equal in Python, but differ as JSON
    yield _bytes(row.vector)
    yield row.expires_at
    yield (
        None if row.sparse is None else sorted((at, np.float32(weight).tobytes()) for at, weight in row.sparse.items())
    )


def _bytes(vector: NDArray[np.float32] | None) -> bytes | None:
    return None if vector is None else vector.tobytes()


def _key(id_: Id) -> tuple[type, Id]:
    """1 and a UUID of 1 are two ids, and so are 1 and True."""
    return type(id_), id_


def sample(ids: Sequence[Id], rows: int | None) -> list[Id]:
    """Returns this many ids in their order, chosen at random but the same each time; all if `rows` is None."""
    if rows is None or rows >= len(ids):
        return list(ids)
    return [ids[at] for at in sorted(random.Random(_SEED).sample(range(len(ids)), rows))]


def same_neighbours(source: Collection, target: Collection, ids: Sequence[Id]) -> tuple[int, Id | None]:
    """Returns how many rows have the same nearest rows in both, and the first that does not.

    Rows and their scores are compared, in order. Both searches are exact: what an approximate index misses says nothing
    about the rows.
    """
    asked = 0
    rows = source.get(sample(ids, _LOOKED_AT), vectors=True)
    for row in [row for row in rows if row.vector is not None][:_QUERIES]:
        if not any(_answer(source, row) == _answer(target, row) for _ in range(_TRIES)):
            return asked, row.id
        asked += 1
    return asked, None


def _answer(collection: Collection, row: Record) -> list[tuple[tuple[type, Id], float]]:
    hits: Hits = collection.search(row.vector, k=_NEIGHBOURS, exact=True, select=())
    return [(_key(hit.id), hit.score) for hit in hits]
