"""`vicinal backup`, `snapshot` and `restore`: copies to restore, elsewhere or beside the collection."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from ..collection import Collection
from ..database import connect
from ..errors import InvalidArgument
from ..types import Snapshot
from ..visible import counted
from .common import (
    CollectionName,
    DatabasePath,
    YesOption,
    as_typed,
    at_home,
    cell,
    confirm,
    existing_collection,
    existing_database,
    print_table,
    say,
    say_json,
)

__all__ = ["backup", "restore", "snapshot"]


def backup(
    path: DatabasePath,
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="Folder of the copy.", show_default=False, callback=at_home)
    ],
    collection: Annotated[
        list[str] | None, typer.Option("--collection", help="Only this collection; may be repeated.")
    ] = None,
) -> None:
    """Copy a database, or some of its collections, into another folder while programs continue reading and writing.

    Each collection is copied consistently, and the copy is a complete database.

    \b
    Examples:
      vicinal backup ./data ./backups/monday
      vicinal backup ./data ./backups/docs --collection docs
    """
    with existing_database(path) as database:
        names = [as_typed(one) or "" for one in collection or database.collections()]
        if not names:
            raise InvalidArgument(f"{str(path)!r} holds no collection to copy", name="PATH", value=path)
        _check_target(target, names)
        for name in names:
            with existing_collection(path, name) as opened:
                opened.backup(target)
                say(f"{name}: {counted(opened.count(), 'row')} copied.")
    say(f"{counted(len(names), 'collection')} in {target}.")


def snapshot(
    path: DatabasePath,
    collection: CollectionName,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="Of the new one; without it all are listed.", show_default=False, callback=as_typed
        ),
    ] = None,
    drop: Annotated[bool, typer.Option("--drop", help="Delete the snapshot NAME.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="List them as JSON.")] = False,
) -> None:
    """Keep a named snapshot of a collection beside it, or list the existing ones.

    \b
    Examples:
      vicinal snapshot ./data docs before-cleanup
      vicinal snapshot ./data docs
      vicinal snapshot ./data docs before-cleanup --drop
    """
    if drop and name is None:
        raise InvalidArgument("--drop needs the name of a snapshot", name="NAME", remedy="Add it after COLLECTION.")
    with existing_collection(path, collection) as opened:
        if name is None:
            _list(opened, as_json)
        elif drop:
            opened.drop_snapshot(name)
            say(f"The snapshot {name} of {collection} is deleted.")
        else:
            made = opened.snapshot(name)
            say(f"The snapshot {name} of {collection} holds {counted(made.rows, 'row')}.")


def restore(
    path: DatabasePath,
    collection: CollectionName,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the snapshot.", show_default=False, callback=as_typed)
    ],
    yes: YesOption = False,
) -> None:
    """Restore a snapshot: everything written since is lost. Asks for confirmation first.

    \b
    Examples:
      vicinal restore ./data docs before-cleanup
      vicinal restore ./data docs before-cleanup --yes
    """
    with existing_collection(path, collection) as opened:
        found = next((one for one in opened.snapshots() if one.name == name), None)
        if found is not None:  # the collection's own error lists the others
            rows = f"{counted(opened.count(), 'row')} of now for {counted(found.rows, 'row')} of {_when(found)}"
            confirm(f"Give up {rows}?", yes)
        opened.restore(name)
        say(f"{collection} is as the snapshot {name}: {counted(opened.count(), 'row')}.")


def _check_target(target: Path, names: Sequence[str]) -> None:
    """Runs before the first copy: an incomplete backup would be taken for a complete one."""
    if not target.is_dir():
        return
    with connect(target) as database:
        taken = sorted(set(names) & set(database.collections()))
    if taken:
        raise InvalidArgument(
            f"{str(target)!r} holds a collection {taken[0]!r} already",
            name="TARGET",
            value=target,
            remedy="Name a folder for each backup, such as one with the date.",
        )


def _list(collection: Collection, as_json: bool) -> None:
    found = collection.snapshots()
    if as_json:
        shown = [{"name": one.name, "created_at": one.created_at.isoformat(), "rows": one.rows} for one in found]
        say_json(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    table = Table(box=box.SIMPLE)
    table.add_column("snapshot", overflow="fold")
    table.add_column("taken")
    table.add_column("rows", justify="right")
    for one in found:
        table.add_row(cell(one.name), _when(one), f"{one.rows:,}")
    print_table(table)


def _when(snapshot: Snapshot) -> str:
    return snapshot.created_at.isoformat(" ", "seconds")
