"""Collections written by older versions can always be opened, with every row and score unchanged."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import vicinal
from formats import make_v1
from formats.make_v1 import END, ROWS

FOLDER = Path(__file__).parent


@pytest.fixture
def v1(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER / "v1", tmp_path / "v1"))


def test_format_1(v1: Path) -> None:
    with vicinal.connect(v1) as db:
        assert db.collections() == ["Fixture of format 1", "encoded"]
        docs = db.collection("Fixture of format 1")
        records = docs.get(vectors=True)
        assert [row.id for row in records] == [*(row["id"] for row in ROWS), "expires", "moved", 2]
        for row, record in zip(ROWS[1:], records[1:]):
            assert record.text == row.get("text")
            assert record.metadata == row.get("metadata", {})
            assert {key: type(value) for key, value in record.metadata.items()} == {
                key: type(value) for key, value in row.get("metadata", {}).items()
            }
            if "vector" in row:
                assert record.vector is not None
                assert record.vector.tolist() == row["vector"]
            else:
                assert record.vector is None
        by_id = {record.id: record for record in records}
        assert by_id[1].metadata == {"touched": True}
        assert by_id["moved"].text == "moved here"
        assert by_id["expires"].expires_at == END
        assert by_id[2].text == "made"
        stats = docs.stats()
        assert (stats.metric, stats.dimension, stats.change, stats.rows) == ("l2", 3, 6, 8)


def test_format_1_searches_as_it_did(v1: Path) -> None:
    with vicinal.connect(v1) as db:
        hits = db.collection("Fixture of format 1").search([1.0, 0.0, 0.0], k=4)
        assert hits.ids == [1, "1", ROWS[2]["id"], "metadata"]
        assert hits.scores == [0.0, *[float(-np.sqrt(np.float32(2)))] * 3]
        encoded = db.collection("encoded")
        assert encoded.search("some words", k=1).ids == ["a"]
        assert encoded.search("some words", k=1).scores == [1.0]


def test_format_1_can_be_written_to(v1: Path) -> None:
    with vicinal.connect(v1) as db:
        docs = db.collection("Fixture of format 1")
        assert docs.add(texts=["new"]) == [3]
        docs.upsert(["moved"], vectors=[[1.0, 0.0, 0.0]])
        assert docs.search([1.0, 0.0, 0.0], k=2).ids == [1, "moved"]
        assert docs.delete([1]) == 1
    with vicinal.connect(v1) as db:
        docs = db.collection("Fixture of format 1")
        assert docs.count() == 8
        assert docs.search([1.0, 0.0, 0.0], k=1).ids == ["moved"]


def test_the_script_still_makes_the_same_rows(v1: Path, tmp_path: Path) -> None:
    """Files written today have the content of the stored ones: a change of the format needs a new fixture."""
    make_v1.main(tmp_path / "today")
    with vicinal.connect(v1) as old, vicinal.connect(tmp_path / "today") as new:
        for name in old.collections():
            before, now = old.collection(name).get(vectors=True), new.collection(name).get(vectors=True)
            assert [row_of(record) for record in now] == [row_of(record) for record in before]


def row_of(record: vicinal.Record) -> tuple[object, ...]:
    vector = None if record.vector is None else record.vector.tobytes()
    return record.id, record.text, record.metadata, record.expires_at, vector


def test_format_1_with_its_saved_index_and_snapshot(v1: Path) -> None:
    with vicinal.connect(v1) as db:
        docs = db.collection("Fixture of format 1")
        assert docs.stats().published is None, "a saved index of that time is not used"
        docs._context.store.upkeep.build(always=True)
        assert docs.stats().published == docs.stats().change == 6
        assert not list(v1.glob("*/g1/index/*/")), "its folder is removed"
        assert docs.get(where={"touched": True})[0].id == 1
        assert docs.get(where={"list": 1})[0].id == "metadata"
        assert [snapshot.name for snapshot in docs.snapshots()] == ["as it was"]
        before = docs.get(vectors=True)
        docs.delete([1, "1"])
        docs.restore("as it was")
        assert repr(docs.get(vectors=True)) == repr(before)
        assert db.verify("Fixture of format 1").ok
