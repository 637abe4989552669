"""`vicinal index`: makes a folder of documents a collection, and keeps it up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from ..database import connect
from ..errors import InvalidArgument
from ..rag.folder import FILE_BYTES_MAX, FolderReport, index_folder
from ..rag.passages import DocumentSplitter
from ..visible import counted
from .common import FOLDER_DATABASE, at_home, say

__all__ = ["index"]

_MEGABYTE = 1_000_000
_LISTED_MAX = 20


def index(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Its documents are indexed.", show_default=False, callback=at_home)
    ],
    collection: Annotated[str, typer.Option("--collection", help="Name of the collection.")] = "docs",
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="minilm searches by meaning, hashing by spelling and needs no model. Default: minilm.",
            show_default=False,
        ),
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option(
            "--path", help="Folder of the database. Default: .vicinal in FOLDER.", show_default=False, callback=at_home
        ),
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option("--include", help="Only matching files, as in .gitignore; may be repeated.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="Skip matching files or folders; may be repeated.")
    ] = None,
    max_size: Annotated[
        float, typer.Option("--max-size", min=0, help="Skip larger files, in megabytes.")
    ] = FILE_BYTES_MAX / _MEGABYTE,
) -> None:
    """Make the documents of a folder searchable: text, Markdown, code, HTML, DOCX and PDF, also as .gz, .bz2, .xz.

    Later runs process only what is new, changed, moved or gone; an interrupted run continues where it stopped.
    Files in .gitignore are skipped, and so are names that begin with a dot, links, pictures and programs.

    \b
    Examples:
      vicinal index ./papers
      vicinal index ./project --include '*.md' --include '*.py' --exclude tests/
      vicinal index /usr/share/doc --path ./doc-index --encoder hashing:256
      vicinal search ./papers docs "what does this do?"
    """
    if folder.is_file():
        raise InvalidArgument(
            f"{str(folder)!r} is a file, not a folder",
            name="FOLDER",
            value=folder,
            remedy=f"Write: vicinal index {quote(str(folder.parent))} --include {quote(folder.name)}",
        )
    if not folder.is_dir():
        raise InvalidArgument(
            f"there is no folder {str(folder)!r}", name="FOLDER", value=folder, remedy="Check the path."
        )
    place = path or folder / FOLDER_DATABASE
    _make(place)
    with connect(place) as database:
        if encoder is None and collection in database:
            target = database.collection(collection)
        else:
            target = database.collection(collection, encoder=encoder or "minilm")
        with target, _told_of_interrupts():
            report = index_folder(
                target,
                folder,
                include=include or (),
                exclude=exclude or (),
                bytes_max=int(max_size * _MEGABYTE),
                splitter=DocumentSplitter(encoder or target.stats().encoder),
                skip=place,
                progress=True,
            )
    _tell(report, folder if path is None else place, collection)


@contextmanager
def _told_of_interrupts() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say("Interrupted; the next run resumes from here.", to_errors=True)
        raise


def _make(place: Path) -> None:
    """Creates the folder of the database, with a file that excludes it from Git if it is among documents."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        if place.name == FOLDER_DATABASE and not (place / ".gitignore").exists():
            (place / ".gitignore").write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise InvalidArgument(
            f"the database cannot be made at {str(place)!r} ({error.strerror})",
            name="--path",
            value=place,
            remedy="Give another folder with --path.",
        ) from error


def _tell(report: FolderReport, place: Path, collection: str) -> None:
    say(f"{report}.")
    _list("skipped because of their size", [(name, "") for name in report.too_large])
    _list("without text", [(name, "") for name in report.empty])
    _list("that could not be read", report.problems)
    say(f'Search them with: vicinal search {quote(str(place))} {quote(collection)} "your question"')


def _list(what: str, files: list[tuple[str, str]]) -> None:
    if not files:
        return
    say(f"{counted(len(files), 'file')} {what}:", to_errors=True)
    for name, reason in files[:_LISTED_MAX]:
        say(f"  {name}: {reason}" if reason else f"  {name}", to_errors=True)
    if len(files) > _LISTED_MAX:
        say(f"  ... and {len(files) - _LISTED_MAX:,} more", to_errors=True)
