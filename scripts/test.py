"""Everything that must hold before a change goes in: `make test` what a person waits for, `make test-all` the rest too.

    .venv/bin/python scripts/test.py [--all] [--steps NAME,...] [DISTRIBUTION...]

Steps, in order (a step that fails does not keep the later ones from running):

    install     the distributions, as wheels made from their sdists, with all extras, and the model's weights
    check       ruff, mypy, import directions
    native      C++ tests; with --all under sanitizers too, and NEON under an emulator
    tests       pytest on what was installed; without --all not the tests marked slow

    and with --all, or where CI=true:

    other       on the newest other Python of this machine what may differ between versions of the language
    purepython  an install where no compiler works
    packages    sdist and wheel, each wheel installed alone into an empty environment
    torture     kills, power cuts, interrupts and processes in full size; it runs beside the steps after `install`

The last line counts the tests.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import packages
from workshop import BUILD, ROOT, Background, Failed, Venv, other_python, run

QUICK_STEPS = ("install", "check", "native", "tests")
STEPS = (*QUICK_STEPS, "other", "purepython", "packages", "torture")
COMPILED = {"VICINAL_REQUIRE_NATIVE": "1"}
WORKERS = min(os.cpu_count() or 1, 4)
# Folders of tests/ that try disks, processes, numbers and models, which are the same whatever the interpreter.
NOT_OF_THE_LANGUAGE = ("analyzers", "benchmarks", "encoders", "evaluate", "filters", "indexes", "store", "torture")


@dataclass
class Workshop:
    """One run of the steps over `distributions`, folders relative to the root, in `venv`."""

    venv: Venv
    distributions: list[Path]
    everything: bool
    torturing: Background | None = None
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    built: bool = False

    def install(self) -> None:
        self.venv.install(*(word for group in ("test", "check", "dist", "bench") for word in ("--group", group)))
        install(self.venv, packages.build(self.venv, self.distributions))
        self.built = True

    def check(self) -> None:
        run("make", "--no-print-directory", "--keep-going", "check-only", f"BIN={self.venv.bin}")

    def native(self) -> None:
        path = os.pathsep.join([str(self.venv.bin), os.environ["PATH"]])  # cmake is in there
        run("sh", "scripts/native_tests.sh", *([] if self.everything else ["plain"]), env={"PATH": path})

    def tests(self) -> None:
        if self.everything:
            self.pytest(self.venv, env=self.vendors_client())
        else:
            self.pytest(self.venv, "-m", "not slow")

    def vendors_client(self) -> dict[str, str]:
        """Where tests find VikingDB's own client, whose import name is that of ours."""
        peer = Venv.make(BUILD / "vikingdb", current_pip=False)
        # By the pip that knows groups.
        self.venv.install("--group", "vikingdb", into=peer)
        return {"VICINAL_VIKINGDB_PYTHON": str(peer.python)}

    def other(self) -> None:
        interpreter = other_python()
        if interpreter is None:
            self.notes.append(f"no other Python than {sys.version.split()[0]} on this machine: tested on that alone")
            return
        venv = Venv.make(BUILD / "other-python", interpreter)
        venv.install("--group", "test")
        install(venv, [ROOT / folder for folder in self.distributions])
        self.pytest(venv, "-m", "not slow", *(f"--ignore=tests/{folder}" for folder in NOT_OF_THE_LANGUAGE))

    def purepython(self) -> None:
        packages.install_without_compiler(self.distributions)

    def packages(self) -> None:
        if not self.built:
            packages.build(self.venv, self.distributions)
        packages.try_built(self.venv, self.distributions)

    def start_torture(self) -> None:
        """Most of its time it waits, so the steps meanwhile lose little by it."""
        command = (self.venv.python, "-m", "torture", "--json", BUILD / "torture.json")
        self.torturing = Background(*command, log=BUILD / "torture.log", env={**COMPILED, "PYTHONPATH": "tests"})

    def torture(self) -> None:
        if self.torturing is None:
            self.start_torture()
        assert self.torturing is not None
        self.torturing.wait()

    def pytest(self, venv: Venv, *more: str, env: Mapping[str, str] | None = None) -> None:
        folders = [folder / "tests" for folder in self.distributions]
        # What a compiled install must not do is fall back in silence.
        options = ["-n", str(WORKERS), "--durations=10", *more]
        # One thread each for NumPy: workers whose threads wait for one another take twice as long.
        env = {**COMPILED, "OPENBLAS_NUM_THREADS": "1", **(env or {})}
        try:
            self.count(run(venv.python, "-m", "pytest", *options, *folders, env=env))
        except Failed as failure:
            self.count(str(failure))
            raise

    def count(self, last_line: str) -> None:
        """Adds what pytest's last line says, such as "1 failed, 20 passed in 3s"."""
        for number, outcome in re.findall(r"(\d+) (failed|passed|skipped|errors?)\b", last_line):
            self.counts[outcome] = self.counts.get(outcome, 0) + int(number)


def install(venv: Venv, distributions: list[Path]) -> None:
    """Wheels or folders. Not editable: what is tested is what a user gets."""
    for distribution in distributions:
        if distribution.is_file():  # a wheel, of which pip would keep another of the same version
            venv.install("--force-reinstall", "--no-deps", distribution)
        venv.install(f"{distribution}[all]", env=COMPILED)
    run(venv.python, "-m", "vicinal", "models", "add", "minilm")


def timed(step: Callable[[], None], name: str) -> tuple[str, float, str]:
    """Runs a step; gives its name, seconds, and why it failed or ""."""
    print(f"\n=== {name}", flush=True)
    start = time.monotonic()
    problem = ""
    try:
        step()
    except Failed as failure:
        problem = str(failure)
        print(f"FAILED: {problem}", flush=True)
    return name, time.monotonic() - start, problem


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

    workshop = Workshop(Venv(Path(sys.prefix)), options.distributions, everything)
    results = []
    for name in (step for step in STEPS if step in chosen):
        results.append(timed(getattr(workshop, name), name))
        if name == "install" and "torture" in chosen and not results[-1][2]:
            workshop.start_torture()
    if not everything:
        workshop.notes.append("tests marked slow, sanitizers, NEON, other Pythons and torture run in `make test-all`")

    print("\n=== summary")
    for name, seconds, problem in results:
        print(f"{name:<12}{seconds:>7.1f} s  {problem or 'ok'}")
    for note in workshop.notes:
        print(f"note: {note}")
    failed = [name for name, _, problem in results if problem]
    verdict = f"failed: {', '.join(failed)}" if failed else f"{len(results)} steps ok"
    counts = ", ".join(f"{number} {outcome}" for outcome, number in workshop.counts.items()) or "no tests"
    print(f"{counts} in {sum(seconds for _, seconds, _ in results):.0f}s ({verdict})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
