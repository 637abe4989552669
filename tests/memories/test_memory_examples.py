"""The programs of examples/memory do what they say, one after the other and a second time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.http_server import HttpServer
from vicinal.server.keys import KeyFile

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "memory"


def run(program: str, *words: str, said: str = "", folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / program), *words], input=said, capture_output=True, encoding="utf-8",
        timeout=60, check=False, cwd=folder,
        env={**os.environ, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_client_adds_a_session_and_finds_its_memories(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "data")
    (pair, secret), (_, admin) = keys.create("me", "write", signing=True), keys.create("admin", "admin")
    with HttpServer(tmp_path / "data", models="memory=hashing:256") as server, server.client(key=admin) as http:
        http.post("/api/memory/collection/create", json={"CollectionName": "sdk_demo"}).raise_for_status()
        environment = {
            "VIKINGDB_AK": pair.access_key or "", "VIKINGDB_SK": secret,
            "VIKINGDB_HOST": server.url.removeprefix("http://"),
        }  # fmt: skip
        told = run("01_init_client_and_collection.py", folder=tmp_path, **environment)
        assert "the server answers: True" in told
        for _ in range(2):  # a session that is added again replaces the first
            told = run("02_add_session.py", folder=tmp_path, **environment)
            assert told.startswith("status: success\nevent: How is the weather today?")
        told = run("03_search_memory.py", folder=tmp_path, **environment)
        assert set(told.splitlines()) == {
            "profile: likes hiking",
            "profile: is called Ada",
            "event: How is the weather today? Today is sunny, perfect for going out.",
            "events of the last week: 2",
        }


def test_the_chatbot_remembers_across_runs(tmp_path: Path) -> None:
    first = run("chatbot.py", "--user=ada", said="Hello\nI live in London.\n", folder=tmp_path)
    assert "I know nothing of you yet." in first
    assert "lives in London" in run("chatbot.py", "--user=ada", said="Where do I live?\n", folder=tmp_path)
    assert "London" not in run("chatbot.py", "--user=bob", said="Where do I live?\n", folder=tmp_path)
    gone = run("chatbot.py", "--user=ada", said="/forget\nWhere do I live?\n", folder=tmp_path)
    assert "forgotten: 1 memories" in gone
    assert "London" not in gone
