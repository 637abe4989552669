"""What a collection must contain, derived from the journals alone.

A writer owns its ids, so its journal determines their rows. It records each step before it begins and after it
returned. A step that began but did not finish may have happened or not: then there are two correct states, and nothing
between them is correct.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

DIMENSION = 8


@dataclass(frozen=True, slots=True)
class Row:
    """A row, described by the steps that made it; its content follows from these two numbers and its id.

    Attributes:
        written: the step that wrote text and vector.
        touched: a later step that changed only metadata, or 0.
    """

    written: int
    touched: int = 0


Rows = Mapping[str, Row]


def text_of(id_: str, written: int) -> str:
    return f"{id_} as written by step {written} " + "and so on " * (written % 40)


def is_bare(id_: str) -> bool:
    """Returns whether a row has a text but no vector."""
    return id_.endswith("-7")


def vector_of(id_: str, written: int) -> np.ndarray:
    seed = hashlib.blake2b(f"{id_}/{written}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(seed)).standard_normal(DIMENSION).astype(np.float32)


def metadata_of(row: Row) -> dict[str, int]:
    return {"written": row.written} | ({"touched": row.touched} if row.touched else {})


def read_row(record: Any) -> Row:
    """Returns the row for a record.

    Raises:
        ValueError: text, vector and metadata do not belong together.
    """
    row = Row(record.metadata.get("written", 0), record.metadata.get("touched", 0))
    if record.text != text_of(record.id, row.written) or record.metadata != metadata_of(row):
        raise ValueError(f"row {record.id}: text {record.text!r:.80} with metadata {record.metadata}")
    wanted = None if is_bare(record.id) else vector_of(record.id, row.written)
    if (record.vector is None) != (wanted is None) or not np.array_equal(record.vector, wanted):
        raise ValueError(f"row {record.id}: its vector is not that of step {row.written}")
    return row


def owner_of(id_: str) -> str:
    return id_.split("-")[0]


@dataclass(frozen=True, slots=True)
class World:
    """One writer's rows, now and in each of its snapshots."""

    rows: Rows = field(default_factory=dict)
    snapshots: Mapping[str, Rows] = field(default_factory=dict)

    def after(self, step: Mapping[str, Any]) -> World:
        """Returns the world after `step`."""
        name, n, rows = step["op"], step["n"], dict(self.rows)
        if name in ("add", "upsert"):
            rows.update({id_: Row(n) for id_ in step["ids"]})
        elif name == "rewrite":
            rows.update({id_: Row(n, rows[id_].touched) for id_ in step["ids"]})
        elif name == "touch":
            rows.update({id_: Row(rows[id_].written, n) for id_ in step["ids"]})
        elif name == "delete":
            for id_ in step["ids"]:
                rows.pop(id_, None)
        elif name == "snapshot":
            return World(self.rows, {**self.snapshots, step["name"]: self.rows})
        elif name == "restore":
            return World(self.snapshots[step["name"]], self.snapshots)
        elif name == "purge" and step["drop_snapshots"]:
            return World(self.rows, {})
        return World(rows, self.snapshots)


