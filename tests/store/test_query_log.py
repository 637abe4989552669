"""The query log: opt-in, stored beside the rows, bounded, and erased with deleted rows."""

from __future__ import annotations

import gc
import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
from vicinal.errors import Damaged, InvalidArgument, InvalidText, NotAllowed
from vicinal.store import query_log
from vicinal.store.query_log import FILE_NAME


@pytest.fixture(params=["memory", "path"])
def docs(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with vicinal.connect(":memory:" if request.param == "memory" else tmp_path) as db:
        docs = db.collection("docs", encoder="hashing:16")
        docs.add(["a", "b", "c"], texts=["amber", "bronze", "cobalt"], metadata=[{"n": i} for i in range(3)])
        yield docs


def log_file(docs: Any) -> Path:
    return Path(docs.stats().path) / FILE_NAME


def test_nothing_is_logged_unless_it_is_asked_for(docs: Any) -> None:
    docs.search("amber")
    assert docs.logged_queries() == docs.slow_queries() == []
    assert not log_file(docs).exists()


def test_every_kind_of_search_is_logged_once_with_what_it_was(docs: Any) -> None:
    docs.log_queries()
    before = datetime.now(UTC)
    docs.search("amber", 2, {"n": {"$gte": 1}}, mode="keyword")
    docs.search(np.ones(16), k=1)
    docs.search(id="a")
    docs.search_many(["amber", "bronze"], k=2)
    docs.search_range("amber", min_score=-1)
    docs.recommend(["a"], "b")
    docs.search("amber", 1, rerank="lexical")
    docs.explain("amber")
    docs.why_not("a", "amber")
    found = docs.logged_queries()[::-1]
    assert [(one.call, one.query, one.k, one.mode, one.hits) for one in found] == [
        ("search", "amber", 2, "keyword", 0),
        ("search", "a vector of 16", 1, "dense", 1),
        ("search", "neighbours of 'a'", 10, "dense", 2),
        ("search_many", "2 queries, the first: amber", 2, "dense", 4),
        ("search_range", "amber", None, "dense", 3),
        ("recommend", "like 1 example, unlike 1 example", 10, "dense", 1),
        ("search", "amber", 1, "dense", 1),
    ]
    assert [one.where for one in found] == ["n >= 1", *[""] * 6]
    assert all(before - timedelta(seconds=1) <= one.at <= datetime.now(UTC) and one.seconds > 0 for one in found)


def test_the_slowest_come_first(docs: Any) -> None:
    docs.log_queries()
    for i in range(30):
        docs.search("amber", k=i + 1)
    slow, every = docs.slow_queries(5), docs.logged_queries(99)
    assert [one.seconds for one in slow] == sorted((one.seconds for one in every), reverse=True)[:5]
    assert [one.k for one in every] == list(range(30, 0, -1))
    assert len(docs.logged_queries(4)) == 4


def test_it_is_bounded_and_takes_only_what_is_slow_enough(docs: Any) -> None:
    docs.log_queries(keep=5)
    for i in range(12):
        docs.search("amber", k=i + 1)
    assert [one.k for one in docs.logged_queries()] == [12, 11, 10, 9, 8]
    docs.log_queries(slower_than=100.0)
    docs.search("amber", k=99)
    assert docs.logged_queries()[0].k == 12
    docs.log_queries(False)
    docs.search("amber", k=98)
    assert docs.logged_queries()[0].k == 12


def test_long_texts_and_filters_are_cut(docs: Any) -> None:
    docs.log_queries()
    docs.search("amber " * 10_000, where={"n": {"$in": list(range(5_000))}})
    [entry] = docs.logged_queries()
    assert len(entry.query) == 500
    assert len(entry.where) <= 500
    assert "\x1b" not in repr(docs.search("\x1b[2J") and docs.logged_queries(1)[0])
    assert json.loads(entry.to_json())["call"] == "search"
    assert "<b>" not in (docs.search("<b>") and docs.logged_queries(1)[0]._repr_html_())


def test_what_is_refused_is_no_search(docs: Any) -> None:
    docs.log_queries()
    with pytest.raises(InvalidText):
        docs.search("amber \ud800", mode="keyword")
    assert docs.logged_queries() == []


def test_it_goes_on_in_whoever_opens_the_collection_later(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", encoder="hashing:16")
        docs.add(["a"], texts=["amber"])
        docs.log_queries(keep=3)
        docs.search("first")
    program = """
        import sys, vicinal
        with vicinal.connect(sys.argv[1]) as db:
            docs = db.collection("docs")
            docs.search("second")
            print([one.query for one in docs.logged_queries()])
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['second', 'first']\n"
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        docs.search("third")
        assert [one.query for one in docs.logged_queries()] == ["third", "second", "first"]
        docs.log_queries(False)
    with vicinal.connect(tmp_path) as db:
        db.collection("docs").search("fourth")
        assert db.collection("docs").logged_queries(1)[0].query == "third"


def test_the_housekeeping_thread_writes_it(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", encoder="hashing:16")
        docs.log_queries()
        docs.search("amber")
        log = docs._context.store.query_log
        log.flush()
        assert not log._waiting
        assert docs.logged_queries()[0].query == "amber"


def test_purge_erases_it_bytes_included_and_logging_goes_on(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", encoder="hashing:16")
        docs.add(["a"], texts=["amber"])
        docs.log_queries()
        docs.search("a secret question")
        assert docs.logged_queries()[0].query == "a secret question"
        assert docs.purge().complete
        assert docs.logged_queries() == []
        held = b"".join(path.read_bytes() for path in tmp_path.rglob(f"{FILE_NAME}*"))
        assert b"secret" not in held
        docs.search("another")
        assert docs.logged_queries()[0].query == "another"


def test_copies_have_none_and_a_dropped_collection_leaves_none(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path / "one") as db:
        docs = db.collection("docs", encoder="hashing:16")
        docs.add(["a"], texts=["amber"])
        docs.log_queries()
        docs.search("amber")
        docs.logged_queries()
        docs.snapshot("kept")
        copy = Path(docs.backup(tmp_path / "two"))
        assert not list(copy.rglob(FILE_NAME))
        assert [path.parent for path in (tmp_path / "one").rglob(FILE_NAME)] == [Path(docs.stats().path)]
        assert docs.verify().ok
        db.drop("docs")
        docs = db.collection("docs", encoder="hashing:16")
        docs.search("amber")
        assert docs.logged_queries() == []


DAMAGE = ["garbage", "folder", "truncated", "foreign"]


def damaged(folder: Path, damage: str) -> Path:
    """A collection with a damaged query log; returns the path of the log."""
    with vicinal.connect(folder) as db:
        docs = db.collection("docs", encoder="hashing:16")
        docs.add(["a"], texts=["amber"])
        docs.log_queries()
        docs.search("amber")
        path = log_file(docs)
    gc.collect()
    for extra in (f"{path}-wal", f"{path}-shm"):
        if os.path.exists(extra):
            os.remove(extra)
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage == "foreign":
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE queries(something TEXT)")
            other.commit()
    else:
        path.write_bytes(b"garbage" * 1000 if damage == "garbage" else content[:1500])
    return path


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_log_costs_no_search(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    damaged(tmp_path, damage)
    with vicinal.connect(tmp_path) as db:
        assert db.collection("docs").search("amber").ids == ["a"]
        assert db.collection("docs").verify().ok
    assert "log of searches" in caplog.text


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_log_can_be_begun_anew_and_purged(tmp_path: Path, damage: str) -> None:
    path = damaged(tmp_path / "one", damage)
    with vicinal.connect(tmp_path / "one") as db:
        docs = db.collection("docs", encoder="hashing:16")
        with pytest.raises(Damaged, match=r"log_queries\(\) begins a new one and purge\(\) erases it"):
            docs.slow_queries()
        docs.log_queries()
        docs.search("amber again")
        assert [entry.query for entry in docs.logged_queries()] == ["amber again"]
    path = damaged(tmp_path / "two", damage)
    with vicinal.connect(tmp_path / "two") as db:
        docs = db.collection("docs", encoder="hashing:16")
        assert docs.purge().complete
        assert not path.exists() or path.is_file()
        assert docs.logged_queries() == []
        docs.log_queries()
        docs.search("amber")
        assert len(docs.logged_queries()) == 1
    damaged(tmp_path / "three", damage)
    with vicinal.connect(tmp_path / "three") as db:
        docs = db.collection("docs", encoder="hashing:16")
        docs.log_queries(False)
        assert docs.logged_queries() == []


def test_a_log_damaged_while_it_is_written_goes_on_after_purge(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", encoder="hashing:16")
        docs.add(["a"], texts=["amber"])
        docs.log_queries()
        docs.search("secret")
        path = log_file(docs)
        docs._context.store.query_log._file.close()
        path.write_bytes(b"secret garbage" * 1000)
        assert docs.purge().complete
        docs.search("amber")
        assert [entry.query for entry in docs.logged_queries()] == ["amber"]
        assert b"secret" not in path.read_bytes()


@pytest.mark.parametrize("damage", [b"garbage" * 1000, b""])
def test_a_damaged_cache_of_encoders_is_purged_too(tmp_path: Path, damage: bytes) -> None:
    with vicinal.connect(tmp_path, encoder_cache="disk") as db:
        db.collection("docs", encoder="hashing:16").add(["a"], texts=["amber"])
    (tmp_path / "encoder-cache.db").write_bytes(damage)
    with vicinal.connect(tmp_path, encoder_cache="disk") as db:
        docs = db.collection("docs")
        assert docs.purge().complete
        assert docs.search("amber").ids == ["a"]


def test_a_log_that_cannot_be_written_costs_no_search(
    docs: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    docs.log_queries()
    if not docs._context.store.on_disk:
        pytest.skip("nothing is written in memory")
    docs.search("amber")

    def full(*_: object) -> None:
        raise vicinal.errors.DiskFull("no space left on the disk")

    monkeypatch.setattr(query_log, "_append", full)
    docs._context.store.query_log.flush()
    assert "1 entries of the log of searches are lost" in caplog.text
    assert docs.search("amber").ids[0] == "a"


def test_a_handle_that_sees_a_part_of_the_rows_does_not_see_what_others_asked(docs: Any) -> None:
    mine = docs.within({"n": 1})
    for call in (mine.slow_queries, mine.logged_queries, mine.log_queries):
        with pytest.raises(NotAllowed, match="everybody"):
            call()
    docs.log_queries()
    mine.search("amber")
    assert docs.logged_queries()[0].hits == 1


@pytest.mark.parametrize(
    "wrong",
    [{"on": 1}, {"keep": 0}, {"keep": True}, {"keep": 1.5}, {"slower_than": -1}, {"slower_than": float("nan")}],
)
def test_what_cannot_be_meant_is_refused(docs: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        docs.log_queries(**wrong)
    for n in (0, True, "3", None):
        with pytest.raises(InvalidArgument):
            docs.slow_queries(n)
