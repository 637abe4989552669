"""How good are the answers on Cranfield: 1,400 abstracts on aerodynamics, 225 judged questions.

    python benchmarks/cranfield.py [--modes keyword dense hybrid] [--k 10] [--encoder minilm] [--json FILE]

Title and body are one text. Grades run from 1 (minimum interest) to 4 (a complete answer); the gain of a grade is
2**grade - 1. Prints nDCG@10 and more of each mode under default settings, the gain of hybrid search over the better of
its legs, and bootstrap intervals for the differences. The data lie in ../shared/data/cranfield; without them the
program says so and ends.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import vicinal
from vicinal.evaluate import Report, compare, evaluate

FOLDER = Path(__file__).parents[2] / "shared" / "data" / "cranfield"
METRICS = ("ndcg@10", "recall@10", "precision@10", "mrr@10", "map@10")
MAIN = METRICS[0]
MODES = ("keyword", "dense", "hybrid")


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--encoder", default="minilm")
    parser.add_argument("--json", type=Path, help="where the values of each query are kept")
    return parser.parse_args()


def read(name: str) -> list[dict]:
    return json.loads((FOLDER / f"cran_{name}.json").read_text(encoding="utf-8"))


def texts() -> dict[int, str]:
    return {int(one["id"]): f"{one['title']} {one['body']}".strip() for one in read("docs")}


def queries() -> dict[int, str]:
    """By their place in the file, which is what the judgements count."""
    return {number: one["query"] for number, one in enumerate(read("queries"), 1)}


def judgements() -> dict[int, dict[int, int]]:
    """Grade 4 for the file's position 1, down to 1 for its position 4."""
    grades: dict[int, dict[int, int]] = {}
    for one in read("qrels"):
        grades.setdefault(int(one["query_num"]), {})[int(one["id"])] = 5 - int(one["position"])
    return grades


def measured(collection: vicinal.Collection, modes: list[str], k: int) -> dict[str, Report]:
    found = {}
    for mode in modes:
        found[mode] = evaluate(collection, queries(), judgements(), k=k, mode=mode, metrics=METRICS, gain="exponential")
        print(f"{mode:<9}" + "  ".join(f"{name} {value:.4f}" for name, value in found[mode].means.items()), flush=True)
    return found


def against_the_better_leg(found: dict[str, Report]) -> None:
    legs = [mode for mode in ("keyword", "dense") if mode in found]
    if "hybrid" not in found or not legs:
        return
    better = max(legs, key=lambda mode: found[mode][MAIN])
    gain = found["hybrid"][MAIN] / found[better][MAIN] - 1
    print(f"\nhybrid over the better leg ({better}): {gain:+.1%} {MAIN}")
    for leg in legs:
        print(compare(found[leg], found["hybrid"]))


def main() -> None:
    chosen = options()
    if not FOLDER.is_dir():
        raise SystemExit(f"{FOLDER} is not there: nothing to measure")
    with vicinal.connect(":memory:") as database:
        collection = database.collection("cranfield", encoder=chosen.encoder)
        rows = texts()
        collection.add(list(rows), texts=list(rows.values()))
        found = measured(collection, chosen.modes, chosen.k)
    against_the_better_leg(found)
    if chosen.json:
        kept = {mode: json.loads(report.to_json()) for mode, report in found.items()}
        chosen.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
