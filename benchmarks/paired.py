"""This build compared with another one: searches of one collection through `Collection.search`, in alternating rounds.

    python -m benchmarks.paired OTHER_PYTHON [rows] [rounds]

OTHER_PYTHON is the interpreter of an environment that has another version of Vicinal, such as that of a worktree. Each
version runs in its own process; times are its processor times, which other processes disturb less.
Writes benchmarks/results/paired.json: microseconds per search, and the speedup of this build.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "paired.json"
_HERE = Path(__file__).parents[1]
_BATCH, _QUERIES = 10_000, 60
_SMALL = 200
_FILTER = {"part": {"$lt": 500}}


def main(other: str, rows: int = 60_000, rounds: int = 5) -> None:
    command = ["-m", "benchmarks.paired", "--worker", str(rows)]
    workers = {
        name: subprocess.Popen([python, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_HERE)
        for name, python in (("other", other), ("this", sys.executable))
    }
    names = json.loads(_line(workers["other"]))
    _line(workers["this"])
    taken: dict[str, dict[str, list[float]]] = {name: {"other": [], "this": []} for name in names}
    for number in range(rounds):
        for which in ("other", "this") if number % 2 == 0 else ("this", "other"):
            for name in names:
                print(name, file=workers[which].stdin, flush=True)
                taken[name][which].append(float(_line(workers[which])))
    report = {name: _summary(times) for name, times in taken.items()}
    for worker in workers.values():
        worker.communicate()
    RESULTS.write_text(json.dumps({"rows": rows, "microseconds": report}, indent=2) + "\n")
    for name, found in report.items():
        print(f"{name:32} {found['other']:9.1f} {found['this']:9.1f}   {found['times faster']:.2f}")


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None  # it is a pipe
    return worker.stdout.readline()


def _summary(times: dict[str, list[float]]) -> dict[str, float]:
    other, this = (round(statistics.median(times[which]), 1) for which in ("other", "this"))
    return {"other": other, "this": this, "times faster": round(other / this, 2)}


def _work(rows: int) -> None:
    searches = _searches(rows)
    for run in searches.values():
        _microseconds(run)
    print(json.dumps(list(searches)), flush=True)
    for name in sys.stdin:
        print(_microseconds(searches[name.strip()]), flush=True)


def _microseconds(run: Callable[[int], Any]) -> float:
    start = time.process_time()
    for i in range(_QUERIES):
        run(i)
    return (time.process_time() - start) / _QUERIES * 1e6


def _searches(rows: int) -> dict[str, Callable[[int], Any]]:
    from .data import default_source, make

    data = make(default_source(), rows)
    docs, small = _collection(data, rows), _collection(data, _SMALL)
    chosen = random.Random(1)
    texts = [" ".join(text.split()[: chosen.randint(1, 8)]) for text in chosen.sample(data.texts, _QUERIES)]
    queries = data.queries

    def hybrid(fusion: str) -> Callable[[int], Any]:
        return lambda i: docs.search(texts[i], vector=queries[i], mode="hybrid", fusion=fusion)

    return {
        "dense, text and metadata read": lambda i: [(hit.text, hit.metadata) for hit in docs.search(queries[i])],
        "dense, repeated filter": lambda i: docs.search(queries[i], 10, _FILTER),
        "keyword": lambda i: docs.search(texts[i], mode="keyword"),
        "keyword, repeated filter": lambda i: docs.search(texts[i], 10, _FILTER, mode="keyword"),
        "hybrid, weighted": hybrid("weighted"),
        "hybrid, rrf": hybrid("rrf"),
        "hybrid, borda": hybrid("borda"),
        "3 queries at once": lambda i: docs.search_many(queries[i : i + 3]),
        "8 queries at once": lambda i: docs.search_many(queries[i : i + 8]),
        "200 rows, all read": lambda i: [(hit.text, hit.metadata) for hit in small.search(queries[i])],
        "200 rows, repeated filter": lambda i: small.search(queries[i], 10, _FILTER),
    }


def _collection(data: Any, rows: int) -> Any:
    import vicinal

    docs = vicinal.connect(":memory:").collection(f"rows-{rows}")
    for batch in data.batches(rows, _BATCH):
        ids = list(range(batch.start, batch.start + len(batch.vectors)))
        docs.add(ids, vectors=batch.vectors, texts=batch.texts, metadata=batch.metadata)
    return docs


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        _work(int(sys.argv[2]))
    else:
        main(sys.argv[1], *map(int, sys.argv[2:]))
