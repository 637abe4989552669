"""`vicinal keys`: shown once when created, listed without the secret, revoked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.errors import KeyRefused
from vicinal.server.keys import KeyRing

Command = Callable[..., Any]


def test_a_key_is_printed_once_and_ended_by_its_id(command: Command, tmp_path: Path) -> None:
    path = str(tmp_path / "data")
    os.mkdir(path)
    where = '{"tenant": "acme", "since": {"$gte": {"$date": "2024-05-01"}}}'
    made = command(
        "keys", "create", path, "--role", "write", "--name", "acme", "--where", where, "--collection", "docs"
    )
    assert made.code == 0
    secret = made.out.strip()
    key = KeyRing(path, required=True).find(secret)
    assert (key.name, key.role, key.collections) == ("acme", "write", ("docs",))
    assert key.where is not None
    assert key.where["since"]["$gte"].year == 2024
    listed = command("keys", "list", path)
    assert key.id in listed.out
    assert secret not in listed.out
    [shown] = json.loads(command("keys", "list", path, "--json").out)
    assert shown["state"] == "active"
    assert "hash" not in shown
    assert command("keys", "revoke", path, key.id).code == 0
    assert json.loads(command("keys", "list", path, "--json").out)[0]["state"] == "revoked"
    with pytest.raises(KeyRefused):
        KeyRing(path, required=True).find(secret)


@pytest.mark.parametrize(
    "arguments",
    [("create", "--role", "owner"), ("create", "--where", "{"), ("create", "--days", "0"), ("revoke", "nobody")],
)
def test_what_cannot_be_is_one_line(command: Command, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    name, *more = arguments
    (tmp_path / "data").mkdir()
    done = command("keys", name, str(tmp_path / "data"), *more)
    assert done.code == 1
    assert done.err.startswith("vicinal: ")
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("call", [["create"], ["list"], ["list", "--json"], ["revoke", "3f0a91c2de"]])
def test_keys_of_a_folder_that_is_not_there(command: Command, tmp_path: Path, call: list[str]) -> None:
    done = command("keys", call[0], str(tmp_path / "typo"), *call[1:])
    assert (done.code, done.out) == (1, "")
    assert "there is no database at" in done.err
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("call", [["create"], ["list"], ["revoke", "3f0a91c2de"]])
def test_keys_in_a_folder_that_is_no_database(command: Command, tmp_path: Path, call: list[str]) -> None:
    (tmp_path / "notes.txt").write_text("something else")
    done = command("keys", call[0], str(tmp_path), *call[1:])
    assert (done.code, done.out) == (1, "")
    assert "which holds other files" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_key_is_made_in_an_empty_folder_and_beside_collections(command: Command, tmp_path: Path) -> None:
    (tmp_path / "volume" / "lost+found").mkdir(parents=True)  # as a fresh file system has it
    assert command("keys", "create", tmp_path / "volume").code == 0
    assert command("keys", "create", tmp_path / "volume").code == 0
    with vicinal.connect(tmp_path / "data") as database:
        database.collection("docs", dimension=2)
    assert command("keys", "create", tmp_path / "data").code == 0
