"""Power failures: a workload is recorded once, then the power is cut at many points of the recording."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import workload
from .checking import check
from .kills import fork, wait
from .model import Verdict, read_journals
from .power_cut import JOURNAL, STYLES, Disk
from .recording import Operation, Recorder, read_log
from .workload import Doom, Place, Work, Writer

_STEPS = 45
_SECONDS_MAX = 60.0


@dataclass(slots=True)
class Recording:
    """One recorded workload, as planned from its seed.

    Attributes:
        second: what a second process does meanwhile: "", "reads" or "writes".
        dies: kind of step in which the first writer is killed before the power is cut; "" if it lives.
        deep: the folders above the database are new as well.
    """

    seed: str
    second: str
    durability: str
    dies: str = ""
    deep: bool = False
    operations: list[Operation] = field(default_factory=list)
    moments: list[str] = field(default_factory=list)  # kind of the step in flight after each operation
    violations: list[str] = field(default_factory=list)  # violations seen by its processes before any cut


@dataclass(slots=True)
class Cut:
    """One trial: where the power was cut, what the disk kept, and the result.

    Attributes:
        at: the number of operations of the recording before the cut.
        moment: kind of the step in flight, or "between".
        at_risk: operations that no sync had made durable.
    """

    seed: str
    second: str
    durability: str
    at: int
    moment: str
    style: str
    at_risk: int = 0
    verdict: Verdict | None = None
    folder: str = ""


def plan(seed: str, number: int) -> Recording:
    rng = random.Random(seed)
    second = rng.choice(("reads", "writes")) if number % 2 else ""
    dies = rng.choice(workload.kinds_at_hand()[1:]) if second == "writes" and rng.random() < 0.5 else ""
    return Recording(seed, second, "process" if number % 4 == 3 else "full", dies, number % 5 == 2)


def record(recording: Recording, folder: Path) -> None:
    """Runs the workload below the new folder `folder` and fills in `operations` and `moments`."""
    folder.mkdir(parents=True)
    log = folder.with_suffix(".log")
    inode = folder.stat().st_ino
    coordinator = fork(lambda: _run(recording, folder, log))
    wait(coordinator, _SECONDS_MAX)
    recording.operations = [Operation("root", 0, inode, 0, "", "", b""), *read_log(log)]
    recording.moments = _moments(recording.operations)
    tolds = read_journals(Place(folder).journals())
    recording.violations = [violation for told in tolds for violation in told.violations]


def _run(recording: Recording, folder: Path, log: Path) -> None:
    rng = random.Random(f"{recording.seed}/parent")
    recorder = Recorder()
    recorder.start(folder, log)
    if rng.random() < 0.5:
        workload.hurry()
    place = Place(folder, recording.deep)
    place.make()
    second = _fork_second(place, recording, recorder)
    doom = Doom(recording.dies, rng.randint(2, 4), torn=rng.random() < 0.5) if recording.dies else None
    first = fork(lambda: _write(place, "a", recording, recorder, doom))
    wait(first, _SECONDS_MAX)
    if second is not None and recording.second == "reads":
        os.kill(second, 9)
    if second is not None:
        wait(second, _SECONDS_MAX)


def _write(place: Place, name: str, recording: Recording, recorder: Recorder, doom: Doom | None) -> None:
    writer = Writer(place, name, recording.seed, recording.durability, alone=recording.second != "writes")
    Work(writer, recorder, doom).run(_STEPS)
    if writer.rng.random() < 0.5:
        writer.db.close()


def _fork_second(place: Place, recording: Recording, recorder: Recorder) -> int | None:
    if recording.second == "writes":
        return fork(lambda: _write(place, "b", recording, recorder, None))
    if recording.second == "reads":
        return fork(lambda: workload.read_for_ever(place, "r", recording.seed))
    return None


def _moments(operations: Sequence[Operation]) -> list[str]:
    in_flight: dict[str, str] = {}
    moments = []
    for operation in operations:
        if operation.kind == "W" and operation.path.startswith(f"{JOURNAL}/"):
            said = json.loads(operation.data)
            in_flight[operation.path] = said["begin"]["op"] if "begin" in said else ""
        moments.append(next((kind for kind in in_flight.values() if kind), "between"))
    return moments


def choose(recording: Recording, count: int, covered: dict[str, int]) -> list[Cut]:
    """Selects points to cut at: first the kinds of step that were cut least so far.

    Args:
        covered: cuts by kind of step so far; updated in place.
    """
    rng = random.Random(f"{recording.seed}/cuts")
    by_kind: dict[str, list[int]] = {}
    for at, kind in enumerate(recording.moments):
        by_kind.setdefault(kind, []).append(at)
    cuts = []
    for _ in range(count):
        moment = min(sorted(by_kind), key=lambda kind: covered.get(kind, 0))
        covered[moment] = covered.get(moment, 0) + 1
        at = rng.choice(by_kind[moment])
        style = rng.choice(STYLES)
        cuts.append(Cut(recording.seed, recording.second, recording.durability, at, moment, style))
    return sorted(cuts, key=lambda cut: cut.at)


def replay(recording: Recording, cuts: Sequence[Cut], folder: Path) -> None:
    """Builds the state of each cut below `folder`, opens it and records the verdict; keeps the faulty ones."""
    disk = Disk(recording.operations[0].inode)
    made = 1
    for number, cut in enumerate(cuts):
        for operation in recording.operations[made : cut.at + 1]:
            disk.apply(operation)
        made = max(made, cut.at + 1)
        place = Place(folder / f"{number}-{cut.moment}-{cut.style.replace(' ', '-')}", recording.deep)
        cut.folder, cut.at_risk = str(place.root), disk.at_risk()
        disk.cut(place.root, random.Random(f"{cut.seed}/{cut.at}/{number}"), cut.style)
        tolds = read_journals(disk.journal())
        for told in tolds:
            told.violations.clear()  # they belong to the recording
        cut.verdict = check(place, tolds, lossy=cut.durability == "process", seed=cut.seed)
        if not cut.verdict.faults:
            shutil.rmtree(place.root)
