"""`vicinal get`, `peek` and `delete`."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import vicinal

Command = Callable[..., Any]
UNIQUE = UUID("0b5e0ef0-6e3f-4f0e-9e0a-2f5b1f1d2c3d")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    ids = [7, "7", UNIQUE, "a", "-x"]
    texts = ["number", "text", "unique", "letter", "dash"]
    metadata = [{"year": 2000 + i} for i in range(5)]
    with vicinal.connect(tmp_path / "db") as opened:
        opened.collection("docs", encoder="hashing:16").add(ids, texts=texts, metadata=metadata)
    return tmp_path / "db"


def ids_left(database: Path) -> list[Any]:
    with vicinal.connect(database) as opened:
        return opened.collection("docs").ids()


@pytest.mark.parametrize(
    ("written", "text"), [("7", "number"), ('"7"', "text"), (str(UNIQUE), "unique"), ("a", "letter"), ('"a"', "letter")]
)
def test_an_id_is_what_the_table_shows(database: Path, command: Command, written: str, text: str) -> None:
    shown = command("get", database, "docs", written)
    assert (shown.code, shown.err) == (0, "")
    assert text in shown.out
    assert "1 row" in shown.out
    if written != '"a"':
        assert written in shown.out


def test_a_number_means_the_text_where_there_is_no_such_number(tmp_path: Path, command: Command) -> None:
    with vicinal.connect(tmp_path / "db") as opened:
        opened.collection("docs", encoder="hashing:16").add(["12"], texts=["text"])
    assert json.loads(command("get", tmp_path / "db", "docs", "12", "--json").out)["id"] == "12"


def test_rows_come_as_typed_json_with_vectors(database: Path, command: Command) -> None:
    shown = command("get", database, "docs", UNIQUE, "7", "--json", "--vectors")
    first, second = map(json.loads, shown.out.splitlines())
    assert (first["id"], second["id"]) == ({"$uuid": str(UNIQUE)}, 7)
    assert len(first["vector"]) == 16
    assert "vector" not in json.loads(command("get", database, "docs", "7", "--json").out)


def test_rows_by_filter_in_an_order(database: Path, command: Command) -> None:
    arguments = (
        "get",
        database,
        "docs",
        "--where",
        '{"year": {"$gte": 2002}}',
        "--order-by",
        "year",
        "--descending",
        "--json",
    )
    years = [json.loads(line)["metadata"]["year"] for line in command(*arguments).out.splitlines()]
    assert years == [2004, 2003, 2002]
    limited = command(*arguments, "--limit", 1)
    assert [json.loads(line)["metadata"]["year"] for line in limited.out.splitlines()] == [2004]
    assert limited.err == "There are more than 1 row; --limit shows more.\n"
    assert "There are more" not in command(*arguments, "--limit", 3).err


def test_what_is_not_there_is_named(database: Path, command: Command) -> None:
    some = command("get", database, "docs", "a", "b")
    assert (some.code, "letter" in some.out) == (0, True)
    assert some.err == "vicinal: docs has no row 'b'.\n"
    none = command("get", database, "docs", "b")
    assert (none.code, none.out) == (1, "")
    assert "docs has no row 'b'" in none.err
    filtered = command("get", database, "docs", "a", "--where", '{"year": 1}')
    assert "docs has no row 'a' that matches the filter" in filtered.err


def test_peek_shows_the_first_rows(database: Path, command: Command) -> None:
    shown = command("peek", database, "docs", "-n", 2)
    assert "number" in shown.out
    assert "unique" not in shown.out
    assert len(command("peek", database, "docs", "--json").out.splitlines()) == 5
    assert command("peek", database, "docs", "-n", 0).code == 2


def test_rows_are_deleted_by_id(database: Path, command: Command) -> None:
    done = command("delete", database, "docs", "7", "nobody")
    assert done.out == "1 row deleted; docs holds 4.\n"
    assert done.err == "1 id had no row.\n"
    assert command("delete", database, "docs", '"7"', "--", "-x").out == "2 rows deleted; docs holds 2.\n"
    assert ids_left(database) == [UNIQUE, "a"]


def test_nothing_is_deleted_without_being_told_what(database: Path, command: Command) -> None:
    done = command("delete", database, "docs")
    assert done.code == 1
    assert "Add ids or --where" in done.err
    assert len(ids_left(database)) == 5


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_filter_is_counted_and_asked_for(database: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("delete", database, "docs", "--where", '{"year": {"$lt": 2002}}')
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    refused = command(*arguments)
    assert (refused.code, "--yes" in refused.err) == (1, True)
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    declined = command(*arguments)
    assert declined.code == 1
    assert declined.err == "Delete 2 rows of docs? [y/N] Nothing was changed.\n"
    monkeypatch.setattr("sys.stdin", Terminal(""))  # Ctrl-D
    assert command(*arguments).code == 1
    assert len(ids_left(database)) == 5
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert command(*arguments).out == "2 rows deleted; docs holds 3.\n"
    assert command("delete", database, "docs", "--where", '{"year": 2004}', "-y").out.startswith("1 row deleted")
    assert command(*arguments).out == "0 rows deleted; docs holds 2.\n"  # nothing to be asked about
