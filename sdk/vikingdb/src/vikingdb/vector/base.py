"""How requests become bodies, and the path of each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

API_VECTOR_DATA_UPSERT = "VectorDataUpsert"
API_VECTOR_DATA_UPDATE = "VectorDataUpdate"
API_VECTOR_DATA_DELETE = "VectorDataDelete"
API_VECTOR_DATA_FETCH_IN_COLLECTION = "VectorDataFetchInCollection"
API_VECTOR_DATA_FETCH_IN_INDEX = "VectorDataFetchInIndex"
API_VECTOR_SEARCH_BY_VECTOR = "VectorSearchByVector"
API_VECTOR_SEARCH_BY_MULTI_MODAL = "VectorSearchByMultiModal"
API_VECTOR_SEARCH_BY_ID = "VectorSearchByID"
API_VECTOR_SEARCH_BY_SCALAR = "VectorSearchByScalar"
API_VECTOR_SEARCH_BY_KEYWORDS = "VectorSearchByKeywords"
API_VECTOR_SEARCH_BY_RANDOM = "VectorSearchByRandom"
API_VECTOR_DATA_AGGREGATE = "VectorDataAggregate"
API_VECTOR_EMBEDDING = "VectorEmbedding"
API_VECTOR_RERANK = "VectorRerank"

PING = "/api/vikingdb/Ping"
PATHS = {
    API_VECTOR_DATA_UPSERT: "/api/vikingdb/data/upsert",
    API_VECTOR_DATA_UPDATE: "/api/vikingdb/data/update",
    API_VECTOR_DATA_DELETE: "/api/vikingdb/data/delete",
    API_VECTOR_DATA_FETCH_IN_COLLECTION: "/api/vikingdb/data/fetch_in_collection",
    API_VECTOR_DATA_FETCH_IN_INDEX: "/api/vikingdb/data/fetch_in_index",
    API_VECTOR_SEARCH_BY_VECTOR: "/api/vikingdb/data/search/vector",
    API_VECTOR_SEARCH_BY_MULTI_MODAL: "/api/vikingdb/data/search/multi_modal",
    API_VECTOR_SEARCH_BY_ID: "/api/vikingdb/data/search/id",
    API_VECTOR_SEARCH_BY_SCALAR: "/api/vikingdb/data/search/scalar",
    API_VECTOR_SEARCH_BY_KEYWORDS: "/api/vikingdb/data/search/keywords",
    API_VECTOR_SEARCH_BY_RANDOM: "/api/vikingdb/data/search/random",
    API_VECTOR_DATA_AGGREGATE: "/api/vikingdb/data/agg",
    API_VECTOR_EMBEDDING: "/api/vikingdb/embedding",
    API_VECTOR_RERANK: "/api/vikingdb/rerank",
}


def path_of(api: str) -> str:
    try:
        return PATHS[api]
    except KeyError:
        raise ValueError(f"there is no call {api!r}; there are {', '.join(PATHS)}") from None


def body(request: BaseModel | Mapping[str, Any] | None, meta: BaseModel | None = None) -> dict[str, Any]:
    """Returns the JSON of a call: the collection or index, overridden by the request.

    Fields of models that are None are left out at every level; None inside a mapping of the caller is kept,
    below its top level.
    """
    chosen = {} if meta is None else meta.model_dump(by_alias=True, exclude_none=True)
    if request is None:
        return chosen
    if isinstance(request, BaseModel):
        return {**chosen, **{key: _wire(value) for key, value in _given(request)}}
    if isinstance(request, Mapping):
        return {**chosen, **{key: _wire(value) for key, value in request.items() if value is not None}}
    raise TypeError(f"a request is a model of vikingdb.vector or a mapping, not a {type(request).__name__}")


def _given(model: BaseModel) -> list[tuple[str, Any]]:
    fields = type(model).model_fields
    named = [(fields[name].alias or name if name in fields else name, value) for name, value in model]
    return [(name, value) for name, value in named if value is not None]


def _wire(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _wire(one) for name, one in _given(value)}
    if isinstance(value, Mapping):
        return {key: _wire(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(one) for one in value]
    return value
