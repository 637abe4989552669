"""A conversation of 500 turns by two users: what each of them said is found by other words, and only by that user."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.encoders.minilm import MiniLM
from vicinal.memories import Memories

# What a user said, with a placeholder for a unique name, and a query for it in entirely different words.
TOLD = [
    ("Yesterday I adopted a kitten called {} from the shelter.", "which cat lives with them"),
    ("Last week I broke my leg at {} on an icy street.", "an injury after falling"),
    ("Yesterday I bought a violin made by {}.", "a new musical instrument"),
    ("Last month I resigned from my job at {}.", "quitting an employer"),
    ("Tomorrow I have an appointment with the dentist Dr {}.", "having teeth checked"),
    ("Last night my car broke down near {}.", "vehicle trouble on the road"),
    ("Next week I fly to {} for a holiday on the beach.", "travelling abroad on vacation"),
    ("Yesterday my wife gave birth to our daughter {}.", "the baby that arrived"),
    ("Last week somebody stole my laptop in the café {}.", "a theft of a computer"),
    ("Yesterday I planted tomatoes and beans beside {}.", "growing vegetables in the garden"),
]
FILLER = [
    "Yesterday I watched the film {} at the cinema.",
    "Last week I read the novel {} to the end.",
    "Yesterday I met my colleague {} for lunch.",
    "Last night I listened to a concert of the band {}.",
    "Yesterday I painted the wall in the colour {}.",
    "Last week I had my hair cut at {}.",
]
TURNS = 500
NEAREST = 3


@pytest.mark.slow
@pytest.mark.skipif(not MiniLM.available(), reason="the files of MiniLM are not here")
def test_each_of_two_users_finds_their_own_memories_by_meaning_in_500_turns(tmp_path: Path) -> None:
    chance = random.Random(0)
    turns: list[tuple[str, str]] = []
    for user in ("ada", "bob"):
        turns += [(user, told.format(f"{user}{i}zz")) for i, (told, _) in enumerate(TOLD)]
        turns += [(user, FILLER[i % len(FILLER)].format(f"{user}{i}ff")) for i in range(TURNS // 2 - len(TOLD))]
    chance.shuffle(turns)
    talk: list[dict[str, Any]] = []
    for user, text in turns:
        talk += [{"role": "user", "role_id": user, "content": text}, {"role": "assistant", "content": "I see."}]
    with vicinal.connect(tmp_path / "db") as db, db.collection("chat", encoder="minilm") as docs:
        memories = Memories(docs)
        memories.add_session("s1", talk, assistant_id="bot")
        first = 0
        for user, other in (("ada", "bob"), ("bob", "ada")):
            for i, (_, query) in enumerate(TOLD):
                found = [str(one.text) for one in memories.search(query, NEAREST, user_id=user, kind="event")]
                assert any(f"{user}{i}zz" in text for text in found), (query, found)
                assert not [text for text in found if other in text]
                first += f"{user}{i}zz" in found[0]
        assert first >= 2 * len(TOLD) - 2
