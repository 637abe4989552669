"""`vicinal backup`, `snapshot`, `restore`, `compact` and `drop`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vicinal

Command = Callable[..., Any]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with vicinal.connect(tmp_path / "db") as opened:
        opened.collection("docs").add(["a", "b"], vectors=[[1.0, 2.0], [3.0, 4.0]])
        opened.collection("more").add(["x"], vectors=[[1.0, 0.0]])
    return tmp_path / "db"


def ids(database: Path, name: str = "docs") -> list[Any]:
    with vicinal.connect(database) as opened:
        return opened.collection(name).ids()


def test_a_backup_is_a_database_of_its_own(database: Path, command: Command, tmp_path: Path) -> None:
    done = command("backup", database, tmp_path / "new" / "monday")
    assert done.code == 0
    assert done.out.splitlines() == [
        "docs: 2 rows copied.",
        "more: 1 row copied.",
        f"2 collections in {tmp_path / 'new' / 'monday'}.",
    ]
    command("delete", database, "docs", "a")
    assert ids(tmp_path / "new" / "monday") == ["a", "b"]
    one = command("backup", database, tmp_path / "one", "--collection", "more")
    assert one.out.startswith("more: 1 row copied.")
    with vicinal.connect(tmp_path / "one") as opened:
        assert opened.collections() == ["more"]


def test_a_backup_that_cannot_be_whole_is_not_begun(database: Path, command: Command, tmp_path: Path) -> None:
    assert command("backup", database, tmp_path / "there", "--collection", "more").code == 0
    done = command("backup", database, tmp_path / "there")
    assert (done.code, done.out) == (1, "")
    assert "holds a collection 'more' already" in done.err
    assert command("backup", database, tmp_path / "x", "--collection", "nothing").code == 1
    assert not (tmp_path / "x").exists()


def test_a_snapshot_is_taken_listed_restored_and_deleted(database: Path, command: Command) -> None:
    assert command("snapshot", database, "docs", "before").out == "The snapshot before of docs holds 2 rows.\n"
    assert "before" in command("snapshot", database, "docs").out
    [shown] = json.loads(command("snapshot", database, "docs", "--json").out)
    assert (shown["name"], shown["rows"]) == ("before", 2)
    command("delete", database, "docs", "a")
    asked = command("restore", database, "docs", "before")
    assert (asked.code, "--yes" in asked.err) == (1, True)
    assert ids(database) == ["b"]
    assert command("restore", database, "docs", "before", "--yes").out == "docs is as the snapshot before: 2 rows.\n"
    assert ids(database) == ["a", "b"]
    assert command("snapshot", database, "docs", "before", "--drop").code == 0
    assert json.loads(command("snapshot", database, "docs", "--json").out) == []


def test_snapshots_that_are_not_there(database: Path, command: Command) -> None:
    for arguments in (("restore", "docs", "none", "--yes"), ("snapshot", "docs", "none", "--drop")):
        done = command(arguments[0], database, *arguments[1:])
        assert (done.code, "none" in done.err) == (1, True)
    assert "--drop needs the name" in command("snapshot", database, "docs", "--drop").err
    command("snapshot", database, "docs", "twice")
    assert command("snapshot", database, "docs", "twice").code == 1


def test_compact_tells_what_it_removed(database: Path, command: Command) -> None:
    command("delete", database, "docs", "a")
    assert command("compact", database, "docs").out.startswith("docs: 1 dead row removed; ")


def test_a_collection_is_dropped_only_on_purpose(database: Path, command: Command) -> None:
    command("snapshot", database, "docs", "kept")
    asked = command("drop", database, "docs")
    assert asked.code == 1
    assert "Delete docs, 2 rows and 1 snapshot" in asked.err
    assert command("drop", database, "docs", "--yes").out == "docs is deleted.\n"
    with vicinal.connect(database) as opened:
        assert opened.collections() == ["more"]
    assert "there is no collection 'docs'" in command("drop", database, "docs", "--yes").err
