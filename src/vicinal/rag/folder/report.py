"""The result of indexing a folder."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...visible import counted

__all__ = ["FolderReport"]


@dataclass(slots=True)
class FolderReport:
    """What `index_folder` did.

    Attributes:
        files: number of files now in the collection, and `passages`, its rows.
        new, changed, moved, removed, unchanged: number of files since the last time. Files without passages, in
            the lists below, count only as removed.
        encoded: passages that were stored again; those of files that only moved kept their vectors.
        problems: name and reason of files that could not be read.
        empty: files without text, such as scanned pages.
        too_large: files that were skipped for their size.
        seconds: duration.
    """

    files: int = 0
    passages: int = 0
    new: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    encoded: int = 0
    seconds: float = 0.0
    problems: list[tuple[str, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ("new", "changed", "moved", "removed", "unchanged")
        said = ", ".join(f"{getattr(self, name):,} {name}" for name in counts if getattr(self, name))
        held = f"{counted(self.files, 'file')}, {counted(self.passages, 'passage')}"
        return f"{held}: {said or 'no documents'}; {self.seconds:.1f} s"
