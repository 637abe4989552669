"""Ingest: given vectors with texts and metadata, in batches, until they can be searched at full speed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from ..crew import Crew, Member, PeerFailed
from ..options import Options
from ..report import Report
from ..rounds import Progress, Sample, alternate

QUESTION = "How long do ready vectors with texts and metadata take to be stored and searchable?"
PEERS = ("vicinal", "zvec-flat", "zvec", "chroma", "lancedb")
ROWS = (60_000,)
WHAT = "ingest in batches of 1,000"
SHARE_OF_ZVEC = 0.3
_BATCH_ROWS = 1_000


def run(options: Options, report: Report) -> None:
    crew = Crew(options.chosen(PEERS), options.scratch)
    report.left_out = crew.left_out
    for rows in options.sizes(ROWS):
        _, folder = options.data(rows)
        progress = Progress(f"ingest, {rows:,} rows")
        measured: dict[str, Callable[[], Sample]] = {}
        for name in list(crew.names):
            once = partial(_ingest, name, options, folder, rows)
            progress.show(f"whether {name} works")
            try:
                _ingest(name, options, folder, min(rows, _BATCH_ROWS))
            except PeerFailed as failure:
                crew.drop(name, failure)
            else:
                measured[name] = once
        samples = alternate(options.rounds, measured, progress)
        report.add(WHAT, samples, rows=rows, threads=options.threads, unit=f"{rows:,} rows")
        for peer in ("zvec", "zvec-flat"):
            ours, theirs = report.find(WHAT, "vicinal", rows), report.find(WHAT, peer, rows)
            text = f"{WHAT}, {rows:,} rows: share of the time of {peer}"
            report.claim_ratio(text, ours, theirs, at_most=SHARE_OF_ZVEC)


def _ingest(name: str, options: Options, data: Path, rows: int) -> Sample:
    """Ingests in a new process and folder. Closing is timed too, but is not part of `seconds`."""
    with Member(name, options.scratch, data, options.threads) as member:
        sample = member.ask("build", count=rows, size=_BATCH_ROWS, bare=False)
        return {**sample, "close_seconds": member.ask("close")["seconds"]}
