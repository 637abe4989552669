"""Extraction by rules, during the call that adds a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..conversation import Turn
from ..extraction import Extracted, ExtractedEvent, ExtractedProfile
from ..schemas import EventType, ProfileType, Schemas
from .events import facts_in, summary_of
from .facts import Fact

__all__ = ["RuleExtraction"]

_SUMMARY: Final = "summary"
_FACT: Final = "user_profile"
_TOPIC: Final = "topic"


class RuleExtraction:
    """Extracts at most one event per turn, with the sentences that are worth it, and a profile for each fact.

    It fills the property `summary` of event types. Of profile types it fills either `user_profile`, with `topic` as
    their key, or the properties named like a topic, such as `home`. Types with other properties are left to programs
    and to language models.
    """

    def extract(self, turns: Sequence[Turn], schemas: Schemas) -> Extracted:
        found = Extracted()
        summarized = [kind.name for kind in schemas.events.values() if _has(kind, {_SUMMARY})]
        for turn in turns:
            if turn.user_id is None and turn.assistant_id is None:
                continue
            summary = summary_of(turn.said, turn.answered)
            if summary:
                found.events += [ExtractedEvent(name, {_SUMMARY: summary}, turn) for name in summarized]
            if turn.user_id is not None:
                found.profiles += _profiles(facts_in(turn.said), turn, schemas.profiles.values())
        return found


def _profiles(facts: list[Fact], turn: Turn, types: Iterable[ProfileType]) -> list[ExtractedProfile]:
    found = []
    for kind in types:
        if _has(kind, {_FACT, _TOPIC}) and kind.keys == [_TOPIC]:
            for fact in facts:
                info = {_FACT: fact.text, _TOPIC: fact.key}
                found.append(ExtractedProfile(kind.name, info, turn, fact.holds))
        elif not kind.keys:
            names = {prop.name for prop in kind.properties if prop.type == "string"}
            info = {
                name: fact.value for fact in facts if (name := fact.topic.replace(" ", "_")) in names and fact.holds
            }
            if info:
                found.append(ExtractedProfile(kind.name, info, turn))
    return found


def _has(kind: EventType | ProfileType, names: set[str]) -> bool:
    return names <= {prop.name for prop in kind.properties if prop.type == "string"}
