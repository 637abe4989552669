"""`vicinal import` and `vicinal export`: rows between collections and files."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from ..collection import Collection
from ..database import Database, connect
from ..errors import InvalidArgument, InvalidInput
from ..progress import progress
from ..settings import encoder_named, setting
from ..visible import counted
from .common import CollectionName, DatabasePath, at_home, existing_collection, say
from .completion import METRICS, one_of
from .files import (
    FORMATS,
    ON_ERROR,
    STANDARD,
    STANDARD_LAYOUT,
    WRITTEN_FORMATS,
    ColumnNames,
    Layout,
    OnError,
    Reading,
    SourceRow,
    format_of,
    is_standard_output,
    kept_input,
    npy,
    read_rows,
    write_rows,
)
from .files.cells import asked_types
from .files.dialect import checked_delimiter
from .import_database import ORIGINS, import_database

__all__ = ["export_collection", "import_file"]

# Rows per commit: enough that commits cost little, few enough that the bar moves while texts are encoded.
_BATCH_ROWS = 256
_LISTED_MAX = 20
_OWNER = "vicinal import"
_LAYOUT = "columns"
_LOOKED_AT_IDS = 1_000

_SourceFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        help="JSONL, JSON, CSV, TSV, Parquet, Arrow, npy or SQLite, also .gz, .bz2, .xz, .zst, .zip; - for a pipe.",
        show_default=False,
        callback=at_home,
    ),
]
_Origin = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="|".join(ORIGINS),
        help="Bring over a whole database of another program, whose folder stands in place of COLLECTION FILE.",
        show_default=False,
    ),
]
_TargetFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="Ends in .jsonl, .csv, .parquet or .npy; - for a pipe.",
        show_default=False,
        callback=at_home,
    ),
]
_Ids = Annotated[
    Path | None,
    typer.Option(
        "--ids",
        help="For .npy, which has no room for ids: a text file, one id per line, or .npy.",
        show_default=False,
        callback=at_home,
    ),
]
_Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="For a new collection: minilm, hashing:256 or none. Default: EMBEDDING_MODEL if there are no vectors.",
        show_default=False,
    ),
]
_Metric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        help="For a new collection: cosine, ip, l2, l1. Default: cosine.",
        show_default=False,
        autocompletion=METRICS,
    ),
]
_IdColumn = Annotated[str | None, typer.Option("--id-column", help="Holds the ids. Default: id.", show_default=False)]
_TextColumns = Annotated[
    list[str] | None,
    typer.Option(
        "--text-column",
        help="Holds the texts; of several they are joined, and kept as metadata too. Default: text.",
        show_default=False,
    ),
]
_VectorColumn = Annotated[
    str | None, typer.Option("--vector-column", help="Holds the vectors. Default: vector.", show_default=False)
]
_Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help=f"{', '.join(FORMATS)}. Default: by file extension.",
        show_default=False,
        autocompletion=one_of(FORMATS),
    ),
]
_WrittenFormat = Annotated[
    str | None,
    typer.Option(
        "--format",
        help=f"{', '.join(WRITTEN_FORMATS)}. Default: by file extension.",
        show_default=False,
        autocompletion=one_of(WRITTEN_FORMATS),
    ),
]
_Types = Annotated[
    str | None,
    typer.Option(
        "--types",
        metavar="COLUMN=TYPE,...",
        help="text, int, float, decimal, bool, date, datetime, uuid, json. Default: what all cells of a column are.",
        show_default=False,
    ),
]
_Delimiter = Annotated[
    str | None, typer.Option("--delimiter", help="Delimiter of cells. Default: detected.", show_default=False)
]
_Encoding = Annotated[
    str | None, typer.Option("--encoding", help="Such as utf-16 or cp1252. Default: detected.", show_default=False)
]
_Table = Annotated[
    str | None, typer.Option("--table", help="Of an SQLite database. Default: its only one.", show_default=False)
]
_OnError = Annotated[
    str,
    typer.Option(
        "--on-error", metavar="|".join(ON_ERROR), help="What to do about an invalid line; replace: characters."
    ),
]


def import_file(
    path: DatabasePath,
    collection: CollectionName,
    file: _SourceFile = None,
    encoder: _Encoder = None,
    id_column: _IdColumn = None,
    text_column: _TextColumns = None,
    vector_column: _VectorColumn = None,
    metric: _Metric = None,
    ids: _Ids = None,
    format_name: _Format = None,
    types: _Types = None,
    delimiter: _Delimiter = None,
    encoding: _Encoding = None,
    table: _Table = None,
    on_error: _OnError = "stop",
    origin: _Origin = None,
) -> None:
    """Import the rows of a file into a collection, which is created if it does not exist.

    Rows replace stored rows with the same id. Columns without a special meaning become metadata.
    An invalid line is reported, and nothing of its batch of 256 rows is stored.

    \b
    Examples:
      vicinal import ./data docs articles.jsonl
      vicinal import ./data docs articles.csv --id-column url --text-column body
      vicinal import ./data docs articles.csv --text-column title --text-column body
      vicinal import ./data docs prices.csv.gz --types price=float,zip=text --on-error skip
      vicinal import ./data images vectors.npy --ids names.txt --metric l2
      vicinal import ./data --from chroma ./chroma
    """
    if origin is not None:
        import_database(path, origin, _only_folder(collection, file))
        return
    if file is None:
        raise InvalidArgument("import needs FILE", name="FILE", remedy="Write vicinal import PATH COLLECTION FILE.")
    reading = Reading(
        columns=_columns(id_column, text_column or [], vector_column),
        ids=ids,
        delimiter=checked_delimiter(delimiter),
        encoding=encoding,
        types=asked_types(types),
        table=table,
        on_error=_checked_on_error(on_error),
        wants_total=sys.stderr.isatty(),
    )
    if str(file) == STANDARD and format_name is None:
        format_name = "jsonl"
    with kept_input():
        batches = _batches(read_rows(file, reading=reading, name=format_name))
        first = next(batches, [])  # read before the collection is created: an invalid file creates none
        with connect(path) as database, _target(database, collection, first, encoder, metric) as target:
            for note in reading.notes:
                say(note)
            stored: Iterator[list[SourceRow]] = chain([first], batches)
            if _ids_become_texts(target, reading):
                stored = map(_with_text_ids, stored)
            with warnings.catch_warnings():
                if encoder == "none":  # intended, so no warning is needed
                    warnings.filterwarnings("ignore", "collection .* has no encoder")
                rows = _store(target, stored, file, reading)
            _keep_layout(target, reading)
            _tell_problems(reading)
            say(f"{rows:,} rows from {file}; {collection} holds {target.count():,}.")


def export_collection(
    path: DatabasePath,
    collection: CollectionName,
    file: _TargetFile,
    vectors: Annotated[
        bool, typer.Option("--vectors/--no-vectors", help="Write the vectors too, sparse ones as well.")
    ] = True,
    ids: _Ids = None,
    vectors_only: Annotated[
        bool, typer.Option("--vectors-only", help="For .npy: leave out texts, metadata and all that it cannot hold.")
    ] = False,
    format_name: _WrittenFormat = None,
    standard_columns: Annotated[
        bool,
        typer.Option("--standard-columns", help="Columns id, text, vector and metadata, whatever they were called."),
    ] = False,
) -> None:
    """Write all rows of a collection to a file, as a consistent snapshot.

    Columns have the names of the file that the rows came from. A file is only replaced once it is complete, and a pipe
    or device only receives complete output. `vicinal import` restores the same rows; what a format cannot hold is
    rejected before anything is written.

    \b
    Examples:
      vicinal export ./data docs docs.jsonl
      vicinal export ./data docs docs.csv.gz
      vicinal export ./data images vectors.npy --ids names.txt --vectors-only
    """
    is_piped = is_standard_output(file)
    if str(file) == STANDARD and format_name is None:
        format_name = "jsonl"
    with_vectors = vectors or format_of(file, ids, format_name) is npy
    with existing_collection(path, collection) as source:
        records = source.get(vectors=with_vectors)
        layout = STANDARD_LAYOUT if standard_columns else Layout.from_note(source.notes(_OWNER).get(_LAYOUT))
    if not layout.fits(records):
        layout = STANDARD_LAYOUT
    write_rows(file, records, ids, vectors_only=vectors_only, name=format_name, layout=layout)
    say(f"{len(records):,} rows written to {file}.", to_errors=is_piped)
    options = layout.options(has_vectors=any(record.vector is not None for record in records))
    if options and format_of(file, ids, format_name) is not npy:
        say(f"Columns are called as they came; vicinal import takes them by {options}.", to_errors=True)


def _columns(id_column: str | None, text_columns: list[str], vector_column: str | None) -> ColumnNames:
    """The columns named by the user; several text columns make one text."""
    named = {"id": id_column, "text": text_columns[0] if len(text_columns) == 1 else None, "vector": vector_column}
    given = {name: column for name, column in named.items() if column is not None}
    texts = tuple(dict.fromkeys(text_columns)) if len(text_columns) > 1 else ()
    return ColumnNames(**given, texts=texts, required=frozenset((*given.values(), *texts)))


def _keep_layout(target: Collection, reading: Reading) -> None:
    """The first file determines the column names of an export."""
    if reading.layout is not None and not reading.layout.is_standard:
        target.notes(_OWNER).setdefault(_LAYOUT, reading.layout.to_note())


def _only_folder(folder: str, file: Path | None) -> Path:
    """The folder of another program's database, in the position where a collection precedes a file."""
    if file is not None:
        raise InvalidArgument(
            "a database of another program is brought over whole: collections keep their names",
            name="FILE",
            value=file,
            remedy="Write vicinal import PATH --from chroma FOLDER.",
        )
    return Path(folder).expanduser()