class Journal:
    """What one writer reports to the outside, line by line; kill -9 cannot undo any of it."""

    def __init__(self, folder: Path, writer: str) -> None:
        self._fd = os.open(folder / writer, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def begin(self, step: Mapping[str, Any]) -> None:
        self._write({"begin": step})

    def done(self, step: Mapping[str, Any], **facts: Any) -> None:
        self._write({"done": step["n"], "at": time.monotonic(), **facts})

    def refused(self, step: Mapping[str, Any], why: str) -> None:
        """The call raised an error which says that nothing changed."""
        self._write({"refused": step["n"], "why": why})

    def violation(self, what: str) -> None:
        """The writer itself saw a broken promise."""
        self._write({"violation": what})

    def _write(self, line: Mapping[str, Any]) -> None:
        os.write(self._fd, json.dumps(line).encode() + b"\n")


@dataclass(slots=True)
class Told:
    """One journal, parsed."""

    writer: str
    steps: list[dict[str, Any]] = field(default_factory=list)  # completed ones, in order
    in_flight: dict[str, Any] | None = None
    violations: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # when each step was completed
    synced: int = 0  # so many of `steps` survive a power failure under durability "process"

    @classmethod
    def read(cls, writer: str, raw: bytes) -> Told:
        told = cls(writer)
        for line in raw.split(b"\n")[:-1]:  # an incomplete line was not reported
            said = json.loads(line)
            if "begin" in said:
                told.in_flight = said["begin"]
            elif "violation" in said:
                told.violations.append(f"{writer}: {said['violation']}")
            else:
                assert told.in_flight is not None
                if "done" in said:
                    told.steps.append(told.in_flight)
                    told.times.append(said["at"])
                    if said.get("synced"):
                        told.synced = len(told.steps)
                else:
                    told.refusals.append(f"{told.in_flight['op']}: {said['why']}")
                told.in_flight = None
        return told

    def worlds(self) -> list[World]:
        """The world after each completed step, and before the first."""
        worlds = [World()]
        for step in self.steps:
            worlds.append(worlds[-1].after(step))
        return worlds

    def next_world(self) -> World:
        """Returns the world if the step in flight has happened."""
        now = self.worlds()[-1]
        return now if self.in_flight is None else now.after(self.in_flight)

    def created(self) -> bool:
        """Whether this writer was told that the collection exists."""
        return bool(self.steps)


def read_journals(journals: Mapping[str, bytes]) -> list[Told]:
    return [Told.read(writer, raw) for writer, raw in sorted(journals.items())]


@dataclass(slots=True)
class Verdict:
    """The result of one trial. `faults` describes each thing that is wrong; empty means that it passed."""

    acknowledged: int = 0
    lost: int = 0
    resurrected: int = 0
    forgiven: int = 0  # rows newer than `synced` lost in a power failure, under durability "process"
    faults: list[str] = field(default_factory=list)

    def add(self, other: Verdict) -> None:
        self.acknowledged += other.acknowledged
        self.lost += other.lost
        self.resurrected += other.resurrected
        self.forgiven += other.forgiven
        self.faults += other.faults


def judge(tolds: Sequence[Told], actual: Rows, *, lossy: bool) -> Verdict:
    """Compares the rows of a collection with what its writers were told.

    Args:
        lossy: the power was cut under durability "process".
    """
    verdict = Verdict()
    owners = {told.writer for told in tolds}
    strangers = [id_ for id_ in actual if owner_of(id_) not in owners]
    if strangers:
        verdict.faults.append(f"rows that nobody wrote: {_some(strangers)}")
    for told in tolds:
        own = {id_: row for id_, row in actual.items() if owner_of(id_) == told.writer}
        verdict.add(_judge_lossy(told, own) if lossy else _judge_exact(told, own))
        verdict.faults += told.violations
    return verdict


def _judge_exact(told: Told, actual: Rows) -> Verdict:
    worlds = told.worlds()
    right = [worlds[-1].rows]
    if told.in_flight is not None:
        right.append(told.next_world().rows)
    verdict = Verdict(acknowledged=len(right[0]))
    if actual in right:
        return verdict
    lost = [id_ for id_ in right[0] if id_ not in actual and all(id_ in rows for rows in right)]
    risen = [id_ for id_ in actual if all(id_ not in rows for rows in right)]
    wrong = [id_ for id_ in actual if id_ not in risen and all(rows.get(id_) != actual[id_] for rows in right)]
    stale = [id_ for id_ in wrong if any(world.rows.get(id_) == actual[id_] for world in worlds)]
    verdict.lost, verdict.resurrected = len(lost) + len(wrong), len(risen) + len(stale)
    told_of = f"{told.writer}, in flight {told.in_flight}"
    for what, ids in (("lost", lost), ("back from the dead", risen), ("not as acknowledged", wrong)):
        if ids:
            verdict.faults.append(f"{told_of}: {len(ids)} rows {what}: {_some(ids)}")
    if not (lost or risen or wrong):
        verdict.faults.append(f"{told_of}: half of what was in flight is there")
    return verdict


def _judge_lossy(told: Told, actual: Rows) -> Verdict:
    """Rows written or replaced since `synced` may be missing or as of any step since; all others must be exact."""
    worlds = told.worlds()
    recent = worlds[told.synced :]
    if told.in_flight is not None:
        recent.append(told.next_world())
    verdict = Verdict(acknowledged=len(worlds[-1].rows))
    rewritten = {id_ for before, after in pairwise(recent) for id_ in _rewritten(before.rows, after.rows)}
    for id_ in {*worlds[-1].rows, *actual}:
        found, now = actual.get(id_), worlds[-1].rows.get(id_)
        allowed = {world.rows.get(id_) for world in recent} | ({None} if id_ in rewritten else set())
        if found not in allowed:
            verdict.lost += now is not None
            verdict.resurrected += now is None
            verdict.faults.append(f"{told.writer}: row {id_} is {found}, which no step since the sync explains")
        elif found != now:
            verdict.forgiven += 1
    return verdict


def _rewritten(before: Rows, after: Rows) -> set[str]:
    """Returns ids that were added, deleted or got new text; new metadata alone does not put a row at risk."""
    return {id_ for id_ in {*before, *after} if _written(before.get(id_)) != _written(after.get(id_))}


def _written(row: Row | None) -> int:
    return 0 if row is None else row.written


def _some(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids)[:5])


def count_steps(tolds: Iterable[Told]) -> Counter[str]:
    return Counter(step["op"] for told in tolds for step in told.steps)
