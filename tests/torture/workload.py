"""What the processes of a trial do: random steps, each recorded in the journal before and after."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vicinal
from vicinal.collection import Collection
from vicinal.errors import WriterBusy
from vicinal.store import housekeeping, publishing, upkeep

from .model import DIMENSION, Journal, World, is_bare, metadata_of, read_row, text_of, vector_of
from .model import Row as ModelRow
from .recording import Recorder

NAME = "torture"
Step = dict[str, Any]
_BATCH_MAX = 12
_TIMEOUT_SECONDS = 20.0
_CREATE_COST = 40  # operations on files, approximately


def hurry() -> None:
    """Makes background upkeep run all the time, not every few seconds or thousands of rows."""
    for module, name, value in (
        (housekeeping, "_TICK_SECONDS", {"sync": 0.01, "build": 0.01}),
        (upkeep, "_QUIET_SECONDS", 0.01),
        (upkeep, "_PAUSE_SECONDS", 0.005),
        (publishing, "_ROWS_MIN", 16),
        (publishing, "_ROWS_BUSY_MIN", 16),
        (upkeep, "_COMPACT_SLOTS_MIN", 16),
    ):
        assert hasattr(module, name)
        setattr(module, name, value)


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one trial.

    Attributes:
        deep: the database is created in folders that do not exist yet.
    """

    root: Path
    deep: bool = False

    @property
    def db(self) -> Path:
        return self.root / ("some/where/db" if self.deep else "db")

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    def make(self) -> None:
        """Creates the folders and makes them durable before the trial begins."""
        for folder in (self.journal, self.backups):
            folder.mkdir()
        sync_folder(self.root)

    def journals(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.journal.iterdir()}


def sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)


class Writer:
    """The state of one writer: its collection, its random numbers, what it was told so far.

    Args:
        alone: it is the only writer, so steps that change everybody's rows are allowed.
    """

    def __init__(self, place: Place, writer: str, seed: str, durability: str = "full", *, alone: bool = True) -> None:
        self.place = place
        self.name = writer
        self.rng = random.Random(f"{seed}/{writer}")
        self.alone = alone
        self.world = World()
        self.erased: set[tuple[str, int]] = set()  # (id, step) of texts that no row has any more
        self.durability = durability
        self.journal = Journal(place.journal, writer)
        self.db = vicinal.connect(place.db)
        self.docs: Collection

    def open(self) -> None:
        self.docs = self.db.collection(NAME, dimension=DIMENSION, durability=self.durability, timeout=_TIMEOUT_SECONDS)

    def was_told(self, step: Step) -> None:
        """The step is completed."""
        before, self.world = self.world.rows, self.world.after(step)
        now = {(id_, row.written) for id_, row in self.world.rows.items()}
        self.erased = (self.erased | {(id_, row.written) for id_, row in before.items()}) - now

    def some_ids(self) -> list[str]:
        known = sorted(self.world.rows)
        return self.rng.sample(known, min(len(known), self.rng.randint(1, _BATCH_MAX)))

    def new_ids(self, n: int) -> list[str]:
        return [f"{self.name}-{n}-{i}" for i in range(self.rng.randint(1, _BATCH_MAX))]


def _columns(step: Step) -> dict[str, Any]:
    ids, n = step["ids"], step["n"]
    vectors = [None if is_bare(id_) else vector_of(id_, n) for id_ in ids]
    return {"texts": [text_of(id_, n) for id_ in ids], "vectors": vectors}


def _add(writer: Writer, step: Step) -> None:
    metadata = [metadata_of(ModelRow(step["n"]))] * len(step["ids"])
    writer.docs.add(step["ids"], metadata=metadata, **_columns(step))


def _upsert(writer: Writer, step: Step) -> None:
    metadata = [metadata_of(ModelRow(step["n"]))] * len(step["ids"])
    writer.docs.upsert(step["ids"], metadata=metadata, **_columns(step))


def _rewrite(writer: Writer, step: Step) -> None:
    writer.docs.update(step["ids"], metadata={"written": step["n"]}, **_columns(step))


def _touch(writer: Writer, step: Step) -> None:
    writer.docs.update(step["ids"], metadata={"touched": step["n"]})


