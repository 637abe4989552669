"""One memory, and what a session came to: what calls give back."""

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
        text: what it is found by.
        primary_key: of a profile whose type has keys: "name=value", joined by "&"; else "".
        messages: of an event from a session: what it was made of, dicts with role and content.
        score: of a search with a query: the similarity, or with decay what similarity and age come to. Else 0.
        similarity: the score without decay.
        freshness: 1 for a new memory, halved every 30 days; 0 where no decay was asked for.
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
    """A conversation and what became of it.

    Attributes:
        status: "processing" while a language model reads it, "success", or "failed".
        error: why it failed, or "".
        messages: dicts with role, content, time and the speaker's role_id; without those that were deleted.
        events: made of it, in order.
        input_tokens, output_tokens: what a model was told and said, about.
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
