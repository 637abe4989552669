"""Rows in files, one module per format; an export can be imported without loss.

Metadata is typed JSON (see `vicinal.metadata`) wherever a format lacks types.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final, Protocol

from ...errors import InvalidArgument
from ...types import Record
from . import csv, jsonl, npy, parquet, sqlite
from .layout import STANDARD_LAYOUT, Layout
from .reading import ON_ERROR, ColumnNames, OnError, Reading
from .rows import SourceRow
from .source import COMPRESSED, STANDARD, kept_input, kind_of
from .target import is_standard_output, replaced

__all__ = [
    "FORMATS",
    "ON_ERROR",
    "STANDARD",
    "STANDARD_LAYOUT",
    "WRITTEN_FORMATS",
    "ColumnNames",
    "Layout",
    "OnError",
    "Reading",
    "SourceRow",
    "format_of",
    "is_standard_output",
    "kept_input",
    "read_rows",
    "write_rows",
]


class Format(Protocol):
    """The interface of the modules in this package."""

    def read(self, path: Path, reading: Reading) -> Iterator[SourceRow]:
        """Yields the rows of a file."""
        ...

    def write(self, file: IO[bytes], records: Sequence[Record], ids: IO[bytes] | None, layout: Layout) -> None: ...


_FORMATS: Final[dict[str, Format]] = {
    ".jsonl": jsonl,
    ".ndjson": jsonl,
    ".json": jsonl,
    ".csv": csv,
    ".tsv": csv,
    ".tab": csv,
    ".parquet": parquet,
    **dict.fromkeys(parquet.ARROW_FILES, parquet),
    ".npy": npy,
    ".sqlite": sqlite,
    ".sqlite3": sqlite,
    ".db": sqlite,
}
FORMATS: Final = ("jsonl", "csv", "parquet", "npy", "sqlite")
_WRITTEN: Final = (".jsonl", ".ndjson", ".csv", ".parquet", ".npy")
WRITTEN_FORMATS: Final = tuple(name for name in FORMATS if f".{name}" in _WRITTEN)


def format_of(path: Path, ids: Path | None = None, name: str | None = None) -> Format:
    """The format named by the user or implied by the extension of `path`; `ids` is for npy, which cannot store them."""
    if name is not None and name not in FORMATS:
        raise InvalidArgument(
            f"there is no format {name!r}", name="--format", value=name, remedy=f"Use one of {', '.join(FORMATS)}."
        )
    ending = kind_of(path) if name is None else f".{name}"
    if ending not in _FORMATS:
        found = (
            f"{str(path)!r} has the extension {ending!r}, which is not a known format"
            if ending
            else f"{str(path)!r} has no extension"
        )
        raise InvalidArgument(
            found,
            name="FILE",
            value=path,
            remedy=f"Use one of {', '.join(_FORMATS)}, also with {', '.join(COMPRESSED)} behind, or --format.",
        )
    if ids is not None and _FORMATS[ending] is not npy:
        raise InvalidArgument("--ids is for .npy files: the others hold the ids", name="--ids", value=ids)
    return _FORMATS[ending]


def read_rows(
    path: Path, columns: ColumnNames | None = None, ids: Path | None = None, *,
    reading: Reading | None = None, name: str | None = None,
) -> Iterator[SourceRow]:  # fmt: skip
    """Yields the rows of a file; nothing is read before the first is requested.

    Args:
        reading: options, instead of just `columns` and `ids`.
        name: of the format; None for the one implied by the extension.
    """
    reading = reading or Reading(columns or ColumnNames(), ids)
    found = format_of(path, reading.ids, name)
    for file in (path, reading.ids):
        if file is not None and str(file) != STANDARD and not file.is_file():
            raise InvalidArgument(f"there is no file {str(file)!r}", name="FILE", value=file)
    return found.read(path, reading)


def write_rows(
    path: Path, records: Sequence[Record], ids: Path | None = None, *,
    vectors_only: bool = False, name: str | None = None, layout: Layout = STANDARD_LAYOUT,
) -> None:  # fmt: skip
    """Writes the file completely or not at all, see `target.replaced`; vectors are written if records have them.

    Args:
        vectors_only: whether an npy file may omit everything but vectors.
        layout: the names of the columns.

    Raises:
        InvalidInput: the format cannot hold all the data; nothing was written.
    """
    found = format_of(path, ids, name)
    ending = kind_of(path) if name is None else f".{name}"
    if ending not in _WRITTEN:
        raise InvalidArgument(
            f"{ending.removeprefix('.') if name else ending} is read, not written",
            name="--format" if name else "FILE",
            value=name or path,
            remedy=f"Use one of {', '.join(WRITTEN_FORMATS if name else _WRITTEN)}.",
        )
    if ids is not None and os.path.realpath(ids) == os.path.realpath(path):
        raise InvalidArgument("the ids need a file of their own", name="--ids", value=ids)
    if found is npy:
        npy.refuse_loss(records, vectors_only=vectors_only, has_ids=ids is not None)
    with ExitStack() as stack:
        ids_file = None if ids is None else stack.enter_context(replaced(ids))
        file = stack.enter_context(replaced(path))
        found.write(file, records, ids_file, layout)
