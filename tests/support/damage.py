"""A collection with some of everything, ways to damage its files, and all results that it returns.

Damaged copies are opened in a child process, so that a crash of the interpreter is detected.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

import vicinal
from vicinal.store.folder_names import folder_name

NAME = "docs"
DIMENSION = 8
PAGE = 4096
FAR = datetime(2100, 1, 1, tzinfo=UTC)
QUERIES = np.random.default_rng(1).standard_normal((4, DIMENSION)).astype(np.float32)


def collection_folder(database: Path) -> Path:
    return database / folder_name(NAME)


def make_database(path: Path, rows: int = 160) -> Path:
    """Ids of every kind, texts over several pages, expiry, holes, updates; a saved index and later changes."""
    numbers = np.random.default_rng(0)
    with vicinal.connect(path) as db:
        docs = db.collection(NAME, dimension=DIMENSION, auto_ids="integer")
        for start in range(0, rows, 20):
            some = range(start, start + 20)
            docs.add(
                [_id(i) for i in some],
                texts=[f"text {i} " * (1 if i % 17 else 900) for i in some],
                vectors=numbers.standard_normal((20, DIMENSION)),
                metadata=[{"n": i, "tag": "x" * (i % 50)} for i in some],
                ttl=[FAR if i % 5 == 0 else None for i in some],
            )
        docs.add(texts=["without a vector", "another"])
        docs.delete([_id(i) for i in range(0, rows, 7)])
        docs.update([_id(i) for i in range(1, rows, 13) if i % 7], metadata={"touched": True})
        _store(docs).upkeep.build(always=True)
        docs.add(vectors=numbers.standard_normal((10, DIMENSION)))
        docs.delete([_id(2)])
        docs.update([_id(3)], metadata={"late": 1})
        docs.upsert([_id(4)], texts=["anew"], vectors=numbers.standard_normal((1, DIMENSION)))
        _put_kv(docs)
    return path


def _store(docs: vicinal.Collection) -> Any:
    return docs._context.store


def _put_kv(docs: vicinal.Collection) -> None:
    from vicinal.store.checksum import crc_of

    def put(connection: Any) -> None:
        for key in ("a", "b"):
            connection.execute("INSERT INTO kv VALUES (?, ?, ?, ?)", ("face", key, b"v", crc_of("face", key, b"v")))
        connection.execute("COMMIT")

    with _store(docs).using() as opened:
        opened.generation.connections.write(put, 1.0, "full")


def _id(i: int) -> Any:
    return (f"id-{i}", 1000 + i, UUID(int=i))[i % 3]


def answers(database: Path) -> dict[str, Any]:
    """Returns the results of every kind of read, then of a write."""
    found: dict[str, Any] = {}
    with vicinal.connect(database) as db:
        found["collections"] = db.collections()
        docs = db.collection(NAME)
        records = docs.get(vectors=True)
        found["rows"] = [_record(record) for record in records]
        found["by id"] = [_record(found_) for record in records for found_ in docs.get([record.id])]
        found["hits"] = [_hits(docs.search(query, k=k)) for query in QUERIES for k in (5, 1000)]
        found["like"] = _hits(docs.search(id=1001, k=5))
        found["count"] = docs.count()
        stats = docs.stats()
        found["stats"] = [stats.rows, stats.expired, stats.dead_slots, stats.dimension, stats.metric, stats.change]
        found["state"] = [stats.encoder, stats.synced, *_store(docs).current().setting.items()]
        found["kv"] = _store(docs).read(lambda reader: repr(reader._connection.execute("SELECT * FROM kv").fetchall()))
        found["added"] = docs.add(vectors=QUERIES[:2])
        found["deleted"] = docs.delete([1001, "nobody"])
        found["hits after"] = _hits(docs.search(QUERIES[0], k=1000))
        _store(docs).upkeep.build(always=True)
        found["hits after publication"] = _hits(docs.search(QUERIES[0], k=1000))
    with vicinal.connect(database) as db:
        found["rows after"] = [_record(record) for record in db.collection(NAME).get(vectors=True)]
    return found


def _record(record: vicinal.Record) -> str:
    vector = None if record.vector is None else record.vector.tobytes().hex()
    return repr((record.id, record.text, record.metadata, vector, record.expires_at))


def _hits(hits: vicinal.Hits) -> str:
    return repr([(hit.id, hit.score, hit.text, hit.metadata) for hit in hits])


# -- damage


@dataclass(frozen=True)
class Damage:
    """One change to one file.

    Attributes:
        file: relative to the collection's folder.
        kind: flip (one bit), byte, zero (from `position`), truncate (to `position`), remove.
        position: a byte, or a bit for flips.
    """

    file: str
    kind: str
    position: int = 0
    length: int = PAGE

    def do(self, folder: Path) -> None:
        path = folder / self.file
        if self.kind == "remove":
            path.unlink()
            return
        data = bytearray(path.read_bytes())
        if self.kind == "flip":
            data[self.position // 8] ^= 1 << self.position % 8
        elif self.kind == "byte":
            data[self.position] = (data[self.position] + 97) % 256
        elif self.kind == "zero":
            end = min(self.position + self.length, len(data))
            data[self.position : end] = bytes(end - self.position)
        elif self.kind == "truncate":
            del data[self.position :]
        path.write_bytes(data)


def random_damage(folder: Path, seed: int) -> Damage:
    """Small files are as likely as large ones: each may be somebody's whole collection."""
    numbers = random.Random(seed)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    file = numbers.choice([*files, *[name for name in files if name.endswith(("records.db", "vectors.f32"))] * 3])
    size = max(1, (folder / file).stat().st_size)
    kind = numbers.choice(["flip"] * 6 + ["byte"] * 3 + ["zero"] * 3 + ["truncate"] * 2 + ["remove"])
    if kind == "flip":
        return Damage(file, kind, numbers.randrange(8 * size))
    if kind == "zero":
        return Damage(file, kind, numbers.randrange(0, size, PAGE))
    return Damage(file, kind, 0 if kind == "remove" else numbers.randrange(size))


