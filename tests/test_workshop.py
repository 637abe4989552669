"""The test runner: no core is idle, output is not interleaved, a failure does not stop the other steps."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any]]:
    """The modules `workshop` and `test` of scripts/; the second has the name of a standard package of Python."""
    monkeypatch.syspath_prepend(SCRIPTS)
    names = ("workshop", "packages", "test")
    before = {name: sys.modules.pop(name, None) for name in names}
    import test as steps
    import workshop

    yield workshop, steps
    for name, module in before.items():
        sys.modules.pop(name)
        if module is not None:
            sys.modules[name] = module


def test_what_runs_beside_is_shown_in_pieces_and_gives_or_raises_what_its_call_does(
    scripts: tuple[Any, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    workshop, _ = scripts
    go_on = threading.Event()

    def call() -> int:
        workshop.run(sys.executable, "-c", "print('one'); print('two')")
        workshop.show_kept()
        assert go_on.wait(60)
        workshop.run(sys.executable, "-c", "print('three')")
        return 3

    def failing() -> None:
        workshop.run(sys.executable, "-c", "print('why'); raise SystemExit(4)")

    beside = workshop.Beside(call)
    workshop.show("of the main thread")
    go_on.set()
    assert beside.wait() == 3
    with pytest.raises(workshop.Failed, match="ended with 4: why"):
        workshop.Beside(failing).wait()
    lines = [line for line in capfd.readouterr().out.splitlines() if not line.startswith("$ ")]
    assert lines[-2:] == ["three", "why"]
    assert lines.index("two") == lines.index("one") + 1
    assert "of the main thread" in lines


def test_what_processes_compile_is_kept_whatever_the_environment_says(
    scripts: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop, _ = scripts
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    told = workshop.run(sys.executable, "-c", "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)")
    assert told == f"False {workshop.PYCACHE}"


def test_lanes_run_beside_each_other_and_a_failure_stops_no_step(scripts: tuple[Any, Any]) -> None:
    workshop, steps = scripts
    both = threading.Barrier(2, timeout=60)  # passed only by two steps at the same time
    done: list[str] = []

    class Steps:
        chosen = steps.STEPS

        def __getattr__(self, name: str) -> Any:
            return lambda: self.step(name)

        def step(self, name: str) -> None:
            if name in ("tests", "native"):
                both.wait()
            done.append(name)
            if name in ("check", "tests"):
                raise workshop.Failed(f"{name} is not well")

    results = steps.run_steps(Steps())
    assert [name for name, *_ in results] == list(steps.STEPS)
    assert {name: problem for name, _, problem in results if problem} == {
        "check": "check is not well",
        "tests": "tests is not well",
    }
    assert done[0] == "install"
    assert sorted(done) == sorted(steps.STEPS)
    assert {name for lane in steps.LANES for name in lane} == set(steps.STEPS) - {"install"}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_what_is_stopped_takes_its_commands_along(tmp_path: Path) -> None:
    """A command that would run for an hour, while the test runner ends."""
    program = """if True:
        import sys, workshop
        workshop.Beside(lambda: workshop.run(sys.executable, "-c", sys.argv[1], sys.argv[2]))
        sys.stdin.read()
    """
    waiting = (
        "import sys, time; pipe = open(sys.argv[1], 'w'); print('started', file=pipe, flush=True); time.sleep(3600)"
    )
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", program, waiting, pipe]
    with subprocess.Popen(command, cwd=SCRIPTS, stdin=subprocess.PIPE) as process, pipe.open() as held:
        assert held.readline() == "started\n"
        process.communicate()
        assert process.returncode == 0
        assert held.read() == ""  # returned when no process has the pipe open any more
