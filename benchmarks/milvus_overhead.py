"""One search of a collection on Milvus: through Vicinal, and in the same collection through pymilvus.

    pip install '.[milvus]' 'milvus==2.3.5'
    python benchmarks/milvus_overhead.py [--rows 20000] [--rounds 15]

Both search the real server of the `milvus` wheel for the ten nearest of 384 dimensions, with and without a filter that
a tenth of the rows match, and see every write ("Strong"). Vicinal fetches 18 rows with their vectors and computes the
scores again; pymilvus fetches the same, or, as "scores_only", ten keys and scores. They alternate; a ratio is the
median over the rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pymilvus import MilvusClient

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]  # support; the modules of the benchmarks

import vicinal  # noqa: E402
from benchmarks.machine import machine  # noqa: E402
from support.milvus_served import MilvusServer  # noqa: E402
from vicinal.distributed.conditions import condition  # noqa: E402
from vicinal.distributed.milvus.filters import expression_of  # noqa: E402
from vicinal.distributed.milvus.places import named  # noqa: E402
from vicinal.errors import Unsupported  # noqa: E402
from vicinal.records.selection import filter_of  # noqa: E402

RESULT = ROOT / "benchmarks" / "results" / "milvus-overhead.json"
DIM, K, SEARCHES = 384, 10, 20
WHERE = {"tenth": 3}
COLUMNS = ["beside", "order", "expires", "metadata", "text", "dimension", "vector"]


def timed(search: Callable[[Any], Any], queries: Any) -> tuple[float, float]:
    """Returns the wall and processor seconds of a round."""
    clock, processor = time.perf_counter(), time.process_time()
    for query in queries:
        search(query)
    return time.perf_counter() - clock, time.process_time() - processor


def compared(searches: dict[str, Callable[[Any], Any]], rounds: int, rng: Any) -> dict[str, float]:
    """Returns milliseconds per search, and the median ratios of consecutive rounds."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in searches}
    for _ in range(rounds):
        queries = rng.standard_normal((SEARCHES, DIM)).astype(np.float32)
        for name, search in searches.items():
            times[name].append(timed(search, queries))
    found = {}
    for place, clock in enumerate(("milliseconds", "processor_milliseconds")):
        for name, pairs in times.items():
            found[f"{name}_{clock}"] = round(statistics.median(pair[place] for pair in pairs) / SEARCHES * 1000, 2)
    for name in ("pymilvus", "scores_only"):
        ratios = [ours[0] / theirs[0] for ours, theirs in zip(times["vicinal"], times[name], strict=True)]
        found[f"ratio_to_{name}"] = round(statistics.median(ratios), 2)
    return found


def _lacks(feature: str, leaf: object) -> Unsupported:
    raise AssertionError(f"{feature}: {leaf}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    with MilvusServer() as server, vicinal.connect(server.url) as db:
        docs: Any = db.collection("overhead", dimension=DIM)
        vectors = rng.standard_normal((given.rows, DIM)).astype(np.float32)
        docs.add(list(range(given.rows)), vectors=vectors, metadata=[{"tenth": i % 10} for i in range(given.rows)])
        client = MilvusClient(server.url.replace("milvus", "http", 1))
        name = named(docs._context.far._points)
        tree = filter_of(WHERE)
        assert tree is not None
        filters = {"plain": (None, ""), "filtered": (WHERE, expression_of(condition(tree, _lacks)))}

        def directly(expression: str, k: int, columns: list[str]) -> Callable[[Any], Any]:
            return lambda query: client.search(
                name, [query], filter=expression, limit=k, output_fields=columns, consistency_level="Strong",
                search_params={"params": {"nprobe": 64}},
            )  # fmt: skip

        found = {}
        for kind, (where, text) in filters.items():
            searches = {
                "vicinal": lambda query, where=where: docs.search(query, K, where=where),
                "pymilvus": directly(text, K + 8, COLUMNS),
                "scores_only": directly(text, K, ["key"]),
            }
            found[kind] = compared(searches, given.rounds, rng)
    about = {"machine": machine(["pymilvus", "milvus"]), "rows": given.rows, "dimension": DIM}
    RESULT.write_text(json.dumps(about | found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
