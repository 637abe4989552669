"""Folders of chromadb are imported without chromadb: complete ones, interrupted ones, and damaged ones."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vicinal
import vicinal.compat.chroma as chroma
from compat.write_chroma_folder import ARCHIVE, SPACES, expected
from vicinal.compat.chroma.systems import System
from vicinal.errors import Damaged, InvalidArgument
from vicinal.importers.chroma import import_chroma, index_file, source

ROWS = 24


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "chroma"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[vicinal.Database]:
    System.forget_all()
    with vicinal.connect(tmp_path / "new") as database:
        yield database
    System.forget_all()


def index_files(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"*/{name}"))


def check_rows(path: Path, count: int) -> None:
    """Checks that all rows exist, with the calls of a program for Chroma."""
    with chroma.PersistentClient(path) as client:
        assert sorted(one.name for one in client.list_collections()) == sorted(SPACES)
        for name, space in SPACES.items():
            rows = client.get_collection(name)
            assert rows.configuration_json["hnsw"]["space"] == space
            assert (rows.metadata or {})["note"] == name
            assert (rows.metadata or {})["truth"] is True
            found = rows.get(include=["documents", "metadatas", "embeddings"])
            there = dict(zip(found["ids"], zip(found["embeddings"], found["documents"], found["metadatas"])))
            wanted = expected(count)
            assert there.keys() == wanted.keys()
            for id_, (vector, document, metadata) in wanted.items():
                assert there[id_][1:] == (document, metadata)
                given, stored = np.array(vector), there[id_][0]
                if space == "cosine":  # Chroma's index has them of length 1
                    given, stored = given / np.linalg.norm(given), stored / np.linalg.norm(stored)
                np.testing.assert_allclose(stored, given, rtol=1e-6)


def test_all_is_brought_over(folder: Path, database: vicinal.Database, tmp_path: Path) -> None:
    reports = import_chroma(database, folder)
    assert [(report.rows, report.without_vector, report.problem) for report in reports] == [(ROWS - 1, [], "")] * 3
    assert all(0 < report.from_index < ROWS for report in reports)
    check_rows(tmp_path / "new", ROWS)


def test_again_changes_nothing(folder: Path, database: vicinal.Database, tmp_path: Path) -> None:
    import_chroma(database, folder)
    assert [report.resumed for report in import_chroma(database, folder)] == [ROWS - 1] * 3
    check_rows(tmp_path / "new", ROWS)


def test_what_was_stopped_goes_on(
    folder: Path, database: vicinal.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "_BATCH_ROWS", 5)
    stored, upsert = 0, vicinal.Collection.upsert

    def stopping(self: vicinal.Collection, *args: Any, **kwargs: Any) -> Any:
        nonlocal stored
        stored += 1
        if stored == 7:
            raise KeyboardInterrupt
        return upsert(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(vicinal.Collection, "upsert", stopping)
        with pytest.raises(KeyboardInterrupt):
            import_chroma(database, folder)
    stored = 100
    with monkeypatch.context() as patch:
        patch.setattr(vicinal.Collection, "upsert", stopping)
        reports = import_chroma(database, folder)
    assert stored == 100 + 4 + 5  # batches of the second collection that were left, and of the third
    assert [report.resumed for report in reports] == [ROWS - 1, 5, 0]
    check_rows(tmp_path / "new", ROWS)


def test_other_rows_are_not_mixed_in(folder: Path, database: vicinal.Database, tmp_path: Path) -> None:
    with chroma.PersistentClient(tmp_path / "new") as client:
        client.create_collection("under-l2", embedding_function=None).add(ids=["mine"], embeddings=[[1, 2, 3]])
        with pytest.raises(InvalidArgument, match="other rows"):
            import_chroma(database, folder)
        assert client.get_collection("under-l2").get()["ids"] == ["mine"]


@pytest.mark.parametrize("name", ["header.bin", "data_level0.bin", "index_metadata.pickle"])
@pytest.mark.parametrize("damage", ["missing", "empty", "noise"])
def test_rows_whose_vectors_are_lost_are_named(
    folder: Path, database: vicinal.Database, tmp_path: Path, name: str, damage: str
) -> None:
    for path in index_files(folder, name):
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(b"" if damage == "empty" else np.random.default_rng(7).bytes(path.stat().st_size))
    reports = import_chroma(database, folder)
    for report in reports:
        assert report.rows == ROWS - 1
        if (name, damage) != ("data_level0.bin", "noise"):
            assert name in report.problem
            assert "row-0" in report.without_vector
        assert f"row-{ROWS - 1}" not in report.without_vector  # the log has it
    found = database.collection("under-l2").get(["row-0", f"row-{ROWS - 1}"], vectors=True)
    assert [record.text for record in found] == [None, f"document {ROWS - 1}"]
    assert found[1].vector is not None
    with chroma.PersistentClient(tmp_path / "new") as client:
        rows = client.get_collection("under-l2").get(include=["embeddings"])
        assert len(rows["embeddings"]) == ROWS - 1


def test_of_a_file_that_was_cut_short_the_rest_is_recovered(folder: Path, database: vicinal.Database) -> None:
    for path in index_files(folder, "data_level0.bin"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 10])
    for report in import_chroma(database, folder):
        assert 0 < len(report.without_vector) < ROWS / 2
        assert "cut off" in report.problem
        assert report.from_index > 0


def test_nothing_of_a_pickle_is_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "run"),)

    assert index_file.plain_pickle(pickle.dumps({"id_to_label": Evil()})) == {"id_to_label": {}}
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("protocol", range(2, 6))
def test_plain_values_of_a_pickle(protocol: int) -> None:
    labels = {f"id {i}": i for i in range(3000)} | {"\u00fc": 2**40}
    value = {"dimensionality": 3, "id_to_label": labels, "none": None, "list": [1, "a", (2, 3)], "same": labels}
    assert index_file.plain_pickle(pickle.dumps(value, protocol)) == {**value, "list": [1, "a", [2, 3]]}


def test_what_is_no_folder_of_chroma(tmp_path: Path, database: vicinal.Database) -> None:
    with pytest.raises(InvalidArgument, match=r"no chroma\.sqlite3"):
        import_chroma(database, tmp_path)
    (tmp_path / "chroma.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(Damaged, match="cannot be read"):
        import_chroma(database, tmp_path)


def test_the_command(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("typer", reason="typer is not installed")
    command = [sys.executable, "-m", "vicinal", "import", str(tmp_path / "new"), "--from", "chroma", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert f"under-ip: {ROWS - 1} rows" in done.stdout, done.stderr
    check_rows(tmp_path / "new", ROWS)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("chromadb") is None, reason="chromadb is a peer: pip install --group chroma")
def test_twenty_thousand_rows_killed_half_way(tmp_path: Path) -> None:
    pytest.importorskip("typer", reason="typer is not installed")
    count = 7000
    script = f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
    script += f"from compat.write_chroma_folder import write; write({str(tmp_path / 'old')!r}, {count})"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300)
    command = [
        sys.executable,
        "-m",
        "vicinal",
        "import",
        str(tmp_path / "new"),
        "--from",
        "chroma",
        str(tmp_path / "old"),
    ]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows = 0
    while running.poll() is None and rows < count // 2:
        time.sleep(0.02)
        with vicinal.connect(tmp_path / "new") as database:
            rows = database.collection("under-l2").count() if "under-l2" in database else 0
    assert running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.wait()
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert "by an earlier run" in done.stdout, done.stderr
    check_rows(tmp_path / "new", count)
    shutil.rmtree(tmp_path / "old")
