"""`vicinal migrate`: copies collections from one database to another, and prints the receipt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from ..errors import InvalidArgument
from ..migration.migrate import SAMPLED
from ..migration.migrate import migrate as migrated
from ..migration.receipt import MigratedCollection, MigrationReceipt
from ..opening import is_engine, is_url
from ..settings import Secret
from ..visible import counted, shown
from .common import FOLDER_DATABASE, as_typed, existing_folder, say, say_json

__all__ = ["migrate"]

_INTERRUPTED: Final = 130  # what a shell reports for a program ended by Ctrl-C

_Source = Annotated[
    str, typer.Argument(metavar="FROM", help="Folder of a database, or http://, qdrant:// ...", show_default=False)
]
_Target = Annotated[str, typer.Argument(metavar="TO", help="The same; a folder may be new.", show_default=False)]
_Key = Annotated[
    str | None,
    typer.Option(
        metavar="VARIABLE",
        help="Environment variable with its API key. Default: VICINAL_API_KEY for http://.",
        show_default=False,
    ),
]


def migrate(
    source: _Source,
    target: _Target,
    collection: Annotated[
        str | None,
        typer.Option("--collection", help="Only this one. Default: all.", show_default=False, callback=as_typed),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be written and left behind; change nothing.")
    ] = False,
    check_all: Annotated[
        bool, typer.Option("--check-all", help="Compare all rows afterwards, and not 1,000 of each collection.")
    ] = False,
    from_key: _Key = None,
    to_key: _Key = None,
    as_json: Annotated[bool, typer.Option("--json", help="The receipt as JSON.")] = False,
) -> None:
    """Copy collections to another database: a folder, a server, a distributed engine.

    A run that was stopped, by Ctrl-C or anything else, is resumed by the same command. Afterwards every id, sampled
    rows and neighbours are compared. A target that holds other rows is rejected.

    \b
    Examples:
      vicinal migrate ./data qdrant://db:6333 --dry-run
      vicinal migrate ./data qdrant://db:6333 --to-key QDRANT_API_KEY
      vicinal migrate http://db:8420 ./copy --collection docs --check-all
    """
    try:
        receipt = migrated(
            _place(source, is_source=True),
            _place(target, is_source=False),
            collection=collection,
            dry_run=dry_run,
            sampled=None if check_all else SAMPLED,
            source_api_key=_key(from_key, "--from-key"),
            target_api_key=_key(to_key, "--to-key"),
        )
    except KeyboardInterrupt:
        say("Stopped. The same command goes on where it was.", to_errors=True)
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        say_json(receipt.to_json())
    else:
        _print(receipt)


def _place(given: str, *, is_source: bool) -> str | Path:
    """A URL unchanged; for a path the folder of the database, which is not created by looking at it."""
    if is_url(given) or is_engine(given):
        return given
    path = Path(given).expanduser()
    if is_source and (path / FOLDER_DATABASE).is_dir():  # the database of a folder of documents is within it
        path = path / FOLDER_DATABASE
    return existing_folder(path) if is_source or path.is_dir() else path


def _key(variable: str | None, option: str) -> Secret | None:
    """A key from the environment: on a command line everybody could read it."""
    if variable is None:
        return None
    value = os.environ.get(variable)
    if not value:
        raise InvalidArgument(
            f"the environment has no variable {shown(variable)}",
            name=option,
            remedy="Give the name of the variable that holds the key, and not the key.",
        )
    return Secret(value)


def _print(receipt: MigrationReceipt) -> None:
    for one in receipt.collections:
        say(f"{one.name}: {_told(one, dry_run=receipt.dry_run)}")
        for what in one.left_behind:
            say(f"  left behind: {what}")
    total = f"{counted(receipt.rows, 'row')} in {counted(len(receipt.collections), 'collection')}"
    if receipt.dry_run:
        say(f"{total} of {receipt.source}; nothing was changed.")
    else:
        say(f"{total} of {receipt.source} are in {receipt.target}.")


def _told(one: MigratedCollection, *, dry_run: bool) -> str:
    if dry_run:
        return f"{counted(one.rows, 'row')}, {one.written:,} to write."
    checked = f"every id, {counted(one.compared, 'row')} and the neighbours of {one.neighbours:,} are the same"
    return f"{counted(one.rows, 'row')}, {one.written:,} written in {one.seconds:,.1f} s; {checked}."