def _delete(writer: Writer, step: Step) -> None:
    writer.docs.delete(step["ids"])


def _reopen(writer: Writer, _: Step) -> None:
    writer.docs.close()
    writer.open()


def _purge(writer: Writer, _: Step) -> None:
    receipt = writer.docs.purge(drop_snapshots=True)
    if receipt.complete and writer.alone:
        _look_for_the_erased(writer)


def _look_for_the_erased(writer: Writer) -> None:
    """Neither the text nor the vector of a deleted or replaced row is in any file of the database."""
    # In another process: closing records.db here would drop the locks that SQLite holds on it.
    everything = ["find", str(writer.place.db), "-type", "f", "-exec", "cat", "{}", "+"]
    stored = subprocess.run(everything, capture_output=True, check=False).stdout  # files may vanish
    for id_, written in writer.erased:
        for what, raw in (("text", text_of(id_, written).encode()), ("vector", vector_of(id_, written).tobytes())):
            if raw in stored:
                raise AssertionError(f"after purge the {what} of row {id_} of step {written} is still in a file")


def _lose_indexes(writer: Writer, _: Step) -> None:
    """Every saved index is deleted while processes use them: results do not change."""
    for index in writer.place.db.glob("*/g*/index"):
        shutil.rmtree(index, ignore_errors=True)


