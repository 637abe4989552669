"""verify() reports every change that makes a difference, whatever bytes were changed and how."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import numpy as np
import pytest

import vicinal
from support import mutation
from support.damage import NAME, PAGE, QUERIES, Damage, collection_folder, make_database, random_damage, try_all
from support.scanning import needs_native
from vicinal.store import check
from vicinal.store import verify as verify_module
from vicinal.store.files import Files
from vicinal.store.pages import ID_INDEX_ROOT, ROWS_ROOT

RANDOM_TRIALS = 240
CHILDREN = 2


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_database(tmp_path_factory.mktemp("sound") / "data", rows=80)


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy"))


def verify(database: Path) -> vicinal.types.VerifyReport:
    with vicinal.connect(database) as db:
        return db.verify(NAME)


def records(database: Path) -> apsw.Connection:
    return apsw.Connection(str(collection_folder(database) / "g1" / "records.db"))


def test_a_sound_collection_is_ok(sound: Path) -> None:
    before = {path: path.read_bytes() for path in sound.rglob("*") if path.is_file()}
    report = verify(sound)
    assert report.ok
    assert not report.notes
    with vicinal.connect(sound) as db:  # a handle that is only forgotten leaves its files open for a while
        assert report.rows == db.collection(NAME).count()
    assert report.files == len(before)
    assert {path: path.read_bytes() for path in sound.rglob("*") if path.is_file()} == before
    assert repr(report) == f"VerifyReport(ok, rows={report.rows}, files={report.files})"


@pytest.mark.slow
@pytest.mark.parametrize("part", range(CHILDREN))
def test_no_harmful_change_passes(part: int, sound: Path, tmp_path: Path) -> None:
    folder = collection_folder(sound)
    damages = [random_damage(folder, seed) for seed in range(part, RANDOM_TRIALS, CHILDREN)]
    trials = try_all(sound, tmp_path, damages)
    assert [trial for trial in trials if trial.harmful and not trial.problems] == []
    assert [trial for trial in trials if not trial.ours] == []
    assert sum(trial.harmful is not None for trial in trials) > len(trials) // 3  # else nothing was tried


@pytest.mark.slow
def test_no_harmful_change_of_the_header_passes(sound: Path, tmp_path: Path) -> None:
    """Neither checksums nor integrity_check detect it."""
    bits = [bit for byte in (*range(15, 22), *range(28, 60, 3), *range(92, 100)) for bit in (8 * byte, 8 * byte + 6)]
    trials = try_all(sound, tmp_path, [Damage("g1/records.db", "flip", bit) for bit in bits])
    assert [trial for trial in trials if trial.harmful and not trial.problems] == []
    assert [trial for trial in trials if not trial.ours] == []


@pytest.mark.parametrize("kind", ["remove", "truncate", "zero"])
def test_a_damaged_index_is_noted_and_changes_no_answer(kind: str, sound: Path, tmp_path: Path) -> None:
    folder = collection_folder(sound)
    saved = [path.relative_to(folder).as_posix() for path in folder.rglob("*.idx")]
    assert len(saved) == 5
    trials = try_all(sound, tmp_path, [Damage(path, kind, 0) for path in saved])
    assert [(trial.harmful, trial.problems) for trial in trials] == [(None, [])] * 5
    report = verify(tmp_path / "copy")
    assert report.ok


@needs_native
@pytest.mark.parametrize("index", ["flat", "ivf", "lsh"])
def test_codes_that_were_saved_wrong_are_a_problem_until_they_are_made_anew(index: str, tmp_path: Path) -> None:
    """Every checksum is valid, but results are wrong."""
    vectors = np.random.default_rng(0).standard_normal((3000, 16)).astype(np.float32)
    database = tmp_path / "data"
    with vicinal.connect(database) as db:
        docs = db.collection(NAME, index=index)
        docs.add(list(range(3000)), vectors=vectors)
        docs.delete([1, 2, 3])
        mutation.publish(docs)
        truth = docs.search(vectors[7], k=5, exact=True)
    assert verify(database).problems == ()
    path = mutation.saved_part(database, "vectors")
    header, arrays = mutation.read(path)
    assert header["slots"] == 3000
    mutation.write(path, header, {name: array * (name not in CODES) for name, array in arrays.items()})
    with vicinal.connect(database) as db:
        assert db.collection(NAME).search(vectors[7], k=5, exact=True) != truth
    (problem,) = verify(database).problems
    assert problem.file == f"g1/index/{path.name}"
    assert "2,996 more of the 2,997 compared" in problem.what
    with vicinal.connect(database) as db:
        db.repair(NAME)
        assert db.collection(NAME).search(vectors[7], k=5, exact=True) == truth
    assert verify(database).problems == ()


CODES = ("codes", "statistics", "coarse", "coarse_statistics")


@needs_native
def test_a_large_collection_is_sampled_anew_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_SAMPLED", 50)
    vectors = np.random.default_rng(0).standard_normal((400, 16)).astype(np.float32)
    with vicinal.connect(tmp_path) as db:
        docs = db.collection(NAME)
        docs.add(vectors=vectors)
        mutation.publish(docs)
    path = mutation.saved_part(tmp_path, "vectors")
    header, arrays = mutation.read(path)
    arrays["codes"].reshape(400, -1)[100:] = 0
    mutation.write(path, header, arrays)
    places = {problem.place for _ in range(10) for problem in verify(tmp_path).problems}
    assert len(places) > 1


def statement(sql: str) -> Callable[[Path], None]:
    def run(database: Path) -> None:
        with_writable_schema = apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA
        connection = records(database)
        connection.config(with_writable_schema, 1)
        connection.execute(sql)
        connection.close()

    return run


def an_old_page(database: Path) -> None:
    """A lost write: a page is as it was before the last commits, with valid checksums."""
    path = collection_folder(database) / "g1" / "records.db"
    before = path.read_bytes()
    with vicinal.connect(database) as db:
        db.collection(NAME).update([1001], metadata={"late": "write"})
    after = bytearray(path.read_bytes())
    changed = [i for i in range(0, len(before), PAGE) if before[i : i + PAGE] != after[i : i + PAGE]]
    old = next(i for i in changed if i > PAGE and before[i] == 13 and b"text 1 " in before[i : i + PAGE])
    after[old : old + PAGE] = before[old : old + PAGE]
    path.write_bytes(after)


# Each of these keeps every checksum and SQLite's own structure intact.
CONSISTENT = {
    "a row deleted behind our back": (statement("DELETE FROM rows WHERE slot = 5"), "rows: "),
    "a new row deleted": (statement("DELETE FROM rows WHERE slot = (SELECT max(slot) FROM rows)"), "is gone"),
    "a change deleted": (statement("DELETE FROM changes WHERE change = (SELECT max(change) FROM changes)"), "missing"),
    "all changes deleted": (statement("DELETE FROM changes"), "missing"),
    "state deleted": (statement("DELETE FROM state"), "state row is missing"),
    "a column of kv": (statement("UPDATE kv SET value = x'00'"), "fails its checksum"),
    "two texts swapped": (statement("UPDATE rows SET text = 'text 8 ' WHERE slot = 5"), "fails its checksum"),
    "another table": (statement("CREATE TABLE other(x)"), "tables are not those"),
    "an index": (statement("CREATE INDEX other ON rows(text)"), "tables are not those"),
    "no uniqueness": (statement("UPDATE sqlite_schema SET sql = replace(sql, 'TEXT NOT NULL', 'TEXT')"), "tables"),
    "a user version": (statement("PRAGMA user_version = 7"), "user version"),
    "no WAL mode": (statement("PRAGMA journal_mode = DELETE"), "journal mode"),
    "an old page": (an_old_page, "change"),
}


@pytest.mark.parametrize("name", CONSISTENT)
def test_what_checksums_and_sqlite_let_pass(name: str, copy: Path) -> None:
    damage, said = CONSISTENT[name]
    damage(copy)
    problems = [str(problem) for problem in verify(copy).problems]
    assert any(said in problem for problem in problems), problems


def test_root_pages_are_where_repair_looks_for_them(sound: Path) -> None:
    roots = dict(records(sound).execute("SELECT name, rootpage FROM sqlite_schema"))
    assert (roots["rows"], roots["sqlite_autoindex_rows_1"]) == (ROWS_ROOT, ID_INDEX_ROOT)


def test_snapshots_are_checked_too(copy: Path) -> None:
    with vicinal.connect(copy) as db:
        db.collection(NAME).snapshot("monday")
    assert verify(copy).ok
    (snapshot,) = (collection_folder(copy) / "snapshots").iterdir()
    data = bytearray((snapshot / "vectors.f32").read_bytes())
    data[33 * 4 * 8] ^= 1
    (snapshot / "vectors.f32").write_bytes(data)
    assert [problem.file.split("/")[0] for problem in verify(copy).problems] == ["snapshots"]
    (snapshot / "snapshot.json").write_bytes(b"{")
    assert any("does not say what" in problem.what for problem in verify(copy).problems)


def test_leftovers_are_noted(copy: Path) -> None:
    for name in ("new-1", "dead-2", "damaged-g0-3"):
        (collection_folder(copy) / name).mkdir()
    report = verify(copy)
    assert report.ok
    assert [note.file for note in report.notes] == ["damaged-g0-3", "dead-2", "new-1"]


def test_verify_beside_writers(copy: Path) -> None:
    """Also in this process, whose locks it must not drop."""
    with vicinal.connect(copy) as db:
        docs = db.collection(NAME)
        for _ in range(5):
            docs.add(vectors=QUERIES)
            assert docs.verify().ok
        locks = Path("/proc/locks")
        if locks.exists():
            inode = os.stat(collection_folder(copy) / "g1" / "records.db-shm").st_ino
            assert f":{inode} " in locks.read_text()  # SQLite's lock of an open database


@pytest.mark.parametrize("moment", ["after listing", "before opening"])
def test_a_switch_while_verify_looks_is_no_damage(copy: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    switched: list[str] = []
    with vicinal.connect(copy) as db:
        docs = db.collection(NAME)

        def switch() -> None:
            if not switched:
                switched.append("")
                docs.compact()

        def moved_to(files: Files, generation: str) -> str | None:
            if moment == "after listing":
                switch()
            return ask(files, generation)

        def check_generation(subject: check.Subject, make_index: check.MakeIndex | None) -> int:
            switch()
            return look(subject, make_index)

        ask, look = verify_module.moved_to, check.check_generation
        monkeypatch.setattr(verify_module, "moved_to", moved_to)
        monkeypatch.setattr(verify_module, "check_generation", check_generation)
        report = docs.verify()
        assert report.ok, report.problems
        assert report.rows == docs.count()
    assert switched


def test_what_does_not_exist_is_an_error(sound: Path) -> None:
    with vicinal.connect(sound) as db, pytest.raises(vicinal.errors.CollectionNotFound):
        db.verify("nothing")
    with pytest.raises(vicinal.errors.Unsupported):
        vicinal.connect(":memory:").collection("docs").verify()
