"""The files on disk, read using only docs/format.md, struct, zlib, NumPy and SQLite."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import apsw
import numpy as np
import pytest

import vicinal
from support.children import run
from vicinal.analyzers import analyzer_of
from vicinal.errors import Damaged, FormatUnsupported, VicinalError
from vicinal.store.folder_names import folder_name

DOCUMENT = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
KEY = UUID("12345678-1234-5678-1234-567812345678")


def crc(*columns: Any, vector: bytes = b"") -> int:
    """A second implementation, from the document."""
    raw = b""
    for value in columns:
        if value is None:
            raw += b"n"
        elif isinstance(value, int):
            raw += b"i" + struct.pack("<q", value)
        else:
            data = value.encode() if isinstance(value, str) else value
            raw += (b"s" if isinstance(value, str) else b"b") + struct.pack("<I", len(data)) + data
    return zlib.crc32(raw + vector)


def test_the_worked_example_of_the_document() -> None:
    printed = re.search(r"`(73 04.*?01)`, CRC-32 `(\w+)`", DOCUMENT)
    assert printed is not None
    assert zlib.crc32(bytes.fromhex(printed[1])) == int(printed[2], 16)
    assert crc("face", "k", b"\x01") == int(printed[2], 16)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """The folder of the collection after four commits and a clean close."""
    with vicinal.connect(tmp_path / "data") as db:
        docs = db.collection("My Docs!", metric="l2", auto_ids="integer")
        docs.add([1, "1", KEY], texts=["one", None, "drei\x00"], vectors=[[1.5, -2.0], None, [0.0, 3.0]])
        docs.add(
            texts=["made"], metadata=[{"$x": 1, "d": datetime(2024, 5, 1, 12, tzinfo=UTC)}], ttl=datetime(2100, 1, 1)
        )
        docs.update(["1"], metadata=[{"n": 1}])
        docs.delete([1])
    [folder] = (tmp_path / "data").iterdir()
    return folder


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = apsw.Connection(str(folder / "g1" / "records.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def test_folders_and_files(closed: Path) -> None:
    digest = hashlib.blake2b(b"My Docs!", digest_size=8).hexdigest()
    assert closed.name == f"my-docs-{digest}"
    assert (closed / "name").read_bytes() == b"My Docs!"
    assert sorted(path.name for path in closed.iterdir()) == ["g1", "name"]
    found = {path.name for path in (closed / "g1").iterdir()} - {"index"}
    assert found == {"records.db", "vectors.f32", "builder.db", "state.json"}  # and no -wal: that means closed


def test_vectors(closed: Path) -> None:
    raw = (closed / "g1" / "vectors.f32").read_bytes()
    assert raw[:8] == struct.pack("<2f", 1.5, -2.0)
    assert raw[16:24] == struct.pack("<2f", 0.0, 3.0)
    assert len(raw) == 24


def test_tables_and_columns_are_those_of_the_document(closed: Path) -> None:
    table = dict(re.findall(r"^\| `(\w+)`.*?\| (.*) \|$", DOCUMENT, re.M))
    for name in ("state", "rows", "changes", "kv"):
        columns = re.findall(r"`(\w+)` (?:= 1|[A-Z]+)", table[name].split(", PRIMARY KEY (")[0])
        assert [row[1] for row in query(closed, f"PRAGMA table_info({name})")] == columns, name
    sql = {row[0]: row[1] for row in query(closed, "SELECT name, sql FROM sqlite_schema WHERE type = 'table'")}
    assert set(sql) == {"state", "rows", "changes", "kv"}
    assert all("STRICT" in statement for statement in sql.values())
    assert query(closed, "PRAGMA journal_mode") == [("wal",)]


def test_state(closed: Path) -> None:
    [(one, *columns, stored)] = query(closed, "SELECT * FROM state")
    uuid, format_, writer, name, dimension, metric, encoder, settings, *counts, moved_to = columns
    next_slot, next_id, change, synced, trimmed, trimmed_nonce = counts
    assert (one, len(uuid), format_, writer, name) == (1, 16, 1, vicinal.__version__, "My Docs!")
    assert (dimension, metric, encoder, moved_to) == (2, "l2", None, None)
    assert json.loads(settings) == {
        "analysis": analyzer_of("default", "en").fingerprint,
        "auto_ids": "integer",
        "zero_vectors": "refuse",
        "language": "en",
        "analyzer": "default",
    }
    assert (next_slot, next_id, change, synced) == (4, 3, 4, 4)
    assert trimmed <= change
    assert len(trimmed_nonce) == 8
    assert stored == crc(*columns)


def test_rows(closed: Path) -> None:
    raw = (closed / "g1" / "vectors.f32").read_bytes()
    rows = {row[0]: row for row in query(closed, "SELECT * FROM rows ORDER BY slot")}
    for slot, id_, change, stored, *rest in rows.values():
        vector = raw[slot * 8 : slot * 8 + 8] if rest[1] is not None else b""
        assert stored == crc(slot, id_, change, *rest, vector=vector)
    assert {slot: (row[1], row[2], *row[4:]) for slot, row in rows.items()} == {
        1: ("1", 3, None, None, None, '{"n":1}', None),
        2: (KEY.bytes, 1, None, "given", None, None, "drei\x00"),
        3: (2, 2, 4102444800000000, None, None, '{"$$x":1,"d":{"$datetime":"2024-05-01T12:00:00+00:00"}}', "made"),
    }
    assert [row[0] for row in query(closed, "SELECT typeof(id) FROM rows ORDER BY slot")] == ["text", "blob", "integer"]


def test_changes(closed: Path) -> None:
    trimmed = query(closed, "SELECT trimmed FROM state")[0][0]
    changes = query(closed, "SELECT * FROM changes ORDER BY change")
    expected = [
        (1, 0, 3, b"", b""),
        (2, 3, 1, b"", b""),
        (3, 4, 0, b"", struct.pack("<I", 1)),
        (4, 4, 0, struct.pack("<I", 0), b""),
    ]
    found = [(row[0], *row[2:6]) for row in changes]
    assert found == expected[trimmed:]
    for *columns, stored in changes:
        assert len(columns[1]) == 8
        assert stored == crc(*columns)


def test_changes_of_a_collection_that_has_published_nothing(tmp_path: Path) -> None:
    """Read in another process while the collection is open, so that no upkeep has trimmed them."""
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        docs.add([1, 2, 3], vectors=[[1.0], [2.0], [3.0]])
        docs.upsert([1, 3], vectors=[[4.0], [5.0]])
        code = """
