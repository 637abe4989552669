"""The extraction rules on the dialogues: docs/memories.md reports the truth, and single rules work as promised."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memories.dialogues import DIALOGUES
from memories.scoring import found_in, scores, table, turns
from vicinal.memories import ProfileType, Property, RuleExtraction, Schemas
from vicinal.memories.rules.events import facts_in, summary_of
from vicinal.memories.schemas import EVENT

PAGE = Path(__file__).parents[2] / "docs" / "memories.md"


def test_the_table_of_the_page_is_what_the_rules_do_now() -> None:
    assert len(DIALOGUES) >= 60
    assert table() in PAGE.read_text(encoding="utf-8")
    assert f"{len(DIALOGUES)} dialogues" in PAGE.read_text(encoding="utf-8")


def test_the_rules_are_good_enough() -> None:
    """So that a change of the page alone does not hide a regression."""
    for score in scores():
        assert score.precision >= 0.85
        assert score.recall >= 0.85


@pytest.mark.parametrize("dialogue", [d for d in DIALOGUES if not d.events and not d.facts][:6], ids=range(6))
def test_small_talk_leaves_no_profile(dialogue) -> None:
    assert found_in(dialogue, RuleExtraction())[1] == {}


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("My name\u2019s Zo\u00eb.", "name", "Zo\u00eb"),
        ("I live in New York City now.", "home", "New York City"),
        ("By the way, I'm allergic to cats.", "allergy: cats", "cats"),
        ("I work at the Louvre and I live in Paris.", "employer", "Louvre"),
        ("Dr. Lee is nice. I am a teacher.", "occupation", "teacher"),
        ("I really love Thai food, sushi and ramen!", "likes: ramen", "ramen"),
    ],
)
def test_a_fact_is_found(text: str, key: str, value: str) -> None:
    assert {fact.key: fact.value for fact in facts_in(text)}[key] == value


@pytest.mark.parametrize(
    "text",
    [
        "Do I live in Paris?",
        "Can you find out who lives in Paris?",
        "I would like to order tea.",
        "I like it.",
        "He lives in Rome.",
        "I'm at home.",
        "",
        " \n",
        "\U0001f600" * 50,
    ],
)
def test_no_fact_is_made_of_what_states_none(text: str) -> None:
    assert facts_in(text) == []


def test_of_one_topic_the_last_counts() -> None:
    assert [fact.value for fact in facts_in("I live in Rome. Sorry, I live in Milan.")] == ["Milan"]


def test_what_holds_no_longer_is_taken_back() -> None:
    [gone] = [fact for fact in facts_in("I don't like coffee anymore.") if fact.topic == "likes"]
    assert not gone.holds


def test_long_and_strange_texts_are_read_quickly() -> None:
    """No pattern backtracks on near matches: 20,000 characters of each."""
    for text in ("my " * 7000, "I " * 10_000, "I like a, " * 2000, "a" * 20_000, "I have a " * 2200, ", and I" * 3000):
        facts_in(text)
        summary_of(text, text)


def test_a_program_s_own_profile_type_is_filled_by_the_names_of_its_properties() -> None:
    person = ProfileType("person", [Property("name"), Property("home"), Property("visits", "int64")])
    [dialogue] = [one for one in DIALOGUES if ("home", "London") in one.facts]
    found = RuleExtraction().extract(turns(dialogue), Schemas([EVENT], [person]))
    assert [profile.info for profile in found.profiles] == [{"name": "Ada", "home": "London"}]


def test_every_topic_of_the_page_is_one_of_the_rules() -> None:
    page = PAGE.read_text(encoding="utf-8")
    listed = re.search(r"The topics of facts are: (.*?)\.\n", page, re.DOTALL)
    assert listed
    rules = "".join(path.read_text("utf-8") for path in (PAGE.parents[1] / "src/vicinal/memories/rules").glob("*.py"))
    for topic in re.findall(r"`([a-z ]+)`", listed[1]):
        assert f'"{topic}"' in rules, topic
