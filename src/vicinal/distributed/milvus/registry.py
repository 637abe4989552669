"""The registry of collections and their settings, itself stored in a Milvus collection."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pymilvus import CollectionSchema, DataType
from pymilvus.client.types import LoadState

from .calls import Calls
from .filters import EVERYTHING, has_key
from .places import make_ready
from .queries import Queries
from .rows import DIMENSION_MIN, add_texts, kept_as_text, text_of

__all__ = ["Registry"]

_NAME: Final = "_vicinal"
_COLLECTIONS: Final = uuid.UUID("5b0f2f6e-95b8-5c0e-8d1f-3f0a6f0f7c55")  # the namespace of keys
_COLUMNS: Final = ["key", "what"]


class Registry:
    """The registry, created when something is first stored."""

    def __init__(self, calls: Calls, queries: Queries, *, local: bool) -> None:
        self._calls = calls
        self._queries = queries
        self._local = local

    def remembered(self, name: str) -> Mapping[str, Any] | None:
        if not self._is_there():
            return None
        found = self._queries.all(_NAME, has_key([_key(name)]), _COLUMNS)
        return next((text_of(row["what"]) for row in found), None)

    def all(self) -> Iterator[Mapping[str, Any]]:
        if self._is_there():
            for row in self._queries.all(_NAME, EVERYTHING, _COLUMNS):
                yield text_of(row["what"])

    def remember(self, name: str, what: Mapping[str, Any]) -> None:
        if not self._is_there():
            make_ready(self._calls, _NAME, _schema(), "ip", local=self._local)
        row = {"key": _key(name), "vector": [0.0] * DIMENSION_MIN, "what": kept_as_text(dict(what))}
        self._calls.write("upsert", _NAME, data=[row])

    def forget(self, name: str) -> None:
        self._calls.write("delete", _NAME, filter=has_key([_key(name)]))

    def _is_there(self) -> bool:
        """Whether it exists and is complete: its creation may have been interrupted."""
        state = self._calls.ask("get_load_state", _NAME)["state"]
        if state == LoadState.NotLoad:
            make_ready(self._calls, _NAME, _schema(), "ip", local=self._local)
        return bool(state != LoadState.NotExist)


def _key(name: str) -> str:
    return str(uuid.uuid5(_COLLECTIONS, name))


def _schema() -> CollectionSchema:
    """The engine requires a vector in every collection."""
    schema = CollectionSchema([], "", auto_id=False, enable_dynamic_field=False, check_fields=False)
    schema.add_field("key", DataType.VARCHAR, max_length=36, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSION_MIN)
    add_texts(schema, "what")
    return schema
