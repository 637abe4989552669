"""A collection of memories: each call returns the answer as it came, a dict. `async_` and the name is its twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .types import MemoryFilter, Message, Names, SessionMetadata, TimeDecayConfig

if TYPE_CHECKING:
    from .client import VikingMem

Headers = Mapping[str, str] | None
Answer = dict[str, Any]


class Collection:
    """A collection by its name and project, or by its resource id. Nothing is sent when it is made."""

    def __init__(
        self,
        client: VikingMem,
        collection_name: str | None = None,
        project_name: str = "default",
        resource_id: str | None = None,
    ) -> None:
        self.client = client
        self.collection_name = collection_name
        self.project_name = project_name
        self.resource_id = resource_id

    def __repr__(self) -> str:
        name = self.collection_name or self.resource_id
        return f"Collection({name!r}, project_name={self.project_name!r}, {self.client!r})"

    def add_event(
        self,
        event_type: str,
        memory_info: Mapping[str, Any],
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        group_id: str | None = None,
        headers: Headers = None,
        timeout: float | None = None,
        update_profiles: Any = None,
    ) -> Answer:
        """Stores an event of the user's or assistant's, of the properties of its type."""
        body = self._body(
            event_type=event_type,
            memory_info=memory_info,
            user_id=user_id,
            assistant_id=assistant_id,
            group_id=group_id,
            update_profiles=update_profiles,
        )
        return self.client.json_exception("AddEvent", None, body, headers, timeout)

    async def async_add_event(
        self,
        event_type: str,
        memory_info: Mapping[str, Any],
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        group_id: str | None = None,
        headers: Headers = None,
        timeout: float | None = None,
        update_profiles: Any = None,
    ) -> Answer:
        """Stores an event of the user's or assistant's, of the properties of its type."""
        body = self._body(
            event_type=event_type,
            memory_info=memory_info,
            user_id=user_id,
            assistant_id=assistant_id,
            group_id=group_id,
            update_profiles=update_profiles,
        )
        return await self.client.async_json_exception("AddEvent", None, body, headers, timeout)

    def update_event(
        self,
        event_id: str,
        memory_info: Mapping[str, Any],
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """Changes properties of an event, and whom it concerns."""
        body = self._body(event_id=event_id, memory_info=memory_info, user_id=user_id, assistant_id=assistant_id)
        return self.client.json_exception("UpdateEvent", None, body, headers, timeout)

    async def async_update_event(
        self,
        event_id: str,
        memory_info: Mapping[str, Any],
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """Changes properties of an event, and whom it concerns."""
        body = self._body(event_id=event_id, memory_info=memory_info, user_id=user_id, assistant_id=assistant_id)
        return await self.client.async_json_exception("UpdateEvent", None, body, headers, timeout)

    def delete_event(self, event_id: str, headers: Headers = None, timeout: float | None = None) -> Answer:
        """Deletes an event."""
        body = self._body(event_id=event_id)
        return self.client.json_exception("DeleteEvent", None, body, headers, timeout)

    async def async_delete_event(self, event_id: str, headers: Headers = None, timeout: float | None = None) -> Answer:
        """Deletes an event."""
        body = self._body(event_id=event_id)
        return await self.client.async_json_exception("DeleteEvent", None, body, headers, timeout)

    def batch_delete_event(
        self,
        filter: MemoryFilter | None = None,
        delete_type: str | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """Deletes all events that a filter names, which has `user_id` or `assistant_id`."""
        body = self._body(filter=filter, delete_type=delete_type)
        return self.client.json_exception("BatchDeleteEvent", None, body, headers, timeout)

    async def async_batch_delete_event(
        self,
        filter: MemoryFilter | None = None,
        delete_type: str | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """Deletes all events that a filter names, which has `user_id` or `assistant_id`."""
        body = self._body(filter=filter, delete_type=delete_type)
        return await self.client.async_json_exception("BatchDeleteEvent", None, body, headers, timeout)

    def add_profile(
        self,
        profile_type: str,
        memory_info: Mapping[str, Any],
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        group_id: str | None = None,
        is_upsert: bool = False,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """Stores what is true of a user; one that is there is replaced with `is_upsert` only."""
        body = self._body(
            profile_type=profile_type,
            memory_info=memory_info,
            user_id=user_id,
            assistant_id=assistant_id,
            group_id=group_id,
            is_upsert=is_upsert,
        )
        return self.client.json_exception("AddProfile", None, body, headers, timeout)

    async def async_add_profile(
        self,
        profile_type: str,
        memory_info: Mapping[str, Any],
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        group_id: str | None = None,
        is_upsert: bool = False,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """Stores what is true of a user; one that is there is replaced with `is_upsert` only."""
        body = self._body(
            profile_type=profile_type,
            memory_info=memory_info,
            user_id=user_id,
            assistant_id=assistant_id,
            group_id=group_id,
            is_upsert=is_upsert,
        )
        return await self.client.async_json_exception("AddProfile", None, body, headers, timeout)

    def update_profile(
        self, profile_id: str, memory_info: Mapping[str, Any], headers: Headers = None, timeout: float | None = None
    ) -> Answer:
        """Changes properties of a profile."""
        body = self._body(profile_id=profile_id, memory_info=memory_info)
        return self.client.json_exception("UpdateProfile", None, body, headers, timeout)

    async def async_update_profile(
        self, profile_id: str, memory_info: Mapping[str, Any], headers: Headers = None, timeout: float | None = None
    ) -> Answer:
        """Changes properties of a profile."""
        body = self._body(profile_id=profile_id, memory_info=memory_info)
        return await self.client.async_json_exception("UpdateProfile", None, body, headers, timeout)

    def delete_profile(self, profile_id: str, headers: Headers = None, timeout: float | None = None) -> Answer:
        """Deletes a profile."""
        body = self._body(profile_id=profile_id)
        return self.client.json_exception("DeleteProfile", None, body, headers, timeout)

    async def async_delete_profile(
        self, profile_id: str, headers: Headers = None, timeout: float | None = None
    ) -> Answer:
        """Deletes a profile."""
        body = self._body(profile_id=profile_id)
        return await self.client.async_json_exception("DeleteProfile", None, body, headers, timeout)

    def batch_delete_profile(
        self, filter: MemoryFilter | None = None, headers: Headers = None, timeout: float | None = None
    ) -> Answer:
        """Deletes all profiles that a filter names, which has `user_id` or `assistant_id`."""
        body = self._body(filter=filter)
        return self.client.json_exception("BatchDeleteProfile", None, body, headers, timeout)

    async def async_batch_delete_profile(
        self, filter: MemoryFilter | None = None, headers: Headers = None, timeout: float | None = None
    ) -> Answer:
        """Deletes all profiles that a filter names, which has `user_id` or `assistant_id`."""
        body = self._body(filter=filter)
        return await self.client.async_json_exception("BatchDeleteProfile", None, body, headers, timeout)

    def trigger_update_profile(
        self,
        update_profile_type: Names | None = None,
        filters: Mapping[str, Any] | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """Has profiles worked out anew from events."""
        body = self._body(update_profile_type=update_profile_type, filters=filters)
        return self.client.json_exception("TriggerUpdateProfile", None, body, headers, timeout)

    async def async_trigger_update_profile(
        self,
        update_profile_type: Names | None = None,
        filters: Mapping[str, Any] | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """Has profiles worked out anew from events."""
        body = self._body(update_profile_type=update_profile_type, filters=filters)
        return await self.client.async_json_exception("TriggerUpdateProfile", None, body, headers, timeout)

    def add_session(
        self,
        session_id: str,
        messages: Sequence[Message],
        metadata: SessionMetadata | None = None,
        profiles: Sequence[Mapping[str, Any]] | None = None,
        headers: Headers = None,
        timeout: float | None = None,
        store_file: Any = None,
    ) -> Answer:
        """Stores a conversation, of which the service makes events and profiles."""
        body = self._body(
            session_id=session_id, messages=messages, metadata=metadata, profiles=profiles, store_file=store_file
        )
        return self.client.json_exception("AddSession", None, body, headers, timeout)

    async def async_add_session(
        self,
        session_id: str,
        messages: Sequence[Message],
        metadata: SessionMetadata | None = None,
        profiles: Sequence[Mapping[str, Any]] | None = None,
        headers: Headers = None,
        timeout: float | None = None,
        store_file: Any = None,
    ) -> Answer:
        """Stores a conversation, of which the service makes events and profiles."""
        body = self._body(
            session_id=session_id, messages=messages, metadata=metadata, profiles=profiles, store_file=store_file
        )
        return await self.client.async_json_exception("AddSession", None, body, headers, timeout)

    def get_session_info(self, session_id: str, headers: Headers = None, timeout: float | None = None) -> Answer:
        """A session's status, its messages and its events."""
        body = self._body(session_id=session_id)
        return self.client.json_exception("GetSessionInfo", None, body, headers, timeout)

    async def async_get_session_info(
        self, session_id: str, headers: Headers = None, timeout: float | None = None
    ) -> Answer:
        """A session's status, its messages and its events."""
        body = self._body(session_id=session_id)
        return await self.client.async_json_exception("GetSessionInfo", None, body, headers, timeout)

    def search_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """The events and profiles nearest to a text; without one the newest."""
        body = self._body(query=query, filter=filter, limit=limit)
        return self.client.json_exception("SearchMemory", None, body, headers, timeout)

    async def async_search_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """The events and profiles nearest to a text; without one the newest."""
        body = self._body(query=query, filter=filter, limit=limit)
        return await self.client.async_json_exception("SearchMemory", None, body, headers, timeout)

    def search_event_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        time_decay_config: TimeDecayConfig | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """The events nearest to a text, and where it is wanted the newer ones first."""
        body = self._body(query=query, filter=filter, time_decay_config=time_decay_config, limit=limit)
        return self.client.json_exception("SearchEventMemory", None, body, headers, timeout)

    async def async_search_event_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        time_decay_config: TimeDecayConfig | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """The events nearest to a text, and where it is wanted the newer ones first."""
        body = self._body(query=query, filter=filter, time_decay_config=time_decay_config, limit=limit)
        return await self.client.async_json_exception("SearchEventMemory", None, body, headers, timeout)

    def search_profile_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """The profiles nearest to a text; without one the newest."""
        body = self._body(query=query, filter=filter, limit=limit)
        return self.client.json_exception("SearchProfileMemory", None, body, headers, timeout)

    async def async_search_profile_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Answer:
        """The profiles nearest to a text; without one the newest."""
        body = self._body(query=query, filter=filter, limit=limit)
        return await self.client.async_json_exception("SearchProfileMemory", None, body, headers, timeout)

    def _body(self, **given: Any) -> dict[str, Any]:
        """Which collection, and what was given. None is not sent."""
        named = {"collection_name": self.collection_name, "resource_id": self.resource_id}
        body = {"project_name": self.project_name, **named, **given}
        return {name: value for name, value in body.items() if value is not None}
