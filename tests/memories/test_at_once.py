"""Two processes change one memory concurrently: both changes are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import vicinal
from support import children
from vicinal.errors import IdNotFound
from vicinal.memories import Aggregate, EventType, Memories, ProfileType, Property

_OTHER = """
from vicinal.memories import Memories
docs = vicinal.connect(path).collection("kept")
memories = Memories(docs)
"""
MEETING = EventType("meeting", (Property("where"), Property("why"), Property("cost", "int64")), "")
SPENT = ProfileType(
    "spent",
    (Property("city"), Property("note"), Property("total", "int64", aggregate=Aggregate("SUM", "meeting", "cost"))),
    "",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def memories(path: Path) -> Iterator[Memories]:
    with vicinal.connect(path) as database:
        docs = database.collection("kept", encoder="hashing")
        yield Memories(docs, events=[MEETING], profiles=[SPENT])


@pytest.fixture
def meanwhile(memories: Memories, path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Makes another process do something after this one has read the row that it is about to change."""

    def arrange(code: str) -> list[str]:
        row, ran = memories._row, list[str]()

        def read_and_be_overtaken(id_: str, kind: str) -> Any:
            found = row(id_, kind)
            if not ran:
                ran.append(code)
                children.run(_OTHER + code, path)
            return found

        monkeypatch.setattr(memories, "_row", read_and_be_overtaken)
        return ran

    return arrange


def test_changes_of_an_event_both_count(memories: Memories, meanwhile: Callable[[str], list[str]]) -> None:
    event = memories.add_event("meeting", {"where": "here", "why": "lunch"}, user_id="u")
    ran = meanwhile(f"memories.update_event({event.id!r}, {{'where': 'there'}})")
    told = memories.update_event(event.id, {"why": "dinner"})
    assert ran
    assert told.info == {"where": "there", "why": "dinner"}
    assert "there" in (told.text or "")


def test_an_event_that_was_deleted_meanwhile_is_not_there(
    memories: Memories, meanwhile: Callable[[str], list[str]]
) -> None:
    event = memories.add_event("meeting", {"where": "here"}, user_id="u")
    ran = meanwhile(f"memories.delete_event({event.id!r})")
    with pytest.raises(IdNotFound):
        memories.update_event(event.id, {"where": "there"})
    assert ran


def test_changes_of_a_profile_both_count(memories: Memories, meanwhile: Callable[[str], list[str]]) -> None:
    profile = memories.add_profile("spent", {"city": "Rome", "note": "a"}, user_id="u")
    ran = meanwhile(f"memories.update_profile({profile.id!r}, {{'note': 'theirs'}})")
    assert memories.update_profile(profile.id, {"city": "Paris"}).info == {"city": "Paris", "note": "theirs"}
    assert ran


def test_a_row_without_a_revision_can_be_changed(memories: Memories) -> None:
    """Earlier versions wrote none."""
    event = memories.add_event("meeting", {"where": "here"}, user_id="u")
    memories.collection.update([event.id], metadata=[{}], remove=["revision"])
    assert memories.update_event(event.id, {"where": "there"}).info == {"where": "there"}
