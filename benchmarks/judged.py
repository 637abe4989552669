"""Search quality on a set of judged queries: shared by `cranfield.py` and `cisi.py`.

Each prints nDCG@10 and other metrics of every mode, with default settings and unchanged queries, the gain of hybrid
search over the better of its legs, and bootstrap intervals of the differences.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import vicinal
from vicinal.evaluate import Report, compare, evaluate

DATA = Path(__file__).parents[2] / "shared" / "data"
METRICS = ("ndcg@10", "recall@10", "precision@10", "mrr@10", "map@10")
MAIN = METRICS[0]
MODES = ("keyword", "dense", "hybrid")


@dataclass(frozen=True)
class JudgedSet:
    """Texts by id, queries by number, and for each query the grades of texts."""

    name: str
    texts: Mapping[int, str]
    queries: Mapping[int, str]
    judgements: Mapping[int, Mapping[int, int]]
    gain: str


def options(description: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--vectors", type=Path, help="folder where vectors are kept for the next run")
    parser.add_argument("--json", type=Path, help="where the means are kept")
    return parser.parse_args()


def folder(name: str) -> Path:
    """Returns the folder of a set; the program ends if it does not exist."""
    found = DATA / name
    if not found.is_dir():
        raise SystemExit(f"{found} is not there: nothing to measure")
    return found


def run(judged: JudgedSet, chosen: argparse.Namespace) -> None:
    database = (
        vicinal.connect(":memory:") if chosen.vectors is None else vicinal.connect(chosen.vectors, encoder_cache="disk")
    )
    with database:
        collection = database.collection(judged.name, encoder=chosen.encoder)
        collection.upsert(list(judged.texts), texts=list(judged.texts.values()))
        found = _measured(collection, judged, chosen.modes, chosen.k)
    _against_the_better_leg(found)
    if chosen.json:
        means = {
            mode: {name: round(value, 4) for name, value in report.means.items()} for mode, report in found.items()
        }
        kept = {"set": judged.name, "queries": len(judged.judgements), "encoder": chosen.encoder, "means": means}
        chosen.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def _measured(collection: vicinal.Collection, judged: JudgedSet, modes: list[str], k: int) -> dict[str, Report]:
    found = {}
    for mode in modes:
        found[mode] = evaluate(
            collection, judged.queries, judged.judgements, k=k, mode=mode, metrics=METRICS, gain=judged.gain
        )
        print(f"{mode:<9}" + "  ".join(f"{name} {value:.4f}" for name, value in found[mode].means.items()), flush=True)
    return found


def _against_the_better_leg(found: dict[str, Report]) -> None:
    legs = [mode for mode in ("keyword", "dense") if mode in found]
    if "hybrid" not in found or not legs:
        return
    better = max(legs, key=lambda mode: found[mode][MAIN])
    gain = found["hybrid"][MAIN] / found[better][MAIN] - 1
    print(f"\nhybrid over the better leg ({better}): {gain:+.1%} {MAIN}")
    for leg in legs:
        print(compare(found[leg], found["hybrid"]))
