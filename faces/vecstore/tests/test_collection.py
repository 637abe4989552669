"""VecDatabase and its collections: independent of each other, there after reopening, gone when deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import vicinal
from vecstore import Collection, VecDatabase


def test_a_new_database_has_no_collections(db: VecDatabase) -> None:
    assert db.list_collections() == []
    assert db.get_collection("docs") is None
    assert repr(db) == "VecDatabase(collections=0)"


def test_create_gives_an_empty_collection(db: VecDatabase) -> None:
    docs = db.create_collection("docs")
    assert isinstance(docs, Collection)
    assert docs.name() == "docs"
    assert docs.count() == 0
    assert docs.query([1.0, 2.0], 5) == []
    assert repr(docs) == "Collection(name='docs', vectors=0)"


def test_a_name_can_be_taken_once(db: VecDatabase) -> None:
    db.create_collection("docs")
    with pytest.raises(ValueError, match="Failed to create collection: Error: Namespace already exists: docs"):
        db.create_collection("docs")


@pytest.mark.parametrize("name", ["test-collection", "test_collection", "test123", "a.b", "-", "x" * 128])
def test_names(db: VecDatabase, name: str) -> None:
    db.create_collection(name).upsert("a", [1.0], {})
    assert db.list_collections() == [name]
    found = db.get_collection(name)
    assert found is not None
    assert found.count() == 1


@pytest.mark.parametrize("name", ["", ".", "..", "../out", "a/b", ".hidden", "a b", "x" * 129, "a\n", "é"])
def test_a_name_cannot_leave_the_folder_of_the_database(db: VecDatabase, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"Failed to create collection: Error: .* is no name"):
        db.create_collection(name)
    assert db.get_collection(name) is None
    with pytest.raises(ValueError, match="Namespace not found"):
        db.delete_collection(name)
    assert db.list_collections() == []
    assert [path.name for path in tmp_path.iterdir()] in ([], ["db"])


def test_collections_are_apart(db: VecDatabase) -> None:
    first, second = db.create_collection("first"), db.create_collection("second")
    first.upsert("same", [1.0, 0.0], {"in": "first"})
    second.upsert("same", [1.0, 2.0, 3.0], {"in": "second"})
    assert first.query([1.0, 0.0], 5)[0].metadata == {"in": "first"}
    assert second.stats()["dimension"] == 3
    assert db.list_collections() == ["first", "second"]
    assert first.delete("same")
    assert second.count() == 1


def test_two_handles_share_the_records(db: VecDatabase) -> None:
    docs, same = db.create_collection("docs"), db.get_collection("docs")
    docs.upsert("a", [1.0], {})
    assert same is not None
    assert same.count() == 1


def test_query_takes_a_filter(db: VecDatabase) -> None:
    docs = db.create_collection("docs")
    for i in range(50):
        docs.upsert(f"d{i}", [1.0, i], {"n": i})
    assert [result.id for result in docs.query([1.0, 0.0], 2, filter="n >= 40")] == ["d40", "d41"]
    with pytest.raises(ValueError, match="Filter parse error"):
        docs.query([1.0, 0.0], 2, filter="n >=")


def test_delete_says_whether_there_was_one(db: VecDatabase) -> None:
    docs = db.create_collection("docs")
    docs.upsert("a", [1.0], {})
    assert docs.delete("a") is True
    assert docs.delete("a") is False
    assert docs.count() == 0


def test_upsert_replaces(db: VecDatabase) -> None:
    docs = db.create_collection("docs")
    docs.upsert("a", [1.0, 0.0], {"old": 1})
    docs.upsert("a", [0.0, 1.0], {"new": 2})
    (found,) = docs.query([0.0, 1.0], 5)
    assert (found.score, found.metadata) == (1.0, {"new": 2})


def test_stats(db: VecDatabase) -> None:
    docs = db.create_collection("docs")
    empty = {"vector_count": 0, "active_count": 0, "deleted_count": 0, "dimension": 0, "quota_utilization": 0.0}
    assert docs.stats() == empty
    for i in range(3):
        docs.upsert(f"d{i}", [1.0, 2.0], {})
    docs.delete("d0")
    counted = {"vector_count": 2, "active_count": 2, "dimension": 2, "quota_utilization": 2e-06}
    assert docs.stats() == empty | counted


def test_a_deleted_collection_is_gone_and_its_handles_say_so(db: VecDatabase, tmp_path: Path) -> None:
    docs, other = db.create_collection("docs"), db.create_collection("other")
    docs.upsert("a", [1.0], {})
    other.upsert("a", [1.0], {})
    assert db.delete_collection("docs") is True
    assert db.list_collections() == ["other"]
    assert other.count() == 1
    calls: list[Any] = [docs.count, docs.stats, lambda: docs.query([1.0], 1), lambda: docs.delete("a")]
    for call in [*calls, lambda: docs.upsert("a", [1.0], {})]:
        with pytest.raises(ValueError, match=r"failed: Error: .*dropped"):
            call()
    assert docs.name() == "docs"
    assert repr(docs) == "Collection(name='docs', deleted or closed)"
    assert not list((tmp_path / "db").glob("docs*"))


def test_a_deleted_name_can_be_taken_again(db: VecDatabase) -> None:
    old = db.create_collection("docs")
    old.upsert("a", [1.0], {})
    db.delete_collection("docs")
    new = db.create_collection("docs")
    assert new.count() == 0
    new.upsert("b", [1.0, 2.0], {})
    assert new.count() == 1


def test_delete_of_an_unknown_collection_is_told(db: VecDatabase) -> None:
    with pytest.raises(ValueError, match="Failed to delete collection: Error: Namespace not found: docs"):
        db.delete_collection("docs")


def test_everything_is_there_when_the_database_is_opened_again(tmp_path: Path) -> None:
    with VecDatabase(tmp_path / "db") as db:
        db.create_collection("b").upsert("x", [1.0], {"n": 1})
        db.create_collection("a")
    with VecDatabase.open(str(tmp_path / "db")) as again:
        assert again.list_collections() == ["a", "b"]
        found = again.get_collection("b")
        assert found is not None
        assert found.query([1.0], 1)[0].metadata == {"n": 1}
    with pytest.raises(ValueError, match="closed"):
        again.list_collections()


def test_a_collection_that_another_program_made_otherwise_is_told(tmp_path: Path) -> None:
    """Its scores would not be cosines, and its tokens not those of the document."""
    with vicinal.connect(tmp_path / "db") as theirs:
        theirs.collection("theirs", metric="l2").add(["a"], vectors=[[1.0]])
    with VecDatabase(tmp_path / "db") as db:
        assert db.list_collections() == ["theirs"]
        with pytest.raises(ValueError, match=r"Failed to get collection: Error: .*metric 'l2'"):
            db.get_collection("theirs")


@pytest.mark.parametrize("name", [3, None, b"docs"])
def test_a_name_is_a_text(db: VecDatabase, name: Any) -> None:
    for call in (db.create_collection, db.get_collection, db.delete_collection):
        with pytest.raises(TypeError, match="name must be a str"):
            call(name)
