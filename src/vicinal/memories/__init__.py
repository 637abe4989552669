"""Conversational memory: what assistants remember about their users, searched by meaning."""

from __future__ import annotations

from .conversation import Message, Turn
from .extraction import Extracted, ExtractedEvent, ExtractedProfile, Extraction
from .memories import Memories
from .memory import Memory, Session
from .model_extraction import ModelExtraction
from .rules import RuleExtraction
from .schemas import Aggregate, EventType, ProfileType, Property, Schemas
from .searching import Decay

__all__ = [
    "Aggregate",
    "Decay",
    "EventType",
    "Extracted",
    "ExtractedEvent",
    "ExtractedProfile",
    "Extraction",
    "Memories",
    "Memory",
    "Message",
    "ModelExtraction",
    "ProfileType",
    "Property",
    "RuleExtraction",
    "Schemas",
    "Session",
    "Turn",
]
