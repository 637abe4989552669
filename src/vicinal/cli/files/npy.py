"""npy: only vectors, one per row; ids are in a separate file, a text with one per line or an npy of integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput
from ...types import Record
from .layout import Layout
from .lines import encoding_of, has_bad_bytes, text_lines
from .reading import Reading, bad_file
from .rows import SourceRow, from_cell, shown_cell
from .source import kind_of, opened

_LINE_ENDS = ("\n", "\r")


def read(path: Path, reading: Reading) -> Iterator[SourceRow]:
    matrix = _array(path)
    if matrix.ndim != 2:
        raise bad_file(str(path), "the file must hold an array of two dimensions, one vector a row")
    ids = None if reading.ids is None else _ids(reading.ids, reading)
    if ids is not None and len(ids) != len(matrix):
        raise bad_file(str(reading.ids), f"there are {len(ids):,} ids for {len(matrix):,} vectors")
    reading.total = len(matrix)
    for number, vector in enumerate(matrix):
        row: dict[str, Any] = {"vector": np.array(vector)}  # a copy: the file stays mapped only while it is read
        yield SourceRow(f"{path}: row {number}", row if ids is None else {"id": ids[number], **row})


def _array(path: Path) -> NDArray[Any]:
    try:
        if path.suffix.lower() == ".npy":
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            with opened(path) as file:
                found = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise bad_file(str(path), f"the file is not an array in npy format: {str(error).partition('. ')[0]}") from None
    if not isinstance(found, np.ndarray):
        raise bad_file(str(path), "the file must hold one array")
    return found


def _ids(path: Path, reading: Reading) -> list[Any]:
    if kind_of(path) == ".npy":
        found = _array(path)
        if found.ndim != 1 or found.dtype.kind not in "iuU":
            raise bad_file(str(path), "the ids must be an array of one dimension, of whole numbers or texts")
        return list(found.tolist())
    ids: list[Any] = []
    lines = [line.rstrip("\r\n") for line in text_lines(path, encoding_of(path, reading, old_allowed=False))]
    while lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if has_bad_bytes(line):
            raise bad_file(f"{path}:{number}", "the line is not UTF-8")
        if not line:
            raise bad_file(f"{path}:{number}", "the line is empty, so the ids behind it would go to other vectors")
        ids.append(from_cell(line))
    return ids


def write(file: IO[bytes], records: Sequence[Record], ids: IO[bytes] | None, layout: Layout) -> None:
    vectors = np.array([record.vector for record in records], dtype=np.float32)
    np.save(file, vectors if len(records) else np.zeros((0, 0), dtype=np.float32), allow_pickle=False)
    if ids is not None:
        ids.write("".join(f"{shown_cell(record.id)}\n" for record in records).encode())


def refuse_loss(records: Sequence[Record], *, vectors_only: bool, has_ids: bool) -> None:
    """Raises InvalidInput, before anything is written, if the file would not hold all the data."""
    for record in records:
        if record.vector is None:
            raise _lost(record, "the row has no vector, and an npy file holds nothing else", "")
        parts = {
            "a text": record.text is not None,
            "metadata": bool(record.metadata),
            "a sparse vector": record.sparse is not None,
            "a time to live": record.expires_at is not None,
        }
        lost = next((part for part, there in parts.items() if there), None)
        if lost is not None and not vectors_only:
            raise _lost(record, f"the row has {lost}, and an npy file holds vectors alone", ", or add --vectors-only")
        if not has_ids and not vectors_only:
            raise _lost(record, "an npy file has no room for ids", ", or give a file for them with --ids")


def _lost(record: Record, problem: str, otherwise: str) -> InvalidInput:
    return InvalidInput(
        problem,
        name="FILE",
        place=f"id {record.id!r}",
        remedy=f"Export to .jsonl, .csv or .parquet{otherwise}.",
    )
