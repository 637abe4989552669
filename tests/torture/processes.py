"""Eight processes on one path, one killed every two seconds: four write and read, four read.

The proof that a search sees what was committed before it began: a writer publishes, in shared memory, the number of the
last step whose `add` returned, and that of the last step whose rows were deleted by a `delete` that returned. A reader
that reads such a number before a search must find those rows, or must not find them.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import vicinal
from vicinal.collection import Collection

from .checking import check
from .kills import fork, wait
from .model import DIMENSION, Journal, Row, Told, Verdict, metadata_of, read_journals, text_of, vector_of
from .workload import NAME, Place

WRITERS = 4
READERS = 4
KILL_EVERY_SECONDS = 2.0
WAIT_MAX_SECONDS = 1.0
_LIVES_MAX = 1000
_KEPT = 40  # steps after which a writer deletes what a step added
_ROWS_A_STEP = 3


class Board:
    """Numbers in shared memory: for each writer its life, the last step added, the last step deleted."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, WRITERS * 3 * 8)
        self._numbers = np.frombuffer(self._memory, dtype=np.int64).reshape(WRITERS, 3)

    def start_life(self, writer: int, life: int) -> None:
        self._numbers[writer] = (0, 0, 0)  # readers check the life first and last
        self._numbers[writer, 1:] = 0
        self._numbers[writer, 0] = life

    def publish_added(self, writer: int, step: int) -> None:
        self._numbers[writer, 1] = step

    def publish_deleted(self, writer: int, step: int) -> None:
        self._numbers[writer, 2] = step

    def read(self, writer: int) -> tuple[str, int, int] | None:
        """Returns (name of the writer in this life, last step added, last deleted); None while a life begins."""
        life = int(self._numbers[writer, 0])
        deleted, added = int(self._numbers[writer, 2]), int(self._numbers[writer, 1])
        if life == 0 or int(self._numbers[writer, 0]) != life:
            return None
        return name_of(writer, life), added, deleted


def name_of(writer: int, life: int) -> str:
    return f"w{writer}.{life}"


def ids_of(name: str, step: int) -> list[str]:
    return [f"{name}-{step}-{i}" for i in range(_ROWS_A_STEP)]


@dataclass(slots=True)
class Outcome:
    """The results of the run.

    Attributes:
        proofs: searches after another process's commit or delete had returned that had to see it.
        waits: seconds from each kill to the next commit of any writer.
    """

    seed: str
    seconds: float
    kills: int = 0
    commits: int = 0
    proofs: int = 0
    waits: list[float] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)


