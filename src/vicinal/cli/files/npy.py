"""npy: vectors alone, one a row; their ids in a text file beside it, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ...errors import InvalidInput
from ...types import Record
from .rows import Columns, SourceRow, bad, read_ids, to_cell


def read(path: Path, columns: Columns, ids: Path | None) -> Iterator[SourceRow]:
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise bad(str(path), f"the file is not an array in npy format: {error}") from None
    if not isinstance(matrix, np.ndarray) or matrix.ndim != 2:
        raise bad(str(path), "the file must hold an array of two dimensions, one vector a row")
    names = None if ids is None else read_ids(ids)
    if names is not None and len(names) != len(matrix):
        raise bad(str(ids), f"there are {len(names)} ids for {len(matrix)} vectors")
    for number, vector in enumerate(matrix):
        row = {"vector": np.array(vector)}  # a copy: the file stays mapped no longer than it is read
        yield SourceRow(f"{path}: row {number}", row if names is None else {"id": names[number], **row})


def write(path: Path, records: Sequence[Record], ids: Path | None) -> None:
    vectors = np.array([_vector(record) for record in records], dtype=np.float32)
    with path.open("wb") as file:  # np.save given a name would add an ending
        np.save(file, vectors if len(records) else np.zeros((0, 0), dtype=np.float32), allow_pickle=False)
    if ids is not None:
        ids.write_text("".join(f"{to_cell(record.id)}\n" for record in records), encoding="utf-8", newline="\n")


def _vector(record: Record) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    if record.vector is None:
        raise InvalidInput(
            "the row has no vector, and an npy file holds nothing else",
            name="FILE",
            place=f"id {record.id!r}",
            remedy="Export to .jsonl, .csv or .parquet.",
        )
    return record.vector
