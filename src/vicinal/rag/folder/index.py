"""Brings a collection up to date with a folder: files that moved, are gone, are new or have changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ...errors import InvalidArgument, VicinalError
from ...progress import progress as bar
from ..document import Document
from ..loaders import kind_of, load_bytes
from ..loaders.kinds import language_of
from ..passages import DocumentSplitter
from .find import FILE_BYTES_MAX, Finder, FoundFile
from .known import OWNER, FileNotes, Known, claim, known_files, row_id
from .report import FolderReport

__all__ = ["index_folder"]

# Rows per commit: enough that encoding is fast and commits cost little, few enough that a kill loses only seconds.
_BATCH_ROWS = 256
_NAMES_PER_CALL = 500
# A file written this shortly before it was read may be written again within the same tick of its clock.
_SETTLED_NANOSECONDS = 2_000_000_000
# Changes when loaders and splitters produce a different result from the same bytes.
_RECIPE = "1"


def index_folder(
    collection: Any,
    folder: str | os.PathLike[str],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    bytes_max: int = FILE_BYTES_MAX,
    splitter: DocumentSplitter | None = None,
    skip: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> FolderReport:
    """Stores the documents of a folder, passage by passage, in a collection dedicated to this folder.

    Later calls process only files that are new, changed, moved or gone. If it is killed, the next call continues from
    there. A file that cannot be read is reported and never stops the others.

    Args:
        collection: a collection with an encoder.
        include: patterns as in .gitignore; only files that match one.
        exclude: patterns of what to skip, in addition to .gitignore files.
        bytes_max: larger files are skipped.
        splitter: splits documents; by default into chunks of 1,000 characters.
        skip: a subfolder to skip, such as the database's.
        progress: whether to show progress on a terminal, with rate and time left.

    Raises:
        InvalidArgument: the folder does not exist, or the collection has other rows.
        MissingExtra: pathspec is not installed.
    """
    root = Path(os.path.realpath(os.path.expanduser(folder)))
    if not root.is_dir():
        raise InvalidArgument(
            f"there is no folder {str(folder)!r}", name="folder", value=folder, remedy="Check the path."
        )
    begun = time.monotonic()
    passed_over = None if skip is None else Path(os.path.realpath(os.path.expanduser(skip)))
    finder = Finder(root, include, exclude, bytes_max, passed_over)
    found = finder.files()
    claim(collection.notes(OWNER), str(root), collection.count())
    update = _Update(collection, splitter or DocumentSplitter())
    update.run(found, shown=progress)
    report = update.report
    report.problems += finder.problems
    report.problems.sort()
    report.too_large = finder.too_large
    report.seconds = time.monotonic() - begun
    return report


class _Update:
    """One run over one folder."""

    def __init__(self, collection: Any, splitter: DocumentSplitter) -> None:
        self.report = FolderReport()
        self._collection = collection
        self._splitter = splitter
        self._advance: Callable[[int], None] = lambda done: None
        self._notes = FileNotes(collection.notes(OWNER))
        self._stored, self._counts = known_files(collection)
        self._without_rows = self._notes.all()
        self._rows: list[dict[str, Any]] = []
        self._bytes_done = 0.0  # since progress was last shown

    def run(self, found: list[FoundFile], *, shown: bool) -> None:
        names = {file.name for file in found}
        gone = [name for name in {**self._counts, **self._without_rows} if name not in names]
        todo = [file for file in found if not self._is_unchanged(file)]
        todo = self._move(todo, gone)
        self._remove(gone)
        total = sum(file.size for file in todo)
        with bar("Indexing bytes", total) if shown else nullcontext(self._advance) as self._advance:
            for file in todo:
                self._take(file)
            self._flush()
        self.report.files = len(found) - len(self.report.problems) - len(self.report.empty)
        self.report.passages = self._collection.count()

    def _is_unchanged(self, file: FoundFile) -> bool:
        known = self._stored.get(file.name) or self._without_rows.get(file.name)
        if known is None or (known.size, known.modified) != (file.size, file.modified):
            return False
        if known.parts != self._counts.get(file.name, 0):
            return False  # killed between two commits
        self._count_unchanged(file, known)
        return True

    def _count_unchanged(self, file: FoundFile, known: Known) -> None:
        if known.problem:
            self.report.problems.append((file.name, known.problem))
        elif known.parts:
            self.report.unchanged += 1
        else:
            self.report.empty.append(file.name)

    # -- moved and gone

    def _move(self, todo: list[FoundFile], gone: list[str]) -> list[FoundFile]:
        """Moves rows of files that are gone to new files with the same content; returns the other new files."""
        by_size: dict[int, list[str]] = {}
        for name in gone:
            if name in self._stored and self._stored[name].parts == self._counts[name]:
                by_size.setdefault(self._stored[name].size, []).append(name)
        rest = []
        for file in todo:
            before = by_size.get(file.size) if file.name not in self._counts else None
            source = self._same_content(file, before) if before else None
            if source is None or before is None:
                rest.append(file)
            else:
                before.remove(source)
                self._copy_rows(source, file)
                self.report.moved += 1
                self.report.removed -= 1  # the removal below counts it
        return rest

    def _same_content(self, file: FoundFile, names: list[str]) -> str | None:
        try:
            digest = self._digest(file.name, Path(file.path).read_bytes())
        except OSError:
            return None
        return next((name for name in names if self._stored[name].digest == digest), None)

    def _copy_rows(self, source: str, file: FoundFile) -> None:
        records = self._collection.get(where={"file": source}, vectors=True)
        rows = [
            {
                "id": row_id(file.name, record.metadata["part"]),
                "text": record.text,
                "vector": record.vector,
                "metadata": {**record.metadata, "file": file.name},
            }
            for record in records
        ]
        for row in rows:
            if row["metadata"]["part"] == 0:
                row["metadata"]["modified"] = _settled(file)
        self._rows += sorted(rows, key=lambda row: -row["metadata"]["part"])
        self._store()

    def _remove(self, gone: list[str]) -> None:
        self.report.removed += len(gone)
        with_rows = [name for name in gone if name in self._counts]
        for start in range(0, len(with_rows), _NAMES_PER_CALL):
            self._collection.delete(where={"file": {"$in": with_rows[start : start + _NAMES_PER_CALL]}})
        self._notes.forget(name for name in gone if name in self._without_rows)

    # -- new and changed

    def _take(self, file: FoundFile) -> None:
        try:
            data = Path(file.path).read_bytes()
            digest = self._digest(file.name, data)
            known = self._stored.get(file.name) or self._without_rows.get(file.name)
            if known and known.digest == digest and known.parts == self._counts.get(file.name, 0):
                self._touch(file, known)
                return
            document = load_bytes(data, file.name)
            chunks = self._splitter.split(document)
        except (VicinalError, OSError) as error:
            problem = error.message if isinstance(error, VicinalError) else f"it cannot be read ({error.strerror})"
            remedy = f". {error.remedy}" if isinstance(error, VicinalError) and error.remedy else ""
            self._take_without_rows(file, Known("", file.size, _settled(file), 0, problem + remedy))
            return
        if not chunks:
            self._take_without_rows(file, Known(digest, file.size, _settled(file), 0))
            return
        is_new = file.name not in self._counts and file.name not in self._without_rows
        self.report.new += is_new
        self.report.changed += not is_new
        self._add(file, document, digest, chunks)

    def _touch(self, file: FoundFile, known: Known) -> None:
        """Updates the stored time of a file with unchanged content."""
        self._bytes_done += file.size
        self._count_unchanged(file, known)
        if known.parts:
            about = {"size": file.size, "modified": _settled(file)}
            self._collection.update([row_id(file.name, 0)], metadata=[about])
        else:
            self._notes.keep({file.name: Known(known.digest, file.size, _settled(file), 0, known.problem)})

    def _take_without_rows(self, file: FoundFile, known: Known) -> None:
        self._bytes_done += file.size
        if known.problem:
            self.report.problems.append((file.name, known.problem))
        else:
            self.report.empty.append(file.name)
        if file.name in self._counts:
            self._collection.delete(where={"file": file.name})
        self._notes.keep({file.name: known})

    def _add(self, file: FoundFile, document: Document, digest: str, chunks: Sequence[Any]) -> None:
        if self._counts.get(file.name, 0) > len(chunks):
            self._collection.delete(where={"file": file.name, "part": {"$gte": len(chunks)}})
        if file.name in self._without_rows:
            self._notes.forget([file.name])
        stored = self._stored_of(file.name, digest) if file.name in self._counts else set()
        for part, chunk in [*list(enumerate(chunks))[1:], (0, chunks[0])]:
            self._bytes_done += file.size / len(chunks)
            if part in stored:
                continue
            about = {"file": file.name, "kind": document.kind, "part": part, "digest": digest}
            about |= document.place(chunk.start)
            if document.title:
                about["title"] = document.title
            if part == 0:
                about |= {"parts": len(chunks), "size": file.size, "modified": _settled(file)}
            self._rows.append({"id": row_id(file.name, part), "text": chunk.text, "metadata": about})
            if len(self._rows) >= _BATCH_ROWS:
                self._flush()

    def _stored_of(self, name: str, digest: str) -> set[int]:
        """Parts of this content that an interrupted run has stored; never part 0, which is written last."""
        records = self._collection.get(where={"file": name, "digest": digest})
        return {record.metadata["part"] for record in records} - {0}

    def _digest(self, name: str, data: bytes) -> str:
        """A hash of the content, and of everything that determines its passages."""
        recipe = "\0".join([_RECIPE, repr(self._splitter), str(kind_of(name)), language_of(name), ""])
        return hashlib.sha256(recipe.encode() + data).hexdigest()[:32]

    def _flush(self) -> None:
        self.report.encoded += len(self._rows)
        self._store()
        whole = int(self._bytes_done)
        self._advance(whole)
        self._bytes_done -= whole

    def _store(self) -> None:
        if self._rows:
            self._collection.upsert(rows=self._rows)
            self._rows = []


def _settled(file: FoundFile) -> int:
    """The file's modification time, or 0 if the file may change again without changing it."""
    return file.modified if file.modified < time.time_ns() - _SETTLED_NANOSECONDS else 0
