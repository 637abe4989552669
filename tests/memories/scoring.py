"""Precision and recall of an extraction on the dialogues."""

from __future__ import annotations

from dataclasses import dataclass

from memories.dialogues import DIALOGUES, Dialogue
from vicinal.memories import Extraction, RuleExtraction, Schemas, Turn
from vicinal.memories.conversation import checked_messages, turns_of
from vicinal.memories.schemas import EVENT, PROFILE


@dataclass
class Score:
    right: int = 0
    found: int = 0
    expected: int = 0

    @property
    def precision(self) -> float:
        return self.right / self.found

    @property
    def recall(self) -> float:
        return self.right / self.expected

    def row(self, name: str) -> str:
        return f"| {name} | {self.expected} | {self.found} | {self.right} | {self.precision:.2f} | {self.recall:.2f} |"


def turns(dialogue: Dialogue) -> list[Turn]:
    messages = [
        {"role": "assistant", "content": line[3:]} if line.startswith("A: ") else {"role": "user", "content": line}
        for line in dialogue.lines
    ]
    return turns_of(checked_messages(messages, "u", "a", 0), "a")


def found_in(dialogue: Dialogue, extraction: Extraction) -> tuple[list[str], dict[str, str]]:
    """Returns summaries of events, and facts by key."""
    found = extraction.extract(turns(dialogue), Schemas([EVENT], [PROFILE]))
    facts = {one.info["topic"]: one.info["user_profile"] for one in found.profiles if one.holds}
    return [event.info["summary"] for event in found.events], facts


def scores(extraction: Extraction | None = None) -> tuple[Score, Score]:
    """Returns the scores of events and of facts. An event that fulfils two expectations counts twice, as they do."""
    events, facts = Score(), Score()
    for dialogue in DIALOGUES:
        summaries, known = found_in(dialogue, extraction or RuleExtraction())
        right = [words for words in dialogue.events if any(words in summary for summary in summaries)]
        needless = [one for one in summaries if not any(words in one for words in dialogue.events)]
        events.right += len(right)
        events.found += len(right) + len(needless)
        events.expected += len(dialogue.events)
        facts.right += sum(1 for key, value in dialogue.facts if value in known.get(key, ""))
        facts.found += len(known)
        facts.expected += len(dialogue.facts)
    return events, facts


def table() -> str:
    events, facts = scores()
    head = "| | Expected | Found | Right | Precision | Recall |\n|---|---|---|---|---|---|"
    return "\n".join([head, events.row("Events"), facts.row("Profile facts")])


if __name__ == "__main__":
    print(table())
