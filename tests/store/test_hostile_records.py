"""Records from an untrusted source, with valid checksums, are rejected by name, and do not affect other rows."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

import vicinal
from vicinal.store.checksum import crc_of
from vicinal.store.connections import connect_file
from vicinal.store.files import DiskFiles
from vicinal.store.folder_names import folder_name
from vicinal.store.state import read_state, update_state

NAMES = ("docs", "victim")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with vicinal.connect(tmp_path / "data") as db:
        for name in NAMES:
            docs = db.collection(name, dimension=2)
            docs.add(["a", "b"], texts=["one", "two"], vectors=[[1, 0], [0, 1]], metadata=[{"n": 1}, {"n": 2}])
    return tmp_path / "data"


def records(database: Path, name: str = "docs") -> apsw.Connection:
    return apsw.Connection(str(database / folder_name(name) / "g1" / "records.db"))


def set_state(database: Path, **changes: Any) -> None:
    connection = records(database)
    update_state(connection, replace(read_state(connection), **changes))
    connection.close()


def seal(connection: apsw.Connection, slot: int, **columns: Any) -> None:
    """Sets columns of a row, and the valid checksum over it and its vector."""
    for name, value in columns.items():
        connection.execute(f"UPDATE rows SET {name} = ? WHERE slot = ?", (value, slot))
    found = connection.execute("SELECT * FROM rows WHERE slot = ?", (slot,)).fetchone()
    assert found is not None
    vector = np.eye(2, dtype=np.float32)[slot].tobytes()
    connection.execute("UPDATE rows SET crc = ? WHERE slot = ?", (crc_of(*found[:3], *found[4:], vector=vector), slot))


def everything(database: Path) -> dict[str, bytes]:
    folder = database / folder_name("victim")
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.suffix in (".f32", ".json", "")}


@pytest.mark.parametrize("moved_to", ["../../{victim}/g1", "g1", "g0", "", "g1/../g1", "/etc", "dropped/../g1", "g٢"])
@pytest.mark.parametrize("call", ["open", "drop", "repair", "verify"])
def test_records_that_moved_to_where_they_cannot_have_moved(call: str, moved_to: str, database: Path) -> None:
    set_state(database, moved_to=moved_to.format(victim=folder_name("victim")))
    with vicinal.connect(database) as db:
        if call == "verify":
            assert not db.verify("docs").ok
        elif call == "repair":
            with contextlib.suppress(vicinal.VicinalError):
                db.repair("docs")
        else:
            with pytest.raises(vicinal.errors.Damaged, match="moved to"):
                db.collection("docs") if call == "open" else db.drop("docs")
        victim = db.collection("victim")
        assert [record.id for record in victim.get()] == ["a", "b"]


def test_records_of_another_collection(database: Path) -> None:
    ours, theirs = (database / folder_name(name) / "g1" / "records.db" for name in NAMES)
    shutil.copy(theirs, ours)
    with vicinal.connect(database) as db:
        with pytest.raises(vicinal.errors.Damaged, match="'victim'"):
            db.collection("docs")
        assert db.collection("victim").count() == 2


@pytest.mark.parametrize(
    "changes",
    [{"dimension": 0}, {"dimension": -3}, {"dimension": 10**9}, {"next_slot": -1}, {"next_slot": 2**40}, {"change": -1},
     {"metric": "angle"}],
)  # fmt: skip
def test_numbers_that_cannot_be(changes: dict[str, Any], database: Path) -> None:
    set_state(database, **changes)
    with (
        vicinal.connect(database) as db,
        pytest.raises(vicinal.errors.Damaged, match=r"impossible|inconsistent|cannot"),
    ):
        db.collection("docs")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows; END",
        "CREATE VIEW v AS SELECT * FROM rows",
        "CREATE INDEX i ON rows(text)",
        "CREATE TABLE other(x)",
        "ALTER TABLE kv RENAME COLUMN value TO worth",
    ],
)
def test_tables_that_are_not_ours(statement: str, database: Path) -> None:
    connection = records(database)
    connection.execute(statement)
    connection.close()
    with vicinal.connect(database) as db:
        with pytest.raises(vicinal.errors.Damaged, match="not those of format 1"):
            db.collection("docs")
        assert "not those of format 1" in str(db.verify("docs").problems)
        assert db.collection("victim").count() == 2


def test_nothing_that_a_file_brings_is_run(tmp_path: Path) -> None:
    """The second line of defence: our connections run no triggers and no views, and write no schema."""
    path, files = str(tmp_path / "some.db"), DiskFiles()
    plain = apsw.Connection(path)
    plain.execute("CREATE TABLE t(x); CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END")
    plain.execute("CREATE VIEW v AS SELECT x FROM t")
    plain.close()
    connection = connect_file(path, files)
    connection.execute("INSERT INTO t VALUES (1)")
    assert connection.execute("SELECT count(*) FROM t").get == 1
    with pytest.raises(apsw.SQLError, match="access to view"):
        connection.execute("SELECT * FROM v")
    connection.execute("PRAGMA writable_schema=ON")
    with pytest.raises(apsw.SQLError, match="may not be modified"):
        connection.execute("DELETE FROM sqlite_schema")
    connection.close()


@pytest.mark.parametrize("metadata", ['{"n": 1', "[" * 100_000, "{}, {}", '{}],"x":[{}', "3", '{"n": {"$date": "no"}}'])
def test_metadata_that_cannot_be_read_is_damage(metadata: str, database: Path) -> None:
    connection = records(database)
    seal(connection, 0, metadata=metadata)
    connection.close()
    with vicinal.connect(database) as db:
        with pytest.raises(vicinal.errors.Damaged):
            db.collection("docs").get(where={"n": 1})
        assert db.collection("victim").count() == 2


def test_a_row_of_a_change_to_come_is_damage(database: Path) -> None:
    connection = records(database)
    seal(connection, 1, change=1000)
    connection.close()
    with vicinal.connect(database) as db:
        docs = db.collection("docs")
        with pytest.raises(vicinal.errors.Damaged, match="change that the state does not know"):
            docs.search([0, 1], k=2)


# -- one bad file hides no other


def break_about(folder: Path, text: str) -> None:
    (folder / "snapshot.json").write_text(text)


ABOUTS = ["", "{", "[" * 100_000, "[]", '{"name": 3, "created_at": "2020-01-01", "rows": 1}', "\x00"]


@pytest.fixture
def broken(database: Path) -> Iterator[Callable[[str], vicinal.Collection]]:
    """A collection with a good snapshot and a broken one."""
    with vicinal.connect(database) as db:
        docs = db.collection("docs")
        docs.snapshot("good")
        docs.delete(["b"])
        docs.snapshot("bad")

        def with_about(text: str) -> vicinal.Collection:
            break_about(database / folder_name("docs") / "snapshots" / folder_name("bad"), text)
            return docs

        yield with_about


@pytest.mark.parametrize("about", ABOUTS)
def test_a_broken_snapshot_hides_no_other(about: str, broken: Callable[[str], vicinal.Collection]) -> None:
    docs = broken(about)
    assert [snapshot.name for snapshot in docs.snapshots()] == ["good"]
    docs.restore("good")
    assert docs.count() == 2
    docs.drop_snapshot("bad")
    assert [snapshot.name for snapshot in docs.snapshots()] == ["good"]


def test_purge_finds_a_broken_snapshot_and_takes_it_away(
    broken: Callable[[str], vicinal.Collection], database: Path
) -> None:
    docs = broken("{")
    with pytest.raises(vicinal.errors.Unsupported, match="2 snapshots"):
        docs.purge()
    receipt = docs.purge(drop_snapshots=True)
    assert receipt.complete
    assert sorted(receipt.snapshots_dropped) == sorted([folder_name("bad"), "good"])
    assert not list((database / folder_name("docs") / "snapshots").iterdir())


def test_one_snapshot_may_not_call_itself_another(broken: Callable[[str], vicinal.Collection]) -> None:
    about = {"name": "good", "created_at": "2020-01-01T00:00:00+00:00", "rows": 1}
    docs = broken(json.dumps(about))
    assert [snapshot.rows for snapshot in docs.snapshots()] == [2]
