"""What several commands share: arguments, opening existing databases, tables."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..collection import Collection
from ..database import Database, connect
from ..errors import CollectionNotFound, InvalidArgument
from ..visible import visible, visible_json
from .completion import collection_names

__all__ = [
    "CollectionName",
    "DatabasePath",
    "YesOption",
    "as_typed",
    "at_home",
    "cell",
    "confirm",
    "existing_collection",
    "existing_database",
    "existing_folder",
    "make_streams_safe",
    "print_table",
    "say",
    "say_json",
]


def as_typed(argument: str | None) -> str | None:
    """An argument that is a text: as typed in UTF-8, even if the locale specifies another encoding."""
    if argument is None or argument.isascii() or not any("\udc80" <= one <= "\udcff" for one in argument):
        return argument
    try:
        return os.fsencode(argument).decode()
    except UnicodeDecodeError:
        return argument


def at_home(path: Path | None) -> Path | None:
    """The path with `~` expanded, as in `--path=~/data`, which no shell expands."""
    return None if path is None else path.expanduser()


DatabasePath = Annotated[
    Path, typer.Argument(metavar="PATH", help="Folder of the database.", show_default=False, callback=at_home)
]
CollectionName = Annotated[
    str,
    typer.Argument(
        metavar="COLLECTION",
        help="Its name.",
        show_default=False,
        callback=as_typed,
        autocompletion=collection_names,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

# The database of a folder of documents, within that folder.
FOLDER_DATABASE = ".vicinal"

# Folders of collections, finished or not, and the files that a database stores beside them.
_OF_A_DATABASE = re.compile(r"(?:[a-z0-9_-]+-)?[0-9a-f]{16}$|new-|dead-|server-keys\.|encoder-cache\.")

_PIPE_WIDTH = 120


@contextmanager
def existing_database(path: Path) -> Iterator[Database]:
    """Opens the database at `path`; does not create one that does not exist."""
    if (path / FOLDER_DATABASE).is_dir():  # the database of a folder of documents is within it
        path = path / FOLDER_DATABASE
    with connect(existing_folder(path)) as database:
        yield database


def existing_folder(path: Path) -> Path:
    """The path, if it is a folder that is empty or contains a database, and not a typing error.

    Raises:
        InvalidArgument: it is not; nothing was created.
    """
    if not path.is_dir():
        found = "there is no database at {}, which is a file" if path.is_file() else "there is no database at {}"
        raise InvalidArgument(
            found.format(repr(str(path))),
            name="PATH",
            value=path,
            remedy="Check the path, or make one with: vicinal import PATH COLLECTION FILE",
        )
    entries = [entry.name for entry in path.iterdir() if not entry.name.startswith(".") and entry.name != "lost+found"]
    if entries and not any(map(_OF_A_DATABASE.match, entries)):
        inside = path / FOLDER_DATABASE
        raise InvalidArgument(
            f"there is no database at {str(path)!r}, which holds other files",
            name="PATH",
            value=path,
            remedy=f"Name {str(inside)!r}." if inside.is_dir() else "Check the path, or name an empty folder.",
        )
    return path


@contextmanager
def existing_collection(path: Path, name: str) -> Iterator[Collection]:
    with existing_database(path) as database:
        names = database.collections()
        if name not in names:
            there = f"There are: {', '.join(names)}." if names else "There is none."
            raise CollectionNotFound(
                f"there is no collection {name!r} in {str(path)!r}", name="COLLECTION", value=name, remedy=there
            )
        yield database.collection(name)


def say(text: object, *, to_errors: bool = False) -> None:
    """Prints a line without control characters that would affect the terminal."""
    print(visible(str(text), newlines=True), file=sys.stderr if to_errors else sys.stdout)


def confirm(question: str, yes: bool) -> None:
    """Asks for confirmation on a terminal; otherwise --yes is required.

    Raises:
        InvalidArgument: there is no terminal.
        Exit: the answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidArgument(
            f"confirmation is required, but there is no terminal: {question.rstrip('?')}",
            name="--yes",
            remedy="Add --yes to skip the confirmation.",
        )
    print(visible(question), "[y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().casefold() not in ("y", "yes"):
        say("Nothing was changed.", to_errors=True)
        raise typer.Exit(1)


def say_json(text: str) -> None:
    """Prints JSON without control characters, and escaped so that streams of any encoding accept it."""
    print(visible_json(text, sys.stdout.encoding or "utf-8"))


def make_streams_safe() -> None:
    r"""Escapes characters outside a stream's encoding as `\u65e5`, so that no user's text ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and (stream.errors or "strict") in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def cell(value: object) -> str:
    """A user's value for a table, without markup or control characters."""
    return escape(visible(str(value)))


def print_table(table: Table) -> None:
    """Prints to standard output; a pipe has no width and gets a wide table."""
    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    Console(width=_PIPE_WIDTH if piped else None).print(table)