def _backup(writer: Writer, step: Step) -> None:
    writer.docs.backup(str(writer.place.backups / step["name"]))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of step.

    Attributes:
        weight: how often it is drawn, relative to the others.
        needs: the method of Collection that it requires; without it, the step is skipped.
        alone: it changes rows of other writers, so it needs a trial without them.
        targets: whose ids it takes: "new", "known", "mixed" or none.
    """

    name: str
    run: Callable[[Writer, Step], None]
    weight: int
    targets: str = ""
    needs: str = "add"
    alone: bool = False

    def plan(self, writer: Writer, n: int) -> Step:
        step: Step = {"n": n, "op": self.name}
        if self.targets:
            new = writer.new_ids(n) if self.targets in ("new", "mixed") else []
            step["ids"] = new + (writer.some_ids() if self.targets in ("known", "mixed") else [])
        if self.name in ("snapshot", "backup"):
            step["name"] = f"{writer.name}-{n}"
        if self.name == "restore":
            step["name"] = writer.rng.choice(sorted(writer.world.snapshots))
        if self.name == "purge":
            step["drop_snapshots"] = True
        return step

    def fits(self, writer: Writer) -> bool:
        if self.alone and not writer.alone:
            return False
        if self.name == "restore" and not writer.world.snapshots:
            return False
        return hasattr(Collection, self.needs) and (self.targets != "known" or bool(writer.world.rows))


KINDS = (
    Kind("add", _add, 12, "new"),
    Kind("upsert", _upsert, 8, "mixed"),
    Kind("rewrite", _rewrite, 5, "known"),
    Kind("touch", _touch, 5, "known"),
    Kind("delete", _delete, 8, "known"),
    Kind("reopen", _reopen, 2),
    Kind("lose indexes", _lose_indexes, 1),
    Kind("sync", lambda writer, _: writer.docs.sync(), 2),
    Kind("compact", lambda writer, _: writer.docs.compact(), 3, needs="compact"),
    Kind("purge", _purge, 2, needs="purge"),
    Kind("backup", _backup, 2, needs="backup"),
    Kind("snapshot", lambda writer, step: writer.docs.snapshot(step["name"]), 2, needs="snapshot"),
    Kind("restore", lambda writer, step: writer.docs.restore(step["name"]), 3, needs="restore", alone=True),
)
CREATE = Kind("create", lambda writer, _: writer.open(), 1)


def kinds_at_hand() -> list[str]:
    """Returns the names of the steps that this version of the store supports."""
    return [kind.name for kind in (CREATE, *KINDS) if hasattr(Collection, kind.needs)]


@dataclass(frozen=True, slots=True)
class Doom:
    """Where a writer kills itself: in a step of this kind, at a random file operation, drawn from as many as the
    previous step of this kind took.

    Attributes:
        occurrence: which step of the kind, from 2; the first one is the measure ("create" happens once).
        torn: a write is half done first.
    """

    kind: str
    occurrence: int
    torn: bool


class Work:
    """The life of a writer.

    Args:
        doom: where it kills itself; None if it lives or is killed from outside.
    """

    def __init__(self, writer: Writer, recorder: Recorder, doom: Doom | None = None) -> None:
        self._writer = writer
        self._recorder = recorder
        self._doom = doom
        self._doomed_steps = 0
        self._doom_cost = _CREATE_COST
        self._steps = 0

    def run(self, steps: int | None = None) -> None:
        """Does this many steps, or continues until it is killed."""
        try:
            while not hasattr(self._writer, "docs"):  # if the writer is busy, try again
                self._step(CREATE)
            while steps is None or self._steps < steps:
                self._step(self._draw())
                self._look()
        except Exception:
            self._writer.journal.violation(traceback.format_exc())

    def _draw(self) -> Kind:
        kinds = [kind for kind in KINDS if kind.fits(self._writer)]
        weights = [kind.weight * (8 if self._doom and kind.name == self._doom.kind else 1) for kind in kinds]
        return self._writer.rng.choices(kinds, weights)[0]

    def _step(self, kind: Kind) -> None:
        writer = self._writer
        self._steps += 1
        step = kind.plan(writer, self._steps)
        writer.journal.begin(step)
        with self._doomed(kind):
            try:
                kind.run(writer, step)
            except WriterBusy as error:
                writer.journal.refused(step, str(error))
                return
        writer.was_told(step)
        writer.journal.done(step, synced=kind.name == "sync")

    @contextlib.contextmanager
    def _doomed(self, kind: Kind) -> Iterator[None]:
        """Arms the recorder if this is the step to die in."""
        if self._doom is None or kind.name != self._doom.kind:
            yield
            return
        self._doomed_steps += 1
        if kind is CREATE or self._doomed_steps >= self._doom.occurrence:
            at = self._writer.rng.randint(1, max(1, self._doom_cost))
            self._recorder.kill_after(at, torn=self._doom.torn)
        before = self._recorder.operations()
        yield
        self._doom_cost = self._recorder.operations() - before

    def _look(self) -> None:
        """A writer reads its own writes: a stored row is its own nearest neighbour, a deleted one does not exist."""
        writer = self._writer
        if not writer.world.rows:
            return
        id_ = writer.rng.choice(sorted(writer.world.rows))
        row = writer.world.rows[id_]
        found = writer.docs.search(vector_of(id_, row.written), k=1)
        if not is_bare(id_) and found.ids != [id_]:
            raise AssertionError(f"search for row {id_} of step {row.written} found {found.ids}")
        records = writer.docs.get([id_], vectors=True)
        if [read_row(record) for record in records] != [row]:
            raise AssertionError(f"get of row {id_} of step {row.written} gave {records}")


def read_for_ever(place: Place, reader: str, seed: str) -> None:
    """A second process that only reads: whatever it sees must be complete rows."""
    journal = Journal(place.journal, reader)
    rng = random.Random(f"{seed}/{reader}")
    db = vicinal.connect(place.db)
    try:
        while NAME not in db.collections():
            time.sleep(0.002)
        docs = db.collection(NAME)
        while True:
            _read_once(docs, rng)
            if rng.random() < 0.05:
                docs.close()
                docs = db.collection(NAME)
            time.sleep(rng.random() * 0.01)
    except Exception:
        journal.violation(traceback.format_exc())


def _read_once(docs: Collection, rng: random.Random) -> None:
    for record in docs.get(vectors=True, limit=50, offset=rng.randint(0, 50)):
        read_row(record)
    probe = vector_of("probe", rng.randint(1, 1000))
    before = docs.stats()
    found = docs.search(probe, k=5)
    if found.change == before.change and len(found) != min(5, before.indexed + before.pending):
        raise AssertionError(f"search gave {len(found)} hits at change {found.change} of {before}")
    for hit in found:
        if hit.text != text_of(str(hit.id), hit.metadata["written"]):
            raise AssertionError(f"hit {hit.id}: text {hit.text!r:.80} with metadata {hit.metadata}")
