"""Opening: new processes, each until its first filtered search."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ..crew import Crew, Member, PeerFailed
from ..data import PARTS
from ..options import Options
from ..report import Claim, Report
from ..rounds import Progress, Sample, alternate, median

QUESTION = "How long does a fresh process take from opening to its first filtered answer, and how much does it read?"
PEERS = ("vicinal", "chroma", "lancedb", "zvec-flat")
ROWS = (10_000, 100_000)
WHAT = "open and search with a filter"
SECONDS_MAX = 0.3
# Of bytes read, with ten times the rows. For the search, ten hits are on more pages and a level deeper in the B-tree.
GROWTH_MAX = {"open": 1.0, "answer": 1.5}
BELOW = PARTS * 7 // 100
_BATCH_ROWS = 1_000


def run(options: Options, report: Report) -> None:
    crew = Crew(options.chosen(PEERS), options.scratch)
    report.left_out = crew.left_out
    for rows in options.sizes(ROWS):
        _measure(options, report, crew, rows)
    _claim(report)


def _measure(options: Options, report: Report, crew: Crew, rows: int) -> None:
    _, data = options.data(rows)
    progress = Progress(f"opening, {rows:,} rows")
    folders: dict[str, Path] = {}
    for name in list(crew.names):
        progress.show(f"building {name}")
        try:
            folders[name] = _built(name, options, data, rows)
            _open(name, options, data, folders[name])  # warms the cache
        except PeerFailed as failure:
            crew.drop(name, failure)
            folders.pop(name, None)
    measured = {name: partial(_open, name, options, data, folder) for name, folder in folders.items()}
    samples = alternate(options.processes, measured, progress)
    facts = {name: _facts(name, options, data, folders[name], own) for name, own in samples.items()}
    report.add(WHAT, samples, rows=rows, threads=options.threads, unit="opening", facts=facts)


def _built(name: str, options: Options, data: Path, rows: int) -> Path:
    folder = options.scratch / f"opening-{name}-{rows}"
    folder.mkdir()
    with Member(name, options.scratch, data, options.threads, folder) as member:
        member.ask("build", count=rows, size=_BATCH_ROWS, bare=False)
        member.ask("settle")
    return folder


def _open(name: str, options: Options, data: Path, folder: Path) -> Sample:
    with Member(name, options.scratch, data, options.threads, folder) as member:
        return member.ask("open", k=options.k, below=BELOW)


def _facts(name: str, options: Options, data: Path, folder: Path, samples: list[Sample]) -> dict[str, Any]:
    """Returns the bytes of all read calls, and those of the records file alone if the peer can tell."""
    with Member(name, options.scratch, data, options.threads, folder) as member:
        counted = member.ask("count", k=options.k, below=BELOW)
    known = "bytes_read" in samples[0]
    return {**({"bytes_read": int(median(samples, "bytes_read"))} if known else {}), **counted}


def _claim(report: Report) -> None:
    own = [found for found in report.measurements if found.peer == "vicinal"]
    for found in own:
        report.claims.append(Claim(f"{WHAT}, {found.rows:,} rows: seconds", found.median, at_most=SECONDS_MAX))
    if len(own) < 2:
        return
    first, last = own[0], own[-1]
    for when in ("open", "answer"):
        fact = f"records_read_at_{when}"
        text = f"bytes read of the records until the {when} with {last.rows:,} rows, times those with {first.rows:,}"
        report.claims.append(Claim(text, last.facts[fact] / first.facts[fact], at_most=GROWTH_MAX[when]))
