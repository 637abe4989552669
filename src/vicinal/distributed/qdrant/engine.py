"""Points of collections in Qdrant. See `distributed.engine` for the contract of each call."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from qdrant_client import QdrantClient, models

from ...contract import Accuracy, FloatMatrix, FloatVector, Metric
from ..conditions import All, Condition
from ..engine import Point
from ..lacking import capabilities_of
from ..pages import pages
from .calls import Calls
from .filters import filter_of

__all__ = ["Qdrant"]

_REGISTRY: Final = "_vicinal"
_COLLECTIONS: Final = uuid.UUID("0d3a7a0c-7f0d-5a52-9f6e-1b1c6f4be0a2")  # the namespace of keys in the registry
_VECTOR: Final = "vector"
# Vectors of cosine are stored as directions, so that inner products are cosines and nothing is normalised twice.
_DISTANCES: Final[Mapping[Metric, models.Distance]] = {
    "cosine": models.Distance.DOT,
    "ip": models.Distance.DOT,
    "l2": models.Distance.EUCLID,
    "l1": models.Distance.MANHATTAN,
}
_PAGE_ROWS: Final = 1000
_PAGE_BYTES: Final = 4 << 20  # a server accepts 32 MiB per request by default
_EVERYTHING: Final = All(())


class Qdrant:
    """A Qdrant, over the network or in this process.

    Args:
        client: is closed with the engine.
        retries: how often a call is repeated if that is harmless.
    """

    name = "Qdrant"

    def __init__(self, client: QdrantClient, place: str, *, local: bool, durable: bool, retries: int) -> None:
        self.place = place
        self.capabilities = capabilities_of("qdrant", local=local, durable=durable)
        self._local = local
        self._calls = Calls(client, place, retries, local=local)

    # -- what is remembered of collections

    def remembered(self, name: str) -> Mapping[str, Any] | None:
        if not self._has_registry():
            return None
        found = self._calls.read("retrieve", _REGISTRY, ids=[_key(name)], with_payload=True)
        return found[0].payload if found else None

    def all_remembered(self) -> Iterator[Mapping[str, Any]]:
        if self._has_registry():
            for record in self._scrolled(_REGISTRY, _EVERYTHING, True, vectors=False):
                yield record.payload or {}

    def remember(self, name: str, what: Mapping[str, Any]) -> None:
        if not self._has_registry():
            self._calls.make(_REGISTRY, vectors_config={})
        point = models.PointStruct(id=_key(name), vector={}, payload=dict(what))
        self._calls.write("upsert", _REGISTRY, points=[point], wait=True)

    def forget(self, name: str) -> None:
        selector = models.PointIdsList(points=[_key(name)])
        self._calls.write("delete", _REGISTRY, points_selector=selector, wait=True)

    def _has_registry(self) -> bool:
        return bool(self._calls.read("collection_exists", _REGISTRY))

    # -- points

    def make(self, points: str, dimension: int | None, metric: Metric) -> None:
        vectors = {}
        if dimension is not None:
            vectors[_VECTOR] = models.VectorParams(size=dimension, distance=_DISTANCES[metric])
        self._calls.make(points, vectors_config=vectors)
        if not self._local:  # they have no effect there
            for field, kind in (("terms", "keyword"), ("order", "integer"), ("expires", "integer")):
                schema = models.PayloadSchemaType(kind)
                self._calls.write("create_payload_index", points, field_name=field, field_schema=schema, wait=True)

    def drop(self, points: str) -> None:
        self._calls.write("delete_collection", points)

    def put(self, points: str, rows: Sequence[Point]) -> None:
        for page in pages(rows, _PAGE_ROWS, _PAGE_BYTES):
            written = [
                models.PointStruct(
                    id=row.key,
                    vector={} if row.vector is None else {_VECTOR: row.vector.tolist()},
                    payload=dict(row.payload),
                )
                for row in page
            ]
            self._calls.write("upsert", points, points=written, wait=True)

    def change(self, points: str, rows: Sequence[Point]) -> None:
        for page in pages(rows, _PAGE_ROWS, _PAGE_BYTES):
            changes: list[Any] = [
                models.OverwritePayloadOperation(
                    overwrite_payload=models.SetPayload(payload=dict(row.payload), points=[row.key])
                )
                for row in page
            ]
            self._calls.write("batch_update_points", points, update_operations=changes, wait=True)

    def remove(self, points: str, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _PAGE_ROWS):
            selector = models.PointIdsList(points=list(keys[start : start + _PAGE_ROWS]))
            self._calls.write("delete", points, points_selector=selector, wait=True)

    def at(self, points: str, keys: Sequence[str], parts: Sequence[str], *, vectors: bool) -> dict[str, Point]:
        found = {}
        for start in range(0, len(keys), _PAGE_ROWS):
            page = list(keys[start : start + _PAGE_ROWS])
            records = self._calls.read(
                "retrieve", points, ids=page, with_payload=list(parts), with_vectors=_vectors(vectors)
            )
            found.update({str(record.id): _point(record) for record in records})
        return found

    def passing(
        self, points: str, where: Condition, parts: Sequence[str], *, vectors: bool, first: int | None = None
    ) -> Iterator[Point]:
        if first is None:
            for record in self._scrolled(points, where, list(parts), vectors=vectors):
                yield _point(record)
            return
        records, _ = self._calls.read(
            "scroll",
            points,
            scroll_filter=filter_of(where),
            limit=first,
            order_by=models.OrderBy(key="order"),
            with_payload=list(parts),
            with_vectors=_vectors(vectors),
        )
        yield from map(_point, records)

    def _scrolled(self, points: str, where: Condition, parts: Any, *, vectors: bool) -> Iterator[models.Record]:
        offset = None
        while True:
            records, offset = self._calls.read(
                "scroll",
                points,
                scroll_filter=filter_of(where),
                limit=_PAGE_ROWS,
                offset=offset,
                with_payload=parts,
                with_vectors=_vectors(vectors),
            )
            yield from records
            if offset is None:
                return

    def count(self, points: str, where: Condition) -> int:
        return int(self._calls.read("count", points, count_filter=filter_of(where), exact=True).count)

    def nearest(
        self, points: str, queries: FloatMatrix, k: int, where: Condition, parts: Sequence[str], accuracy: Accuracy
    ) -> list[list[Point]]:
        wanted = None if where == _EVERYTHING else filter_of(where)
        asked = [
            models.QueryRequest(
                query=query.tolist(),
                using=_VECTOR,
                filter=wanted,
                limit=k,
                params=models.SearchParams(exact=accuracy.exact, hnsw_ef=accuracy.effort),
                with_payload=list(parts),
                with_vector=[_VECTOR],
            )
            for query in queries
        ]
        answers = self._calls.read("query_batch_points", points, requests=asked)
        return [[_point(found) for found in answer.points] for answer in answers]

    def close(self) -> None:
        self._calls.close()


def _key(name: str) -> str:
    return str(uuid.uuid5(_COLLECTIONS, name))


def _vectors(wanted: bool) -> Any:
    return [_VECTOR] if wanted else False


def _point(found: Any) -> Point:
    """Converts a record or a scored point from a local client or a server."""
    vector = found.vector.get(_VECTOR) if isinstance(found.vector, dict) else None
    array: FloatVector | None = None if vector is None else np.asarray(vector, dtype=np.float32)
    return Point(str(found.id), found.payload or {}, array, getattr(found, "score", 0.0))