def _checked_on_error(option: str) -> OnError:
    if option not in ON_ERROR:
        raise InvalidArgument(
            f"--on-error is {', '.join(ON_ERROR[:-1])} or {ON_ERROR[-1]}, not {option!r}",
            name="--on-error",
            value=option,
            remedy="Leave it out to stop at the first invalid line.",
        )
    return cast(OnError, option)


def _batches(rows: Iterator[SourceRow]) -> Iterator[list[SourceRow]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch


def _target(
    database: Database, name: str, first: list[SourceRow], encoder: str | None, metric: str | None
) -> Collection:
    """The collection; if it does not exist, it is created for the data in the first rows."""
    options: dict[str, Any] = {} if metric is None else {"metric": metric}
    if encoder is None and name not in database and not any("vector" in row.row for row in first):
        encoder = encoder_named(setting("embedding_model"))
    if encoder is not None and encoder != "none":
        options["encoder"] = encoder
    return database.collection(name, **options)


def _ids_become_texts(target: Collection, reading: Reading) -> bool:
    """Whether the ids of a text file must become texts like the stored ones; reports it, and if that is impossible."""
    if not reading.ids_found:
        return False
    stored = {type(record.id) for record in target.peek(_LOOKED_AT_IDS)}
    if reading.ids_found == "int" and stored == {str}:
        say(f"ids become texts, as those that {target.name} holds; with --types ID=int they would be other ids")
        return True
    if reading.ids_found == "text" and stored == {int}:
        say(
            f"the ids of the file are texts and those that {target.name} holds are whole numbers: "
            "no row of the file replaces one of them, as '1' is another id than 1",
            to_errors=True,
        )
    return False


def _with_text_ids(batch: list[SourceRow]) -> list[SourceRow]:
    """The cells' texts: they were read as integers only if they look exactly like one."""
    return [SourceRow(row.place, {**row.row, "id": str(row.row["id"])}) if "id" in row.row else row for row in batch]


def _store(target: Collection, batches: Iterator[list[SourceRow]], file: Path, reading: Reading) -> int:
    rows = 0
    with progress(f"Importing {file.name}", reading.total) as advance:
        try:
            for batch in batches:
                rows += _store_batch(target, batch, reading)
                advance(len(batch))
        except InvalidInput:
            say(f"{rows:,} rows before that batch are stored.", to_errors=True)
            raise
    return rows


def _store_batch(target: Collection, batch: list[SourceRow], reading: Reading) -> int:
    """Stores a batch and returns the number of rows; an invalid row is reported, or skipped if requested."""
    rows = list(batch)
    while rows:
        try:
            target.upsert(rows=[row.row for row in rows])
            break
        except InvalidInput as error:
            # The collection counts the rows of a call; to fix the file, its lines are needed.
            found = re.match(r"row (\d+)", error.place)
            if found is not None:
                error.place = error.place.replace(found[0], rows[int(found[1])].place, 1)
            if found is None or reading.on_error != "skip":
                raise
            reading.refuse(error)
            del rows[int(found[1])]
    return len(rows)


def _tell_problems(reading: Reading) -> None:
    """Reports what was skipped or replaced, by line."""
    if not reading.problems:
        return
    done = "skipped" if reading.on_error == "skip" else "mended"
    say(f"{counted(len(reading.problems), 'line')} {done}:", to_errors=True)
    for place, problem in reading.problems[:_LISTED_MAX]:
        say(f"  {place}: {problem}", to_errors=True)
    left = [place.rpartition(":")[2].strip() for place, _ in reading.problems[_LISTED_MAX:]]
    if left:
        say(f"  and {', '.join(left[:1000])}{' ...' if len(left) > 1000 else ''}", to_errors=True)
