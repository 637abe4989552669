"""The measured table of docs/choosing.md agrees with benchmarks/results."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def result(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def ratio(name: str, what: str, peer: str, rows: int) -> tuple[float, float]:
    """Returns the peer's time relative to Vicinal's, and the peer's recall."""
    found = {one["peer"]: one for one in result(name)["measurements"] if (one["what"], one["rows"]) == (what, rows)}
    return found[peer]["median"] / found["vicinal"]["median"], found[peer]["facts"]["recall"]


def expected() -> dict[str, tuple[float, float | None, float]]:
    served, graph = result("server-peers"), result("ann_graph")
    rows = {}
    for label, name, peer in (("Chroma 1.5.9", "collection", "chroma"), ("LanceDB", "collection-lancedb", "lancedb")):
        plain, recall = ratio(name, "all rows", peer, 60_000)
        rows[label] = plain, ratio(name, "filter of 7 %", peer, 60_000)[0], recall
    for label, peer in (("Chroma, `chroma run`", "chroma"), ("Milvus 2.3.5", "milvus")):
        times = [median(served[what][peer]["times_as_many_by_vicinal"]) for what in ("all", "7 %")]
        rows[label] = times[0], times[1], served["all"][peer]["recall"]
    flat, recall = ratio("exact", "one query", "faiss-flat", 100_000)
    rows["FAISS `IndexFlatIP`"] = flat, None, recall
    rows["FAISS `IndexHNSWFlat`"] = graph["times_ours_one_thread"]["faiss HNSW"]["0.95"], None, 0.95
    return rows


def test_the_figures_are_those_that_were_measured() -> None:
    page = (ROOT / "docs" / "choosing.md").read_text(encoding="utf-8")
    table = page.partition("\n## Measured\n")[2]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
    said = {row[0]: tuple(row[2:]) for row in cells[2:]}
    wanted = {
        label: (f"{plain:.1f}", "has none" if filtered is None else f"{filtered:.1f}", f"{recall:.3f}")
        for label, (plain, filtered, recall) in expected().items()
    }
    assert said == wanted
    assert result("server-peers")["all"]["vicinal"]["recall"] == 0.993
    assert result("million")["vicinal"]["search"]["median"] < 0.04
