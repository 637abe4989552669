"""Searches of the memories of one user among many, embedded and over HTTP, compared with the same search without a
filter.

    python -m benchmarks.memories                              100,000 events of 1,000 users
    python -m benchmarks.memories --rows 20000 --users 200

The encoder is `hashing:384`, so that the time of a search is not that of a model. Filtered and unfiltered searches
alternate; queries are encoded beforehand. The result is written to benchmarks/results/memories.json.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import vicinal
from vicinal.memories import Memories
from vicinal.memories.rows import memory_of
from vicinal.progress import progress

from .machine import machine

RESULT = Path(__file__).parent / "results" / "memories.json"
ENCODER = "hashing:384"
NAME = "memories"
K = 10
_BATCH = 5000
_SECONDS_MAX = 120.0
_SUBJECTS = (
    "sister",
    "brother",
    "boss",
    "neighbour",
    "dentist",
    "teacher",
    "cousin",
    "landlord",
    "colleague",
    "trainer",
)
_DEEDS = ("met", "called", "visited", "thanked", "painted", "missed", "helped", "paid", "invited", "photographed")
_PLACES = ("harbour", "museum", "station", "bakery", "forest", "library", "stadium", "office", "garden", "market")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--searches", type=int, default=1000, help="of each kind")
    options = parser.parse_args()
    chance = random.Random(0)
    asked = [(sentence(chance), f"user{chance.randrange(options.users)}") for _ in range(options.searches)]
    with tempfile.TemporaryDirectory(prefix="vicinal-memories-") as folder:
        with vicinal.connect(folder) as db:
            fill(db, options.rows, options.users, chance)
        found = {"embedded": embedded(folder, asked), "http": over_http(folder, asked)}
    of_user, unfiltered = found["embedded"]["of one user"]["p50"], found["embedded"]["unfiltered"]["p50"]
    told = {"rows": options.rows, "users": options.users, "k": K, "encoder": ENCODER, "milliseconds": found}
    told |= {"of one user / unfiltered, p50": round(of_user / unfiltered, 3), "machine": machine([])}
    print(json.dumps(told, indent=1))
    RESULT.write_text(json.dumps(told, indent=1) + "\n")


def sentence(chance: random.Random) -> str:
    return f"Yesterday I {chance.choice(_DEEDS)} my {chance.choice(_SUBJECTS)} at the {chance.choice(_PLACES)}"


def fill(db: Any, rows: int, users: int, chance: random.Random) -> None:
    with db.collection(NAME, encoder=ENCODER) as docs, progress("memories", rows) as advance:
        memories = Memories(docs)
        for begin in range(0, rows, _BATCH):
            batch = range(begin, min(begin + _BATCH, rows))
            memories.add_events([_event(chance, number, users) for number in batch])
            advance(len(batch))
        docs.wait_indexed(_SECONDS_MAX)


def _event(chance: random.Random, number: int, users: int) -> dict[str, Any]:
    return {
        "type": "event_v1",
        "info": {"summary": f"{sentence(chance)}, number {chance.randrange(1000)}."},
        "user_id": f"user{number % users}",
        "time": 1_700_000_000_000 + number * 1000,
    }


def embedded(folder: str, asked: list[tuple[str, str]]) -> dict[str, Any]:
    with vicinal.connect(folder) as db, db.collection(NAME, create=False) as docs:
        memories = Memories(docs)
        of_user: Callable[[str, str], Any] = lambda query, user: memories.search(query, K, user_id=user)  # noqa: E731
        unfiltered: Callable[[str, str], Any] = lambda query, _: [memory_of(hit) for hit in docs.search(query, K)]  # noqa: E731
        return in_turns({"of one user": of_user, "unfiltered": unfiltered}, asked)


def over_http(folder: str, asked: list[tuple[str, str]]) -> dict[str, Any]:
    """The memory service with one keep-alive connection and one worker."""
    command = [sys.executable, "-m", "vicinal", "serve", folder, "--port=0", "--workers=1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split("http://")[1].split()[0].rstrip("/")
            connection = http.client.HTTPConnection(address, timeout=_SECONDS_MAX)

            def post(path: str, body: dict[str, Any]) -> None:
                connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
                if answer.status != 200:
                    raise RuntimeError(content.decode())

            def of_user(query: str, user: str) -> None:
                body = {"collection_name": NAME, "query": query, "limit": K, "filter": {"user_id": user}}
                post("/api/memory/search", body)

            def unfiltered(query: str, _: str) -> None:
                post(f"/v1/collections/{NAME}/search", {"query": query, "k": K})

            found = in_turns({"of one user": of_user, "unfiltered": unfiltered}, asked)
            connection.close()
            return found
        finally:
            server.terminate()


def in_turns(kinds: dict[str, Callable[[str, str], Any]], asked: list[tuple[str, str]]) -> dict[str, Any]:
    """Returns milliseconds of searches of each kind, alternating."""
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for query, user in asked[:50]:
        for search in kinds.values():
            search(query, user)
    for query, user in asked:
        kinds["of one user"](query, "nobody")  # encodes the query, so that neither measurement includes it
        for name, search in kinds.items():
            begin = time.perf_counter()
            search(query, user)
            taken[name].append((time.perf_counter() - begin) * 1000)
    return {
        name: {"p50": round(float(np.percentile(times, 50)), 3), "p99": round(float(np.percentile(times, 99)), 3)}
        for name, times in taken.items()
    }


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
