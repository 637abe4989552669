"""`GoldStandardIngest`: turns a folder of journals, charts and reports into entries.

The path of a file and the digest of its content are stored in its entry, so they exist exactly when the entry does: a
run that is killed leaves whole batches, and the next run continues from there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from vicinal import VicinalError
from vicinal.inputs import checks
from vicinal.progress import progress

from .database import Path, VectorDatabase, image_row
from .discovery import CHART, JOURNAL, REPORT, Found, asset_of, date_of, discover, report_type
from .entries import TEXT, Entries, NewEntry
from .enums import DocumentType
from .errors import core_call
from .extraction import read_values
from .ingest_config import IngestConfig
from .metadata import DIGEST, ORIGIN, Metadata, row_metadata
from .results import IngestStats

_FILES_PER_COMMIT = 64  # the most work that a kill can lose; every commit syncs the disk
_FAILURES = (VicinalError, OSError, RuntimeError)


@dataclass(frozen=True, slots=True)
class _Known:
    """An entry made from a file."""

    id: int
    digest: str


@dataclass(slots=True)
class _Tally:
    """The counts of a running ingestion."""

    added: dict[str, int] = field(default_factory=lambda: {JOURNAL: 0, CHART: 0, REPORT: 0})
    skipped: int = 0
    messages: list[str] = field(default_factory=list)

    def fail(self, file: Found, error: BaseException) -> None:
        reason = " ".join(str(error).split()) or type(error).__name__
        self.messages.append(f"{file.shown()}: {reason}")

    def stats(self) -> IngestStats:
        added = self.added
        return IngestStats(
            added[JOURNAL], added[CHART], added[REPORT], self.skipped, len(self.messages), list(self.messages)
        )


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A file that is ready to be stored, and the entry that it replaces, if any."""

    file: Found
    entry: NewEntry
    instead_of: int | None


class GoldStandardIngest:
    """Ingests files in the Gold Standard layout.

    Args:
        db: stores the entries; it must be initialized before anything is ingested.
    """

    def __init__(self, db: VectorDatabase) -> None:
        if not isinstance(db, VectorDatabase):
            raise TypeError(f"db must be a VectorDatabase, not {type(db).__name__}")
        self._db = db
        self._last = IngestStats()

    def ingest(self, config: IngestConfig) -> IngestStats:
        """Ingests the folder that `config` names, file by file; errors are reported and do not stop the run.

        A folder that does not exist counts as empty.
        """
        if not isinstance(config, IngestConfig):
            raise TypeError(f"config must be an IngestConfig, not {type(config).__name__}")
        entries = self._db._ready()
        files, tally = discover(config), _Tally()
        with progress("Ingesting", len(files)) as advance:
            for first in range(0, len(files), _FILES_PER_COMMIT):
                batch = files[first : first + _FILES_PER_COMMIT]
                _ingest_batch(entries, batch, config, tally)
                advance(len(batch))
        self._last = tally.stats()
        return self.last_stats()

    def ingest_journal(self, path: Path) -> int:
        """Ingests one journal, even if it has been ingested before; returns the id.

        Raises:
            RuntimeError: it cannot be read or stored.
        """
        return self._ingest_one(path, JOURNAL)

    def ingest_chart(self, path: Path) -> int:
        """Ingests one chart, even if it has been ingested before; returns the id.

        Raises:
            RuntimeError: it cannot be read or stored.
        """
        return self._ingest_one(path, CHART)

    def ingest_report(self, path: Path) -> int:
        """Ingests one report, even if it has been ingested before; returns the id.

        Raises:
            RuntimeError: it cannot be read or stored.
        """
        return self._ingest_one(path, REPORT)

    def last_stats(self) -> IngestStats:
        """Statistics of the last `ingest`; all zero before the first."""
        return replace(self._last, error_messages=list(self._last.error_messages))

    def _ingest_one(self, path: Path, group: str) -> int:
        entries = self._db._ready()
        file = Found(checks.path("path", path), group)
        if not file.is_text:
            raise RuntimeError(f"{file.shown()}: no file has this name, or it is not UTF-8")
        with core_call():
            content = _read(file)
            return entries.add([_entry_of(entries, file, content)])[0]


