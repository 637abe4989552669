"""`vicinal verify` and `vicinal repair`: is everything as it was written, and what can be kept where it is not."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from ..types import VerifyReport
from .common import CollectionName, DatabasePath, as_typed, existing_database, say, say_json

__all__ = ["repair", "verify"]


def verify(
    path: DatabasePath,
    collection: Annotated[
        str | None, typer.Argument(metavar="COLLECTION", help="Only this one.", show_default=False, callback=as_typed)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Check every byte of a database's files, or of one collection's. Exit code 1 where something is damaged.

    \b
    Examples:
      vicinal verify ./data
      vicinal verify ./data docs --json
    """
    with existing_database(path) as database:
        reports = database.verify_all() if collection is None else {collection: database.verify(collection)}
    if as_json:
        say_json(json.dumps({name: dataclasses.asdict(report) for name, report in reports.items()}, indent=2))
    else:
        for name, report in reports.items():
            _print_report(name, report)
    if not all(report.ok for report in reports.values()):
        raise typer.Exit(1)


def repair(
    path: DatabasePath,
    collection: CollectionName,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for writers.")] = 30.0,
) -> None:
    """Build a damaged collection anew from what is readable, and keep the damaged files beside it.

    \b
    Examples:
      vicinal repair ./data docs
      vicinal repair ./data docs --timeout 5
    """
    with existing_database(path) as database:
        report = database.repair(collection, timeout=timeout)
        after = database.verify(collection)
    say(f"kept {report.kept:,} rows, lost {len(report.lost):,}")
    for row in report.lost:
        say(f"  lost: {'an unknown id' if row.id is None else repr(row.id)}: {row.why}")
    for note in report.notes:
        say(f"  {note}")
    say(f"The damaged files are kept in {report.kept_at}; delete that folder when you no longer need it.")
    if not after.ok:
        _print_report(collection, after)
        raise typer.Exit(1)


def _print_report(name: str, report: VerifyReport) -> None:
    verdict = "ok" if report.ok else "DAMAGED"
    say(f"{name}: {verdict}, {report.rows:,} good rows, {report.files:,} files")
    for problem in report.problems:
        say(f"  {problem}")
    for note in report.notes:
        say(f"  note: {note}")
