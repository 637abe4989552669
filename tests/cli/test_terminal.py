"""No command prints stored texts or names in a form that affects the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vicinal

Command = Callable[..., Any]
EVIL = "a\x1b[2J\x1b]52;c;cm0gLXJm\x07\x9b2J\u202egnp.exe \x7f"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with vicinal.connect(tmp_path / "database") as opened:
        docs = opened.collection(EVIL, encoder="hashing:64")
        docs.add([EVIL, "b"], texts=[EVIL, f"words {EVIL}"], metadata=[{EVIL: EVIL}, {}])
    return tmp_path / "database"


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", EVIL, "words"),
        ("search", EVIL, "words", "--json"),
        ("search", EVIL, "words", "--mode", "keyword"),
        ("search", f"no {EVIL}", "words"),
        ("search", EVIL, "words", "--mode", EVIL),
        ("search", EVIL, "words", "--fields", EVIL),
        ("get", EVIL),
        ("get", EVIL, EVIL, "--json"),
        ("get", EVIL, f"no {EVIL}"),
        ("peek", EVIL),
        ("delete", EVIL, EVIL),
        ("snapshot", EVIL),
        ("restore", EVIL, EVIL),
        ("compact", EVIL),
        ("drop", EVIL),
        ("stats",),
        ("stats", "--json"),
        ("stats", EVIL),
        ("stats", EVIL, "--json"),
        ("verify",),
        ("repair", EVIL),
    ],
    ids=repr,
)
def test_nothing_acts_on_the_terminal(database: Path, command: Command, arguments: tuple[str, ...]) -> None:
    done = command(arguments[0], database, *arguments[1:])
    for printed in (done.out, done.err):
        assert all(character.isprintable() or character == "\n" for character in printed), printed
    if "--json" in arguments and arguments[0] == "search":
        assert EVIL in [json.loads(line)["id"] for line in done.out.splitlines()]
