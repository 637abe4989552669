"""`vicinal verify` and `vicinal repair`."""

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
    with vicinal.connect(tmp_path / "data") as db:
        db.collection("docs").add(["a", "b", "c"], vectors=[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        db.collection("more").add(["x"], vectors=[[1.0, 0.0]])
    return tmp_path / "data"


def flip(database: Path, position: int) -> None:
    (path,) = database.glob("docs-*/g1/vectors.f32")
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_all_is_well(command: Command, database: Path) -> None:
    shown = command("verify", database)
    assert shown.code == 0
    assert shown.out.splitlines() == ["docs: ok, 3 good rows, 5 files", "more: ok, 1 good rows, 5 files"]


def test_damage_is_named_and_repaired(command: Command, database: Path) -> None:
    flip(database, 8)
    shown = command("verify", database, "docs")
    assert shown.code == 1
    assert "docs: DAMAGED, 2 good rows" in shown.out
    assert "g1/records.db, slot 1, id 'b': fails its checksum" in shown.out
    shown = command("repair", database, "docs")
    assert shown.code == 0
    assert shown.out.startswith("kept 2 rows, lost 1\n  lost: 'b': fails its checksum\n")
    assert "damaged-g1-" in shown.out
    assert command("verify", database).code == 0


def test_json(command: Command, database: Path) -> None:
    flip(database, 0)
    found = json.loads(command("verify", database, "docs", "--json").out)
    assert found["docs"]["problems"] == [
        {"file": "g1/records.db", "place": "slot 0, id 'a'", "what": "fails its checksum"}
    ]


def test_a_collection_that_is_not_there(command: Command, database: Path) -> None:
    for verb in ("verify", "repair"):
        shown = command(verb, database, "nothing")
        assert shown.code == 1
        assert "there is no collection 'nothing'" in shown.err


def test_a_collection_that_lost_its_name_is_named(command: Command, database: Path) -> None:
    (name,) = database.glob("docs-*/name")
    name.unlink()
    shown = command("verify", database)
    assert shown.code == 1
    assert "docs: DAMAGED, 3 good rows" in shown.out
    (name.parent / "g1" / "state.json").unlink()
    (name.parent / "g1" / "records.db").write_bytes(b"")
    shown = command("verify", database)
    assert shown.code == 1
    assert f"{name.parent.name}/: DAMAGED, 0 good rows" in shown.out
