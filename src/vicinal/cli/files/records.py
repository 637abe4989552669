"""Records of a CSV file with the line on which each begins; continues after broken ones."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .dialect import Dialect

__all__ = ["CsvRecord", "records"]

_END_OF_FILE: Final = "\x1a"

_CELL_CHARS_MAX: Final = 1 << 27  # Python's own limit, 131,072, is less than a text or a vector may need


@dataclass(frozen=True, slots=True)
class CsvRecord:
    """One record.

    Attributes:
        line: the line on which it begins, from 1.
        raw: its source.
        problem: why it is invalid; then it has no cells.
    """

    line: int
    cells: list[str]
    raw: str
    problem: str = ""


class _Lines:
    """Lines for a reader, which remembers those of the current record and can read them again."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._returned: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        self.number += 1
        return line

    def keep_first(self) -> None:
        """Reads all but the first line of the record again: a stray quotation mark must spoil only one line."""
        self._returned.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1


def records(lines: Iterator[str], dialect: Dialect, *, cells: int | None = None) -> Iterator[CsvRecord]:
    """Yields the records after the lines that precede the header.

    Args:
        cells: how many a record must have, otherwise it is broken; None for as many as the first has.
    """
    csv.field_size_limit(_CELL_CHARS_MAX)
    feed = _Lines(lines)
    for _ in range(dialect.lines_before):
        next(feed, None)
    reader = _reader(feed, dialect)
    while True:
        feed.taken = []
        begins, problem = feed.number + 1, ""
        try:
            found = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            found, problem = [], f"the line is not CSV: {error}"
        if not problem and found in ([], [_END_OF_FILE]):
            continue  # an empty line, or what some programs append
        cells = len(found) if cells is None else cells
        if not problem and len(found) != cells:
            problem = f"the line has {len(found)} cells, the header {cells}"
        raw = "".join(feed.taken)
        if problem and len(feed.taken) > 1:
            yield CsvRecord(begins, [], raw, problem)
            feed.keep_first()
            reader = _reader(feed, dialect)
        else:
            yield CsvRecord(begins, [] if problem else found, raw, problem)


def _reader(feed: _Lines, dialect: Dialect) -> Iterator[list[str]]:
    return csv.reader(feed, delimiter=dialect.delimiter, skipinitialspace=dialect.skips_blanks, strict=True)
