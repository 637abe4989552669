"""A collection of memories. Each call returns the response as a dict, and has an awaitable twin named `async_...`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from .types import MemoryFilter, Message, Names, SessionMetadata, TimeDecayConfig

if TYPE_CHECKING:
    from .client import VikingMem

Headers = Mapping[str, str] | None
Answer = dict[str, Any]
Asked = tuple[str, None, dict[str, Any], Headers, float | None]
"""What `VikingMem.json_exception` takes."""

P = ParamSpec("P")


def _blocking(ask: Callable[Concatenate[Collection, P], Asked]) -> Callable[Concatenate[Collection, P], Answer]:
    """Makes a blocking call that sends what `ask` returns."""

    @wraps(ask)
    def call(self: Collection, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return self.client.json_exception(*ask(self, *args, **kwargs))

    _tell_answer(call)
    return call


def _awaited(
    blocking: Callable[Concatenate[Collection, P], Answer],
) -> Callable[Concatenate[Collection, P], Coroutine[Any, Any, Answer]]:
    """The same call, awaitable."""
    ask: Callable[..., Asked] = inspect.unwrap(blocking)

    @wraps(ask)
    async def call(self: Collection, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        return await self.client.async_json_exception(*ask(self, *args, **kwargs))

    call.__name__ = f"async_{ask.__name__}"
    call.__qualname__ = f"Collection.{call.__name__}"
    _tell_answer(call)
    return call


def _tell_answer(call: Any) -> None:
    """Gives it the signature of `ask`, with another return type."""
    call.__annotations__ = call.__annotations__ | {"return": "Answer"}
    call.__signature__ = inspect.signature(call).replace(return_annotation="Answer")


class Collection:
    """A collection, given by name and project or by resource id. Creating it sends nothing."""

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

    @_blocking
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
    ) -> Asked:
        """Stores an event of the user or assistant, with the properties of its type."""
        return self._asked(
            "AddEvent",
            headers,
            timeout,
            event_type=event_type,
            memory_info=memory_info,
            user_id=user_id,
            assistant_id=assistant_id,
            group_id=group_id,
            update_profiles=update_profiles,
        )

    async_add_event = _awaited(add_event)

    @_blocking
    def update_event(
        self,
        event_id: str,
        memory_info: Mapping[str, Any],
        user_id: Names | None = None,
        assistant_id: Names | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Asked:
        """Changes the properties of an event, and the users and assistants it belongs to."""
        return self._asked(
            "UpdateEvent",
            headers,
            timeout,
            event_id=event_id,
            memory_info=memory_info,
            user_id=user_id,
            assistant_id=assistant_id,
        )

    async_update_event = _awaited(update_event)

    @_blocking
    def delete_event(self, event_id: str, headers: Headers = None, timeout: float | None = None) -> Asked:
        """Deletes an event."""
        return self._asked("DeleteEvent", headers, timeout, event_id=event_id)

    async_delete_event = _awaited(delete_event)

    @_blocking
    def batch_delete_event(
        self,
        filter: MemoryFilter | None = None,
        delete_type: str | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Asked:
        """Deletes all events that match a filter, which must have `user_id` or `assistant_id`."""
        return self._asked("BatchDeleteEvent", headers, timeout, filter=filter, delete_type=delete_type)

    async_batch_delete_event = _awaited(batch_delete_event)

    @_blocking
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
    ) -> Asked:
        """Stores facts about a user; an existing profile is replaced only with `is_upsert`."""
        return self._asked(
            "AddProfile",
            headers,
            timeout,
            profile_type=profile_type,
            memory_info=memory_info,
            user_id=user_id,
            assistant_id=assistant_id,
            group_id=group_id,
            is_upsert=is_upsert,
        )

    async_add_profile = _awaited(add_profile)

    @_blocking
    def update_profile(
        self, profile_id: str, memory_info: Mapping[str, Any], headers: Headers = None, timeout: float | None = None
    ) -> Asked:
        """Changes the properties of a profile."""
        return self._asked("UpdateProfile", headers, timeout, profile_id=profile_id, memory_info=memory_info)

    async_update_profile = _awaited(update_profile)

    @_blocking
    def delete_profile(self, profile_id: str, headers: Headers = None, timeout: float | None = None) -> Asked:
        """Deletes a profile."""
        return self._asked("DeleteProfile", headers, timeout, profile_id=profile_id)

    async_delete_profile = _awaited(delete_profile)

    @_blocking
    def batch_delete_profile(
        self, filter: MemoryFilter | None = None, headers: Headers = None, timeout: float | None = None
    ) -> Asked:
        """Deletes all profiles that match a filter, which must have `user_id` or `assistant_id`."""
        return self._asked("BatchDeleteProfile", headers, timeout, filter=filter)

    async_batch_delete_profile = _awaited(batch_delete_profile)

    @_blocking
    def trigger_update_profile(
        self,
        update_profile_type: Names | None = None,
        filters: Mapping[str, Any] | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Asked:
        """Recomputes profiles from events."""
        return self._asked(
            "TriggerUpdateProfile", headers, timeout, update_profile_type=update_profile_type, filters=filters
        )

    async_trigger_update_profile = _awaited(trigger_update_profile)

    @_blocking
    def add_session(
        self,
        session_id: str,
        messages: Sequence[Message],
        metadata: SessionMetadata | None = None,
        profiles: Sequence[Mapping[str, Any]] | None = None,
        headers: Headers = None,
        timeout: float | None = None,
        store_file: Any = None,
    ) -> Asked:
        """Stores a conversation, from which the service extracts events and profiles."""
        return self._asked(
            "AddSession",
            headers,
            timeout,
            session_id=session_id,
            messages=messages,
            metadata=metadata,
            profiles=profiles,
            store_file=store_file,
        )

    async_add_session = _awaited(add_session)

    @_blocking
    def get_session_info(self, session_id: str, headers: Headers = None, timeout: float | None = None) -> Asked:
        """Returns the status of a session, its messages and its events."""
        return self._asked("GetSessionInfo", headers, timeout, session_id=session_id)

    async_get_session_info = _awaited(get_session_info)

    @_blocking
    def search_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Asked:
        """Returns the events and profiles nearest to a text; without a text, the newest."""
        return self._asked("SearchMemory", headers, timeout, query=query, filter=filter, limit=limit)

    async_search_memory = _awaited(search_memory)

    @_blocking
    def search_event_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        time_decay_config: TimeDecayConfig | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Asked:
        """Returns the events nearest to a text; newer ones can be ranked higher."""
        return self._asked(
            "SearchEventMemory",
            headers,
            timeout,
            query=query,
            filter=filter,
            time_decay_config=time_decay_config,
            limit=limit,
        )

    async_search_event_memory = _awaited(search_event_memory)

    @_blocking
    def search_profile_memory(
        self,
        query: str | None = None,
        filter: MemoryFilter | None = None,
        limit: int | None = None,
        headers: Headers = None,
        timeout: float | None = None,
    ) -> Asked:
        """Returns the profiles nearest to a text; without a text, the newest."""
        return self._asked("SearchProfileMemory", headers, timeout, query=query, filter=filter, limit=limit)

    async_search_profile_memory = _awaited(search_profile_memory)

    def _asked(self, api: str, headers: Headers, timeout: float | None, /, **given: Any) -> Asked:
        """Returns a call with its collection and arguments. None is not sent."""
        named = {"collection_name": self.collection_name, "resource_id": self.resource_id}
        body = {"project_name": self.project_name, **named, **given}
        return api, None, {name: value for name, value in body.items() if value is not None}, headers, timeout
