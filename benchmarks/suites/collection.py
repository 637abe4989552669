"""Search in a collection: texts and metadata are returned, with filters and without."""

from __future__ import annotations

from functools import partial

from ..answers import judge
from ..crew import Crew, Member
from ..data import PARTS, Data
from ..options import Options
from ..report import Claim, Report
from ..rounds import Progress, alternate

QUESTION = "How many searches a second does a collection answer, with texts and metadata, with filters and without?"
PEERS = ("vicinal", "chroma", "lancedb", "zvec", "zvec-flat")
ROWS = (60_000,)
ALL = "all rows"
SHARES = {"filter of 50 %": PARTS * 50 // 100, "filter of 7 %": PARTS * 7 // 100, "filter of 0.2 %": PARTS * 2 // 1000}
TIMES_FASTER, TIMES_FASTER_FILTERED = 1.8, 30.0
FILTERED_SPEED = 0.7
_BATCH_ROWS = 1_000


def run(options: Options, report: Report) -> None:
    crew = Crew(options.chosen(PEERS), options.scratch)
    report.left_out = crew.left_out
    for rows in options.sizes(ROWS):
        data, folder = options.data(rows)
        progress = Progress(f"collection, {rows:,} rows")
        with crew.members(folder, options.threads) as members:
            progress.show("building")
            crew.attempt(members, "build", count=rows, size=_BATCH_ROWS, bare=False)
            for what, below in {ALL: None, **SHARES}.items():
                _measure(options, report, crew, members, data, what, below)
        _claim(report, rows)


def _measure(
    options: Options,
    report: Report,
    crew: Crew,
    members: dict[str, Member],
    data: Data,
    what: str,
    below: int | None,
) -> None:
    rows, count, k = len(data.vectors), min(options.queries, len(data.queries)), options.k
    replies = crew.attempt(members, "answers", count=count, k=k, below=below)
    facts = judge(data, {name: reply["numbers"] for name, reply in replies.items()}, k, below)
    measured = {name: partial(member.ask, "search", count=count, k=k, below=below) for name, member in members.items()}
    samples = alternate(options.rounds, measured, Progress(f"collection, {rows:,} rows, {what}"))
    report.add(what, samples, rows=rows, threads=options.threads, unit="query", facts=facts)


def _claim(report: Report, rows: int) -> None:
    unfiltered = report.find(ALL, "vicinal", rows)
    report.claim_ratio(
        f"{rows:,} rows: times the searches a second of chroma",
        report.find(ALL, "chroma", rows),
        unfiltered,
        at_least=TIMES_FASTER,
    )
    for what in SHARES:
        filtered = report.find(what, "vicinal", rows)
        text = f"{rows:,} rows, {what}: times the searches a second without it"
        report.claim_ratio(text, unfiltered, filtered, at_least=FILTERED_SPEED)
    what = "filter of 7 %"
    report.claim_ratio(
        f"{rows:,} rows, {what}: times the searches a second of chroma",
        report.find(what, "chroma", rows),
        report.find(what, "vicinal", rows),
        at_least=TIMES_FASTER_FILTERED,
    )
    for found in report.measurements:
        if found.rows == rows and found.peer == "vicinal":
            text = f"{rows:,} rows, {found.what}: answers of vicinal other than the true ones"
            report.claims.append(Claim(text, found.facts["other_answers"], at_most=0))
