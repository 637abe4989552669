"""Which files of a Gold Standard folder are ingested, and what their names mean."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .enums import DocumentType
from .ingest_config import IngestConfig

JOURNAL, CHART, REPORT = "journal", "chart", "report"

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TRAILING_DATE = re.compile(r"[-_. ]*[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_TYPES_BY_NAME = (
    (("journal",), DocumentType.Journal),
    (("catalyst",), DocumentType.CatalystWatchlist),
    (("inst_matrix", "institutional"), DocumentType.InstitutionalMatrix),
    (("calendar",), DocumentType.EconomicCalendar),
    (("weekly",), DocumentType.WeeklyRundown),
    (("3m", "three_month"), DocumentType.ThreeMonthReport),
    (("1y", "one_year"), DocumentType.OneYearReport),
    (("monthly_yearly",), DocumentType.MonthlyReport),
    (("premarket", "pre_market"), DocumentType.PreMarket),
)
_TYPES_BY_OPENING = (
    ("catalyst watchlist", DocumentType.CatalystWatchlist),
    ("institutional scenario", DocumentType.InstitutionalMatrix),
    ("economic calendar", DocumentType.EconomicCalendar),
)
_OPENING_CHARS = 500


@dataclass(frozen=True, slots=True)
class Found:
    """A file to ingest: its path as shown to users, and JOURNAL, CHART or REPORT, depending on its folder."""

    path: str
    group: str

    @property
    def origin(self) -> str:
        """Identifies the same file, no matter how its folder is written."""
        return os.path.realpath(self.path)

    @property
    def is_text(self) -> bool:
        """Whether its path is valid text: a file name may be any bytes, and an entry stores only text."""
        return "\0" not in self.path and not any("\ud800" <= char <= "\udfff" for char in self.path)

    def shown(self) -> str:
        """The path for a message, with invalid bytes as \\xNN."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")


def discover(config: IngestConfig) -> list[Found]:
    """Returns journals, charts and reports, each sorted by name. A folder that does not exist counts as empty."""
    root = os.path.expanduser(os.fspath(config.gold_standard_output))
    found: list[Found] = []
    if not root:
        return found
    if config.include_journals:
        found += _files(root, JOURNAL, lambda name: name.endswith(".md") and "Journal" in name)
    if config.include_charts:
        found += _files(os.path.join(root, "charts"), CHART, lambda name: name.endswith(".png"))
    if config.include_reports:
        found += _files(os.path.join(root, "reports"), REPORT, lambda name: name.endswith(".md"))
    return [file for file in found if not _is_before(file, config.since_date)]


def date_in(text: str) -> str:
    """Returns the first part that looks like a date, or "". It need not be a valid date."""
    match = _DATE.search(text)
    return match[0] if match else ""


def date_of(file: Found) -> str:
    """Returns the date in the name of the file; for a chart, that of its folders takes precedence."""
    name = date_in(os.path.basename(file.path))
    return date_in(os.path.dirname(file.path)) or name if file.group == CHART else name


def asset_of(path: str) -> str:
    """Returns the name of a chart without extension and date."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return _TRAILING_DATE.sub("", stem) or stem


def report_type(path: str, content: str) -> DocumentType:
    """Determines the type by the name of the file, else by the beginning of the text."""
    name = os.path.basename(path).lower()
    for parts, kind in _TYPES_BY_NAME:
        if any(part in name for part in parts):
            return kind
    opening = content[:_OPENING_CHARS].lower()
    return next((kind for phrase, kind in _TYPES_BY_OPENING if phrase in opening), DocumentType.Unknown)


def _files(folder: str, group: str, wanted: Callable[[str], bool]) -> Iterator[Found]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if wanted(entry.name) and not entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError):  # reading the file reports the reason
        yield Found(folder, group)
        return
    yield from (Found(os.path.join(folder, name), group) for name in names)


def _is_before(file: Found, since: str | None) -> bool:
    date = date_in(os.path.basename(file.path))
    return bool(since and date and date < since)
