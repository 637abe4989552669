"""Runs all checks before a change goes in: `make test` the quick ones, `make test-all` all of them.

    .venv/bin/python scripts/test.py [--all] [--steps NAME,...] [DISTRIBUTION...]

Steps:

    install     the distributions, as wheels made from their sdists, with all extras, and the model's weights
    check       ruff, mypy, import directions, rules of the house
    native      C++ tests; with --all also under sanitizers, and NEON under an emulator
    tests       pytest on what was installed; without --all not the tests marked slow

    and with --all, or if CI=true:

    other       on the newest other Python of this machine, what may differ between versions of the language
    purepython  an install where no compiler works
    packages    sdist and wheel, each wheel installed alone into an empty environment
    torture     kills, power cuts, interrupts and processes in full size

`install` runs first. Then three lanes run in parallel: `tests` and `other`, which have one worker per core; `check`,
`native`, `purepython` and `packages`, which alone would leave a core idle; and `torture`, which mostly waits. The
second and third lane print the output of each step when it ends. A failed step does not stop the others. The last line
counts the tests.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import packages
from workshop import (
    BUILD,
    ROOT,
    Beside,
    Failed,
    Venv,
    forget_compiled_temporary_modules,
    other_python,
    run,
    show,
    show_kept,
)

QUICK_STEPS = ("install", "check", "native", "tests")
STEPS = (*QUICK_STEPS, "other", "purepython", "packages", "torture")
# After `install` these run in parallel. The first lane with a selected step prints as it runs.
LANES = (("tests", "other"), ("check", "native", "purepython", "packages"), ("torture",))
COMPILED = {"VICINAL_REQUIRE_NATIVE": "1"}
WORKERS = min(os.cpu_count() or 1, 4)
# Folders of tests/ for disks, processes, numbers, models and other engines, which do not depend on the interpreter.
NOT_OF_THE_LANGUAGE = (
    *("analyzers", "benchmarks", "distributed", "encoders", "evaluate", "filters", "indexes", "migration", "query"),
    *("store", "torture"),
)
# The contract's tests on the engines whose clients do the work there.
ON_OTHER_ENGINES = ("-k", "not qdrant and not milvus")


# Tests that read the source code and execute nothing: the step `check` runs them.
OF_THE_SOURCES = ("--ignore=tests/test_layers.py", "--ignore=tests/test_house.py")


@dataclass
class Workshop:
    """One run of the steps that were `chosen`, over `distributions`, folders relative to the root, in `venv`."""

    venv: Venv
    distributions: list[Path]
    everything: bool
    chosen: Collection[str]
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    wheels: list[Path] = field(default_factory=list)

    def install(self) -> None:
        self.venv.install("--group", "dist")
        # Neither pip nor building a pure wheel uses more than one core.
        building = [Beside(partial(packages.build, self.venv, some)) for some in self.compiled_and_pure()]
        self.venv.install(*(word for group in ("test", "check", "bench") for word in ("--group", group)))
        self.wheels = [wheel for build in building for wheel in build.wait()]
        install(self.venv, self.wheels)

    def compiled_and_pure(self) -> list[list[Path]]:
        """The distributions as two lists, in their order: only the root is compiled."""
        return [[folder for folder in self.distributions if bool(folder.parts) == pure] for pure in (False, True)]

    def check(self) -> None:
        run("make", "--no-print-directory", "--keep-going", "check-only", f"BIN={self.venv.bin}")

    def native(self) -> None:
        path = os.pathsep.join([str(self.venv.bin), os.environ["PATH"]])  # includes cmake
        run("sh", "scripts/native_tests.sh", *([] if self.everything else ["plain"]), env={"PATH": path})

    def tests(self) -> None:
        checked = OF_THE_SOURCES if "check" in self.chosen else ()
        if self.everything:
            self.pytest(self.venv, *checked, env=self.vendors_client())
        else:
            self.pytest(self.venv, *checked, "-m", "not slow")

    def vendors_client(self) -> dict[str, str]:
        """Where tests find VikingDB's own client, which has the same import name as ours."""
        peer = Venv.make(BUILD / "vikingdb", current_pip=False)
        # With a pip that supports dependency groups.
        self.venv.install("--group", "vikingdb", into=peer)
        return {"VICINAL_VIKINGDB_PYTHON": str(peer.python)}

    def other(self) -> None:
        interpreter = other_python()
        if interpreter is None:
            self.notes.append(f"no other Python than {sys.version.split()[0]} on this machine: tested on that alone")
            return
        venv = Venv.make(BUILD / "other-python", interpreter)
        venv.install("--group", "test")
        install(venv, self.compiled_here_only())
        ignored = (f"--ignore=tests/{folder}" for folder in NOT_OF_THE_LANGUAGE)
        self.pytest(venv, "-m", "not slow", *ON_OTHER_ENGINES, *OF_THE_SOURCES, *ignored)

    def compiled_here_only(self) -> list[Path]:
        """The folder of the root, and of the others the wheels, which work on any Python, if they were built."""
        pure = [wheel for wheel in self.wheels if wheel.stem.endswith("-py3-none-any")]
        compiled, others = self.compiled_and_pure()
        return [ROOT / folder for folder in compiled] + (pure or [ROOT / folder for folder in others])

    def purepython(self) -> None:
        packages.install_without_compiler(self.distributions)

    def packages(self) -> None:
        if not self.wheels:
            packages.build(self.venv, self.distributions)
        packages.try_built(self.venv, self.distributions)

    def torture(self) -> None:
        command = (self.venv.python, "-m", "torture", "--json", BUILD / "torture.json")
        run(*command, env={**COMPILED, "PYTHONPATH": "tests"})

    def pytest(self, venv: Venv, *more: str, env: Mapping[str, str] | None = None) -> None:
        folders = [folder / "tests" for folder in self.distributions]
        # worksteal: adjacent tests stay in one worker, so module fixtures are created once, and no worker waits long.
        options = ["-n", str(WORKERS), "--dist", "worksteal", "--durations=20", *more]
        # A compiled install must not silently fall back. NumPy gets one thread per worker: workers whose threads wait
        # for each other take twice as long.
        env = {**COMPILED, "OPENBLAS_NUM_THREADS": "1", **(env or {})}
        try:
            self.count(run(venv.python, "-m", "pytest", *options, *folders, env=env))
        except Failed as failure:
            self.count(str(failure))
            raise

    def count(self, last_line: str) -> None:
        """Adds the counts of pytest's last line, such as "1 failed, 20 passed in 3s"."""
        for number, outcome in re.findall(r"(\d+) (failed|passed|skipped|errors?)\b", last_line):
            self.counts[outcome] = self.counts.get(outcome, 0) + int(number)


