"""Calls of the data plane: what each path does with its request, and the role that it requires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Generic, TypeVar

import numpy as np

from ...collection import Collection
from ...filters.tree import Node
from ...rerankers.registry import scores_of
from ...wire.routes import Role
from ..keys import Key
from ..settings import ServerSettings
from . import requests
from .answers import invalid, missing
from .catalogue import Catalogue, Entry
from .filters import Filters, condition_of
from .models import Models, sparse_of
from .repeats import Repeats
from .requests import needed
from .schema import is_finite
from .searching import Searching, names_of
from .writing import Usage, delete, fetch, fields_of, keys_of, update, upsert

__all__ = ["CALLS", "Call", "DataPlane", "Plane", "RequestContext"]

Plane = TypeVar("Plane")

_EMBEDDED_MAX: Final = 10
_PARTS_MAX: Final = 100
_NO_FIELD: Final = "__NONE__"
_TOTALS: Final = ("__TOTAL__", "_total")  # the API documentation and the SDK use different names
_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "gt": lambda bound, count: count > bound,
    "gte": lambda bound, count: count >= bound,
    "lt": lambda bound, count: count < bound,
    "lte": lambda bound, count: count <= bound,
}


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The caller, the request id if the client chose one, and the raw body."""

    key: Key | None
    request_id: str | None
    body: bytes


