"""Bodies of the memory service. Unknown names are ignored, except in a filter."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from ..requests import OfCollection

__all__ = [
    "AddEvent",
    "AddProfile",
    "AddSession",
    "CollectionBody",
    "Deletion",
    "OfEvent",
    "OfProfile",
    "OfSession",
    "Search",
    "TriggerUpdate",
    "UpdateEvent",
    "UpdateProfile",
]

Names = str | list[str]
Moment = Annotated[int, Meta(ge=0, le=10**14)]


class OfSession(OfCollection, kw_only=True):
    session_id: str | None = None


class ProfileOfSession(Struct, kw_only=True):
    """`profile_scope` is ignored: its meaning is not published."""

    profile_type: str


class AddSession(OfSession, kw_only=True):
    """A conversation; times are in milliseconds, `ttl_relative` in seconds."""

    messages: list[dict[str, Any]] | None = None
    metadata: dict[str, Any] | None = None
    profiles: list[ProfileOfSession] | None = None
    store_file: Any = None
    extract_memory_type: Names | None = None
    ttl_absolute: Moment | None = None
    ttl_relative: Annotated[int, Meta(ge=1, le=10**10)] | None = None


class AddEvent(OfCollection, kw_only=True):
    event_type: str | None = None
    memory_info: dict[str, Any] | None = None
    user_id: Names | None = None
    assistant_id: Names | None = None
    group_id: str | None = None
    update_profiles: bool | Names | None = None


class OfEvent(OfCollection, kw_only=True):
    event_id: str | None = None


class UpdateEvent(OfEvent, kw_only=True):
    memory_info: dict[str, Any] | None = None
    user_id: Names | None = None
    assistant_id: Names | None = None


class AddProfile(OfCollection, kw_only=True):
    profile_type: str | None = None
    memory_info: dict[str, Any] | None = None
    user_id: Names | None = None
    assistant_id: Names | None = None
    group_id: str | None = None
    is_upsert: bool = False


class OfProfile(OfCollection, kw_only=True):
    profile_id: str | None = None


class UpdateProfile(OfProfile, kw_only=True):
    memory_info: dict[str, Any] | None = None


class Deletion(OfCollection, kw_only=True):
    """Deletes everything that a filter matches."""

    filter: dict[str, Any] | None = None
    delete_type: str | None = None


class TriggerUpdate(OfCollection, kw_only=True):
    update_profile_type: Names | None = None
    filters: dict[str, Any] | None = None


class TimeDecay(Struct, kw_only=True):
    weight: float = 0.0
    no_decay_period: float = 0.0


class Search(OfCollection, kw_only=True):
    query: str | None = None
    filter: dict[str, Any] | None = None
    time_decay_config: TimeDecay | None = None
    limit: int | None = None


class CollectionBody(Struct, kw_only=True, rename="pascal"):
    """The members that the actions on collections accept."""

    collection_name: str | None = None
    resource_id: str | None = None
    project_name: str | None = None
    collection_type: str | None = None
    collection_modal_type: str | None = None
    description: Annotated[str, Meta(max_length=65535)] | None = None
    builtin_event_types: list[str] | None = None
    builtin_profile_types: list[str] | None = None
    custom_event_type_schemas: list[dict[str, Any]] | None = None
    custom_profile_type_schemas: list[dict[str, Any]] | None = None
    page_number: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    page_size: Annotated[int, Meta(ge=1, le=100)] | None = None
