"""Opens what a crash left, as its next user would, and compares it with the journals."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import vicinal
from vicinal.collection import Collection

from .model import (
    DIMENSION,
    Row,
    Rows,
    Told,
    Verdict,
    is_bare,
    judge,
    metadata_of,
    owner_of,
    read_row,
    text_of,
    vector_of,
)
from .workload import NAME, Place

_SECONDS_MAX = 60
_PROBES = 5


def check(place: Place, tolds: Sequence[Told], *, lossy: bool = False, seed: str = "") -> Verdict:
    """Returns what is wrong with the database at `place`.

    Runs in a separate process: a crash of the interpreter is a fault like any other.
    """
    return Verdict(**in_child(lambda: asdict(_check_here(place, tolds, lossy, seed))))


def in_child(work: Callable[[], dict[str, Any]], seconds: float = _SECONDS_MAX) -> dict[str, Any]:
    """Returns what `work` returns in a forked child, or {"faults": [...]} if the child dies or takes too long."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        try:
            answer = work()
        except BaseException:
            answer = {"faults": [traceback.format_exc()]}
        with os.fdopen(write_end, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        previous = signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
        raw = pipe.read()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {"faults": [f"the process that opened it died of signal {os.WTERMSIG(status)}"]}
    answer: dict[str, Any] = json.loads(raw)
    return answer


def _check_here(place: Place, tolds: Sequence[Told], lossy: bool, seed: str) -> Verdict:
    verdict = Verdict()
    with vicinal.connect(place.db) as db:
        if NAME not in db.collections() and not any(told.created() for told in tolds):
            rows: Rows = {}  # it never existed; creating it must be possible
        elif NAME not in db.collections():
            return judge(tolds, {}, lossy=False)
        else:
            docs = db.collection(NAME)
            rows = _read(docs)
            verdict = judge(tolds, rows, lossy=lossy)
            _check_reading(docs, rows, verdict, random.Random(seed))
            docs.close()
    _check_backups(place, tolds, verdict)
    _check_use(place, rows, verdict)
    _check_snapshots(place, tolds, verdict)
    return verdict


def _read(docs: Collection) -> Rows:
    return {str(record.id): read_row(record) for record in docs.get(vectors=True)}


def _check_reading(docs: Collection, rows: Rows, verdict: Verdict, rng: random.Random) -> None:
    faults = verdict.faults
    if docs.count() != len(rows):
        faults.append(f"count says {docs.count()}, get returns {len(rows)} rows")
    with_vector = sorted(id_ for id_ in rows if not is_bare(id_))
    found = docs.search(vector_of("probe", rng.randint(1, 1000)), k=len(rows) + 1)
    if sorted(map(str, found.ids)) != with_vector:
        faults.append(f"a search for everything finds {len(found)} of {len(with_vector)} rows")
    for id_ in rng.sample(with_vector, min(_PROBES, len(with_vector))):
        nearest = docs.search(vector_of(id_, rows[id_].written), k=1)
        if nearest.ids != [id_]:
            faults.append(f"the nearest row to {id_} itself is {nearest.ids}")
    if hasattr(docs, "verify"):
        report = docs.verify()
        if report.problems:
            faults.append(f"verify: {report.problems}")


def _check_backups(place: Place, tolds: Sequence[Told], verdict: Verdict) -> None:
    """Each writer's last backup has its rows of that step; one in flight is complete or does not exist."""
    for told in tolds:
        worlds = told.worlds()
        done = [(step["name"], worlds[n], True) for n, step in enumerate(told.steps) if step["op"] == "backup"][-1:]
        if told.in_flight is not None and told.in_flight["op"] == "backup":
            done.append((told.in_flight["name"], worlds[-1], False))
        for name, world, acknowledged in done:
            with vicinal.connect(place.backups / name) as copy:
                if NAME in copy.collections():
                    rows = _read(copy.collection(NAME))
                    if {id_: row for id_, row in rows.items() if owner_of(id_) == told.writer} != world.rows:
                        verdict.faults.append(f"backup {name} holds other rows than the collection did")
                elif acknowledged:
                    verdict.faults.append(f"backup {name} is gone")


def _check_snapshots(place: Place, tolds: Sequence[Told], verdict: Verdict) -> None:
    """If one writer was alone: its snapshots exist, and the last one can be restored."""
    writers = [told for told in tolds if told.steps]
    if len(writers) != 1 or not hasattr(Collection, "restore"):
        return
    now = writers[0].worlds()[-1].snapshots
    soon = writers[0].next_world().snapshots
    with vicinal.connect(place.db) as db:
        docs = db.collection(NAME)
        found = [snapshot.name for snapshot in docs.snapshots()]
        if not now.keys() & soon.keys() <= set(found) <= now.keys() | soon.keys():
            verdict.faults.append(f"the snapshots are {found}, not {list(now)} or {list(soon)}")
        elif found:
            docs.restore(found[-1])
            if _read(docs) != {**soon, **now}[found[-1]]:
                verdict.faults.append(f"snapshot {found[-1]} does not bring its rows back")


def _check_use(place: Place, rows: Rows, verdict: Verdict) -> None:
    """The database accepts a write, and is the same when reopened."""
    row, id_ = Row(1), "check-1-0"
    with vicinal.connect(place.db) as db:
        docs = db.collection(NAME, dimension=DIMENSION)
        start = time.monotonic()
        docs.add([id_], texts=[text_of(id_, 1)], vectors=[vector_of(id_, 1)], metadata=[metadata_of(row)])
        if time.monotonic() - start > 1.0:
            verdict.faults.append(f"the first write took {time.monotonic() - start:.1f} s")
        if docs.search(vector_of(id_, 1), k=1).ids != [id_]:
            verdict.faults.append("a new row is not found")
    with vicinal.connect(place.db) as db:
        again = _read(db.collection(NAME))
    if again != {**rows, id_: row}:
        verdict.faults.append("opened again it holds other rows")
