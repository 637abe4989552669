"""Exact search: only vectors, one query at a time, and many at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ..answers import judge
from ..crew import Crew, Member
from ..data import Data
from ..options import Options
from ..report import Claim, Report
from ..rounds import Progress, Sample, alternate

QUESTION = "How fast is exact search beside NumPy and faiss, one query at a time and many at once?"
PEERS = ("vicinal", "scanner", "numpy", "faiss-flat")
ROWS = (100_000, 180_000)
ONE, MANY = "one query", "many queries at once"
TIMES_FASTER, TIMES_FASTER_MANY = 3.0, 2.0
_BATCH_ROWS = 10_000


def run(options: Options, report: Report) -> None:
    crew = Crew(options.chosen(PEERS), options.scratch)
    report.left_out = crew.left_out
    for rows in options.sizes(ROWS):
        data, folder = options.data(rows)
        _one_by_one(options, report, crew, data, folder)
        _at_once(options, report, crew, data, folder)
        _claim(report, rows)


def _one_by_one(options: Options, report: Report, crew: Crew, data: Data, folder: Path) -> None:
    rows, count, k = len(data.vectors), min(options.queries, len(data.queries)), options.k
    progress = Progress(f"exact, {rows:,} rows, {ONE}")
    with crew.members(folder, options.threads) as members:
        _build(crew, members, rows, progress)
        replies = crew.attempt(members, "answers", count=count, k=k, below=None)
        facts = judge(data, {name: reply["numbers"] for name, reply in replies.items()}, k)
        measured = {
            name: partial(member.ask, "search", count=count, k=k, below=None) for name, member in members.items()
        }
        samples = alternate(options.rounds, measured, progress)
    report.add(ONE, samples, rows=rows, threads=options.threads, unit="query", facts=facts)


def _at_once(options: Options, report: Report, crew: Crew, data: Data, folder: Path) -> None:
    rows, count, k = len(data.vectors), min(options.batch, len(data.queries)), options.k
    progress = Progress(f"exact, {rows:,} rows, {MANY}")
    with crew.members(folder, options.batch_threads) as members:
        _build(crew, members, rows, progress)
        replies = crew.attempt(members, "answers_of_many", count=count, k=k)
        facts = judge(data, {name: reply["numbers"] for name, reply in replies.items()}, k)
        measured = {name: partial(_many, member, count, k) for name, member in members.items()}
        samples = alternate(options.rounds, measured, progress)
    report.add(MANY, samples, rows=rows, threads=options.batch_threads, unit="query", facts=facts)


def _build(crew: Crew, members: dict[str, Member], rows: int, progress: Progress) -> None:
    progress.show("building")
    crew.attempt(members, "build", count=rows, size=_BATCH_ROWS, bare=True)


def _many(member: Member, count: int, k: int) -> Sample:
    return member.ask("search_many", count=count, k=k)


def _claim(report: Report, rows: int) -> None:
    for peer in ("numpy", "faiss-flat"):
        text = f"{ONE}, {rows:,} rows: times faster than {peer}"
        report.claim_ratio(text, report.find(ONE, peer, rows), report.find(ONE, "vicinal", rows), at_least=TIMES_FASTER)
    report.claim_ratio(
        f"{MANY}, {rows:,} rows: times faster than faiss-flat",
        report.find(MANY, "faiss-flat", rows),
        report.find(MANY, "vicinal", rows),
        at_least=TIMES_FASTER_MANY,
    )
    for found in report.measurements:
        if found.rows == rows and found.peer in ("vicinal", "scanner"):
            text = f"{found.what}, {rows:,} rows: answers of {found.peer} other than the true ones"
            report.claims.append(Claim(text, found.facts["other_answers"], at_most=0))
