"""One memory, and one session, as calls return them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

__all__ = ["Kind", "Memory", "Session", "Status"]

Kind = Literal["event", "profile"]
Status = Literal["processing", "success", "failed"]


@dataclass(frozen=True, slots=True)
class Memory:
    """An event or a profile.

    Attributes:
        info: its properties.
        text: the text that a search compares with.
        primary_key: of a profile whose type has keys: "name=value", joined by "&"; else "".
        messages: for an event from a session: the messages that it was extracted from, dicts with role and content.
        score: in a search with a query: the similarity, or with decay the combination of similarity and age. Else 0.
        similarity: the score without decay.
        freshness: 1 for a new memory, halved every 30 days; 0 if no decay was requested.
    """

    id: str
    kind: Kind
    type: str
    info: dict[str, Any]
    text: str | None
    user_ids: tuple[str, ...]
    assistant_ids: tuple[str, ...]
    group_id: str | None
    session_id: str | None
    time: datetime
    primary_key: str = ""
    messages: tuple[dict[str, Any], ...] = ()
    score: float = 0.0
    similarity: float = 0.0
    freshness: float = 0.0


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation and its processing state.

    Attributes:
        status: "processing" while a language model reads it, "success", or "failed".
        error: why it failed, or "".
        messages: dicts with role, content, time and the speaker's role_id; without deleted ones.
        events: extracted from it, in order.
        input_tokens, output_tokens: approximate tokens read and written by a model.
    """

    id: str
    status: Status
    error: str
    time: datetime
    user_ids: tuple[str, ...]
    assistant_ids: tuple[str, ...]
    group_id: str | None
    messages: tuple[dict[str, Any], ...]
    events: tuple[Memory, ...]
    input_tokens: int = 0
    output_tokens: int = 0
