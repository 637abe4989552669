"""`vicinal demo`: searches Python's standard library with questions in plain words."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from ..collection import Collection
from ..database import connect
from ..encoders import resolve
from ..progress import progress
from ..types import Hits
from . import catalogue
from .common import at_home, cell, print_table

__all__ = ["demo", "demo_database", "index_library"]

COLLECTION = "standard-library"
SAMPLE_QUESTIONS = (
    "how do I compress a file?",
    "copy a directory tree",
    "read a file of comma-separated values",
)

# Small enough that an interrupted run loses seconds, large enough that commits cost little compared with encoding.
_BATCH_ROWS = 128


def demo(
    question: Annotated[
        str | None, typer.Argument(metavar="QUESTION", help="If omitted, the demo prompts for it.", show_default=False)
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many answers.")] = 5,
    path: Annotated[
        Path | None,
        typer.Option(
            "--path",
            envvar="VICINAL_DEMO_PATH",
            help="Where the index is kept; a folder of your own user by default.",
            show_default=False,
            callback=at_home,
        ),
    ] = None,
    encoder: Annotated[
        str, typer.Option("--encoder", help="minilm searches by meaning, hashing by spelling and needs no model.")
    ] = "minilm",
) -> None:
    """Index the documentation of Python's standard library, once, and search it.

    Only docstrings are read; no module with side effects is run. An interrupted run continues where it stopped.

    \b
    Examples:
      vicinal demo
      vicinal demo "how do I compress a file?" -k 3
      vicinal demo "sha checksum" --encoder hashing --path ./demo
    """
    folder = demo_database(path or _user_folder(), encoder)
    with connect(folder) as database:
        library = database.collection(COLLECTION, encoder=encoder)
        index_library(library, folder)
        if question is not None:
            _answer(library, question, k)
        elif sys.stdin.isatty():
            _converse(library, k)
        else:
            for sample in SAMPLE_QUESTIONS:
                _answer(library, sample, k)


def demo_database(root: Path, encoder: str) -> Path:
    """The folder of the index for this Python and this encoder.

    The catalogue depends on the interpreter and on the code that reads it, so both are part of the name.
    """
    identity = (sys.version, sys.platform, platform.machine(), sys.base_prefix, resolve(encoder).fingerprint)
    digest = hashlib.sha256("\n".join(identity).encode())
    digest.update(Path(catalogue.__file__).read_bytes())
    version = platform.python_version()
    return root / f"python-{version}-{encoder.replace(':', '-')}-{digest.hexdigest()[:12]}"


def index_library(library: Collection, folder: Path) -> None:
    """Adds to `library` what is missing of the catalogue; rows stored by an earlier run are kept."""
    finished = folder / "rows-when-finished"
    if finished.is_file() and finished.read_text() == str(library.count()):
        return
    entries = catalogue.standard_library()
    print(f"Indexing {len(entries):,} docstrings of Python {platform.python_version()}, once.", file=sys.stderr)
    try:
        _store_all(library, entries)
    except KeyboardInterrupt:
        print("Interrupted; the next run resumes from here.", file=sys.stderr)
        raise
    finished.write_text(str(len(entries)))


def _store_all(library: Collection, entries: list[catalogue.Entry]) -> None:
    with progress("Indexing", len(entries)) as advance:
        for start in range(0, len(entries), _BATCH_ROWS):
            batch = entries[start : start + _BATCH_ROWS]
            _store_missing(library, batch)
            advance(len(batch))


def _store_missing(library: Collection, entries: list[catalogue.Entry]) -> None:
    stored = {record.id for record in library.get([entry.name for entry in entries])}
    missing = [entry for entry in entries if entry.name not in stored]
    library.upsert(
        [entry.name for entry in missing],
        texts=[entry.text for entry in missing],
        metadata=[entry.metadata for entry in missing],
    )


def _user_folder() -> Path:
    """This user's folder for application data on this system."""
    if sys.platform == "win32":
        data = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        data = Path.home() / "Library" / "Application Support"
    else:
        data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "vicinal" / "demo"


def _converse(library: Collection, k: int) -> None:
    print("Ask in plain words; an empty line ends it.")
    while True:
        try:
            question = input("> ").strip()
        except EOFError:
            return
        if not question:
            return
        _answer(library, question, k)


def _answer(library: Collection, question: str, k: int) -> None:
    print_table(_table(question, library.search(question, k=k)))


def _table(question: str, hits: Hits) -> Table:
    table = Table(box=box.SIMPLE, title=cell(question), title_justify="left")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("name", overflow="fold", style="bold")
    table.add_column("what it does")
    for hit in hits:
        summary = catalogue.summary(hit.text or "")
        table.add_row(f"{hit.score:.3f}", cell(hit.metadata["kind"]), cell(hit.id), cell(summary))
    return table