def _ingest_batch(entries: Entries, batch: Sequence[Found], config: IngestConfig, tally: _Tally) -> None:
    """Stores new entries in one commit, and those that replace old ones in another."""
    for file in batch:
        if not file.is_text:
            tally.fail(file, ValueError("its name is not UTF-8, and an entry could not say where it is from"))
    batch = [file for file in batch if file.is_text]
    try:
        known = _known_entries(entries, batch)
    except _FAILURES as error:
        for file in batch:
            tally.fail(file, error)
        return
    prepared = list(_prepare(entries, batch, known, config, tally))
    _store(entries, [one for one in prepared if one.instead_of is None], tally)
    _store(entries, [one for one in prepared if one.instead_of is not None], tally)


def _known_entries(entries: Entries, batch: Sequence[Found]) -> dict[str, list[_Known]]:
    """Returns the entries made from these files, oldest first, by the origins of the files."""
    known: dict[str, list[_Known]] = {}
    if entries.rows.count() == 0:
        return known
    for row in entries.rows.get(where={ORIGIN: {"$in": [file.origin for file in batch]}}):
        entry = _Known(int(row.id), row.metadata[DIGEST])
        known.setdefault(row.metadata[ORIGIN], []).append(entry)
    return {origin: sorted(found, key=lambda entry: entry.id) for origin, found in known.items()}


def _prepare(
    entries: Entries, batch: Sequence[Found], known: dict[str, list[_Known]], config: IngestConfig, tally: _Tally
) -> Iterable[_Prepared]:
    for file in batch:
        old = known.get(file.origin, [])
        try:
            content = _read(file)
            if config.incremental and any(entry.digest == _digest(content) for entry in old):
                tally.skipped += 1
                continue
            instead_of = old[-1].id if old and config.overwrite_existing else None
            yield _Prepared(file, _entry_of(entries, file, content), instead_of)
        except _FAILURES as error:
            tally.fail(file, error)


def _store(entries: Entries, prepared: Sequence[_Prepared], tally: _Tally) -> None:
    """Stores all in one commit; if that fails, one by one, so that only entries that cannot be stored are left out."""
    if not prepared:
        return
    try:
        ids = [one.instead_of for one in prepared if one.instead_of is not None]
        if ids:
            entries.replace(ids, [one.entry for one in prepared])
        else:
            entries.add([one.entry for one in prepared])
    except _FAILURES as error:
        if len(prepared) == 1:
            tally.fail(prepared[0].file, error)
            return
        for one in prepared:
            _store(entries, [one], tally)
        return
    for one in prepared:
        tally.added[one.file.group] += 1


def _read(file: Found) -> bytes:
    if os.path.isdir(file.path):
        os.listdir(file.path)  # raises an error that says why the folder cannot be read
    with open(file.path, "rb") as opened:
        return opened.read()


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _entry_of(entries: Entries, file: Found, content: bytes) -> NewEntry:
    """Returns the entry of a file: its whole text, or its image."""
    metadata = Metadata()
    metadata.date = date_of(file)
    metadata.source_file = file.path
    bookkeeping = {"origin": file.origin, "digest": _digest(content)}
    if file.group == CHART:
        metadata.asset = asset_of(file.path)
        metadata.type = DocumentType.Chart
        vector = entries.encode_images([file.path])[0]
        return NewEntry(image_row(file.path, metadata, **bookkeeping), vector=vector)
    text = _text_of(content)
    metadata.type = DocumentType.Journal if file.group == JOURNAL else report_type(file.path, text)
    read_values(text, metadata)
    return NewEntry(row_metadata(metadata, TEXT, **bookkeeping), text=text)


def _text_of(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RuntimeError(f"it is not UTF-8 text (byte {error.start})") from None
