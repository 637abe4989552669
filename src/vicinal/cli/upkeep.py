"""`vicinal verify`, `repair`, `compact` and `drop`: check, repair, compact and delete collections."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from ..types import VerifyReport
from ..visible import counted
from .common import (
    CollectionName,
    DatabasePath,
    YesOption,
    as_typed,
    confirm,
    existing_collection,
    existing_database,
    say,
    say_json,
)
from .completion import collection_names

__all__ = ["compact", "drop", "repair", "verify"]


def verify(
    path: DatabasePath,
    collection: Annotated[
        str | None,
        typer.Argument(
            metavar="COLLECTION",
            help="Only this one.",
            show_default=False,
            callback=as_typed,
            autocompletion=collection_names,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Check every byte of a database's files, or of one collection's. Exit code 1 if something is damaged.

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
    """Rebuild a damaged collection from what is readable, and keep the damaged files beside it.

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


def compact(path: DatabasePath, collection: CollectionName) -> None:
    """Reclaim the space of deleted and replaced rows now; happens automatically once they outnumber the rest.

    \b
    Examples:
      vicinal compact ./data docs
    """
    with existing_collection(path, collection) as opened:
        before = opened.stats()
        opened.compact()
        after = opened.stats()
    size = f"{before.bytes_on_disk:,} bytes before, {after.bytes_on_disk:,} now"
    say(f"{collection}: {counted(before.dead_slots - after.dead_slots, 'dead row')} removed; {size}.")


def drop(
    path: DatabasePath,
    collection: CollectionName,
    yes: YesOption = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait for writers.")] = 30.0,
) -> None:
    """Delete a collection, its rows and its snapshots. Asks for confirmation first.

    \b
    Examples:
      vicinal drop ./data docs
      vicinal drop ./data docs --yes
    """
    with existing_collection(path, collection) as opened:
        rows, snapshots = opened.count(), len(opened.snapshots())
    also = f" and {counted(snapshots, 'snapshot')}" if snapshots else ""
    confirm(f"Delete {collection}, {counted(rows, 'row')}{also}?", yes)
    with existing_database(path) as database:
        database.drop(collection, timeout=timeout)
    say(f"{collection} is deleted.")


def _print_report(name: str, report: VerifyReport) -> None:
    verdict = "ok" if report.ok else "DAMAGED"
    say(f"{name}: {verdict}, {report.rows:,} good rows, {report.files:,} files")
    for problem in report.problems:
        say(f"  {problem}")
    for note in report.notes:
        say(f"  note: {note}")
