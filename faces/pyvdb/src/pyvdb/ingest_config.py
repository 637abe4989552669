"""`IngestConfig`: which files are ingested, and how known files are handled."""

from __future__ import annotations

from vicinal.inputs import checks

from .fields import Attributes, Field, PathField


class IngestConfig(Attributes):
    """Configuration of an ingestion.

    Attributes:
        gold_standard_output: the folder; str or os.PathLike.
        include_journals, include_charts, include_reports: groups of files.
        overwrite_existing: a file that is already in the database replaces its old entry, under the same id.
        incremental: files that are in the database with the same content are skipped.
        since_date: files with an earlier date in their names are skipped; None or "" for all.
    """

    __slots__ = ()

    gold_standard_output = PathField()
    include_journals = Field[bool](checks.flag, True)
    include_charts = Field[bool](checks.flag, True)
    include_reports = Field[bool](checks.flag, True)
    overwrite_existing = Field[bool](checks.flag, False)
    incremental = Field[bool](checks.flag, True)
    since_date = Field[str | None](checks.optional(checks.text), None)
