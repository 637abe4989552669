"""Inspecting a database from the command line."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import vicinal

Command = Callable[..., Any]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "database"
    with vicinal.connect(path) as opened:
        docs = opened.collection("docs", encoder="hashing:64")
        docs.add(["a", "b [bold]"], texts=["plants make sugar", "knives are\nsharpened"], metadata=[{"year": 2024}, {}])
        opened.collection("empty", dimension=4)
    return path


def test_search_prints_the_best_first(database: Path, command: Command) -> None:
    done = command("search", database, "docs", "sharpened knives")
    lines = done.out.splitlines()
    best = next(i for i, line in enumerate(lines) if "b [bold]" in line)
    assert "knives are sharpened" in lines[best]
    assert any("year: 2024" in line and "plants make sugar" in line for line in lines[best:])
    assert "2 rows, metric cosine" in done.out


def test_search_by_words(database: Path, command: Command) -> None:
    done = command("search", database, "docs", "+sharpened -plants", "--mode", "keyword")
    assert "knives are sharpened" in done.out
    assert "plants" not in done.out
    assert "1 row, metric bm25" in done.out
    assert (
        "1 row," in command("search", database, "docs", "+sharpened", "--mode", "hybrid", "--syntax", "operators").out
    )
    assert "2 rows" in command("search", database, "docs", "+sharpened -plants", "--mode", "hybrid").out
    assert "there is no mode 'words'" in command("search", database, "docs", "x", "--mode", "words").err


def test_k_is_an_option_or_a_setting(database: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("search", database, "docs", "knives", "--json")
    assert len(command(*arguments).out.splitlines()) == 2
    assert len(command(*arguments, "-k", 1).out.splitlines()) == 1
    monkeypatch.setenv("MAX_RESULTS", "1")
    assert len(command(*arguments).out.splitlines()) == 1
    assert command(*arguments, "-k", 0).code == 2
    monkeypatch.setenv("MAX_RESULTS", "many")
    assert "environment variable MAX_RESULTS" in command(*arguments).err


def test_search_as_json_gives_one_object_a_line(database: Path, command: Command) -> None:
    hits = [
        json.loads(line) for line in command("search", database, "docs", "plants make sugar", "--json").out.splitlines()
    ]
    assert [hit["id"] for hit in hits] == ["a", "b [bold]"]
    assert hits[0]["metadata"] == {"year": 2024}
    assert hits[0]["score"] == pytest.approx(1.0)
    assert hits[0]["distance"] == pytest.approx(0.0, abs=1e-6)
    assert hits[1]["text"] == "knives are\nsharpened"


def test_stats_lists_collections_or_shows_one(database: Path, command: Command) -> None:
    overview = command("stats", database).out
    assert all(word in overview for word in ("docs", "hashing:64", "empty", "none", "cosine"))
    details = command("stats", database, "docs").out
    assert "bytes on disk" in details
    assert "hashing:64" in details


def test_stats_as_json(database: Path, command: Command) -> None:
    everything = json.loads(command("stats", database, "--json").out)
    assert [(one["name"], one["rows"]) for one in everything] == [("docs", 2), ("empty", 0)]
    assert json.loads(command("stats", database, "docs", "--json").out) == everything[0]


@pytest.mark.parametrize("arguments", [("stats",), ("search", "docs", "x"), ("export", "docs", "x.csv")])
def test_looking_creates_nothing(arguments: tuple[str, ...], database: Path, command: Command, tmp_path: Path) -> None:
    verb, *rest = arguments
    done = command(verb, tmp_path / "nowhere", *rest)
    assert done.code == 1
    assert done.err.startswith("vicinal: there is no database at")
    assert not (tmp_path / "nowhere").exists()


def test_a_missing_collection_is_answered_with_those_there_are(database: Path, command: Command) -> None:
    done = command("search", database, "doc", "x")
    assert (done.code, done.out) == (1, "")
    assert "there is no collection 'doc'" in done.err
    assert "There are: docs, empty." in done.err
    with vicinal.connect(database) as opened:
        assert opened.collections() == ["docs", "empty"]


def test_search_with_a_filter(database: Path, command: Command) -> None:
    done = command("search", database, "docs", "sharpened knives", "--where", '{"year": {"$gte": 2024}}', "--json")
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ["a"]
    for wrong in ("year=2024", "[1]", "{", '{"year": {"$date": "x"}}', "5"):
        done = command("search", database, "docs", "x", "--where", wrong)
        assert (done.code, done.err.count("\n")) == (1, 1)
        assert "the filter is not a JSON object" in done.err
        assert "stored metadata" not in done.err


def test_a_query_that_begins_with_a_dash(database: Path, command: Command) -> None:
    done = command("search", database, "docs", "-5")
    assert done.code == 2
    assert "write --" in done.err
    assert command("search", database, "docs", "--", "-5").code == 0


def test_explain_tells_how_a_search_came_to_its_hits(database: Path, command: Command) -> None:
    done = command("explain", database, "docs", "sharpened knives", "--mode", "hybrid")
    assert (done.code, done.err) == (0, "")
    assert "mode hybrid, k=10: 2 hits" in done.out
    assert "keyword 1" in done.out
    told = json.loads(command("explain", database, "docs", "knives", "--where", '{"year": 2024}', "--json").out)
    assert (told["filter"]["rows"], told["filter"]["of"]) == (1, 2)


def test_explain_tells_why_a_row_is_not_there(database: Path, command: Command) -> None:
    done = command("explain", database, "docs", "+sharpened", "--mode", "keyword", "--why-not", "a")
    assert "required_word" in done.out
    told = json.loads(command("explain", database, "docs", "x", "--why-not", "9" * 30, "--json").out)
    assert (told["id"], told["reason"]) == ("9" * 30, "not_there")


def test_ids_of_every_type_are_found_by_what_is_written(tmp_path: Path, command: Command) -> None:
    number, unique = -7, uuid.uuid4()
    with vicinal.connect(tmp_path / "db") as opened:
        opened.collection("docs", encoder="hashing:16").add([number, unique], texts=["one", "two"])
    for id_ in (number, unique):
        done = command("explain", tmp_path / "db", "docs", "one", f"--why-not={id_}", "--json")
        assert json.loads(done.out)["reason"] == "found"


def test_hybrid_search_is_weighed_and_fused(tmp_path: Path, command: Command) -> None:
    with vicinal.connect(tmp_path / "db") as opened:
        docs = opened.collection("docs", encoder="hashing:64")
        near = docs.get(docs.add(texts=["plants"]), vectors=True)[0].vector
        assert near is not None
        docs.delete(docs.ids())
        docs.add(["by word", "by vector"], texts=["plants", "knives"], vectors=[-near, near])
    asked = ("search", tmp_path / "db", "docs", "plants", "--mode", "hybrid")
    for alpha, best in ((0, "by word"), (1, "by vector")):
        assert json.loads(command(*asked, "--json", "-k", 1, "--alpha", alpha).out)["id"] == best
    assert "metric rrf" in command(*asked, "--fusion", "rrf").out
    assert command(*asked, "--alpha", 2).code == 2
    assert "there is no fusion 'rff'" in command(*asked, "--fusion", "rff").err
    assert "mode 'dense'" in command(*asked[:4], "--alpha", 0.5).err


def test_metadata_is_shown_in_words_or_by_chosen_fields(tmp_path: Path, command: Command) -> None:
    metadata = {
        "year": 2024,
        "tags": ["gold", "tested"],
        "ok": True,
        "author": {"name": "Ada"},
        "day": date(2024, 5, 1),
    }
    with vicinal.connect(tmp_path / "db") as opened:
        opened.collection("docs", encoder="hashing:16").add(["a"], texts=["one"], metadata=[metadata])
    whole = " ".join(command("search", tmp_path / "db", "docs", "one").out.split())
    assert "year: 2024; tags: gold, tested; ok: yes; author: (name: Ada); day: 2024-05-01" in whole
    assert "{" not in whole
    chosen = command("search", tmp_path / "db", "docs", "one", "--fields", "author.name, year").out
    assert re.search(r"score +id +text +author\.name +year", chosen)
    assert re.search(r"a +one +Ada +2024", chosen)
    told = json.loads(command("search", tmp_path / "db", "docs", "one", "--fields", "year,none", "--json").out)
    assert told["metadata"] == {"year": 2024}
