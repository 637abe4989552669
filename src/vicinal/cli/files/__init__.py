"""Rows in files: JSONL, CSV, Parquet and npy, one module each, so that what goes out comes back the same.

Metadata is typed JSON (see `vicinal.metadata`) wherever a format has no types of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from ...errors import InvalidArgument
from ...types import Record
from . import csv, jsonl, npy, parquet
from .rows import Columns, SourceRow

__all__ = ["Columns", "SourceRow", "format_of", "read_rows", "write_rows"]


class Format(Protocol):
    """What a module of this package offers."""

    def read(self, path: Path, columns: Columns, ids: Path | None) -> Iterator[SourceRow]:
        """Rows of a file, one after the other; `ids` has one id a line where the file itself has none."""
        ...

    def write(self, path: Path, records: Sequence[Record], ids: Path | None) -> None: ...


_FORMATS: dict[str, Format] = {".jsonl": jsonl, ".ndjson": jsonl, ".csv": csv, ".parquet": parquet, ".npy": npy}


def format_of(path: Path, ids: Path | None) -> Format:
    """The format that the ending of `path` tells; `ids` is only for npy, which has no room for them."""
    ending = path.suffix.lower()
    if ending not in _FORMATS:
        raise InvalidArgument(
            f"the ending {ending!r} of {str(path)!r} tells no format" if ending else f"{str(path)!r} has no ending",
            name="FILE",
            value=path,
            remedy=f"Use one of {', '.join(_FORMATS)}.",
        )
    if ids is not None and _FORMATS[ending] is not npy:
        raise InvalidArgument("--ids is for .npy files: the others hold the ids", name="--ids", value=ids)
    return _FORMATS[ending]


def read_rows(path: Path, columns: Columns, ids: Path | None = None) -> Iterator[SourceRow]:
    """Rows of a file; nothing is read before the first is asked for."""
    found = format_of(path, ids)
    for file in (path, ids):
        if file is not None and not file.is_file():
            raise InvalidArgument(f"there is no file {str(file)!r}", name="FILE", value=file)
    return found.read(path, columns, ids)


def write_rows(path: Path, records: Sequence[Record], ids: Path | None = None) -> None:
    """Writes the file whole or not at all; vectors are written where records have them."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        format_of(path, ids).write(temporary, records, ids)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
