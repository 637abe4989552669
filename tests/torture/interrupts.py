"""A storm of interrupts: a signal handler raises at random points in all calls, while other threads work.

The effects of a call that returned must be there, an interrupted one must have done all or nothing; afterwards
everything works, no thread waits forever, and no lock, connection, descriptor or user of a generation is left over.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vicinal
from vicinal.collection import Collection
from vicinal.store.forking import building, sqlite_in_use

from .model import DIMENSION, Verdict, vector_of
from .workload import NAME

_THREADS = 3
_ROWS = 40
_WEDGED_SECONDS = 60.0
_FORK_SECONDS = 5.0
_LOOK_EVERY = 500
_SHARE = 0.8  # of the calls; the others run to their end, to measure their duration
_DESCRIPTORS_MORE_MAX = 24  # of connections that working threads keep
_TRIES_FOR_EACH = 20  # calls that end before their interrupt do not count


class _Interrupt(BaseException):
    """Raised by the handler."""


@dataclass(slots=True)
class Storm:
    """The results of one run; `left` names what is still held at the end."""

    verdict: Verdict = field(default_factory=Verdict)
    interrupts: int = 0
    by_call: dict[str, int] = field(default_factory=dict)
    wedged: int = 0
    left: list[str] = field(default_factory=list)


class _Alarm:
    """Raises `_Interrupt` in the main thread shortly after `call` has begun."""

    def __init__(self) -> None:
        self._is_armed = False
        signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, *_: object) -> None:
        if self._is_armed:
            self._is_armed = False
            raise _Interrupt

    def interrupt(self, call: Callable[[], Any], seconds: float) -> bool:
        """Returns whether it was raised before `call` returned; the call may have finished nevertheless."""
        try:
            self._is_armed = True
            signal.setitimer(signal.ITIMER_REAL, seconds)
            call()
            self._is_armed = False
        except _Interrupt:
            return True
        finally:
            self._is_armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        return False


class _Rows:
    """Ids that this thread added, and what is known about them."""

    def __init__(self) -> None:
        self.there = set[str]()
        self.unknown = list[list[str]]()  # of interrupted writes: all or none
        self.gone = set[str]()
        self._number = 0

    def next_ids(self) -> list[str]:
        self._number += 1
        return [f"storm-{self._number}-{i}" for i in range(3)]


def run(seed: str, count: int, folder: Path) -> Storm:
    """Runs until `count` interrupts were raised in the middle of a call."""
    sys.setswitchinterval(0.001)
    storm, chance, rows = Storm(), random.Random(seed), _Rows()
    database = vicinal.connect(folder)
    docs = database.collection(NAME, dimension=DIMENSION)
    kept = [f"kept-{i}" for i in range(_ROWS)]
    docs.add(kept, vectors=[vector_of(id_, 1) for id_ in kept], texts=[f"word{i} common" for i in range(_ROWS)])
    stop, progress = threading.Event(), [0] * _THREADS
    threads = [threading.Thread(target=_work, args=(database, n, progress, stop, storm)) for n in range(_THREADS)]
    for thread in threads:
        thread.start()
    descriptors = _descriptors()
    _storm(storm, database, docs, rows, chance, count, progress)
    stop.set()
    for thread in threads:
        thread.join(_WEDGED_SECONDS)
        storm.wedged += thread.is_alive()
    if not storm.wedged:
        _check(storm, docs, rows, kept)
        storm.left += _left(docs)
        more = _descriptors() - descriptors
        if more > _DESCRIPTORS_MORE_MAX:
            storm.left.append(f"{more} descriptors")
        database.close()
        _check_again(storm, folder, rows, kept)
    if storm.wedged:
        storm.verdict.faults.append(f"{storm.wedged} threads wait for ever")
    storm.verdict.faults += [f"left behind: {what}" for what in storm.left]
    return storm


def _storm(
    storm: Storm,
    database: vicinal.Database,
    docs: Collection,
    rows: _Rows,
    chance: random.Random,
    count: int,
    progress: list[int],
) -> None:
    alarm, durations = _Alarm(), dict[str, float]()
    calls = _calls(database, docs, rows, chance)
    names, weights = list(calls), [weight for weight, _ in calls.values()]
    for _ in range(count * _TRIES_FOR_EACH):
        if storm.interrupts >= count:
            return
        name = chance.choices(names, weights)[0]
        started = time.perf_counter()
        delay = chance.uniform(1e-5, 2 * durations[name]) if chance.random() < _SHARE and name in durations else 3600.0
        rang = alarm.interrupt(calls[name][1], delay)
        if rang:
            storm.interrupts += 1
            storm.by_call[name] = storm.by_call.get(name, 0) + 1
        else:  # as long as it mostly takes, so that the next one comes in the middle
            spent = time.perf_counter() - started
            durations[name] = min(0.5, 0.8 * durations.get(name, spent) + 0.2 * spent)
        if rang and storm.interrupts % _LOOK_EVERY == 0 and not _goes_on(progress):
            storm.wedged += 1
            return
    storm.verdict.faults.append(f"only {storm.interrupts} interrupts came in the middle of a call")


def _calls(
    database: vicinal.Database, docs: Collection, rows: _Rows, chance: random.Random
) -> dict[str, tuple[float, Callable[[], Any]]]:
    """Returns every call with its frequency; calls that write record what is known about their rows."""
    query = vector_of("query", 1)

    def add() -> None:
        ids = rows.next_ids()
        rows.unknown.append(ids)
        docs.add(ids, vectors=[vector_of(id_, 1) for id_ in ids], texts=ids, metadata=[{"n": 1}] * len(ids))
        rows.unknown.pop()
        rows.there |= set(ids)

    def delete() -> None:
        ids = chance.sample(sorted(rows.there), min(3, len(rows.there)))
        if ids:
            rows.there -= set(ids)
            rows.unknown.append(ids)
            docs.delete(ids)
            rows.unknown.pop()
            rows.gone |= set(ids)

    def drop_snapshot() -> None:
        if any(found.name == "s" for found in docs.snapshots()):
            docs.drop_snapshot("s")

    def snapshot() -> None:
        drop_snapshot()  # of a call that was interrupted at its end
        docs.snapshot("s")

    def reopen() -> None:
        with database.collection(NAME) as again:
            again.count()

    return {
        "search": (10, lambda: docs.search(query, k=5)),
        "search words": (5, lambda: docs.search("word3", mode="keyword")),
        "search both": (5, lambda: docs.search("word3", mode="hybrid", vector=query)),
        "search where": (5, lambda: docs.search(query, where={"n": 1})),
        "get": (10, lambda: docs.get([f"kept-{chance.randrange(_ROWS)}"], vectors=True)),
        "get where": (3, lambda: docs.get(where={"n": 1}, limit=5)),
        "scroll": (1, lambda: next(iter(docs.scroll()))),
        "count": (5, docs.count),
        "facets": (2, lambda: docs.facets("n")),
        "stats": (2, docs.stats),
        "add": (10, add),
        "update": (5, lambda: docs.update(["kept-1"], metadata={"n": chance.randrange(9)})),
        "delete": (4, delete),
        "sync": (1, docs.sync),
        "compact": (0.5, docs.compact),
        "snapshot": (0.3, snapshot),
        "drop_snapshot": (0.3, drop_snapshot),
        "reopen": (2, reopen),
    }


def _work(database: vicinal.Database, number: int, progress: list[int], stop: threading.Event, storm: Storm) -> None:
    """A thread that no signal reaches: each of its calls must work, all the time."""
    try:
        docs = database.collection(NAME)
        while not stop.is_set():
            id_ = f"kept-{progress[number] % _ROWS}"
            assert docs.search(vector_of(id_, 1), k=1)[0].id == id_
            assert docs.get([id_])[0].id == id_
            assert docs.search(f"word{id_[5:]}", mode="keyword", k=1)[0].id == id_
            docs.upsert([f"thread-{number}"], vectors=[vector_of("thread", 1)])
            progress[number] += 1
    except BaseException as error:
        storm.verdict.faults.append(f"a thread that was never interrupted: {error!r}")


def _goes_on(progress: list[int]) -> bool:
    """Returns whether every other thread makes progress."""
    before, deadline = list(progress), time.monotonic() + _WEDGED_SECONDS
    while time.monotonic() < deadline:
        if all(now > then for now, then in zip(progress, before, strict=True)):
            return True
        time.sleep(0.01)
    return False


def _check(storm: Storm, docs: Collection, rows: _Rows, kept: list[str]) -> None:
    verdict = storm.verdict
    found = {record.id for record in docs.get()}
    wanted = rows.there | set(kept)
    verdict.acknowledged = len(wanted) + len(rows.gone)
    verdict.lost = len(wanted - found)
    verdict.resurrected = len(rows.gone & found)
    if verdict.lost or verdict.resurrected:
        verdict.faults.append(f"lost {sorted(wanted - found)[:5]}, came back {sorted(rows.gone & found)[:5]}")
    halves = [ids for ids in rows.unknown if 0 < len(found.intersection(ids)) < len(ids)]
    if halves:
        verdict.faults.append(f"half a write: {halves[:3]}")
    if {hit.id for hit in docs.search(vector_of("query", 1), k=len(found) + 9)} != found:
        verdict.faults.append("the index does not hold what the records hold")


def _check_again(storm: Storm, folder: Path, rows: _Rows, kept: list[str]) -> None:
    with vicinal.connect(folder) as database:
        report = database.verify(NAME)
        if not report.ok:
            storm.verdict.faults.append(f"verify: {report.problems[:3]}")
        _check(storm, database.collection(NAME), rows, kept)


def _left(docs: Collection) -> list[str]:
    """Returns what is still held when no call is running."""
    gc.collect()
    store = docs._context.store
    with store.upkeep.lock, store.upkeep.sync_lock, store.using() as opened:
        connections = opened.generation.connections
        locks: dict[str, Any] = {
            "the gate": sqlite_in_use.own.lock,
            "the builder's gate": building.own.lock,
            "the store": store.open_files.lock,
            "connections": connections.lock,
            "the writer": connections._write_lock,
            "the index": opened.feed.lock.held,
            "the turn": opened.feed.lock.turn,
        }
        left = [f"{name} is locked" for name, lock in locks.items() if lock._is_owned()]
        if len(opened.generation._users) > 1:
            left.append(f"{len(opened.generation._users) - 1} users of a generation")
        if len(connections._readers) > len(connections._idle):
            left.append(f"{len(connections._readers) - len(connections._idle)} reading connections")
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        signal.alarm(int(_WEDGED_SECONDS))
        os._exit(0 if docs.count() else 1)
    if os.waitpid(child, 0)[1] != 0:
        left.append("a forked child cannot count")
    if time.monotonic() - started > _FORK_SECONDS:
        left.append(f"a fork takes {time.monotonic() - started:.1f} s")
    return left


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
