"""Compares every byte of a collection that a call could ever read with what was written.

Works on files that no store would open, and changes nothing.
"""

from __future__ import annotations

import os

from ..errors import WriterBusy
from ..types import VerifyReport
from ..visible import shown
from .backup import SNAPSHOTS, read_about, snapshot_folders
from .check import MakeIndex, Subject, check_generation
from .files import Files
from .findings import Findings
from .folder_names import folder_name
from .forensics import READ_ERRORS, opened_records
from .generation import DROPPED, follows, generations
from .names import own_name, read_name
from .state import read_state

_LOOKS_MAX = 20
_LEFTOVERS = {
    "new-": "a build that did not end; the next upkeep removes it",
    "dead-": "on its way out; the next upkeep removes it",
    "damaged-": "kept by repair; delete it when you no longer need it",
}


def verify_collection(files: Files, folder: str, make_index: MakeIndex | None = None) -> VerifyReport:
    """Checks everything in the collection's folder.

    Args:
        make_index: creates the empty index whose saved form is compared with the records.
    """
    for _ in range(_LOOKS_MAX):
        before = _listed(files, folder)
        findings = _look(files, folder, make_index)
        if not findings.problem_count or _listed(files, folder) == before:
            break  # otherwise another process switched meanwhile, and the findings may be about files that are gone
    return findings.report()


def _listed(files: Files, folder: str) -> list[str]:
    """Generations and snapshots."""
    if not files.exists(folder):
        return []
    return [*generations(files, folder), *snapshot_folders(files, folder)]


def _look(files: Files, folder: str, make_index: MakeIndex | None) -> Findings:
    findings = Findings()
    _check_name(files, folder, findings)
    with findings.guarding(os.path.basename(folder)):
        _note_leftovers(files, folder, findings)
        path = _opened(files, folder, findings)
        for name in path[:-1]:  # even if damaged, it says which generation follows
            findings.note(name, "", "superseded; removed once no process has it open")
        for name in path[-1:]:
            subject = Subject(files, os.path.join(folder, name), name, findings)
            findings.rows = check_generation(subject, make_index)
    _check_snapshots(files, folder, findings)
    return findings


def moved_to(files: Files, generation: str) -> str | None:
    """The `moved_to` of a generation; None if it has none or cannot be read."""
    try:
        with opened_records(files, generation) as connections, connections.turn, connections.reader() as connection:
            return read_state(connection).moved_to
    except WriterBusy:
        raise
    except READ_ERRORS:
        return None


def _check_name(files: Files, folder: str, findings: Findings) -> None:
    findings.files += 1
    said = read_name(files, folder)
    if said is not None and folder_name(said) == os.path.basename(folder):
        return
    what = "is missing or cannot be read" if said is None else f"the name {shown(said)} belongs to another folder"
    known = own_name(files, os.path.dirname(folder), os.path.basename(folder))
    remedy = (
        "nothing else here says the name: open or repair the collection by its name, or restore a backup"
        if known is None
        else f"the records say that it is {shown(known)}, and opening it for writing rewrites this file"
    )
    findings.problem("name", "", f"{what}; {remedy}")


def _note_leftovers(files: Files, folder: str, findings: Findings) -> None:
    for entry in files.list_folder(folder):
        for prefix, what in _LEFTOVERS.items():
            if entry.startswith(prefix):
                findings.note(entry, "", what)


def _opened(files: Files, folder: str, findings: Findings) -> list[str]:
    """The generations that opening reads, in its order: the oldest, then each one's `moved_to`."""
    names = generations(files, folder)
    if not names:
        findings.problem(os.path.basename(folder), "", "there is no generation in it")
        return []
    path = [names[0]]
    while (following := moved_to(files, os.path.join(folder, path[-1]))) is not None:
        if following == DROPPED:
            if path[-1] == names[-1]:
                findings.note(path[-1], "state", "the collection was dropped")
                break
            following = names[names.index(path[-1]) + 1]  # its name was reused
        if following not in names or not follows(following, path[-1]):
            findings.problem(f"{path[-1]}/records.db", "state", f"it moved to {following!r}, which is not there")
            break
        path.append(following)
    for name in names[names.index(path[-1]) + 1 :]:
        findings.note(name, "", "of a switch that was not committed; the next upkeep removes it")
    return path


def _check_snapshots(files: Files, folder: str, findings: Findings) -> None:
    with findings.guarding(SNAPSHOTS):
        for path in snapshot_folders(files, folder):
            name = f"{SNAPSHOTS}/{os.path.basename(path)}"
            check_generation(Subject(files, path, name, findings), None)
            with findings.guarding(name):
                read_about(files, path)