class Crew:
    """The eight processes, and those that replace killed ones."""

    def __init__(self, place: Place, seed: str) -> None:
        self._place = place
        self._seed = seed
        self._board = Board()
        self._proofs = np.frombuffer(mmap.mmap(-1, (WRITERS + READERS) * 8), dtype=np.int64)
        self._lives = [0] * (WRITERS + READERS)
        self._children = [0] * (WRITERS + READERS)
        for member in range(WRITERS + READERS):
            self._start(member)

    def _start(self, member: int) -> None:
        self._lives[member] += 1
        life = self._lives[member]
        if member < WRITERS:
            self._board.start_life(member, 0)
        self._children[member] = fork(lambda: self._live(member, life))

    def _live(self, member: int, life: int) -> None:
        name = name_of(member, life) if member < WRITERS else f"r{member}.{life}"
        journal = Journal(self._place.journal, name)
        try:
            with vicinal.connect(self._place.db) as db:
                docs = db.collection(NAME, dimension=DIMENSION, timeout=10.0)
                rng = random.Random(f"{self._seed}/{name}")
                if member < WRITERS:
                    self._board.start_life(member, life)
                    self._write(docs, journal, member, name, rng)
                while True:
                    self._look(docs, member, rng)
        except Exception:
            journal.violation(traceback.format_exc())

    def _write(self, docs: Collection, journal: Journal, member: int, name: str, rng: random.Random) -> None:
        """Odd steps add rows; even ones delete what an old odd step added, or search."""
        n = 0
        while True:
            n += 1
            step = {"n": n, "op": "add", "ids": ids_of(name, n)}
            journal.begin(step)
            ids = ids_of(name, n)
            docs.add(
                ids,
                texts=[text_of(id_, n) for id_ in ids],
                vectors=[vector_of(id_, n) for id_ in ids],
                metadata=[metadata_of(Row(n))] * len(ids),
            )
            self._board.publish_added(member, n)
            journal.done(step)
            old = n - 2 * _KEPT
            n += 1
            if old > 0:
                step = {"n": n, "op": "delete", "ids": ids_of(name, old)}
                journal.begin(step)
                docs.delete(step["ids"])
                self._board.publish_deleted(member, old)
                journal.done(step)
            self._look(docs, member, rng)

    def _look(self, docs: Collection, member: int, rng: random.Random) -> None:
        """Reads the board, then searches: what was published must be visible."""
        writer = rng.randrange(WRITERS)
        published = self._board.read(writer)
        if published is None:
            time.sleep(0.001)
            return
        name, added, deleted = published
        if added:
            id_ = rng.choice(ids_of(name, added))
            found = docs.search(vector_of(id_, added), k=1)
            if found.ids == [id_]:
                self._proofs[member] += 1
            elif self._must_still_be_there(writer, name, added):
                raise AssertionError(f"row {id_}, committed before the search began, is not found: {found}")
        if deleted:
            id_ = rng.choice(ids_of(name, deleted))
            found = docs.search(vector_of(id_, deleted), k=1)
            if found.ids == [id_]:
                raise AssertionError(f"row {id_}, deleted before the search began, is found")
            self._proofs[member] += 1

    def _must_still_be_there(self, writer: int, name: str, step: int) -> bool:
        """Returns whether the writer cannot have begun to delete that step's rows during the search."""
        now = self._board.read(writer)
        return now is not None and now[0] == name and now[1] - step < 2 * _KEPT - 2

    def kill(self, member: int) -> float:
        """Kills one, and starts a replacement later; returns the time of the kill."""
        os.kill(self._children[member], signal.SIGKILL)
        moment = time.monotonic()
        wait(self._children[member], 10.0)
        self._start(member)
        return moment

    def kill_all(self) -> None:
        for child in self._children:
            os.kill(child, signal.SIGKILL)
        for child in self._children:
            wait(child, 10.0)

    def proofs(self) -> int:
        return int(self._proofs.sum())


def run(seed: str, seconds: float, folder: Path) -> Outcome:
    """Does the whole run below the new folder `folder`."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    place = Place(folder)
    place.make()
    outcome = Outcome(seed, seconds)
    crew = Crew(place, seed)
    start, moments = time.monotonic(), []
    while time.monotonic() - start < seconds:
        time.sleep(KILL_EVERY_SECONDS - rng.random() * 0.1)
        moments.append(crew.kill(rng.randrange(WRITERS + READERS)))
    time.sleep(WAIT_MAX_SECONDS)
    crew.kill_all()
    tolds = read_journals(place.journals())
    outcome.kills, outcome.proofs = len(moments), crew.proofs()
    outcome.commits = sum(len(told.steps) for told in tolds)
    outcome.waits = [_wait_after(moment, tolds) for moment in moments]
    outcome.verdict = check(place, tolds, seed=seed)
    _judge_waits(outcome)
    return outcome


def _wait_after(moment: float, tolds: Sequence[Told]) -> float:
    """Returns the seconds from `moment` to the next commit of any writer."""
    return min((at - moment for told in tolds for at in told.times if at > moment), default=float("inf"))


def _judge_waits(outcome: Outcome) -> None:
    slow = [seconds for seconds in outcome.waits if seconds > WAIT_MAX_SECONDS]
    if slow:
        outcome.verdict.faults.append(f"after {len(slow)} kills the next writer waited {max(slow):.2f} s")
    if not outcome.proofs:
        outcome.verdict.faults.append("no search was proved to see anything")
