"""Calls of the memory service: what each path does with its request, and the role that it requires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, TypeVar

from ....errors import InvalidArgument
from ....memories import Decay, Memories, Memory, Session
from ....memories import schemas as types_of
from ....memories.conversation import moment
from ....rag.conversation import estimated_tokens
from ..answers import invalid
from ..data_plane import Call, RequestContext
from ..requests import OfCollection, needed
from . import requests
from .catalogue import MemoryCatalogue
from .filters import refused, scope_of

__all__ = ["CALLS", "MemoryPlane"]

T = TypeVar("T")

_LIMIT: Final = 10


class MemoryPlane:
    """The memory service of one worker."""

    def __init__(self, catalogue: MemoryCatalogue) -> None:
        self._catalogue = catalogue

    # -- sessions

    def add_session(self, request: requests.AddSession, context: RequestContext) -> dict[str, Any]:
        told = request.metadata or {}
        messages = [_named(message, told) for message in needed(request.messages, "messages")]
        if request.ttl_absolute is not None and request.ttl_relative is not None:
            raise invalid("ttl_absolute and ttl_relative exclude each other", "ttl_relative")
        ttl = None if request.ttl_absolute is None else moment(request.ttl_absolute)
        session = self._use(
            request,
            context,
            lambda memories: memories.add_session(
                needed(request.session_id, "session_id"),
                messages,
                user_id=told.get("default_user_id"),
                assistant_id=told.get("default_assistant_id"),
                group_id=told.get("group_id"),
                time=told.get("time"),
                types=_types(request, memories),
                ttl=ttl or (None if request.ttl_relative is None else timedelta(seconds=request.ttl_relative)),
                within=None if context.key is None else context.key.where,
            ),
        )
        return {"session_id": session.id}

    def session_info(self, request: requests.OfSession, context: RequestContext) -> dict[str, Any]:
        session_id = needed(request.session_id, "session_id")
        return _session(self._use(request, context, lambda memories: memories.session(session_id)))

    # -- events

    def add_event(self, request: requests.AddEvent, context: RequestContext) -> dict[str, Any]:
        updated = request.update_profiles

        def work(memories: Memories) -> Memory:
            types = None if isinstance(updated, bool) else updated
            for name in [types] if isinstance(types, str) else types or ():
                if not set(types_of.builtin_names(name)) & memories.profile_types.keys():
                    raise invalid(f"there is no profile type {name!r:.80}", "update_profiles", name)
            event = memories.add_event(
                needed(request.event_type, "event_type"),
                needed(request.memory_info, "memory_info"),
                user_id=request.user_id,
                assistant_id=request.assistant_id,
                group_id=request.group_id,
            )
            if updated and event.user_ids:
                memories.update_profiles(event.user_ids, types=types)
            return event

        event = self._use(request, context, work)
        return {"event_id": event.id, "event_type": event.type, "memory_info": event.info, "usage": _usage([event])}

    def update_event(self, request: requests.UpdateEvent, context: RequestContext) -> dict[str, Any]:
        event = self._use(
            request,
            context,
            lambda memories: memories.update_event(
                needed(request.event_id, "event_id"),
                needed(request.memory_info, "memory_info"),
                user_id=request.user_id,
                assistant_id=request.assistant_id,
            ),
        )
        return {"event_id": event.id, "usage": _usage([event])}

    def delete_event(self, request: requests.OfEvent, context: RequestContext) -> dict[str, Any]:
        event_id = needed(request.event_id, "event_id")
        self._use(request, context, lambda memories: memories.delete_event(event_id))
        return {}

    def delete_events(self, request: requests.Deletion, context: RequestContext) -> dict[str, Any]:
        if request.delete_type not in (None, "full"):
            raise invalid("delete_type is 'full'", "delete_type", request.delete_type)
        scope = scope_of(request.filter, deletion=True)
        return {"count": self._filtered(request, context, lambda memories: memories.delete_events(**scope))}

    # -- profiles

    def add_profile(self, request: requests.AddProfile, context: RequestContext) -> dict[str, Any]:
        profile = self._use(
            request,
            context,
            lambda memories: memories.add_profile(
                needed(request.profile_type, "profile_type"),
                needed(request.memory_info, "memory_info"),
                user_id=request.user_id,
                assistant_id=request.assistant_id,
                group_id=request.group_id,
                upsert=request.is_upsert,
            ),
        )
        told = {"profile_id": profile.id, "profile_type": profile.type, "primary_key": profile.primary_key}
        return told | {"memory_info": profile.info, "usage": _usage([profile])}

    def update_profile(self, request: requests.UpdateProfile, context: RequestContext) -> dict[str, Any]:
        profile_id, info = needed(request.profile_id, "profile_id"), needed(request.memory_info, "memory_info")
        profile = self._use(request, context, lambda memories: memories.update_profile(profile_id, info))
        return {"profile_id": profile.id, "usage": _usage([profile])}

    def delete_profile(self, request: requests.OfProfile, context: RequestContext) -> dict[str, Any]:
        profile_id = needed(request.profile_id, "profile_id")
        entry = self._catalogue.find(request, context.key)
        self._catalogue.use(entry, context.key, lambda memories: memories.delete_profile(profile_id))
        return {"resource_id": entry.resource_id}

    def delete_profiles(self, request: requests.Deletion, context: RequestContext) -> dict[str, Any]:
        scope = scope_of(request.filter, deletion=True)
        return {"count": self._filtered(request, context, lambda memories: memories.delete_profiles(**scope))}

    def trigger_update(self, request: requests.TriggerUpdate, context: RequestContext) -> dict[str, Any]:
        told = request.filters or {}

        def work(memories: Memories) -> int:
            users = told.get("user_id")
            return memories.update_profiles(users, types=request.update_profile_type, until=told.get("end_time"))

        return {"count": self._use(request, context, work)}

    # -- search

    def search(
        self, request: requests.Search, context: RequestContext, kind: Literal["event", "profile"] | None = None
    ) -> Any:
        scope = scope_of(request.filter)
        limit = _LIMIT if request.limit is None else request.limit
        decay = request.time_decay_config if kind == "event" else None
        weight = None if decay is None else Decay(decay.weight, decay.no_decay_period)
        entry = self._catalogue.find(request, context.key)
        found = self._filtered(
            request, context, lambda memories: memories.search(request.query, limit, kind=kind, decay=weight, **scope)
        )
        return {
            "collection_name": entry.name,
            "count": len(found),
            "result_list": [_told(memory, with_times=kind == "event") for memory in found],
            "token_usage": estimated_tokens(request.query or ""),
        }

    def search_events(self, request: requests.Search, context: RequestContext) -> Any:
        return self.search(request, context, "event")

    def search_profiles(self, request: requests.Search, context: RequestContext) -> Any:
        return self.search(request, context, "profile")

    def _use(self, request: OfCollection, context: RequestContext, work: Callable[[Memories], T]) -> T:
        return self._catalogue.use(self._catalogue.find(request, context.key), context.key, work)

    def _filtered(self, request: OfCollection, context: RequestContext, work: Callable[[Memories], T]) -> T:
        """Makes a call that has a filter, whose errors have a separate code."""
        try:
            return self._use(request, context, work)
        except InvalidArgument as error:
            if error.name in ("k", "query"):
                raise
            raise refused(error) from None


def _types(request: requests.AddSession, memories: Memories) -> requests.Names | None:
    """The types to extract: `profiles` restricts only profiles."""
    if not request.profiles:
        return request.extract_memory_type
    context = request.extract_memory_type
    if context is None:
        events = list(memories.event_types)
    else:
        listed = [context] if isinstance(context, str) else context
        events = [name for name in listed if set(types_of.builtin_names(name)) & memories.event_types.keys()]
    return [*events, *(one.profile_type for one in request.profiles)]


def _named(message: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """A message with its speaker's name, if only the session's metadata has it."""
    name = {"user": told.get("default_user_name"), "assistant": told.get("default_assistant_name")}.get(
        str(message.get("role"))
    )
    return {"role_name": name, **message} if name and not message.get("role_id") else dict(message)


def _told(memory: Memory, *, with_times: bool) -> dict[str, Any]:
    info = memory.info | ({"original_messages": list(memory.messages)} if memory.messages else {})
    found = {
        "id": memory.id,
        "score": memory.score,
        "memory_type": memory.type,
        "user_id": list(memory.user_ids),
        "assistant_id": list(memory.assistant_ids),
        "session_id": memory.session_id or "",
        "group_id": memory.group_id or "",
        "time": _ms(memory),
        "status": 1,
        "labels": "",
        "memory_info": info,
    }
    if with_times:
        found |= {"origin_score": memory.similarity, "time_score": memory.freshness, "custom_weight_score": 0.0}
    return found | ({"primary_key": memory.primary_key} if memory.kind == "profile" else {})


def _session(session: Session) -> dict[str, Any]:
    messages = [{"message_id": str(place), **message} for place, message in enumerate(session.messages)]
    events = [
        {
            "event_id": event.id,
            "event_type": event.type,
            "memory_info": event.info,
            "user_id": list(event.user_ids),
            "time": _ms(event),
        }
        for event in session.events
    ]
    tokens = {"llm_input_tokens": session.input_tokens, "llm_output_tokens": session.output_tokens}
    return {
        "session_id": session.id,
        "status": session.status,
        "time": _ms(session),
        "user_ids": list(session.user_ids),
        "assistant_ids": list(session.assistant_ids),
        "messages": messages,
        "event_memory": events,
        "usage": _usage(session.events) | tokens,
    }


def _ms(of: Memory | Session) -> int:
    return round(of.time.timestamp() * 1000)


def _usage(memories: Any) -> dict[str, int]:
    return {"embedding_tokens": sum(estimated_tokens(memory.text or "") for memory in memories)}


CALLS: Final[tuple[Call[MemoryPlane], ...]] = (
    Call("session/add", "AddSession", requests.AddSession, MemoryPlane.add_session, "write"),
    Call("session/info", "GetSessionInfo", requests.OfSession, MemoryPlane.session_info, "read"),
    Call("event/add", "AddEvent", requests.AddEvent, MemoryPlane.add_event, "write"),
    Call("event/update", "UpdateEvent", requests.UpdateEvent, MemoryPlane.update_event, "write"),
    Call("event/delete", "DeleteEvent", requests.OfEvent, MemoryPlane.delete_event, "write"),
    Call("event/batch_delete", "BatchDeleteEvent", requests.Deletion, MemoryPlane.delete_events, "write"),
    Call("event/search", "SearchEventMemory", requests.Search, MemoryPlane.search_events, "read"),
    Call("profile/add", "AddProfile", requests.AddProfile, MemoryPlane.add_profile, "write"),
    Call("profile/update", "UpdateProfile", requests.UpdateProfile, MemoryPlane.update_profile, "write"),
    Call("profile/delete", "DeleteProfile", requests.OfProfile, MemoryPlane.delete_profile, "write"),
    Call("profile/batch_delete", "BatchDeleteProfile", requests.Deletion, MemoryPlane.delete_profiles, "write"),
    Call("profile/trigger_update", "TriggerUpdateProfile", requests.TriggerUpdate, MemoryPlane.trigger_update, "write"),
    Call("profile/search", "SearchProfileMemory", requests.Search, MemoryPlane.search_profiles, "read"),
    Call("search", "SearchMemory", requests.Search, MemoryPlane.search, "read"),
)