class DataPlane:
    """The data plane of one worker."""

    def __init__(self, settings: ServerSettings, catalogue: Catalogue, models: Models) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._models = models

    def upsert(self, request: requests.Write, context: RequestContext) -> Any:
        entry = self._catalogue.find(request, context.key)

        def work(docs: Collection) -> Any:
            makes_keys = entry.schema.key is None
            repeats = Repeats(docs, context.key, context.request_id, context.body, makes_keys=makes_keys)
            if repeats.known is not None:
                return repeats.known.result
            result = upsert(docs, entry.schema, request, self._models, repeats.seed)
            repeats.remember(result)
            return result

        return self._catalogue.use(entry, context.key, work)

    def update(self, request: requests.Write, context: RequestContext) -> Any:
        entry = self._catalogue.find(request, context.key)
        return self._catalogue.use(entry, context.key, lambda docs: update(docs, entry.schema, request, self._models))

    def delete(self, request: requests.Delete, context: RequestContext) -> None:
        entry = self._catalogue.find(request, context.key)
        self._catalogue.use(entry, context.key, lambda docs: delete(docs, entry.schema, request))

    def fetch_in_collection(self, request: requests.FetchInCollection, context: RequestContext) -> Any:
        entry = self._catalogue.find(request, context.key)
        keys = keys_of(entry.schema, request.ids)
        rows, absent = self._catalogue.use(entry, context.key, lambda docs: fetch(docs, keys, vectors=True))
        items = []
        for row in rows:
            fields = fields_of(entry.schema, row.metadata, list(entry.schema.fields))
            if entry.schema.vector is not None and row.vector is not None:
                fields[entry.schema.vector.name] = row.vector.tolist()
            items.append({"id": row.id, "fields": fields})
        return {"fetch": items, "ids_not_exist": absent}

    def fetch_in_index(self, request: requests.FetchInIndex, context: RequestContext) -> Any:
        entry = self._catalogue.find(request, context.key)
        entry.index(request.index_name)
        schema = entry.schema
        keys, names = keys_of(schema, request.ids), names_of(schema, request.output_fields, ignore=False)
        rows, absent = self._catalogue.use(entry, context.key, lambda docs: fetch(docs, keys, vectors=True))
        items = []
        for row in rows:
            item: dict[str, Any] = {"id": row.id, "fields": fields_of(schema, row.metadata, names)}
            if row.vector is not None:
                item |= {"dense_dim": len(row.vector), "dense_vector": row.vector.tolist()}
            if schema.sparse_field is not None and schema.sparse_field.name in row.metadata:
                item["sparse_vector"] = row.metadata[schema.sparse_field.name]
            items.append(item)
        return {"fetch": items, "ids_not_exist": absent}

    def search(self, request: requests.Search, context: RequestContext) -> Any:
        entry = self._catalogue.find(request, context.key)
        index = entry.index(request.index_name)
        return self._catalogue.use(
            entry,
            context.key,
            lambda docs: Searching(docs, entry, index, self._models, self._settings).answer(request),
        )

    def aggregate(self, request: requests.Aggregate, context: RequestContext) -> Any:
        entry = self._catalogue.find(request, context.key)
        filters = Filters(entry.schema, entry.indexed(entry.index(request.index_name)), self._settings)
        where = condition_of(request.filter, None, filters)
        op = needed(request.op, "op")
        if op == "vector_weighted_sum":
            return self._catalogue.use(entry, context.key, lambda docs: _weighted_sum(docs, entry, request, where))
        if op != "count":
            raise invalid(f"op is 'count' or 'vector_weighted_sum', not {op!r:.80}", "op", op)
        return self._catalogue.use(entry, context.key, lambda docs: _count(docs, filters, request, where))

    # -- models

    def embedding(self, request: requests.Embedding, context: RequestContext) -> Any:
        data = needed(request.data, "data")
        if not 0 < len(data) <= _EMBEDDED_MAX:
            raise invalid(f"data is a list of 1 to {_EMBEDDED_MAX}", "data", len(data))
        if any(item.full_modal_seq is not None for item in data) and len(data) > 1:
            raise invalid("with full_modal_seq there is one item", "data", len(data))
        if request.tensor_model is not None:
            raise invalid("tensors are not supported", "tensor_model")
        if request.dense_model is None and request.sparse_model is None:
            raise missing("dense_model")
        usage, made = Usage(), list[dict[str, Any]]()
        for item in data:
            parts = [item] if item.full_modal_seq is None else item.full_modal_seq
            made.append(self._embedded(request, parts, usage))
        return {"data": made, "token_usage": usage.found}

    def rerank(self, request: requests.Rerank, context: RequestContext) -> Any:
        data, query = needed(request.data, "data"), _text_of(needed(request.query, "query"))
        if not 0 < len(data) <= _PARTS_MAX or any(len(parts) > _PARTS_MAX for parts in data):
            raise invalid(f"data is a list of 1 to {_PARTS_MAX} documents", "data", len(data))
        if not query.strip():
            raise invalid("query must have a text: the reranker compares texts", "query")
        reranker, texts = self._models.reranker(request.model_name), [_text_of(parts) for parts in data]
        scores = scores_of(reranker, query, texts).tolist()
        usage = Usage()
        usage.count(request.model_name or "", request.model_version, [query, *texts])
        items: list[dict[str, Any]] = []
        for i, (parts, score) in enumerate(zip(data, scores, strict=True)):
            item = {"id": i, "score": float(score)}
            items.append(item | {"origin_data": list(map(_told, parts))} if request.return_origin_data else item)
        return {"data": items, "token_usage": usage.found}

    def _embedded(self, request: requests.Embedding, parts: list[Any], usage: Usage) -> dict[str, Any]:
        text, images = _text_of(parts), [part.image for part in parts if part.image is not None]
        if any(part.video is not None for part in parts):
            raise invalid("there is no model for films", "video")
        made: dict[str, Any] = {}
        if request.dense_model is not None:
            model = request.dense_model
            name = needed(model.name, "dense_model.name")
            if images and (text or len(images) > 1):
                raise invalid("a vector is made of one text or of one picture", "data")
            if images:
                [vector] = self._models.picture(name, model.dim, images[0])
            elif text:
                [vector] = self._models.text(name, model.dim).encode([text])
            else:
                raise missing("text")
            usage.count(name, model.version, [text], len(images))
            made["dense"] = vector.tolist()
        if request.sparse_model is not None:
            if not text:
                raise missing("text")
            name = needed(request.sparse_model.name, "sparse_model.name")
            self._models.encoder_name(name, None)
            usage.count(name, request.sparse_model.version, [text])
            made["sparse"] = sparse_of(text)
        return made


def _count(docs: Collection, filters: Filters, request: requests.Aggregate, where: Node | None) -> dict[str, Any]:
    part = docs if where is None else docs.within(where)
    given = request.group_by if request.group_by is not None else request.field
    if given is None or given == _NO_FIELD:
        return {"agg": dict.fromkeys(_TOTALS, part.count()), "op": "count", "field": _NO_FIELD}
    field = filters.field(given, "string", "int64", "bool")
    compares = _conditions(request.cond)
    counts = [(value, count) for value, count in part.facets(field.name) if all(c(count) for c in compares)]
    if request.order not in (None, "asc", "desc"):
        raise invalid("order is 'asc' or 'desc'", "order", request.order)
    counts.sort(key=lambda item: item[1] if request.order == "asc" else -item[1])
    named = {str(value).lower() if isinstance(value, bool) else str(value): count for value, count in counts}
    return {"agg": named, "op": "count", "group_by": field.name, "field": field.name}


