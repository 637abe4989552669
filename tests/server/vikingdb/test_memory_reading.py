"""Sessions that a language model reads behind the server: in any worker, once each, and after a kill."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.chat_server import Answer, ChatServer, says, serving
from support.http_server import HttpServer
from vicinal.server.keys import KeyFile

SECONDS_MAX = 60


@dataclass
class Model:
    """Extracts the text of a turn as an event and a fact.

    Attributes:
        asked: how often each text was read.
        may_answer: it responds only when this is set.
    """

    asked: Counter[str] = field(default_factory=Counter)
    may_answer: threading.Event = field(default_factory=threading.Event)
    is_asked: threading.Event = field(default_factory=threading.Event)

    def __call__(self, path: str, request: Any) -> Answer:
        prompt = request["messages"][0]["content"]
        [line] = [line for line in prompt.splitlines() if line.startswith('{"turn": 0')]
        text = json.loads(line)["messages"][0]["content"]
        self.asked[text] += 1
        self.is_asked.set()
        assert self.may_answer.wait(SECONDS_MAX)
        if "nonsense" in text:
            return says("I would rather not.")
        event = {"turn": 0, "type": "event_v1", "info": {"summary": f"Read: {text}"}}
        fact = {"turn": 0, "type": "profile_v1", "info": {"topic": "last", "user_profile": f"said: {text}"}}
        return says(json.dumps({"events": [event], "profiles": [fact]}))


@pytest.fixture
def model() -> Iterator[Model]:
    found = Model()
    yield found
    found.may_answer.set()


@pytest.fixture
def chat(model: Model) -> Iterator[ChatServer]:
    with serving(model) as started:
        yield started


def started(path: Path, chat: ChatServer) -> HttpServer:
    environment = {"LLM_MODEL": "stand-in", "LLM_URL": chat.url, "LLM_API_KEY": "sk-secret"}
    return HttpServer(path, workers=2, environment=environment, models="memory=hashing:64", timeout=20)


def add(http: httpx.Client, session_id: str, text: str, user: str, group: str | None = None) -> None:
    body = {
        "collection_name": "read",
        "session_id": session_id,
        "messages": [{"role": "user", "content": text}],
        "metadata": {"default_user_id": user, "default_assistant_id": "bot", "group_id": group},
    }
    answer = http.post("/api/memory/session/add", json=body)
    assert answer.status_code == 200, answer.text


def info(http: httpx.Client, session_id: str) -> dict[str, Any]:
    answer = http.post("/api/memory/session/info", json={"collection_name": "read", "session_id": session_id})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


def read(http: httpx.Client, session_id: str) -> dict[str, Any]:
    """Returns a session, once a model has read it."""
    end = time.monotonic() + SECONDS_MAX
    while (told := info(http, session_id))["status"] == "processing":
        assert time.monotonic() < end
        time.sleep(0.05)
    return told


def found(http: httpx.Client, user: str, kind: str) -> list[str]:
    body = {"collection_name": "read", "filter": {"user_id": user}}
    listed = http.post(f"/api/memory/{kind}/search", json=body).json()["data"]["result_list"]
    return sorted(one["memory_info"]["summary" if kind == "event" else "user_profile"] for one in listed)


@pytest.fixture
def server(tmp_path: Path, chat: ChatServer) -> Iterator[HttpServer]:
    KeyFile(tmp_path / "data").create("boss", "admin")
    with started(tmp_path / "data", chat) as server:
        yield server


def maker(server: HttpServer, where: dict[str, Any] | None = None) -> httpx.Client:
    _, key = KeyFile(server.path).create("one", "admin" if where is None else "write", where=where)
    return server.client(key=key)


@pytest.fixture
def http(server: HttpServer) -> Iterator[httpx.Client]:
    with maker(server) as http:
        made = http.post("/api/memory/collection/create", json={"CollectionName": "read"})
        assert made.status_code == 200, made.text
        yield http


@pytest.mark.slow
def test_a_model_reads_each_session_once(server: HttpServer, http: httpx.Client, model: Model) -> None:
    add(http, "s1", "I broke my arm.", "ada")
    assert model.is_asked.wait(SECONDS_MAX)
    assert info(http, "s1")["status"] == "processing"
    assert found(http, "ada", "event") == []
    model.may_answer.set()
    told = read(http, "s1")
    assert (told["status"], told["event_memory"][0]["memory_info"]) == (
        "success", {"summary": "Read: I broke my arm."},
    )  # fmt: skip
    assert told["usage"]["llm_input_tokens"] > 0
    for i in range(6):  # over separate connections, so that both workers have some
        with maker(server) as other:
            add(other, f"more{i}", f"number {i}", "bob")
    add(http, "bad", "nonsense", "bob")
    assert {read(http, f"more{i}")["status"] for i in range(6)} == {"success"}
    assert read(http, "bad")["status"] == "failed"
    assert found(http, "bob", "event") == [f"Read: number {i}" for i in range(6)]
    assert len(found(http, "bob", "profile")) == 1
    assert set(model.asked.values()) == {1}
    assert "not a JSON object" in next(one for one in server.events("session read") if one["session"] == "bad")["error"]
    with maker(server, {"group_id": "g"}) as groups:
        add(groups, "own", "I own a cat.", "gus", group="g")
        assert read(groups, "own")["status"] == "success"
        add(groups, "ada", "I own a dog.", "ada", group="g")  # there is a fact of hers that the key does not reach
        assert read(groups, "ada")["status"] == "failed"
    assert found(http, "gus", "profile") == ["said: I own a cat."]
    assert found(http, "ada", "profile") == ["said: I broke my arm."]
    assert found(http, "ada", "event") == ["Read: I broke my arm."]


@pytest.mark.slow
def test_what_a_kill_left_unread_is_read_after_the_next_start(
    server: HttpServer, http: httpx.Client, model: Model, chat: ChatServer
) -> None:
    for i in range(4):
        add(http, f"left{i}", f"left {i}", "eve")
    assert model.is_asked.wait(SECONDS_MAX)
    os.kill(server.process.pid, signal.SIGKILL)  # its workers end with it
    server.process.wait(SECONDS_MAX)
    model.is_asked.clear()
    with started(server.path, chat) as again, maker(again) as http:
        assert model.is_asked.wait(SECONDS_MAX)
        assert {info(http, f"left{i}")["status"] for i in range(4)} == {"processing"}
        model.asked.clear()
        model.may_answer.set()
        assert {read(http, f"left{i}")["status"] for i in range(4)} == {"success"}
        assert found(http, "eve", "event") == [f"Read: left {i}" for i in range(4)]
        assert set(model.asked.values()) <= {1}
        model.may_answer.clear()
        model.is_asked.clear()
        add(http, "last", "the last", "eve")
        assert model.is_asked.wait(SECONDS_MAX)
        assert again.stop() == 0  # even while the model is busy
        model.may_answer.set()
        assert "sk-secret" not in again.log()
