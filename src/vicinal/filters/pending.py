"""A snapshot of a filter: its inputs are captured under the lock of the columns, and evaluated without it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from ..contract import Bitmap
from ..warn import warn_user
from .bitmap import BoolArray, pack
from .cache import BitmapCache, Version
from .cells import classes_of
from .column import Column
from .diagnosis import doubts
from .select import Records, select
from .tree import Node, Path, paths
from .values import Class
from .where import check_fields

__all__ = ["KnownPaths", "PendingFilter"]


class KnownPaths(Collection[Path]):
    """Paths that some row has, including null. Looked up, not listed: most filters use one or two."""

    def __init__(self, columns: Mapping[Path, Column], rows: BoolArray) -> None:
        self._columns = columns
        self._rows = rows

    def __contains__(self, path: object) -> bool:
        column = self._columns.get(path)  # type: ignore[call-overload]  # what is no path is no key
        return column is not None and column.has_any(self._rows)

    def __iter__(self) -> Iterator[Path]:
        return (path for path in self._columns if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(slots=True)  # every search with a filter creates one
class PendingFilter:
    """The rows that match `tree`, to be found without a lock.

    Attributes:
        columns: the columns that the tree uses; they never change.
        rows: bool, one per slot: which slots are rows.
        known: paths that rows have. For paths not in the tree it may be slightly out of date: they are only used for
            suggestions.
        gone: the paths of the tree that rows once had.
        recent: stores the result for the next search.
        version: that of the `cache` when this was created.
        found: the result, if already known.
        is_plain: whether it is known that there is no warning to issue about the filter.
    """

    tree: Node
    columns: Mapping[Path, Column]
    rows: BoolArray
    known: Collection[Path]
    gone: Collection[Path]
    recent: BitmapCache
    version: Version
    found: Bitmap | None = None
    is_plain: bool = False

    def bitmap(self, records: Records) -> Bitmap:
        """The matching rows. Not to be written to."""
        if self.found is None:
            self.found = pack(select(self.tree, self.columns, self.rows, records))
            self.recent.keep(self.tree, len(self.rows), self.found, self.version)
        return self.found

    def told(self, records: Records) -> Bitmap:
        """The matching rows; warns about fields that no row has and conditions that no value can meet.

        Raises:
            InvalidArgument: a field that no row has, with a name similar to an existing one.
        """
        if self.is_plain:
            return self.bitmap(records)
        check_fields(self.tree, self.known, self.gone.__contains__)
        found = self.bitmap(records)
        if not found.any():
            for doubt in doubts(self.tree, self._classes_at):
                warn_user(doubt)
        elif all(path in self.known for path in paths(self.tree)):
            self.recent.keep(self.tree, len(self.rows), found, self.version, is_plain=True)
        return found

    def _classes_at(self, path: Path) -> set[Class]:
        column = self.columns.get(path)
        return set() if column is None else classes_of(column.cells()) | classes_of(column.elements())