def _conditions(cond: Mapping[str, Any] | None) -> list[Callable[[int], bool]]:
    found: list[Callable[[int], bool]] = []
    for name, value in (cond or {}).items():
        if name not in _COMPARISONS or not is_finite(value):
            raise invalid(f"cond compares by {', '.join(_COMPARISONS)} with a number", "cond", name)
        found.append(partial(_COMPARISONS[name], value))
    return found


def _weighted_sum(docs: Collection, entry: Entry, request: requests.Aggregate, where: Node | None) -> dict[str, Any]:
    """The sum of the vectors of some rows, each multiplied by its weight."""
    keys = keys_of(entry.schema, request.ids)
    weights = [1.0] * len(keys) if request.weights is None else request.weights
    if len(weights) != len(keys) or not all(map(is_finite, weights)):
        raise invalid("weights are numbers, one an id", "weights", len(weights))
    rows, _ = fetch(docs if where is None else docs.within(where), keys, vectors=True)
    weight_of = dict(zip(keys, weights, strict=True))
    found = [(row.id, row.vector, weight_of[row.id]) for row in rows if row.vector is not None]  # type: ignore[index]
    total = sum((weight * np.asarray(vector, np.float64) for _, vector, weight in found), start=np.float64(0))
    return {
        "agg": {},
        "op": "vector_weighted_sum",
        "vector_weighted_sum": {
            "vector": total.tolist() if found else [],
            "found_count": len(found),
            "found_ids": [key for key, _, _ in found],
            "weight_sum": sum(weight for _, _, weight in found),
        },
    }


def _text_of(parts: list[Any]) -> str:
    return "\n".join(part.text for part in parts if part.text)


def _told(part: Any) -> dict[str, Any]:
    return {name: value for name in ("text", "image", "video") if (value := getattr(part, name)) is not None}


@dataclass(frozen=True, slots=True)
class Call(Generic[Plane]):
    """A path of a plane of the protocol, after its prefix.

    Attributes:
        api: its name in responses.
        work: the call, run in a thread.
        role: the lowest role that a key must have.
    """

    path: str
    api: str
    model: type[Any]
    work: Callable[[Plane, Any, RequestContext], Any]
    role: Role


CALLS: Final[tuple[Call[DataPlane], ...]] = (
    Call("data/search/vector", "SearchByVector", requests.SearchByVector, DataPlane.search, "read"),
    Call("data/search/multi_modal", "SearchByMultiModal", requests.SearchByMultiModal, DataPlane.search, "read"),
    Call("data/search/id", "SearchById", requests.SearchById, DataPlane.search, "read"),
    Call("data/search/scalar", "SearchByScalar", requests.SearchByScalar, DataPlane.search, "read"),
    Call("data/search/keywords", "SearchByKeywords", requests.SearchByKeywords, DataPlane.search, "read"),
    Call("data/search/random", "SearchByRandom", requests.SearchByRandom, DataPlane.search, "read"),
    Call("data/upsert", "UpsertData", requests.Write, DataPlane.upsert, "write"),
    Call("data/update", "UpdateData", requests.Write, DataPlane.update, "write"),
    Call("data/delete", "DeleteData", requests.Delete, DataPlane.delete, "write"),
    Call(
        "data/fetch_in_collection",
        "FetchDataInCollection",
        requests.FetchInCollection,
        DataPlane.fetch_in_collection,
        "read",
    ),
    Call("data/fetch_in_index", "FetchDataInIndex", requests.FetchInIndex, DataPlane.fetch_in_index, "read"),
    Call("data/agg", "Aggregate", requests.Aggregate, DataPlane.aggregate, "read"),
    Call("embedding", "Embedding", requests.Embedding, DataPlane.embedding, "read"),
    Call("rerank", "Rerank", requests.Rerank, DataPlane.rerank, "read"),
)
