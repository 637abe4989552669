"""The torture tests: kills, power failures, a storm of interrupts, and eight concurrent processes.

    python -m torture [--kills 300] [--cuts 300] [--interrupts 10000] [--seconds 60] [--seed S] [--first N]
                      [--json FILE]

A failed trial prints its seed and keeps its folder; `--first N --kills 1` with 0 for the others repeats trial N. All
trials run in a folder in memory if the system has one: neither the page cache that survives a kill nor the model of a
power failure needs a disk, and waiting for a busy disk must not be mistaken for waiting for a lock.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from . import cuts, interrupts, kills, processes, recording, sabotage
from .checking import in_child
from .model import Verdict
from .report import Report

_CUTS_A_RECORDING = 10
_MEMORY = Path("/dev/shm")
_MEMORY_BYTES_MIN = 512 << 20
_SECONDS_MAX = 120.0
_SECONDS_AN_INTERRUPT = 0.1


def main() -> int:
    options = _parse()
    why_not = recording.why_not()
    if why_not is not None:
        print(f"torture cannot run here: {why_not}", file=sys.stderr)
        return 2
    if "recorder.so" not in os.environ.get("LD_PRELOAD", ""):
        return _again_with_recorder()
    root = Path(tempfile.mkdtemp(prefix="vicinal-torture-", dir=options.folder or _memory_folder()))
    if options.sabotage is not None:
        sabotage.WAYS[options.sabotage]()
    report = Report(options.seed)
    run_kills(report, options, root / "kills")
    run_cuts(report, options, root / "cuts")
    run_interrupts(report, options, root / "interrupts")
    run_processes(report, options, root / "processes")
    print(report.table())
    if options.json is not None:
        report.save(options.json)
    if report.ok or options.sabotage is not None:
        shutil.rmtree(root)
    return 0 if report.ok else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=300, help="trials with kill -9")
    parser.add_argument("--cuts", type=int, default=300, help="trials with a power failure")
    parser.add_argument("--interrupts", type=int, default=10_000, help="interrupts in the middle of calls")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long eight processes work")
    parser.add_argument("--seed", default="0", help="of all trials; the work is the same again, its timing is not")
    parser.add_argument("--first", type=int, default=0, help="number of the first kill and recording")
    parser.add_argument("--folder", type=Path, help="where to work; by default in memory")
    parser.add_argument("--sabotage", choices=sabotage.WAYS, help="break the store this way; the run has to fail")
    parser.add_argument("--json", type=Path, help="where to write the report")
    return parser.parse_args()


def _again_with_recorder() -> int:
    """Restarts this program with the recorder preloaded."""
    with tempfile.TemporaryDirectory(prefix="vicinal-recorder-") as folder:
        library = recording.build(Path(folder))
        environment = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONWARNINGS": "ignore",
        }
        os.environ.update(environment)
        return os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-m", "torture", *sys.argv[1:]])


def _memory_folder() -> Path | None:
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _MEMORY_BYTES_MIN:
        return None
    return _MEMORY


def run_kills(report: Report, options: argparse.Namespace, folder: Path) -> None:
    started = time.monotonic()
    for number in range(options.first, options.first + options.kills):
        trial = kills.plan(f"{options.seed}/kill/{number}", number)
        done = in_child(lambda number=number, trial=trial: asdict(kills.run(trial, folder / str(number))), _SECONDS_MAX)
        verdict = Verdict(**done["verdict"]) if "verdict" in done else Verdict(faults=done["faults"])
        report.count("kill -9", done.get("in_flight", "unknown") or "between", verdict, second=bool(trial.second))
        if verdict.faults:
            plan = {"moment": trial.moment, "second": trial.second, "durability": trial.durability, "number": number}
            report.fail("kill -9", trial.seed, str(folder / str(number)), verdict.faults, **plan)
        else:
            shutil.rmtree(folder / str(number))
    report.facts["kill -9"] = {"seconds": round(time.monotonic() - started, 1)}


def run_cuts(report: Report, options: argparse.Namespace, folder: Path) -> None:
    started = time.monotonic()
    covered: dict[str, int] = {}
    left, number, operations = options.cuts, options.first, 0
    while left > 0:
        recorded = cuts.plan(f"{options.seed}/cut/{number}", number)
        cuts.record(recorded, folder / f"recording-{number}")
        operations += len(recorded.operations)
        chosen = cuts.choose(recorded, min(left, _CUTS_A_RECORDING), covered)
        cuts.replay(recorded, chosen, folder / f"cuts-{number}")
        _count_cuts(report, recorded, chosen, number, folder)
        left -= len(chosen)
        number += 1
    report.facts["power cut"] = {
        "recordings": number - options.first,
        "operations": operations,
        "seconds": round(time.monotonic() - started, 1),
    }


def _count_cuts(report: Report, recorded: cuts.Recording, chosen: list[cuts.Cut], number: int, folder: Path) -> None:
    plan = {"second": recorded.second, "durability": recorded.durability, "dies": recorded.dies, "number": number}
    if recorded.violations:
        report.fail("recording", recorded.seed, str(folder / f"recording-{number}"), recorded.violations, **plan)
    for cut in chosen:
        assert cut.verdict is not None
        name = f"power cut, {cut.durability}"
        report.count(name, cut.moment, cut.verdict, second=bool(cut.second), at_risk=cut.at_risk)
        if cut.verdict.faults:
            where = {"at": cut.at, "moment": cut.moment, "style": cut.style}
            report.fail(name, cut.seed, cut.folder, cut.verdict.faults, **plan, **where)


def run_interrupts(report: Report, options: argparse.Namespace, folder: Path) -> None:
    if options.interrupts <= 0:
        return
    started, seed = time.monotonic(), f"{options.seed}/interrupts"
    seconds = _SECONDS_MAX + options.interrupts * _SECONDS_AN_INTERRUPT
    done = in_child(lambda: asdict(interrupts.run(seed, options.interrupts, folder)), seconds)
    verdict = Verdict(**done["verdict"]) if "verdict" in done else Verdict(faults=done["faults"])
    report.count("interrupts", "all", verdict, second=False)
    if verdict.faults:
        report.fail("interrupts", seed, str(folder), verdict.faults)
    report.facts["interrupts"] = {
        "interrupts": done.get("interrupts", 0),
        "by call": done.get("by_call", {}),
        "threads that wait for ever": done.get("wedged", "unknown"),
        "left behind": len(done["left"]) if "left" in done else "unknown",
        "seconds": round(time.monotonic() - started, 1),
    }


def run_processes(report: Report, options: argparse.Namespace, folder: Path) -> None:
    if options.seconds <= 0:
        return
    seed = f"{options.seed}/processes"
    done = in_child(lambda: asdict(processes.run(seed, options.seconds, folder)), options.seconds + _SECONDS_MAX)
    verdict = Verdict(**done["verdict"]) if "verdict" in done else Verdict(faults=done["faults"])
    report.count("eight processes", "all", verdict, second=True)
    if verdict.faults:
        report.fail("eight processes", seed, str(folder), verdict.faults)
    if "waits" in done:
        report.facts["eight processes"] = {
            "kills": done["kills"],
            "commits": done["commits"],
            "searches that had to see another's commit": done["proofs"],
            "longest wait for the next writer after a kill": f"{max(done['waits'], default=0.0):.3f} s",
        }


if __name__ == "__main__":
    sys.exit(main())
