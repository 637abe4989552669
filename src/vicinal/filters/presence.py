"""Which columns may have a cell of a row: updating a row with a few keys must not check ten thousand columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Slots
from .column import Column
from .tree import Path

__all__ = ["ColumnPresence"]

_FEW: Final = 256  # columns, which can be checked one by one in less time than a lookup takes
_NEWER_MAX: Final = 4096  # writes; each is checked one by one


class ColumnPresence:
    """The slots that each sparse column had when the table was built, and what was written since.

    The table is built on first use, and rebuilt when much was written. A column that it names may have lost its cell
    meanwhile; a column that it does not name has none. Dense columns, which are few, are always named. The owner of the
    columns guards it.
    """

    def __init__(self) -> None:
        self._paths: list[Path] = []  # of sparse columns, when the table was built
        self._slots: Slots | None = None  # of all their cells, ascending; None: not built
        self._owners: NDArray[np.uint32] = np.empty(0, np.uint32)  # indexes into `_paths`
        self._newer: list[tuple[Path, Slots]] = []
        self._dense: set[Path] = set()  # columns that are dense, or have been since the table was built

    def wrote(self, path: Path, column: Column, slots: Slots) -> None:
        """Records that a column was given cells for these slots, which are ascending."""
        if self._slots is None:
            return
        if column.slots is None:
            self._dense.add(path)
        else:
            self._newer.append((path, slots))
            if len(self._newer) > _NEWER_MAX:
                self._slots, self._newer = None, []

    def of(self, slots: Slots, columns: Mapping[Path, Column]) -> list[Path]:
        """Paths of the columns that may have a cell of one of these slots, which are ascending."""
        if len(columns) <= _FEW:
            return list(columns)
        if self._slots is None:
            self._make(columns)
        return [path for path in self._dense.union(self._sparse(slots)) if path in columns]

    def _sparse(self, slots: Slots) -> Iterator[Path]:
        assert self._slots is not None  # built by the caller
        starts, ends = (np.searchsorted(self._slots, slots, side=side) for side in ("left", "right"))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            for number in self._owners[start:end].tolist():
                yield self._paths[number]
        for path, written in self._newer:
            if slots[0] <= written[-1] and written[0] <= slots[-1] and np.isin(slots, written).any():
                yield path

    def _make(self, columns: Mapping[Path, Column]) -> None:
        sparse = [(path, column.slots.array) for path, column in columns.items() if column.slots is not None]
        self._paths = [path for path, _ in sparse]
        owners = np.repeat(np.arange(len(sparse), dtype=np.uint32), [len(held) for _, held in sparse])
        held = np.concatenate([held for _, held in sparse]) if sparse else np.empty(0, np.uint32)
        order = np.argsort(held, kind="stable")
        self._slots, self._owners, self._newer = held[order], owners[order], []
        self._dense = columns.keys() - set(self._paths)