import apsw, glob
[file] = glob.glob(path + "/*/g1/records.db")
for row in apsw.Connection(file, flags=apsw.SQLITE_OPEN_READONLY).execute(
    "SELECT change, first, count, hex(dead), hex(touched) FROM changes ORDER BY change"
):
    print(*row, sep=",")
"""
        assert run(code, tmp_path).split() == ["1,0,3,,", "2,3,2,0000000002000000,"]


def test_one_row_of_every_kind_of_id_and_space(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs", encoder="hashing:4")
        docs.add(["a", "b", "c"], texts=["words", "words", None], vectors=[None, [1.0, 0, 0, 0], None])
    [folder] = tmp_path.iterdir()
    assert query(folder, "SELECT id, space FROM rows ORDER BY slot") == [("a", "text"), ("b", "given"), ("c", None)]
    encoder = json.loads(query(folder, "SELECT encoder FROM state")[0][0])
    assert (encoder["name"], encoder["dim"]) == ("hashing:4", 4)


# -- what fails its checksum is named


def change(folder: Path, sql: str) -> None:
    connection = apsw.Connection(str(folder / "g1" / "records.db"))
    connection.execute(sql)
    connection.close()


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection("docs")
        docs.add(["a", "b"], texts=["text a", "text b"], vectors=np.eye(2), metadata=[{"n": 1}, {"n": 2}])
    return tmp_path / folder_name("docs")


DAMAGE = {
    "text": "UPDATE rows SET text = 'text c' WHERE id = 'b'",
    "metadata": """UPDATE rows SET metadata = '{"n":3}' WHERE id = 'b'""",
    "expiry": "UPDATE rows SET expires_at = 9000000000000000 WHERE id = 'b'",
    "space": "UPDATE rows SET space = 'text' WHERE id = 'b'",
    "change": "UPDATE rows SET change = 0 WHERE id = 'b'",
    "crc": "UPDATE rows SET crc = crc + 1 WHERE id = 'b'",
    "vector": "",
}


@pytest.mark.parametrize("part", DAMAGE)
def test_a_row_that_fails_its_checksum_is_named_when_read(sound: Path, part: str) -> None:
    if part == "vector":
        file = sound / "g1" / "vectors.f32"
        raw = bytearray(file.read_bytes())
        raw[12] ^= 1  # the lowest bit of the second row's second component
        file.write_bytes(raw)
    else:
        change(sound, DAMAGE[part])
    with vicinal.connect(sound.parent) as db:
        docs = db.collection("docs")
        for read in (docs.get, lambda: docs.get(["b"]), lambda: docs.search([0.0, 1.0], k=2)):
            with pytest.raises(Damaged) as caught:
                read()
            assert "the row of id 'b' fails its checksum" in str(caught.value)
            assert "slot 1" in caught.value.place
            assert caught.value.remedy
        assert docs.get(["a"])[0].text == "text a"  # the sound rows are there
        assert docs.search([1.0, 0.0], k=1).ids == ["a"]
        docs.upsert(["b"], texts=["again"], vectors=[[0.0, 1.0]])  # what the remedy says works
        assert [row.text for row in docs.get()] == ["text a", "again"]


def test_an_error_that_is_kept_keeps_no_moment(sound: Path) -> None:
    """The traceback holds a half-read cursor; neither readers nor the writer may keep its old snapshot."""
    change(sound, DAMAGE["text"])
    with vicinal.connect(sound.parent) as db:
        docs = db.collection("docs", timeout=20)
        kept = []
        for call in (docs.get, lambda: docs.update(["b"], metadata={"n": 3}), lambda: docs.search([0.0, 1.0])):
            with pytest.raises(Damaged) as caught:
                call()
            kept.append(caught.value)
        run("vicinal.connect(path).collection('docs').upsert(['b', 'c'], texts=['new', 'new'])", sound.parent)
        assert [row.text for row in docs.get()] == ["text a", "new", "new"]
        docs.add(["d"], texts=["newer"])
        assert docs.count() == 4
        assert len(kept) == 3


def test_a_short_vector_file_is_damage(sound: Path) -> None:
    file = sound / "g1" / "vectors.f32"
    file.write_bytes(file.read_bytes()[:9])
    with vicinal.connect(sound.parent) as db, pytest.raises(VicinalError) as caught:
        db.collection("docs").search([0.0, 1.0])
    assert isinstance(caught.value, Damaged)


@pytest.mark.parametrize("column", ["dimension", "metric", "next_slot", "settings", "change"])
def test_a_damaged_state_is_refused(sound: Path, column: str) -> None:
    value = {"metric": "'ip'", "settings": "'{}'"}.get(column, "7")
    change(sound, f"UPDATE state SET {column} = {value}")
    with vicinal.connect(sound.parent) as db, pytest.raises(Damaged, match="the state row fails its checksum"):
        db.collection("docs").count()


@pytest.mark.parametrize("format_", [0, 2, 999])
def test_another_format_is_refused_by_number_and_writer(sound: Path, format_: int) -> None:
    change(sound, f"UPDATE state SET format = {format_}, writer = '9.9.9'")
    before = {path: path.read_bytes() for path in sound.rglob("*") if path.is_file()}
    with vicinal.connect(sound.parent) as db, pytest.raises(FormatUnsupported) as caught:
        db.collection("docs")
    assert str(caught.value).endswith(
        f"this collection has format {format_}, written by Vicinal 9.9.9; this version reads format 1. "
        "Install a newer Vicinal; nothing was changed."
    )
    assert {path: path.read_bytes() for path in sound.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00" + bytes(4080)])
def test_a_records_file_that_is_none_is_an_error_of_ours(sound: Path, content: bytes) -> None:
    (sound / "g1" / "records.db").write_bytes(content)
    with vicinal.connect(sound.parent) as db, pytest.raises(VicinalError):
        db.collection("docs").count()
