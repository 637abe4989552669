"""Kill -9: a process is killed in the middle of its work; its database must not be affected."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import workload
from .checking import check
from .model import Verdict, count_steps, read_journals
from .recording import Recorder
from .workload import Doom, Place, Work, Writer

_SECONDS_MAX = 15.0  # a writer that has not killed itself by then is killed anyway
_POLL_SECONDS = 0.002


@dataclass(slots=True)
class Trial:
    """One trial as planned from its seed, and how it went.

    Attributes:
        moment: kind of step in which the writer kills itself, or "any" for a kill from outside after a random time.
        second: what a second process does meanwhile: "", "reads" or "writes".
        in_flight: kind of step that was in flight at the end, or "".
    """

    seed: str
    moment: str
    second: str
    torn: bool
    durability: str
    in_flight: str = ""
    steps: int = 0
    verdict: Verdict | None = None
    folder: str = ""


def plan(seed: str, number: int) -> Trial:
    """Every third moment is "any", the others iterate over kinds of step; half of the trials have a second process."""
    rng = random.Random(seed)
    kinds = workload.kinds_at_hand()
    moment = "any" if number % 3 == 0 else kinds[(number // 3 * 2 + number % 3) % len(kinds)]
    second = rng.choice(("reads", "writes")) if rng.random() < 0.5 else ""
    if moment == "restore" and second == "writes":
        second = "reads"
    return Trial(seed, moment, second, rng.random() < 0.5, "process" if rng.random() < 0.25 else "full")


def run(trial: Trial, folder: Path) -> Trial:
    """Runs the trial below the new folder `folder` and records its verdict. Once, in a separate process."""
    rng = random.Random(f"{trial.seed}/parent")
    folder.mkdir(parents=True)
    place = Place(folder)
    place.make()
    trial.folder = str(folder)
    recorder = Recorder()
    recorder.start(folder)
    if rng.random() < 0.5:
        workload.hurry()
    doom = None if trial.moment == "any" else Doom(trial.moment, rng.randint(2, 5), trial.torn)
    victim = fork(lambda: _write(place, "a", trial, recorder, doom))
    second = _fork_second(place, trial, recorder)
    if doom is None:
        time.sleep(0.02 + rng.random() * 0.4)
        os.kill(victim, signal.SIGKILL)
    wait(victim, _SECONDS_MAX)
    if second is not None:
        time.sleep(0.02 + rng.random() * 0.1)  # it continues alone
        os.kill(second, signal.SIGKILL)
        wait(second, _SECONDS_MAX)
    tolds = read_journals(place.journals())
    trial.steps = sum(count_steps(tolds).values())
    trial.in_flight = next((told.in_flight["op"] for told in tolds if told.in_flight), "")
    trial.verdict = check(place, tolds, seed=trial.seed)
    return trial


def _write(place: Place, name: str, trial: Trial, recorder: Recorder, doom: Doom | None) -> None:
    writer = Writer(place, name, trial.seed, trial.durability, alone=trial.second != "writes")
    Work(writer, recorder, doom).run()


def _fork_second(place: Place, trial: Trial, recorder: Recorder) -> int | None:
    if trial.second == "writes":
        return fork(lambda: _write(place, "b", trial, recorder, None))
    if trial.second == "reads":
        return fork(lambda: workload.read_for_ever(place, "r", trial.seed))
    return None


def fork(work: Callable[[], None]) -> int:
    """Forks a child that does `work` and exits without cleaning up."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return child


def wait(child: int, seconds: float) -> None:
    """Waits until the child has ended; kills it after `seconds`."""
    deadline = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(_POLL_SECONDS)
