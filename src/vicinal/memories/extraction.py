"""What is made of a conversation, by whatever reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .conversation import Turn
from .schemas import Schemas

__all__ = ["Extracted", "ExtractedEvent", "ExtractedProfile", "Extraction"]


@dataclass(frozen=True, slots=True)
class ExtractedEvent:
    """An event, and of which turn."""

    type: str
    info: dict[str, Any]
    turn: Turn


@dataclass(frozen=True, slots=True)
class ExtractedProfile:
    """A profile, and of which turn. One whose `holds` is False is no longer true."""

    type: str
    info: dict[str, Any]
    turn: Turn
    holds: bool = True


@dataclass(slots=True)
class Extracted:
    """What one conversation holds.

    Attributes:
        input_tokens, output_tokens: what a model was told and said, about; 0 without one.
    """

    events: list[ExtractedEvent] = field(default_factory=list)
    profiles: list[ExtractedProfile] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0


class Extraction(Protocol):
    """Reads conversations. Thread-safe."""

    def extract(self, turns: Sequence[Turn], schemas: Schemas) -> Extracted:
        """Events and profiles. An error that it raises makes the session fail, and nothing of it is stored."""
        ...
