"""`vicinal import` and `vicinal export`: rows between collections and files."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import typer

from ..collection import Collection
from ..database import Database, connect
from ..errors import InvalidInput
from ..progress import progress
from ..settings import Settings
from .common import CollectionName, DatabasePath, existing_collection, say
from .files import Columns, SourceRow, format_of, npy, read_rows, write_rows

__all__ = ["export_collection", "import_file"]

# One commit each: enough rows that commits cost little, few enough that a bar moves while texts are encoded.
_BATCH_ROWS = 256

_FILE_HELP = "Ends in .jsonl, .csv, .parquet or .npy."
_IDS_HELP = "For .npy, which has no room for ids: a text file, one id a line."


def import_file(
    path: DatabasePath,
    collection: CollectionName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_FILE_HELP, show_default=False)],
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            help="For a new collection: minilm, hashing:256 or none. Default: EMBEDDING_MODEL if there are no vectors.",
            show_default=False,
        ),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id-column", help="Holds the ids. Default: id.", show_default=False)
    ] = None,
    text_column: Annotated[
        str | None, typer.Option("--text-column", help="Holds the texts. Default: text.", show_default=False)
    ] = None,
    vector_column: Annotated[
        str | None, typer.Option("--vector-column", help="Holds the vectors. Default: vector.", show_default=False)
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="For a new collection: cosine, ip, l2, l1. Default: cosine.", show_default=False),
    ] = None,
    ids: Annotated[Path | None, typer.Option("--ids", help=_IDS_HELP, show_default=False)] = None,
) -> None:
    """Put the rows of a file into a collection, which is made if it does not exist.

    Rows with the id of a stored row replace it. Columns without a meaning of their own become metadata.
    A line that does not fit is named and nothing of its batch of 256 rows is stored.

    \b
    Examples:
      vicinal import ./data docs articles.jsonl
      vicinal import ./data docs articles.csv --id-column url --text-column body
      vicinal import ./data images vectors.npy --ids names.txt --metric l2
    """
    named = {"id": id_column, "text": text_column, "vector": vector_column}
    given = {name: column for name, column in named.items() if column is not None}
    columns = Columns(**given, required=frozenset(given.values()))
    batches = _batches(read_rows(file, columns, ids))
    first = next(batches, [])  # read before the collection is made: a file that does not fit makes none
    with connect(path) as database, _target(database, collection, first, encoder, metric) as target:
        with warnings.catch_warnings():
            if encoder == "none":  # on purpose, so it need not be told
                warnings.filterwarnings("ignore", "collection .* has no encoder")
            rows = _store(target, chain([first], batches), file)
        say(f"{rows:,} rows from {file}; {collection} holds {target.count():,}.")


def export_collection(
    path: DatabasePath,
    collection: CollectionName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=_FILE_HELP, show_default=False)],
    vectors: Annotated[bool, typer.Option("--vectors", help="Write the vectors too; .npy always does.")] = False,
    ids: Annotated[Path | None, typer.Option("--ids", help=_IDS_HELP, show_default=False)] = None,
) -> None:
    """Write all rows of a collection to a file, as they are at one moment.

    The file is replaced only when it is complete. `vicinal import` gives the same rows again.

    \b
    Examples:
      vicinal export ./data docs docs.jsonl --vectors
      vicinal export ./data docs docs.csv
      vicinal export ./data images vectors.npy --ids names.txt
    """
    with_vectors = vectors or format_of(file, ids) is npy
    with existing_collection(path, collection) as source:
        records = source.get(vectors=with_vectors)
    write_rows(file, records, ids)
    say(f"{len(records):,} rows written to {file}.")


def _batches(rows: Iterator[SourceRow]) -> Iterator[list[SourceRow]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch


def _target(
    database: Database, name: str, first: list[SourceRow], encoder: str | None, metric: str | None
) -> Collection:
    """The collection, made for what the first rows hold if it does not exist."""
    options: dict[str, Any] = {} if metric is None else {"metric": metric}
    if encoder is None and name not in database and not any("vector" in row.row for row in first):
        encoder = Settings.load().encoder
    if encoder is not None and encoder != "none":
        options["encoder"] = encoder
    return database.collection(name, **options)


def _store(target: Collection, batches: Iterator[list[SourceRow]], file: Path) -> int:
    rows = 0
    with progress(f"Importing {file.name}", None) as advance:
        try:
            for batch in batches:
                _store_batch(target, batch)
                rows += len(batch)
                advance(len(batch))
        except InvalidInput:
            say(f"{rows:,} rows before that batch are stored.", to_errors=True)
            raise
    return rows


def _store_batch(target: Collection, batch: list[SourceRow]) -> None:
    try:
        target.upsert(rows=[row.row for row in batch])
    except InvalidInput as error:
        # The collection counts the rows of a call; whoever mends the file needs its lines.
        error.place = re.sub(r"^row (\d+)", lambda found: batch[int(found[1])].place, error.place)
        raise