@dataclass
class Trial:
    """The outcome of one damaged copy.

    Attributes:
        harmful: the first result that differs or the error that ended it, or None.
        ours: whether an error, if any, belongs to our error tree.
        problems: what verify had reported before.
    """

    damage: str
    harmful: str | None
    ours: bool
    problems: list[str]
    repaired: str | None = None


def try_all(database: Path, work: Path, damages: Iterable[Damage], job: str = "verify") -> list[Trial]:
    """Applies each damage to a separate copy, in one child process.

    Raises:
        AssertionError: the child crashed; the message names the damage.
    """
    job_lines = "\n".join(json.dumps(asdict(damage)) for damage in damages)
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "support.damage", job, str(database), str(work)],
        input=job_lines, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    trials = [Trial(**json.loads(line)) for line in lines]
    damaged = job_lines.splitlines()
    assert done.returncode == 0, f"crash at {damaged[len(trials) : len(trials) + 1]}: {done.stderr[-2000:]}"
    assert len(trials) == len(damaged)
    return trials


def _try(database: Path, work: Path, damage: Damage, expected: dict[str, Any]) -> Trial:
    copy = work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(database, copy)
    damage.do(collection_folder(copy))
    report = vicinal.connect(copy).verify(NAME)
    trial = Trial(str(damage), None, True, [str(problem) for problem in report.problems])
    trial.harmful, trial.ours = harm(copy, expected)
    return trial


def harm(database: Path, expected: dict[str, Any]) -> tuple[str | None, bool]:
    """Returns how the results differ, or None, and whether an error was ours."""
    try:
        found = answers(database)
    except vicinal.VicinalError as error:
        return f"{type(error).__name__}: {error}", True
    except Exception as error:
        return f"{type(error).__name__}: {error}", False
    for key in expected:
        if found[key] != expected[key]:
            return f"{key} differ", True
    return None, True


def _main(job: str, database: Path, work: Path) -> None:
    expected = _expected(database, work)
    for line in sys.stdin:
        damage = Damage(**json.loads(line))
        trial = _try(database, work, damage, expected) if job == "verify" else _mend(database, work, damage, expected)
        print(json.dumps(asdict(trial)), flush=True)


def _mend(database: Path, work: Path, damage: Damage, expected: dict[str, Any]) -> Trial:
    """Repairs a damaged copy and returns what is wrong with the result, or how many rows were lost."""
    copy = work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(database, copy)
    damage.do(collection_folder(copy))
    trial = Trial(str(damage), None, True, [])
    try:
        with vicinal.connect(copy) as db:
            report = db.repair(NAME)
            trial.repaired = f"{len(report.lost)} lost"
            trial.problems = [str(problem) for problem in db.verify(NAME).problems]
            trial.harmful = _wrong(db, report, expected)
    except vicinal.errors.Damaged as error:
        trial.repaired = f"refused: {error}"
    except Exception as error:
        trial.harmful, trial.ours = f"{type(error).__name__}: {error}", isinstance(error, vicinal.VicinalError)
    return trial


def _wrong(db: vicinal.Database, report: Any, expected: dict[str, Any]) -> str | None:
    """Returns what a repaired collection has but should not, or lacks without having reported it."""
    docs = db.collection(NAME)
    written = {eval(row, EVALUATED)[0]: row for row in expected["rows"]}
    kept = {record.id: _record(record) for record in docs.get(vectors=True)}
    named = {row.id for row in report.lost}
    if len(kept) != report.kept or docs.count() != report.kept:
        return f"{report.kept} rows are said to be kept, {len(kept)} are there"
    for id_, row in kept.items():
        if written.get(id_) != row:
            return f"row {id_!r} is not what was written"
    silent = [id_ for id_ in written if id_ not in kept and id_ not in named]
    if silent and None not in named and not report.notes:
        return f"{len(silent)} rows are missing and not named, such as {silent[0]!r}"
    if docs.add(vectors=QUERIES[:1])[0] in written:
        return "an automatic id was handed out twice"
    return None


EVALUATED = {"UUID": UUID, "datetime": __import__("datetime")}


def _expected(database: Path, work: Path) -> dict[str, Any]:
    copy = work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(database, copy)
    return answers(copy)


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
