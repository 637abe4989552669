"""Creates, describes, changes and deletes collections of memories, by path or by the name of an action."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ....errors import NotAllowed
from ....memories import Aggregate, EventType, ProfileType, Property
from ....memories import schemas as types_of
from ....wire.routes import Role
from ...keys import Key
from ..answers import invalid, missing
from ..schema import check_name
from .catalogue import MemoryCatalogue, MemoryEntry
from .requests import CollectionBody

__all__ = ["ACTIONS", "MemoryAction", "MemoryControl"]

_PAGE_SIZE: Final = 10
_SUCCESS: Final = {"Message": "success"}


class MemoryControl:
    """The control plane of memories in one worker."""

    def __init__(self, catalogue: MemoryCatalogue) -> None:
        self._catalogue = catalogue

    def create(self, body: CollectionBody, key: Key | None) -> dict[str, Any]:
        if body.collection_name is None:
            raise missing("CollectionName")
        name = check_name(body.collection_name, "CollectionName")
        if key is not None and key.where is not None:
            raise NotAllowed("this key reaches some rows only, and makes no collections", name="key")
        if body.collection_modal_type not in (None, "text"):
            raise invalid("CollectionModalType is 'text'", "CollectionModalType", body.collection_modal_type)
        events, profiles = _events(body), _profiles(body)
        if body.builtin_event_types is None and body.custom_event_type_schemas is None:
            events = [types_of.EVENT]
        if body.builtin_profile_types is None and body.custom_profile_type_schemas is None:
            profiles = [types_of.PROFILE]
        note = {"type": body.collection_type or "standard", "description": body.description or ""}
        return {"ResourceId": self._catalogue.create(name, body.project_name, events, profiles, note, key).resource_id}

    def info(self, body: CollectionBody, key: Key | None) -> dict[str, Any]:
        return self._info(self._find(body, key), key)

    def list(self, body: CollectionBody, key: Key | None) -> dict[str, Any]:
        found = [one for one in self._catalogue.entries(key) if body.project_name in (None, one.project)]
        size, page = body.page_size or _PAGE_SIZE, body.page_number or 1
        shown = found[(page - 1) * size : page * size]
        told = [self._info(entry, key) for entry in shown]
        return {"Collections": told, "TotalCount": len(found), "PageNumber": page, "PageSize": size}

    def update(self, body: CollectionBody, key: Key | None) -> dict[str, Any]:
        entry = self._find(body, key)
        if body.description is not None:
            self._catalogue.change(entry, {"description": body.description})
        self._catalogue.add_types(entry, _events(body), _profiles(body))
        return dict(_SUCCESS)

    def delete(self, body: CollectionBody, key: Key | None) -> dict[str, Any]:
        self._catalogue.drop(self._find(body, key))
        return dict(_SUCCESS)

    def _find(self, body: CollectionBody, key: Key | None) -> MemoryEntry:
        return self._catalogue.entry(body.collection_name, body.resource_id, body.project_name, key)

    def _info(self, entry: MemoryEntry, key: Key | None) -> dict[str, Any]:
        def read(memories: Any) -> tuple[int, int, list[str], list[str]]:
            docs = memories.collection
            counts = dict(docs.facets("kind")) if len(docs) else {}
            return (
                counts.get("event", 0),
                counts.get("profile", 0),
                list(memories.event_types),
                list(memories.profile_types),
            )

        events, profiles, event_types, profile_types = self._catalogue.use(entry, key, read)
        return {
            "Name": entry.name,
            "Project": entry.project,
            "ResourceId": entry.resource_id,
            "CollectionType": entry.note.get("type", "standard"),
            "DescMsg": entry.note.get("description", ""),
            "PipelineConfig": {"EventTypes": event_types, "ProfileTypes": profile_types},
            "EventCount": events,
            "ProfileCount": profiles,
            "CollectionStatus": "READY",
            "CreatedAt": entry.note.get("made", ""),
            "UpdatedAt": entry.note.get("changed", entry.note.get("made", "")),
        }


def _events(body: CollectionBody) -> list[EventType]:
    built = [_builtin(name, types_of.EVENT) for name in body.builtin_event_types or ()]
    made = [
        EventType(_text(one, "EventType"), _properties(one), _text(one, "Description", ""))
        for one in body.custom_event_type_schemas or ()
    ]
    return [*built, *made]


def _profiles(body: CollectionBody) -> list[ProfileType]:
    built = [_builtin(name, types_of.PROFILE) for name in body.builtin_profile_types or ()]
    made = [
        ProfileType(
            _text(one, "ProfileType"),
            _properties(one),
            _text(one, "Description", ""),
            timing=one.get("UpdateTiming") or "manual",
            isolated=bool(one.get("EnableAssistantIsolation")),
        )
        for one in body.custom_profile_type_schemas or ()
    ]
    return [*built, *made]


def _builtin(name: str, kind: Any) -> Any:
    if kind.name not in types_of.builtin_names(name):
        names = ", ".join(types_of.builtin_names(kind.name))
        raise invalid(f"there is no built-in type {name!r:.80}", "BuiltinTypes", name, f"There are {names}.")
    return type(kind)(name, kind.properties, kind.description)


def _properties(given: Mapping[str, Any]) -> Sequence[Property]:
    listed = given.get("Properties")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise invalid("Properties is a list of objects", "Properties", listed)
    found = []
    for one in listed:
        aggregate = one.get("AggregateExpression")
        found.append(
            Property(
                _text(one, "PropertyName"),
                one.get("PropertyValueType") or "string",
                _text(one, "Description", ""),
                key=bool(one.get("IsPrimaryKey")),
                aggregate=None if not aggregate else _aggregate(aggregate),
            )
        )
    return found


def _aggregate(given: Any) -> Aggregate | None:
    """LLM_MERGE is an operation of a language model and does not yield a number."""
    if not isinstance(given, dict):
        raise invalid("AggregateExpression is an object", "AggregateExpression", given)
    if given.get("Op") == "LLM_MERGE":
        return None
    return Aggregate(given.get("Op", ""), _text(given, "EventType"), _text(given, "EventPropertyName"))


def _text(given: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = given.get(name, default)
    if not isinstance(value, str):
        raise invalid(f"{name} is a text", name, value)
    return value


@dataclass(frozen=True, slots=True)
class MemoryAction:
    """An action on collections of memories.

    Attributes:
        path: what follows /api/memory/collection/.
        role: the lowest role that a key must have.
    """

    name: str
    path: str
    work: Callable[[MemoryControl, CollectionBody, Key | None], dict[str, Any]]
    role: Role


_ACTIONS: Final = (
    MemoryAction("CreateCollectionForMemory", "create", MemoryControl.create, "write"),
    MemoryAction("MemoryCollectionInfo", "info", MemoryControl.info, "read"),
    MemoryAction("MemoryCollectionList", "list", MemoryControl.list, "read"),
    MemoryAction("MemoryCollectionUpdate", "update", MemoryControl.update, "admin"),
    MemoryAction("MemoryCollectionDelete", "delete", MemoryControl.delete, "admin"),
)
ACTIONS: Final[Mapping[str, MemoryAction]] = {action.name: action for action in _ACTIONS}