def install(venv: Venv, distributions: list[Path]) -> None:
    """Installs wheels or folders. Not editable: the tests run what a user gets."""
    wheels = [distribution for distribution in distributions if distribution.is_file()]
    if wheels:  # pip would keep installed ones of the same version
        venv.install("--force-reinstall", "--no-deps", *wheels)
    venv.install(*(f"{distribution}[all]" for distribution in distributions), env=COMPILED)
    run(venv.python, "-m", "vicinal", "models", "add", "minilm")


Result = tuple[str, float, str]


def timed(step: Callable[[], None], name: str) -> Result:
    """Runs a step; returns its name, seconds, and why it failed, or ""."""
    show(f"\n=== {name}")
    start = time.monotonic()
    problem = ""
    try:
        step()
    except Failed as failure:
        problem = str(failure)
        show(f"FAILED: {problem}")
    show_kept()
    return name, time.monotonic() - start, problem


def run_lane(workshop: Workshop, steps: Iterable[str]) -> list[Result]:
    return [timed(getattr(workshop, name), name) for name in steps]


def run_steps(workshop: Workshop) -> list[Result]:
    chosen = workshop.chosen
    results = run_lane(workshop, ["install"] if "install" in chosen else [])
    lanes = [lane for steps in LANES if (lane := [step for step in steps if step in chosen])]
    beside = [Beside(partial(run_lane, workshop, lane)) for lane in lanes[1:]]
    results += run_lane(workshop, lanes[0] if lanes else [])
    for others in beside:
        results += others.wait()
    return sorted(results, key=lambda result: STEPS.index(result[0]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="the long steps too; where CI=true they always run")
    parser.add_argument("--steps", help="comma-separated; these and no others")
    parser.add_argument("distributions", nargs="*", type=Path, default=[Path(".")])
    options = parser.parse_args()
    everything = options.all or os.environ.get("CI") == "true"
    chosen = options.steps.split(",") if options.steps else STEPS if everything else QUICK_STEPS
    if unknown := set(chosen) - set(STEPS):
        parser.error(f"there is no step {', '.join(sorted(unknown))}; there are: {', '.join(STEPS)}")

    workshop = Workshop(Venv(Path(sys.prefix)), options.distributions, everything, chosen)
    forget_compiled_temporary_modules()
    start = time.monotonic()
    results = run_steps(workshop)
    seconds = time.monotonic() - start
    if not everything:
        workshop.notes.append("tests marked slow, sanitizers, NEON, other Pythons and torture run in `make test-all`")

    print("\n=== summary")
    for name, its_seconds, problem in results:
        print(f"{name:<12}{its_seconds:>7.1f} s  {problem or 'ok'}")
    for note in workshop.notes:
        print(f"note: {note}")
    failed = [name for name, _, problem in results if problem]
    verdict = f"failed: {', '.join(failed)}" if failed else f"{len(results)} steps ok"
    counts = ", ".join(f"{number} {outcome}" for outcome, number in workshop.counts.items()) or "no tests"
    print(f"{counts} in {seconds:.0f}s ({verdict})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
