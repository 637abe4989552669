"""repair() keeps every row that is readable, names the others, and never silently restores a deleted one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

import vicinal
from support.damage import NAME, PAGE, QUERIES, Damage, collection_folder, make_database, random_damage, try_all

RANDOM_TRIALS = 160


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("sound") / "data", rows=80)


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy"))


def ids(database: Path) -> set[object]:
    with vicinal.connect(database) as db:
        return {record.id for record in db.collection(NAME).get()}


def repair(database: Path) -> vicinal.types.RepairReport:
    with vicinal.connect(database) as db:
        return db.repair(NAME)


def damage(database: Path, kind: str, position: int, length: int = PAGE, file: str = "g1/records.db") -> None:
    Damage(file, kind, position, length).do(collection_folder(database))


def root_of(database: Path, name: str) -> int:
    connection = apsw.Connection(str(collection_folder(database) / "g1" / "records.db"))
    number: int = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)).get
    connection.close()
    return (number - 1) * PAGE


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_after_repair_all_is_well(part: int, sound: Path, tmp_path: Path) -> None:
    """verify() is ok, kept rows are as they were written, and lost ones are named."""
    folder = collection_folder(sound)
    damages = [random_damage(folder, seed) for seed in range(10_000 + part, 10_000 + RANDOM_TRIALS, 2)]
    trials = try_all(sound, tmp_path, damages, "repair")
    assert [trial for trial in trials if trial.harmful or trial.problems or not trial.ours] == []
    refused = [trial for trial in trials if trial.repaired is not None and "refused" in trial.repaired]
    assert all("no row can be read" in str(trial.repaired) or "is gone" in str(trial.repaired) for trial in refused)
    assert len(refused) < len(trials) // 10


@pytest.mark.slow
def test_a_zeroed_page_costs_the_rows_that_lay_in_it(sound: Path, tmp_path: Path) -> None:
    size = (collection_folder(sound) / "g1" / "records.db").stat().st_size
    trials = try_all(sound, tmp_path, [Damage("g1/records.db", "zero", at) for at in range(0, size, PAGE)], "repair")
    assert [trial for trial in trials if trial.harmful or trial.problems] == []
    lost = [int(str(trial.repaired).split()[0]) for trial in trials]
    assert max(lost) <= 40  # as many as a page of short rows holds
    assert lost[:6] == [0] * 6  # the file's header, and the root pages of all tables


def test_the_report_tells_what_became_of_each_row(copy: Path) -> None:
    written = ids(copy)
    path = collection_folder(copy) / "g1" / "vectors.f32"
    damage(copy, "flip", 8 * (5 * 32 + 3), file="g1/vectors.f32")
    damage(copy, "truncate", path.stat().st_size - 40, file="g1/vectors.f32")
    damaged = path.read_bytes()
    report = repair(copy)
    kept = ids(copy)
    assert report.kept == len(kept) == len(written) - len(report.lost)
    assert {row.id for row in report.lost} == written - kept
    assert {row.why.split(":")[0] for row in report.lost} == {"fails its checksum", "its vector is missing"}
    assert "fails its checksum" in repr(report)
    assert Path(report.kept_at).name.startswith("damaged-g1-")
    assert (Path(report.kept_at) / "vectors.f32").read_bytes() == damaged


def test_a_sound_collection_loses_nothing(copy: Path) -> None:
    with vicinal.connect(copy) as db:
        docs = db.collection(NAME)
        before = [(record.id, record.text, record.metadata) for record in docs.get()]
        report = db.repair(NAME)
        assert (report.lost, report.notes, report.kept) == ((), (), len(before))
        assert [(record.id, record.text, record.metadata) for record in docs.get()] == before  # the handle has followed
        docs.add(["after"], vectors=QUERIES[:1])
        assert db.verify(NAME).ok


def delete_everything(database: Path) -> None:
    """Frees nearly all pages: rows that are still visible in them must not reappear."""
    with vicinal.connect(database) as db:
        docs = db.collection(NAME)
        docs.delete([record.id for record in docs.get() if record.id != 1001])
        docs._context.store.upkeep.build(always=True)


WRECKED: dict[str, Callable[[Path], None]] = {
    "nothing": lambda database: None,
    "the header": lambda database: damage(database, "zero", 0),
    "the state": lambda database: damage(database, "zero", root_of(database, "state")),
    "the index of ids": lambda database: damage(database, "zero", root_of(database, "sqlite_autoindex_rows_1")),
    "the changes": lambda database: damage(database, "zero", root_of(database, "changes")),
}


@pytest.mark.parametrize("name", WRECKED)
def test_a_deleted_row_does_not_come_back(name: str, copy: Path) -> None:
    with vicinal.connect(copy) as db:
        docs = db.collection(NAME)
        docs.delete([record.id for record in docs.get() if record.id != 1001])
    WRECKED[name](copy)
    report = repair(copy)
    assert ids(copy) == {1001}
    assert report.kept == 1


def test_what_may_have_been_deleted_is_said(copy: Path) -> None:
    """Without header, table and index, a row cannot be distinguished from the remains of one."""
    written = ids(copy)
    with vicinal.connect(copy) as db:
        db.collection(NAME).delete([1007])
    damage(copy, "zero", 0, 7 * PAGE)
    report = repair(copy)
    assert ids(copy) <= written
    assert any("may have been deleted" in note for note in report.notes)
    assert any("index of ids is damaged" in note for note in report.notes)


def test_a_lost_state_comes_from_its_copy_and_the_dimension_from_the_rows(copy: Path) -> None:
    written = ids(copy)
    damage(copy, "zero", root_of(copy, "state"))
    about = collection_folder(copy) / "g1" / "state.json"
    assert '"dimension": 8' in about.read_text()
    report = repair(copy)
    assert ids(copy) == written
    assert any("state.json" in note for note in report.notes)


def test_a_dimension_that_no_file_tells_is_found_by_the_rows(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        db.collection(NAME).add(["a", "b"], vectors=[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])  # the first vector decides
    damage(tmp_path, "zero", root_of(tmp_path, "state"))
    assert repair(tmp_path).kept == 2
    with vicinal.connect(tmp_path) as db:
        assert db.collection(NAME).stats().dimension == 3
        assert db.collection(NAME).search([4, 5, 6], k=1).ids == ["b"]


def test_without_state_and_copy_it_refuses_and_changes_nothing(copy: Path) -> None:
    damage(copy, "zero", root_of(copy, "state"))
    (collection_folder(copy) / "g1" / "state.json").unlink()
    before = sorted(path.relative_to(copy) for path in copy.rglob("*"))
    with pytest.raises(vicinal.errors.Damaged, match="which metric and encoder"):
        repair(copy)
    assert sorted(path.relative_to(copy) for path in copy.rglob("*")) == before


def test_a_snapshot_tells_the_state_where_nothing_else_does(copy: Path) -> None:
    written = ids(copy)
    with vicinal.connect(copy) as db:
        db.collection(NAME).snapshot("monday")
    damage(copy, "zero", root_of(copy, "state"))
    (collection_folder(copy) / "g1" / "state.json").unlink()
    assert any("snapshots" in note for note in repair(copy).notes)
    assert ids(copy) == written


def test_one_flipped_bit_of_the_state_is_turned_back(copy: Path) -> None:
    path = collection_folder(copy) / "g1" / "records.db"
    at = path.read_bytes().index(b"cosine")
    damage(copy, "flip", 8 * at)
    assert any("state" in str(problem) for problem in vicinal.connect(copy).verify(NAME).problems)
    report = repair(copy)
    assert (report.lost, report.notes) == ((), ())
    with vicinal.connect(copy) as db:
        assert db.collection(NAME).stats().metric == "cosine"


def test_a_wrong_name_is_put_right(copy: Path) -> None:
    (collection_folder(copy) / "name").write_bytes(b"dots")
    with vicinal.connect(copy) as db:
        assert db.collections() == [NAME]  # the records say it too
        assert [problem.file for problem in db.verify(NAME).problems] == ["name"]
        db.repair(NAME)
        assert db.collections() == [NAME]
        assert db.verify(NAME).ok


def test_a_second_repair_after_a_kill_before_the_old_one_was_set_aside(copy: Path) -> None:
    """The new generation exists, but the damaged one cannot say so."""
    written = ids(copy)
    damage(copy, "zero", root_of(copy, "state"))
    report = repair(copy)
    shutil.move(report.kept_at, collection_folder(copy) / "g1")
    with vicinal.connect(copy) as db, pytest.raises(vicinal.VicinalError):
        db.collection(NAME)
    again = repair(copy)
    assert Path(again.kept_at).name.startswith("damaged-g2-")
    assert ids(copy) == written


def test_automatic_ids_go_on_above_lost_ones(tmp_path: Path) -> None:
    with vicinal.connect(tmp_path) as db:
        docs = db.collection(NAME, auto_ids="integer")
        assert docs.add(vectors=QUERIES) == [1, 2, 3, 4]
    damage(tmp_path, "flip", 8 * (3 * 32), file="g1/vectors.f32")
    damage(tmp_path, "zero", root_of(tmp_path, "state"))
    assert [row.id for row in repair(tmp_path).lost] == [4]
    with vicinal.connect(tmp_path) as db:
        assert db.collection(NAME).add(vectors=QUERIES[:1]) == [5]


def test_repair_waits_for_a_writer_no_longer_than_told(copy: Path) -> None:
    writer = apsw.Connection(str(collection_folder(copy) / "g1" / "records.db"))
    writer.execute("BEGIN IMMEDIATE")
    with vicinal.connect(copy) as db, pytest.raises(vicinal.errors.WriterBusy):
        db.repair(NAME, timeout=0.1)
    writer.close()
    assert repair(copy).lost == ()
