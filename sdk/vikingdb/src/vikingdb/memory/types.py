"""Types of the memory service: arguments and results, all of them plain dicts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from typing import Any, NotRequired, TypedDict

Names = str | Sequence[str]


class Message(TypedDict):
    """A message. `role` is "user", "assistant" or "system"; `content` is a text or a list of parts; `time` in
    milliseconds since 1970."""

    role: str
    content: str | Sequence[dict[str, Any]]
    role_id: NotRequired[str]
    role_name: NotRequired[str]
    time: NotRequired[int]


class SessionMetadata(TypedDict, total=False):
    """Defaults for messages without these values; `time` in milliseconds since 1970."""

    default_user_id: str
    default_user_name: str
    default_assistant_id: str
    default_assistant_name: str
    group_id: str
    time: int


class MemoryFilter(TypedDict, total=False):
    """Selects memories: `user_id` or `assistant_id` is required, each a text or a list; times in milliseconds."""

    user_id: Names
    assistant_id: Names
    group_id: Names
    session_id: Names
    memory_type: Names
    event_type: Names
    profile_type: Names
    start_time: int
    end_time: int
    primary_key: str


class TimeDecayConfig(TypedDict, total=False):
    """How age affects the score: `weight` in [0, 1), `no_decay_period` in days."""

    weight: float
    no_decay_period: float


class MemoryItem(TypedDict, total=False):
    """An item of `result_list`."""

    id: str
    score: float
    memory_type: str
    user_id: list[str]
    assistant_id: list[str]
    session_id: str
    group_id: str
    time: int
    memory_info: dict[str, Any]


class EnumEncoder(json.JSONEncoder):
    """Encodes a member of an Enum as its value."""

    def default(self, o: Any) -> Any:
        return o.value if isinstance(o, Enum) else super().default(o)
