"""The dialect of a CSV file: its delimiter, and where its header begins."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ...errors import InvalidArgument

__all__ = ["DELIMITERS", "Dialect", "checked_delimiter", "quoted_fields", "sniffed"]

DELIMITERS: Final = (",", ";", "\t", "|")
_NAMES: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}
_RECORDS: Final = 50


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file separates its cells.

    Attributes:
        skips_blanks: whether each cell but the first begins with a blank that does not belong to it.
        lines_before: lines before the header, such as Excel's `sep=;`.
    """

    delimiter: str = ","
    skips_blanks: bool = False
    lines_before: int = 0

    def __str__(self) -> str:
        names = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
        return names.get(self.delimiter, repr(self.delimiter)) + (" and blanks" if self.skips_blanks else "")


def checked_delimiter(option: str | None) -> str | None:
    """Returns the delimiter that a user requested.

    Raises:
        InvalidArgument: it is not a single character that can be one.
    """
    if option is None:
        return None
    delimiter = _NAMES.get(option.lower(), option)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise InvalidArgument(
            f"{option!r} cannot stand between cells",
            name="--delimiter",
            value=option,
            remedy="Give one character, or tab.",
        )
    return delimiter


def sniffed(lines: Sequence[str], asked: str | None, known: Set[str], *, is_all: bool) -> Dialect:
    """Detects the dialect of a file that begins with these lines.

    Args:
        known: names of columns, one of which a header probably has.
        is_all: whether there are no more lines; otherwise the last record may be truncated.
    """
    told = asked
    before = 0
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].rstrip("\r\n")) == 5:
        before, told = 1, asked or lines[0][4]
    rest = lines[before:]
    delimiter = told or max(DELIMITERS, key=lambda one: _agreement(rest, one, known, is_all))
    return Dialect(delimiter, _skips_blanks(rest, delimiter), before)


def _records(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    try:
        yield from islice(filter(None, csv.reader(lines, delimiter=delimiter)), _RECORDS)
    except csv.Error:
        return


def _agreement(lines: Sequence[str], delimiter: str, known: Set[str], is_all: bool) -> tuple[bool, float, int]:
    """Whether the header has a known name, the share of records with as many cells as it, and that number."""
    records = list(_records(lines, delimiter))
    cells = len(records[0]) if records else 0
    if cells < 2:
        return False, 0.0, 0
    if len(records) > 2 and not is_all:
        records.pop()
    is_known = any(cell.strip().casefold() in known for cell in records[0])
    return is_known, Counter(len(record) for record in records)[cells] / len(records), cells


def _skips_blanks(lines: Sequence[str], delimiter: str) -> bool:
    cells = [cell for record in _records(lines, delimiter) for cell in record[1:]]
    return bool(cells) and delimiter != " " and all(cell.startswith(" ") or not cell for cell in cells)


def quoted_fields(record: str, delimiter: str) -> list[bool]:
    """Which cells of a record are quoted: this distinguishes an empty text from no text."""
    quoted, at = [], 0
    while True:
        quoted.append(record[at : at + 1] == '"')
        if quoted[-1]:
            at += 1
            while record[at : at + 2] == '""' or record[at : at + 1] not in ('"', ""):
                at += 2 if record[at : at + 2] == '""' else 1
        at = record.find(delimiter, at)
        if at < 0:
            return quoted
        at += 1
