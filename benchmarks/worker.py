"""The process of a peer: requests arrive as lines of JSON, times and results are sent back.

    python -m benchmarks.worker PEER FOLDER THREADS DATA_FOLDER

Only the calls of the peer are timed. Anything that the peer prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .contract import Below, KeywordPeer, Peer, VectorPeer
from .data import Data
from .peers import load

Reply = dict[str, Any]


class Clock:
    """Wall seconds, and processor seconds of all threads of this process."""

    def __init__(self) -> None:
        self.seconds = self.cpu_seconds = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu


class VectorWorker:
    """The requests that a suite can send to a vector peer; each method is one."""

    def __init__(self, peer: VectorPeer, data: Data) -> None:
        self._peer = peer
        self._data = data
        self._is_built = False

    def build(self, count: int, size: int, bare: bool) -> Reply:
        """Creates, adds and finishes; adding and finishing are timed separately."""
        batches = list(self._data.batches(count, size, bare=bare))  # prepared outside the measured time
        insert, finish = Clock(), Clock()
        with insert.running():
            self._peer.create(self._data.vectors.shape[1])
            for batch in batches:
                self._peer.add(batch)
        with finish.running():
            self._peer.finish()
        self._is_built = True
        return {
            "seconds": insert.seconds + finish.seconds,
            "cpu_seconds": insert.cpu_seconds + finish.cpu_seconds,
            "insert_seconds": insert.seconds,
            "finish_seconds": finish.seconds,
        }

    def settle(self) -> Reply:
        clock = Clock()
        with clock.running():
            self._peer.settle()
        return {"seconds": clock.seconds}

    def space(self) -> Reply:
        """Returns the bytes of memory that the process uses now, and the size of what the peer stores."""
        pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
        stored = self._peer.stored_bytes() if self._is_built else 0
        return {"memory_bytes": pages * os.sysconf("SC_PAGE_SIZE"), "stored_bytes": stored}

    def search(self, count: int, k: int, below: int | None) -> Reply:
        """One query at a time; seconds per query."""
        where = _where(below)
        times = np.empty(count)
        with _no_collector():
            cpu = time.process_time()
            for i, query in enumerate(self._data.queries[:count]):
                begin = time.perf_counter()
                self._peer.search(query, k, where)
                times[i] = time.perf_counter() - begin
            cpu = time.process_time() - cpu
        p50, p95 = np.quantile(times, [0.5, 0.95])
        return {"seconds": times.mean(), "cpu_seconds": cpu / count, "p50_seconds": p50, "p95_seconds": p95}

    def search_many(self, count: int, k: int) -> Reply:
        """All queries in one call; seconds per query."""
        clock = Clock()
        with _no_collector(), clock.running():
            self._peer.search_many(self._data.queries[:count], k)
        return {"seconds": clock.seconds / count, "cpu_seconds": clock.cpu_seconds / count}

    def answers(self, count: int, k: int, below: int | None) -> Reply:
        where = _where(below)
        found = [self._peer.search(query, k, where) for query in self._data.queries[:count]]
        return {"numbers": [self._peer.numbers(answer) for answer in found]}

    def answers_of_many(self, count: int, k: int) -> Reply:
        return {"numbers": self._peer.numbers_of_many(self._peer.search_many(self._data.queries[:count], k))}

    def open(self, k: int, below: int | None) -> Reply:
        """Measures from opening to the first search result, and the bytes read meanwhile."""
        query, where, clock, read = self._data.queries[0], _where(below), Clock(), bytes_read()
        with clock.running():
            self._peer.open()
            self._peer.search(query, k, where)
        after = bytes_read()
        known = read is not None and after is not None
        return {
            "seconds": clock.seconds,
            "cpu_seconds": clock.cpu_seconds,
            **({"bytes_read": after - read} if known else {}),
        }

    def count(self, k: int, below: int | None) -> Reply:
        """Like `open`, not timed: bytes read from the records file after opening, and after the search."""
        self._peer.count_reads()
        self._peer.open()
        at_open = self._peer.records_read()
        self._peer.search(self._data.queries[0], k, _where(below))
        at_answer = self._peer.records_read()
        return {} if at_open is None else {"records_read_at_open": at_open, "records_read_at_answer": at_answer}

    def close(self) -> Reply:
        clock = Clock()
        with clock.running():
            self._peer.close()
        return {"seconds": clock.seconds}


class KeywordWorker:
    """The requests that a suite can send to a keyword peer. `DATA_FOLDER` has tokens.json."""

    def __init__(self, peer: KeywordPeer, folder: Path) -> None:
        self._peer = peer
        tokens = json.loads((folder / "tokens.json").read_text())
        self._documents: list[list[str]] = tokens["documents"]
        self._queries: list[list[str]] = tokens["queries"]
        self._texts: list[str] = tokens["texts"]

    def build(self) -> Reply:
        clock = Clock()
        with clock.running():
            self._peer.build(self._documents)
        return {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds}

    def build_from_texts(self) -> Reply:
        clock = Clock()
        with clock.running():
            self._peer.build_from_texts(self._texts)
        return {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds}

    def search(self, k: int) -> Reply:
        """One query at a time; the seconds of each."""
        times = []
        with _no_collector():
            cpu = time.process_time()
            for query in self._queries:
                begin = time.perf_counter()
                self._peer.search(query, k)
                times.append(time.perf_counter() - begin)
            cpu = time.process_time() - cpu
        mean = float(np.mean(times))
        return {"seconds": mean, "cpu_seconds": cpu / len(times), "each": times}

    def answers(self, k: int) -> Reply:
        return {"hits": [self._peer.hits(self._peer.search(query, k)) for query in self._queries]}

    def close(self) -> Reply:
        self._peer.close()
        return {}


def bytes_read() -> int | None:
    """Returns what all read calls of this process have read so far, from disk or page cache; maps do not count."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return None
    return int(dict(line.split(": ") for line in lines)["rchar"])


def _where(below: int | None) -> Below | None:
    return None if below is None else Below("part", below)


@contextlib.contextmanager
def _no_collector() -> Iterator[None]:
    """Disables garbage collection, like `timeit`: it would be charged to a single search."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def worker_for(peer: Peer, data_folder: Path) -> VectorWorker | KeywordWorker:
    if isinstance(peer, KeywordPeer):
        return KeywordWorker(peer, data_folder)
    assert isinstance(peer, VectorPeer)
    return VectorWorker(peer, Data.load(data_folder))


def reply_to(worker: VectorWorker | KeywordWorker, line: str) -> Reply:
    request = json.loads(line)
    method: Callable[..., Reply] = getattr(worker, request.pop("do"))
    try:
        return method(**request)
    except Exception as error:  # whatever a peer raises, the suite continues without it
        return {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}


def main() -> None:
    name, folder, threads, data_folder = sys.argv[1:]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print; their output must not be taken for replies
    worker = worker_for(load(name)(Path(folder), int(threads)), Path(data_folder))
    print("{}", file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(reply_to(worker, line), default=float), file=replies, flush=True)


if __name__ == "__main__":
    main()
