"""What is extracted from a conversation, and the interface of extractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .conversation import Turn
from .schemas import Schemas

__all__ = ["Extracted", "ExtractedEvent", "ExtractedProfile", "Extraction"]


@dataclass(frozen=True, slots=True)
class ExtractedEvent:
    """An event and the turn that it is from."""

    type: str
    info: dict[str, Any]
    turn: Turn


@dataclass(frozen=True, slots=True)
class ExtractedProfile:
    """A profile and the turn that it is from. If `holds` is False it is no longer true."""

    type: str
    info: dict[str, Any]
    turn: Turn
    holds: bool = True


@dataclass(slots=True)
class Extracted:
    """What was extracted from one conversation.

    Attributes:
        input_tokens, output_tokens: approximate tokens read and written by a model; 0 without one.
    """

    events: list[ExtractedEvent] = field(default_factory=list)
    profiles: list[ExtractedProfile] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0


class Extraction(Protocol):
    """Reads conversations. Thread-safe."""

    def extract(self, turns: Sequence[Turn], schemas: Schemas) -> Extracted:
        """Extracts events and profiles. If it raises an error the session fails, and nothing of it is stored."""
        ...
