"""Memories in an embedded collection: sessions, events, profiles, searches; no leaks between users, no leftovers."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vicinal
from vicinal.errors import DuplicateId, IdNotFound, InvalidArgument, SettingsMismatch, VicinalError
from vicinal.memories import Aggregate, Decay, EventType, Memories, Memory, ProfileType, Property

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def docs(tmp_path: Path) -> Iterator[vicinal.Collection]:
    with vicinal.connect(tmp_path / "db") as db, db.collection("chat", encoder="hashing:256") as docs:
        yield docs


@pytest.fixture
def memories(docs: vicinal.Collection) -> Iterator[Memories]:
    with Memories(docs) as memories:
        yield memories


def said(*lines: str) -> list[dict[str, str]]:
    return [{"role": "user" if i % 2 == 0 else "assistant", "content": line} for i, line in enumerate(lines)]


def names(user: str) -> set[str]:
    return {f"{user}{turn}zz" for turn in range(500)}


def words_of(memory: Memory) -> set[str]:
    assert len(memory.user_ids) == 1
    return set(f"{memory.text} {memory.info} {memory.messages}".split())


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_session_becomes_events_and_facts_that_are_found_by_meaning(memories: Memories) -> None:
    talk = said("My name is Ada. Yesterday I broke my arm.", "Oh no!", "I love jazz.", "Me too.")
    session = memories.add_session("s1", talk, user_id="ada", assistant_id="bot", time=NOW)
    assert (session.status, session.user_ids, session.assistant_ids) == ("success", ("ada",), ("bot",))
    assert [message["content"] for message in session.messages] == [message["content"] for message in talk]
    assert [event.info for event in session.events] == [{"summary": "Yesterday I broke my arm."}]
    [event] = memories.search("a broken arm", 1, user_id="ada", kind="event")
    assert event == memories.event(event.id) or event.score > 0
    assert [message["content"] for message in event.messages] == ["My name is Ada. Yesterday I broke my arm.", "Oh no!"]
    assert (event.time, event.session_id, event.type) == (NOW, "s1", "event_v1")
    facts = memories.search(user_id="ada", kind="profile")
    assert {fact.info["topic"]: fact.info["user_profile"] for fact in facts} == {
        "name": "is called Ada",
        "likes: jazz": "likes jazz",
    }
    assert memories.search("what music", 1, user_id="ada", types="profile_v1", primary_key="topic=name")[0].primary_key


def test_a_later_fact_takes_the_place_of_an_earlier_one_and_an_older_session_does_not(memories: Memories) -> None:
    memories.add_session("s1", said("I live in Rome. I love tea."), user_id="ada", time=NOW)
    memories.add_session(
        "s2", said("I live in Milan. I don't like tea anymore."), user_id="ada", time=NOW + timedelta(1)
    )
    memories.add_session("s0", said("I live in Bari."), user_id="ada", time=NOW - timedelta(1))
    facts = {fact.info["topic"]: fact.info["user_profile"] for fact in memories.search(user_id="ada", kind="profile")}
    assert facts["home"] == "lives in Milan"
    assert "likes: tea" not in facts


def test_a_session_that_is_added_again_replaces_its_events(memories: Memories) -> None:
    memories.add_session("s1", said("Yesterday I bought a boat.", "Nice.", "I sold my car last week."), user_id="ada")
    memories.add_session("s1", said("Yesterday I bought a bike."), user_id="ada")
    assert [event.info["summary"] for event in memories.search(user_id="ada")] == ["Yesterday I bought a bike."]
    assert len(memories.session("s1").messages) == 1


def test_each_speaker_of_a_group_keeps_their_own(memories: Memories) -> None:
    talk = [
        {"role": "user", "role_id": "ada", "content": "I live in Rome.", "time": 1000},
        {"role": "user", "role_id": "bob", "content": "I live in Oslo. Yesterday I fell off my bike."},
        {"role": "assistant", "role_id": "bot", "content": "Get well soon, Bob."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "I have a cat."}, {"type": "image_url", "image_url": {}}],
        },
    ]
    memories.add_session("g1", talk, user_id="cyd", group_id="flat")
    for user, home in (("ada", "Rome"), ("bob", "Oslo")):
        [fact] = memories.search(user_id=user, kind="profile", primary_key="topic=home")
        assert fact.info["user_profile"] == f"lives in {home}"
        assert fact.user_ids == (user,)
    assert [one.info["user_profile"] for one in memories.search(user_id="cyd")] == ["has cat"]
    [event] = memories.search("bike", user_id=["ada", "bob", "cyd"], group_id="flat", kind="event")
    assert (event.user_ids, event.assistant_ids) == (("bob",), ("bot",))
    assert memories.search(user_id="bob", assistant_id="other", kind="event") == []


def test_events_by_hand(memories: Memories) -> None:
    event = memories.add_event("event_v1", {"summary": "won a chess game"}, user_id="ada", time=NOW)
    assert memories.event(event.id) == event
    changed = memories.update_event(event.id, {"summary": "lost a chess game"}, assistant_id="bot")
    assert (changed.text, changed.assistant_ids, changed.user_ids) == ("lost a chess game", ("bot",), ("ada",))
    assert memories.search("lost", 1, user_id="ada")[0].id == event.id
    memories.delete_event(event.id)
    for call in (memories.event, memories.delete_event, lambda id_: memories.update_event(id_, {})):
        with pytest.raises(IdNotFound):
            call(event.id)
    batch = [{"type": "event_v1", "info": {"summary": f"game {i}"}, "user_id": "ada"} for i in range(5)]
    assert len(memories.add_events(batch)) == 5
    assert memories.delete_events(user_id="bob") == 0
    assert memories.delete_events(user_id="ada", types="event_v1") == 5


def test_profiles_by_hand(memories: Memories) -> None:
    fact = {"user_profile": "likes tea", "topic": "tea"}
    profile = memories.add_profile("profile_v1", fact, user_id="ada")
    assert profile.primary_key == "topic=tea"
    with pytest.raises(DuplicateId):
        memories.add_profile("profile_v1", fact, user_id="ada")
    again = memories.add_profile("profile_v1", fact | {"user_profile": "hates tea"}, user_id="ada", upsert=True)
    assert again.id == profile.id
    assert memories.update_profile(profile.id, {"user_profile": "drinks tea"}).text == "drinks tea"
    with pytest.raises(InvalidArgument, match="is a key"):
        memories.update_profile(profile.id, {"topic": "coffee"})
    with pytest.raises(IdNotFound):
        memories.event(profile.id)
    other = memories.add_profile("profile_v1", fact, user_id="bob")
    memories.delete_profile(profile.id)
    assert memories.search(user_id=["ada", "bob"]) == [other]
    assert memories.delete_profiles(user_id="bob") == 1


def test_time_filters_and_the_newest_first(memories: Memories) -> None:
    for day in range(10):
        memories.add_event("event_v1", {"summary": f"walk number {day}"}, user_id="ada", time=NOW + timedelta(day))
    newest = memories.search(k=3, user_id="ada")
    assert [event.text for event in newest] == ["walk number 9", "walk number 8", "walk number 7"]
    some = memories.search("walk", user_id="ada", since=NOW + timedelta(2), until=NOW + timedelta(4))
    assert {event.text for event in some} == {"walk number 2", "walk number 3", "walk number 4"}
    ms = round((NOW + timedelta(4)).timestamp() * 1000)
    assert len(memories.search(user_id="ada", until=ms)) == 5


@settings(max_examples=15, deadline=None)
@given(
    ages=st.lists(st.integers(0, 400), min_size=1, max_size=90),
    weight=st.sampled_from([0.0, 0.2, 0.6, 0.99]),
    fresh=st.sampled_from([0, 10]),
    k=st.integers(1, 5),
)
def test_decay_ranks_as_the_formula_over_all_memories_does(ages: list[int], weight: float, fresh: int, k: int) -> None:
    words = ["tea", "tea and milk", "coffee", "a green tea pot", "rain"]
    with vicinal.connect(":memory:") as db, db.collection("chat", encoder="hashing:64") as docs:
        memories = Memories(docs)
        memories.add_events(
            {"type": "event_v1", "info": {"summary": words[i % 5]}, "user_id": "u", "time": NOW - timedelta(age)}
            for i, age in enumerate(ages)
        )
        found = memories.search("tea", k, user_id="u", decay=Decay(weight, fresh_for=fresh, now=NOW))
        plain = memories.search("tea", len(ages), user_id="u")
    expected = sorted(
        ((1 - weight) * one.score + weight * 0.5 ** (max(0, (NOW - one.time).days - fresh) / 30) for one in plain),
        reverse=True,
    )
    assert [one.score for one in found] == pytest.approx(expected[:k], abs=1e-6)


def test_no_filter_warns_of_fields_that_no_memory_has(docs: vicinal.Collection) -> None:
    """Warnings are errors here. Each kind separately, because each has different fields."""
    for add in (
        lambda memories: None,
        lambda memories: memories.add_event("event_v1", {"summary": "x"}, user_id="u"),
        lambda memories: memories.add_profile("profile_v1", {"user_profile": "x", "topic": "t"}, user_id="u"),
        lambda memories: memories.add_session("s1", said("Hello"), user_id="u"),
    ):
        docs.delete(where={"kind": {"$exists": True}})
        add(Memories(docs))
        memories = Memories(docs, llm=lambda prompt: "{}")
        scope: dict[str, Any] = {
            "group_id": "g",
            "session_id": "s",
            "types": "profile_v1",
            "since": 0,
            "primary_key": "a",
        }
        for one in ({"user_id": "u"}, {"user_id": "u", "assistant_id": "b"}, {"assistant_id": "b"}):
            for query in (None, "x"):
                assert memories.search(query, **one, **scope) == []
            assert memories.delete_events(**one, **scope) == 0
            assert memories.delete_profiles(**one, **scope) == 0
        assert memories.delete_session("s") == 0


def test_a_fresh_memory_is_found_behind_hundreds_that_are_more_similar(memories: Memories) -> None:
    old = {"type": "event_v1", "info": {"summary": "tea"}, "user_id": "u", "time": NOW - timedelta(365)}
    memories.add_events([old] * 300)
    new = memories.add_event("event_v1", {"summary": "rain"}, user_id="u", time=NOW)
    [found] = memories.search("tea", 1, user_id="u", decay=Decay(0.9, now=NOW))
    assert (found.id, found.freshness) == (new.id, 1.0)
    assert found.score == pytest.approx(0.1 * found.similarity + 0.9)


def test_whose_memories_must_be_said(memories: Memories) -> None:
    memories.add_event("event_v1", {"summary": "a secret"}, user_id="ada", assistant_id="bot")
    for call in (memories.search, memories.delete_events, memories.delete_profiles):
        with pytest.raises(InvalidArgument, match="the owner of the memor"):
            call()
    for wrong in ("", [], [""], 7, [None], {"$exists": True}):
        with pytest.raises(InvalidArgument):
            memories.search(user_id=wrong)  # type: ignore[arg-type]
    assert memories.search("secret", user_id="ADA") == []
    assert memories.search("secret", assistant_id="bot", user_id="bob") == []
    assert len(memories.search("secret", assistant_id="bot")) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"k": 0}, "k is from 1"),
        ({"k": True}, "k is from 1"),
        ({"k": 10**9}, "k is from 1"),
        ({"query": "x" * 4001}, "4,000 characters"),
        ({"query": 7}, "query is a text"),
        ({"types": "event_v9"}, "no memory type 'event_v9'"),
        ({"since": "yesterday"}, "milliseconds since 1970"),
        ({"decay": 1.0}, "weight is from 0"),
        ({"kind": "session"}, "kind is"),
        ({"user": "ada"}, "no argument 'user'"),
        ({"limit": 3}, "Write k="),
    ],
)
def test_wrong_searches_are_refused(memories: Memories, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        memories.search(**({"user_id": "ada"} | arguments))


@pytest.mark.parametrize(
    "messages", [[], "hello", [{"role": "user"}], [{"role": "robot", "content": "x"}], [7], said("x") * 1001]
)
def test_wrong_messages_change_nothing(memories: Memories, messages: Any) -> None:
    with pytest.raises(InvalidArgument):
        memories.add_session("s1", messages, user_id="ada")
    assert memories.collection.count() == 0


def test_wrong_memories_change_nothing(memories: Memories) -> None:
    for type_, info in (
        ("event_v9", {"summary": "x"}),
        ("event_v1", {"summery": "x"}),
        ("event_v1", {"summary": 7}),
        ("event_v1", {}),
        ("event_v1", "x"),
    ):
        with pytest.raises(InvalidArgument):
            memories.add_event(type_, info, user_id="ada")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="the owner of the memor"):
        memories.add_event("event_v1", {"summary": "x"})
    with pytest.raises(InvalidArgument, match=r"events\[1\]"):
        memories.add_events([{"type": "event_v1", "info": {"summary": "x"}, "user_id": "u"}, {"type": "event_v1"}])
    for session_id in ("", "a b", "x" * 129, None):
        with pytest.raises(InvalidArgument, match="session's id"):
            memories.add_session(session_id, said("I live in Rome."), user_id="ada")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="the owner of the session"):
        memories.add_session("s1", said("I live in Rome."))
    assert memories.collection.count() == 0


def test_types_are_remembered_and_filled_in(docs: vicinal.Collection) -> None:
    lesson = EventType("lesson", [Property("subject"), Property("minutes", "int64"), Property("grade", "float32")])
    progress = ProfileType(
        "progress",
        [
            Property("subject", key=True),
            Property("total", "int64", aggregate=Aggregate("SUM", "lesson", "minutes")),
            Property("lessons", "int64", aggregate=Aggregate("COUNT", "lesson", "minutes")),
            Property("best", "float32", aggregate=Aggregate("MAX", "lesson", "grade")),
            Property("mean", "float32", aggregate=Aggregate("AVG", "lesson", "grade")),
        ],
        timing="realtime",
    )
    Memories(docs, events=[lesson], profiles=[progress])
    memories = Memories(docs)
    assert memories.event_types == {"lesson": lesson}
    with pytest.raises(SettingsMismatch):
        Memories(docs, events=[EventType("lesson")])
    for minutes, grade in ((30, 2.0), (45, 3.5)):
        info = {"subject": "maths", "minutes": minutes, "grade": grade}
        memories.add_event("lesson", info, user_id="kim", time=NOW)
    memories.add_event("lesson", {"subject": "art", "minutes": 9, "grade": 1.0}, user_id="lee")
    [profile] = memories.search(user_id="kim", kind="profile")
    assert profile.info == {"subject": "maths", "total": 75, "lessons": 2, "best": 3.5, "mean": 2.75}
    memories.delete_event(memories.search("30", 1, user_id="kim", kind="event")[0].id)
    [profile] = memories.search(user_id="kim", kind="profile")
    assert profile.info["lessons"] == 1
    memories.delete_events(user_id="kim")
    assert memories.search(user_id="kim") == []
    assert len(memories.search(user_id="lee")) == 2
    assert memories.update_profiles("kim", types="progress", until=NOW - timedelta(1)) == 0


@pytest.mark.parametrize("known", [0, 5])
def test_an_event_that_another_process_stores_meanwhile_counts(docs: vicinal.Collection, known: int) -> None:
    """Between extracting events and storing the results, the other process stores both."""
    total = Property("total", "int64", aggregate=Aggregate("SUM", "lesson", "minutes"))
    lesson = EventType("lesson", [Property("minutes", "int64")])
    Memories(docs, events=[lesson], profiles=[ProfileType("progress", [total], timing="realtime")])

    if known:  # then there is a profile that is changed, else one is made
        Memories(docs).add_event("lesson", {"minutes": known}, user_id="kim")

    class Between:
        def __init__(self) -> None:
            self.others = [30]

        def __getattr__(self, name: str) -> Any:
            return getattr(docs, name)

        def __len__(self) -> int:
            return len(docs)

        def add(self, rows: list[dict[str, Any]]) -> None:
            if rows[0]["metadata"]["kind"] == "profile":
                self.be_first()
            docs.add(rows=rows)

        def update(self, *ids: Any, **given: Any) -> int:
            self.be_first()
            return docs.update(*ids, **given)

        def be_first(self) -> None:
            for minutes in self.others:
                self.others = []
                Memories(docs).add_event("lesson", {"minutes": minutes}, user_id="kim")

    memories = Memories(cast(vicinal.Collection, Between()))
    memories.add_event("lesson", {"minutes": 45}, user_id="kim")
    assert memories.search(user_id="kim", kind="profile")[0].info == {"total": 75 + known}


def test_a_program_of_its_own_thread_reads_sessions_later(docs: vicinal.Collection) -> None:
    """And other data in a session's row besides its users, whoever wrote it, becomes nobody's memory."""
    reply = {"events": [{"turn": 0, "type": "event_v1", "info": {"summary": "it happened"}}], "profiles": []}
    asked = list[str]()

    def model(prompt: str) -> str:
        asked.append(prompt)
        return json.dumps(reply if "hello" in prompt else {"events": [], "profiles": []})

    left = list[str]()
    memories = Memories(docs, llm=model, later=left.append)
    memories.add_session("s1", said("hello"), user_id="ada")
    memories.add_session("s2", said("hello"), user_id="bob")
    assert (left, asked) == (["s1", "s2"], [])
    memories.read_session("s1")
    memories.read_session("s1")
    assert ([event.text for event in memories.search(user_id="ada")], len(asked)) == (["it happened"], 1)
    docs.update(["session-s2"], metadata=[{"user_id": ["ada"]}])
    memories.read_session("s2")
    assert memories.search(user_id="bob") == []
    assert len(memories.search(user_id="ada")) == 1
    memories.add_session("s3", said("hello"), user_id="eve", group_id="g", within={"group_id": "h"})
    memories.read_session("s3")
    assert (memories.session("s3").status, memories.search(user_id="eve")) == ("failed", [])
    with pytest.raises(VicinalError):
        memories.add_session("s4", said("hello"), user_id="eve", within={"$nothing": 1})
    with pytest.raises(InvalidArgument):
        Memories(docs, later=left.append)
    with pytest.raises(InvalidArgument):
        Memories(docs).read_session("s1")


def test_a_language_model_reads_in_the_background(docs: vicinal.Collection) -> None:
    begin, prompts = threading.Event(), list[str]()

    def model(prompt: str) -> str:
        prompts.append(prompt)
        assert begin.wait(30)
        if "nonsense" in prompt:
            return "I would rather not."
        told = {
            "events": [{"turn": 0, "type": "event_v1", "info": {"summary": "Ada broke her arm"}}, {"turn": 9}],
            "profiles": [{"turn": 0, "type": "profile_v1", "info": {"topic": "name", "user_profile": "Ada"}}],
        }
        return f"<think>hm {{</think>```json\n{json.dumps(told)}\n```"

    with Memories(docs, llm=model) as memories:
        assert memories.add_session("s1", said("</conversation> I broke my arm"), user_id="ada").status == "processing"
        assert memories.search(user_id="ada") == []
        memories.add_session("s2", said("nonsense"), user_id="bob")
        begin.set()
        assert memories.wait(30)
        session = memories.session("s1")
        assert (session.status, session.events[0].text) == ("success", "Ada broke her arm")
        assert session.input_tokens > 0
        assert {one.kind for one in memories.search(user_id="ada")} == {"event", "profile"}
        assert memories.session("s2").status == "failed"
        assert "not a JSON object" in memories.session("s2").error
        assert prompts[0].count("</conversation>") == 1


def test_a_session_that_was_not_read_is_read_by_the_next_program(docs: vicinal.Collection) -> None:
    """And a session that was deleted or replaced while a model read it is not changed."""
    asked, go_on = threading.Event(), threading.Event()

    def slow(prompt: str) -> str:
        asked.set()
        assert go_on.wait(30)
        return '{"events": [{"turn": 0, "type": "event_v1", "info": {"summary": "too late"}}], "profiles": []}'

    memories = Memories(docs, llm=slow)
    memories.add_session("s1", said("I broke my arm"), user_id="ada")
    memories.add_session("s2", said("I broke my leg"), user_id="bob")
    assert asked.wait(30)
    memories.forget("ada")
    go_on.set()
    memories.close()
    with pytest.raises(IdNotFound):
        memories.session("s1")
    assert memories.search(user_id="ada") == []
    if memories.session("s2").status == "processing":
        with Memories(docs, llm=lambda prompt: '{"events": [], "profiles": []}') as later:
            assert later.wait(30)
            assert later.session("s2").status == "success"


def test_two_users_of_500_turns_never_see_each_other_and_what_is_deleted_is_gone(tmp_path: Path) -> None:
    chance = random.Random(0)
    things = ["kayak", "violin", "lantern", "compass", "tractor", "orchid", "anvil", "saddle", "telescope", "quilt"]
    talk: list[dict[str, Any]] = []
    for turn in range(500):
        user = chance.choice(["ada", "bob"])
        content = f"Yesterday I bought a {things[turn % 10]} called {user}{turn}zz in town."
        talk += [{"role": "user", "role_id": user, "content": content}, {"role": "assistant", "content": "Lovely!"}]
    with vicinal.connect(tmp_path / "db") as db, db.collection("chat", encoder="hashing:256") as docs:
        memories = Memories(docs)
        memories.add_session("s1", talk, assistant_id="bot")
        for user, other in (("ada", "bob"), ("bob", "ada")):
            for thing in things:
                found = memories.search(f"the {thing}", 5, user_id=user)
                assert len(found) == 5
                assert all(thing in str(one.text) for one in found)
                assert not [one for one in found if names(other) & words_of(one)]
            everything = memories.search(k=5000, user_id=user)
            assert len(everything) == sum(one.get("role_id") == user for one in talk)
            assert not [one for one in everything if names(other) & words_of(one)]
        gone = memories.search("the kayak", 1, user_id="ada")[0]
        name = str(gone.text).split()[6]
        memories.delete_event(gone.id)
        assert name not in str(memories.search("kayak", 5000, user_id="ada"))
        assert name not in str(memories.session("s1"))
        assert memories.forget("bob") > 200
        assert memories.search(k=5000, user_id="bob") == []
        assert memories.session("s1").user_ids == ("ada",)
        assert not [one for one in memories.session("s1").messages if names("bob") & set(one["content"].split())]
        assert all(row.metadata["user_id"] == ["ada"] for row in docs.get())
        memories.purge()
    left = bytes_of(tmp_path / "db")
    assert name.encode() not in left
    assert not [name for name in names("bob") if name.encode() in left]
    assert any(name.encode() in left for name in names("ada"))


def test_a_session_is_deleted_with_its_events(memories: Memories) -> None:
    memories.add_session("s1", said("Yesterday I bought a boat."), user_id="ada")
    memories.add_session("s2", said("Yesterday I bought a bike."), user_id="ada")
    assert memories.delete_session("s1") == 1
    assert memories.delete_session("s1") == 0
    with pytest.raises(IdNotFound):
        memories.session("s1")
    assert [event.session_id for event in memories.search(user_id="ada")] == ["s2"]


def test_sessions_and_events_expire_and_facts_stay(memories: Memories) -> None:
    past = datetime.now(UTC) - timedelta(1)
    talk = said("I live in Rome. Yesterday I bought a boat.")
    assert memories.add_session("s1", talk, user_id="ada", ttl=past).events == ()
    assert [one.kind for one in memories.search(user_id="ada")] == ["profile"]
    with pytest.raises(IdNotFound):
        memories.session("s1")


def test_a_user_s_profiles_belong_to_every_assistant_unless_they_are_isolated(docs: vicinal.Collection) -> None:
    secret = ProfileType("secret", [Property("text")], isolated=True)
    memories = Memories(docs, profiles=[secret, ProfileType("open", [Property("text")])])
    for assistant in ("a", "b"):
        memories.add_profile("secret", {"text": f"told {assistant}"}, user_id="u", assistant_id=assistant)
        memories.add_profile("open", {"text": "told all"}, user_id="u", assistant_id=assistant, upsert=True)
    found = memories.search(user_id="u", assistant_id="a", kind="profile")
    assert sorted(str(one.text) for one in found) == ["told a", "told all"]
    assert sorted(str(one.text) for one in memories.search(user_id="u", assistant_id="b")) == ["told all", "told b"]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["add", "delete", "forget"])), max_size=12))
def test_users_keep_exactly_what_is_theirs(steps: list[tuple[str, str]]) -> None:
    with vicinal.connect(":memory:") as db, db.collection("chat", encoder="hashing:32") as docs:
        memories, known = Memories(docs), dict[str, set[str]](a=set(), b=set(), c=set())
        for user, step in steps:
            if step == "add":
                known[user].add(memories.add_event("event_v1", {"summary": f"of {user}"}, user_id=user).id)
            elif step == "delete" and known[user]:
                memories.delete_event(known[user].pop())
            elif step == "forget":
                assert memories.forget(user) == len(known[user])
                known[user].clear()
            for one, ids in known.items():
                assert {found.id for found in memories.search("of a", 100, user_id=one)} == ids
