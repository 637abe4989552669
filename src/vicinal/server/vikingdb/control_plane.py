"""Calls of the control plane: create, describe, change and delete collections and indexes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

from msgspec import Meta, Struct

from ...collection import Collection
from ...contract import Metric
from ...wire.routes import Role
from ..access import check_role
from ..keys import Key
from ..settings import ServerSettings
from .answers import Refusal, invalid, missing
from .catalogue import Catalogue, Entry
from .models import Models
from .schema import DIMENSION_MAX, NOT_INDEXED, Schema, check_name

__all__ = ["ACTIONS", "Action", "Body", "ControlPlane"]

_METRICS: Final[Mapping[str, Metric]] = {name: name for name in get_args(Metric) if name in ("ip", "l2", "cosine")}
_QUANTS: Final = ("int8", "fix16", "float", "pq")
# The engine's index for each kind. It quantizes and reranks by itself, so `Quant` is only stored.
_INDEXES: Final = {
    "hnsw": "graph",
    "hnsw_hybrid": "graph",
    "flat": "flat",
    "flat_hybrid": "flat",
    "diskann": "graph",
    "ivf": "ivf",
}
_SUCCESS: Final = {"Message": "success"}
_READY: Final = "READY"
_DESCRIPTION_MAX: Final = 65535

Page = Annotated[int, Meta(ge=1, le=1_000_000)]


class Body(Struct, kw_only=True, rename="pascal"):
    """The members that every action accepts."""

    collection_name: str | None = None
    resource_id: str | None = None
    project_name: str | None = None
    project: str | None = None
    index_name: str | None = None
    description: Annotated[str, Meta(max_length=_DESCRIPTION_MAX)] | None = None
    fields: list[dict[str, Any]] | None = None
    vectorize: dict[str, Any] | None = None
    full_text: list[dict[str, Any]] | None = None
    tags: list[Any] | None = None
    del_protection: bool | None = None
    vector_index: dict[str, Any] | None = None
    scalar_index: list[str] | None = None
    cpu_quota: Annotated[int, Meta(ge=1, le=10240)] | None = None
    shard_policy: str | None = None
    shard_count: Annotated[int, Meta(ge=1, le=256)] | None = None
    page_number: Page | None = None
    page_size: Annotated[int, Meta(ge=1, le=100)] | None = None
    filter: dict[str, Any] | None = None


class ControlPlane:
    """The control plane of one worker."""

    def __init__(self, settings: ServerSettings, catalogue: Catalogue, models: Models) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._models = models

    # -- collections

    def create_collection(self, body: Body, key: Key | None) -> dict[str, Any]:
        name = check_name(_needed(body.collection_name, "CollectionName"), "CollectionName")
        _check_whole(key)
        given = {"Fields": _needed(body.fields, "Fields"), "Vectorize": body.vectorize, "FullText": body.full_text}
        person = "" if key is None else key.name
        told = {"description": body.description or "", "tags": body.tags or [], "protected": bool(body.del_protection)}
        self._check_models(Schema.of(given))
        made = self._catalogue.create(name, _project(body), given, person, key)
        self._catalogue.change(made, key, lambda _: told)
        return {"ResourceId": made.resource_id, **_SUCCESS}

    def get_collection(self, body: Body, key: Key | None) -> dict[str, Any]:
        return self._collection(self._find(body, key), key)

    def list_collections(self, body: Body, key: Key | None) -> dict[str, Any]:
        keyword = str((body.filter or {}).get("CollectionNameKeyword") or "")
        found = [entry for entry in self._catalogue.entries(key) if keyword in entry.name and _in_project(entry, body)]
        page, more = _page(found, body)
        return {"Collections": [self._collection(entry, key) for entry in page], **more}

    def update_collection(self, body: Body, key: Key | None) -> dict[str, Any]:
        entry = self._find(body, key)
        _check_whole(key)
        if body.full_text is not None and self._rows(entry, key):
            raise invalid("FullText changes only while a collection has no rows", "FullText")
        more: dict[str, Any] = {"description": body.description, "protected": body.del_protection}
        more = {name: value for name, value in more.items() if value is not None}
        self._catalogue.change(entry, key, lambda now: more | {"given": self._given(now, body)})
        return dict(_SUCCESS)

    def delete_collection(self, body: Body, key: Key | None) -> dict[str, Any]:
        entry = self._find(body, key)
        if entry.indexes:
            raise _denied("Collection", f"collection {entry.name!r} has indexes: {', '.join(sorted(entry.indexes))}")
        if entry.note.get("protected"):
            raise _denied("Collection", f"collection {entry.name!r} is protected")
        self._catalogue.drop(entry)
        return dict(_SUCCESS)

    # -- indexes

    def create_index(self, body: Body, key: Key | None) -> dict[str, Any]:
        entry = self._find(body, key)
        _check_whole(key)
        name = check_name(_needed(body.index_name, "IndexName"), "IndexName")
        vector = _vector_index(entry.schema, _needed(body.vector_index, "VectorIndex"))
        scalars = None if body.scalar_index is None else _scalar_index(entry.schema, body.scalar_index)
        given = {
            "VectorIndex": vector,
            "ScalarIndex": scalars,
            "Description": body.description or "",
            "CpuQuota": body.cpu_quota or 1,
            "ShardPolicy": _policy(body.shard_policy),
            "ShardCount": body.shard_count or 1,
            "DelProtection": bool(body.del_protection),
        }
        self._check_distance(entry, vector, name)
        self._catalogue.add_index(entry, key, name, given)
        self._build(entry, key, vector)
        return dict(_SUCCESS)

    def get_index(self, body: Body, key: Key | None) -> dict[str, Any]:
        entry = self._find(body, key)
        name = _needed(body.index_name, "IndexName")
        entry.index(name)
        return _index(entry, name)

    def list_indexes(self, body: Body, key: Key | None) -> dict[str, Any]:
        asked = body.filter or {}
        keyword, names = str(asked.get("IndexNameKeyword") or ""), asked.get("CollectionName")
        statuses = asked.get("Status")
        if not (names is None or isinstance(names, list)) or not (statuses is None or isinstance(statuses, list)):
            raise invalid("CollectionName and Status are lists", "Filter", asked)
        found = [
            (entry, index)
            for entry in self._catalogue.entries(key)
            if _in_project(entry, body) and (not names or entry.name in names) and (not statuses or _READY in statuses)
            for index in sorted(entry.indexes)
            if keyword in index
        ]
        page, more = _page(found, body)
        return {"Indexes": [_index(entry, index) for entry, index in page], **more}

    def update_index(self, body: Body, key: Key | None) -> dict[str, Any]:
        entry = self._find(body, key)
        _check_whole(key)
        name = _needed(body.index_name, "IndexName")
        given = self._catalogue.change_index(entry, key, name, lambda now: self._of_index(now, name, body))
        if body.vector_index is not None:
            self._build(entry, key, given["VectorIndex"])
        return dict(_SUCCESS)

    def _of_index(self, entry: Entry, name: str, body: Body) -> dict[str, Any]:
        """The declaration of an index with the changes."""
        given = dict(entry.index(name))
        if body.scalar_index is not None and given["ScalarIndex"] is not None:
            given["ScalarIndex"] = _scalar_index(entry.schema, [*given["ScalarIndex"], *body.scalar_index])
        for told, value in (
            ("Description", body.description),
            ("CpuQuota", body.cpu_quota),
            ("ShardPolicy", None if body.shard_policy is None else _policy(body.shard_policy)),
            ("ShardCount", body.shard_count),
            ("DelProtection", body.del_protection),
        ):
            if value is not None:
                given[told] = value
        if body.vector_index is not None:
            given["VectorIndex"] = _vector_index(entry.schema, given["VectorIndex"] | body.vector_index)
            self._check_distance(entry, given["VectorIndex"], name)
        return given

    def delete_index(self, body: Body, key: Key | None) -> dict[str, Any]:
        entry = self._find(body, key)
        name = _needed(body.index_name, "IndexName")
        if entry.index(name).get("DelProtection"):
            raise _denied("Index", f"index {name!r} is protected")
        self._catalogue.drop_index(entry, key, name)
        return dict(_SUCCESS)

    def switch_index(self, body: Body, key: Key | None) -> dict[str, Any]:
        """Enables and disables an index; it is always enabled, because an unused index costs nothing."""
        entry = self._find(body, key)
        entry.index(_needed(body.index_name, "IndexName"))
        return dict(_SUCCESS)

    # -- what they share

    def _find(self, body: Body, key: Key | None) -> Entry:
        if body.collection_name is None and body.resource_id is None:
            raise missing("CollectionName")
        return self._catalogue.entry(body.collection_name, body.resource_id, _project(body), key)

    def _rows(self, entry: Entry, key: Key | None) -> int:
        return self._catalogue.use(entry, key, Collection.count)

    def _collection(self, entry: Entry, key: Key | None) -> dict[str, Any]:
        def measured(docs: Collection) -> tuple[int, int]:
            whole = key is None or key.where is None
            return docs.count(), docs.stats().bytes_on_disk if whole else 0

        count, size = self._catalogue.use(entry, key, measured)
        note, given = entry.note, entry.schema.given
        told = {
            "ProjectName": entry.project,
            "ResourceId": entry.resource_id,
            "CollectionName": entry.name,
            "Description": note.get("description", ""),
            "Fields": given["Fields"],
            "Tags": note.get("tags", []),
            "DelProtection": bool(note.get("protected")),
            "CreateTime": note["made"],
            "UpdateTime": note["changed"],
            "UpdatePerson": note["person"],
            "CollectionStats": {"DataCount": count, "DataStorage": size},
            "EnableKeywordsSearch": bool(entry.schema.full_text) or entry.schema.dense is not None,
            "IndexNames": sorted(entry.indexes),
            "IndexCount": len(entry.indexes),
        }
        return told | {name: given[name] for name in ("Vectorize", "FullText") if given.get(name)}

    def _check_models(self, schema: Schema) -> None:
        for source in filter(None, (schema.dense, schema.sparse)):
            if source.image is not None:
                self._models.image(source.model, source.dim)
            else:
                self._models.encoder_name(source.model, source.dim)

    def _given(self, entry: Entry, body: Body) -> dict[str, Any]:
        """The declaration with the additions."""
        given = dict(entry.schema.given)
        if body.fields:
            given["Fields"] = [*given["Fields"], *body.fields]
        if body.full_text is not None:
            given["FullText"] = body.full_text
        if given != entry.schema.given:
            self._check_addition(entry, Schema.of(given), body)
        return given

    def _check_addition(self, entry: Entry, schema: Schema, body: Body) -> None:
        """Fields can be added; the sources of vectors and the key cannot change."""
        if schema.vector != entry.schema.vector or schema.key != entry.schema.key:
            raise invalid("neither a primary key nor a vector can be added", "Fields")
        if body.vectorize is not None:
            raise invalid("Vectorize does not change", "Vectorize")

    def _check_distance(self, entry: Entry, vector: Mapping[str, Any], name: str) -> None:
        """All indexes of a collection must compare its vectors in the same way."""
        for other, index in entry.indexes.items():
            if other != name and index["VectorIndex"]["Distance"] != vector["Distance"]:
                raise invalid(
                    f"index {other!r} compares by {index['VectorIndex']['Distance']}, "
                    "and the indexes of a collection compare alike",
                    "Distance",
                    vector["Distance"],
                    "Make another collection for another distance.",
                )

    def _build(self, entry: Entry, key: Key | None, vector: Mapping[str, Any]) -> None:
        metric, kind = _METRICS[vector["Distance"]], _INDEXES[vector["IndexType"]]
        self._catalogue.use(entry, key, lambda docs: docs.alter(metric=metric, index=kind))


def _needed(value: Any, name: str) -> Any:
    if value is None:
        raise missing(name)
    return value


def _project(body: Body) -> str:
    return body.project_name or body.project or "default"


def _in_project(entry: Entry, body: Body) -> bool:
    asked = body.project_name or body.project
    return asked is None or asked == entry.project


def _page(found: list[Any], body: Body) -> tuple[list[Any], dict[str, int]]:
    number, size = body.page_number or 1, body.page_size or 10
    start = (number - 1) * size
    return found[start : start + size], {"TotalCount": len(found), "PageNumber": number, "PageSize": size}


def _check_whole(key: Key | None) -> None:
    """A key restricted to some rows must not change anything for all."""
    if key is not None and key.where is not None:
        check_role(key, "admin")


def _denied(kind: str, message: str) -> Refusal:
    return Refusal(f"OperationDenied.Vikingdb{kind}", message, status=403, remedy="Delete or change that first.")


def _policy(given: str | None) -> str:
    if given not in (None, "auto", "custom"):
        raise invalid("ShardPolicy is 'auto' or 'custom'", "ShardPolicy", given)
    return given or "auto"


def _vector_index(schema: Schema, given: Mapping[str, Any]) -> dict[str, Any]:
    kind, distance = given.get("IndexType"), given.get("Distance") or "ip"
    if kind is None:
        raise missing("VectorIndex.IndexType")
    if not isinstance(kind, str) or kind not in _INDEXES:
        raise invalid(f"IndexType is one of {', '.join(_INDEXES)}", "IndexType", kind)
    if not isinstance(distance, str) or distance not in _METRICS:
        raise invalid(f"Distance is one of {', '.join(_METRICS)}", "Distance", distance)
    if kind.endswith("_hybrid") and not schema.has_sparse:
        raise invalid(f"{kind} needs a sparse_vector, or a sparse model", "IndexType", kind)
    quant = given.get("Quant") or "int8"
    if quant not in _QUANTS:
        raise invalid(f"Quant is one of {', '.join(_QUANTS)}", "Quant", quant)
    for name in ("HnswM", "HnswCef", "HnswSef", "DiskannM", "DiskannCef"):
        value = given.get(name)
        if value is not None and (type(value) is not int or not 1 <= value <= DIMENSION_MAX):
            raise invalid(f"{name} is a whole number above 0", name, value)
    known = {
        name: value for name, value in given.items() if value is not None and name not in ("IndexType", "Distance")
    }
    return known | {"IndexType": kind, "Distance": distance, "Quant": quant}


def _scalar_index(schema: Schema, names: list[str]) -> list[str]:
    for name in names:
        if name not in schema.fields or schema.fields[name].type in NOT_INDEXED:
            raise invalid(f"there is no field {name!r:.80} that can be filtered", "ScalarIndex", name)
    return list(dict.fromkeys(names))


def _index(entry: Entry, name: str) -> dict[str, Any]:
    given = entry.indexes[name]
    scalars = [
        {
            "FieldName": field.name,
            "FieldType": field.type,
            "DefaultValue": field.default,
        }
        for field in entry.schema.fields.values()
        if field.name in entry.indexed(given)
    ]
    told = {"CollectionName": entry.name, "IndexName": name, "ProjectName": entry.project}
    return {
        **told,
        "ResourceId": entry.resource_id,
        **given,
        "ScalarIndex": scalars,
        "ActualCU": given["CpuQuota"],
        "Status": _READY,
    }


@dataclass(frozen=True, slots=True)
class Action:
    """An action of the control plane.

    Attributes:
        path: what follows /api/vikingdb/ in private installations.
        role: the lowest role that a key must have.
    """

    name: str
    path: str
    work: Callable[[ControlPlane, Body, Key | None], dict[str, Any]]
    role: Role


_ACTIONS: Final = (
    Action("CreateVikingdbCollection", "CreateCollection", ControlPlane.create_collection, "write"),
    Action("GetVikingdbCollection", "GetCollection", ControlPlane.get_collection, "read"),
    Action("ListVikingdbCollection", "ListCollection", ControlPlane.list_collections, "read"),
    Action("UpdateVikingdbCollection", "UpdateCollection", ControlPlane.update_collection, "admin"),
    Action("DeleteVikingdbCollection", "DeleteCollection", ControlPlane.delete_collection, "admin"),
    Action("CreateVikingdbIndex", "CreateIndex", ControlPlane.create_index, "write"),
    Action("GetVikingdbIndex", "GetIndex", ControlPlane.get_index, "read"),
    Action("ListVikingdbIndex", "ListIndex", ControlPlane.list_indexes, "read"),
    Action("UpdateVikingdbIndex", "UpdateIndex", ControlPlane.update_index, "admin"),
    Action("DeleteVikingdbIndex", "DeleteIndex", ControlPlane.delete_index, "admin"),
    Action("EnableVikingdbIndex", "EnableIndex", ControlPlane.switch_index, "admin"),
    Action("DisableVikingdbIndex", "DisableIndex", ControlPlane.switch_index, "admin"),
)
ACTIONS: Final[Mapping[str, Action]] = {action.name: action for action in _ACTIONS}
