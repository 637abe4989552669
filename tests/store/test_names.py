"""The file `name` is a hint: whatever happens to it, the collection can still be found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vicinal
from vicinal.errors import CollectionNotFound, VicinalError
from vicinal.store import creation, names
from vicinal.store.files import Files
from vicinal.store.folder_names import building_name, folder_name
from vicinal.store.names import collection_names, own_name
from vicinal.store.state import State

NAME = "aa"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with vicinal.connect(tmp_path / "data") as db:
        db.collection(NAME).add(["x"], vectors=[[1.0, 0.0]])
        db.collection("other").add(["y"], vectors=[[1.0, 0.0]])
    return tmp_path / "data"


def name_file(database: Path) -> Path:
    return database / folder_name(NAME) / "name"


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "of-somebody").write_text("kept")


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "another": lambda path: path.write_bytes(b"other"),
    "empty": lambda path: path.write_bytes(b""),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "missing": lambda path: path.unlink(),
    "a folder": a_folder,
}
every_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


@every_damage
def test_a_damaged_name_is_a_problem_and_hides_nothing(database: Path, damage: Callable[[Path], Any]) -> None:
    damage(name_file(database))
    with vicinal.connect(database) as db:
        assert db.collections() == [NAME, "other"]
        (problem,) = db.verify_all()[NAME].problems
        assert problem.file == "name"
        assert f"the records say that it is '{NAME}', and opening it for writing rewrites this file" in problem.what
        assert not name_file(database).is_file() or name_file(database).read_bytes() != NAME.encode()  # only looked at


@every_damage
def test_opening_mends_the_name(database: Path, damage: Callable[[Path], Any]) -> None:
    damage(name_file(database))
    with vicinal.connect(database) as db:
        assert db.collection(NAME, create=False).count() == 1
        assert name_file(database).read_bytes() == NAME.encode()
        assert db.verify(NAME).ok
        kept = [path.read_text() for path in name_file(database).parent.glob("damaged-name-*/of-somebody")]
        assert kept == (["kept"] if damage is a_folder else [])


@every_damage
def test_a_collection_without_its_name_can_be_dropped(database: Path, damage: Callable[[Path], Any]) -> None:
    damage(name_file(database))
    with vicinal.connect(database) as db:
        db.drop(NAME)
        assert db.collections() == ["other"]
        assert not (database / folder_name(NAME)).exists()
        assert db.collection(NAME).count() == 0


def test_the_records_say_the_name_where_the_copy_of_the_state_is_lost_too(database: Path) -> None:
    name_file(database).unlink()
    (name_file(database).parent / "g1" / "state.json").unlink()
    with vicinal.connect(database) as db:
        assert db.collections() == [NAME, "other"]


def test_a_folder_in_which_nothing_says_the_name_is_named(database: Path) -> None:
    folder = name_file(database).parent
    name_file(database).unlink()
    (folder / "g1" / "state.json").unlink()
    (folder / "g1" / "records.db").write_bytes(b"\0" * 8192)
    with vicinal.connect(database) as db:
        assert db.collections() == ["other"]
        reports = db.verify_all()
        assert list(reports) == ["other", f"{folder.name}/"]
        assert "nothing else here says the name" in str(reports[f"{folder.name}/"].problems[0])
        with pytest.raises(VicinalError) as refused:
            db.collection(NAME, create=False)
        assert not isinstance(refused.value, CollectionNotFound)  # it is there, and damaged


def test_folders_of_others_are_ignored(database: Path) -> None:
    for entry in ("notes", "g1", "notes-0123456789abcdef", "new-0123456789abcdef", "dead-0123456789abcdef"):
        (database / entry).mkdir()
    shutil.copytree(name_file(database).parent, database / "backup of aa")
    shutil.copytree(name_file(database).parent, database / building_name())
    (database / "file-0123456789abcdef").write_text("of somebody")
    with vicinal.connect(database) as db:
        assert db.collections() == [NAME, "other"]
        assert list(db.verify_all()) == [NAME, "other"]


def test_a_collection_that_is_being_made_is_not_looked_into(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking it locks its records, which must be released before the collection can be opened."""
    looked: list[list[str]] = []
    create = creation.create_generation

    def create_while_others_look(files: Files, folder: str, state: State) -> None:
        create(files, folder, state)
        (Path(folder).parent / "name").unlink()
        looked.append(collection_names(files, str(database)))
        (Path(folder).parent / "name").write_text("new")
        assert own_name(files, str(database), Path(folder).parent.name) is None

    monkeypatch.setattr(creation, "create_generation", create_while_others_look)
    opened: list[str] = []
    monkeypatch.setattr(names, "opened_records", lambda _files, path: opened.append(path))
    with vicinal.connect(database) as db:
        db.collection("new")
    assert looked == [[NAME, "other"]]
    assert opened == []


@pytest.mark.parametrize("name", ["dead", "Dead!", "new?"])
def test_a_collection_whose_folder_is_called_like_a_grave_outlives_a_drop(database: Path, name: str) -> None:
    with vicinal.connect(database) as db:
        db.collection(name).add(["z"], vectors=[[1.0, 0.0]])
        db.drop("other")
    with vicinal.connect(database) as db:
        assert db.collections() == sorted([name, NAME])
        assert db.collection(name, create=False).count() == 1
