"""Which columns may have a cell of a row: an update of a row with a few keys must not ask ten thousand columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Slots
from .column import Column
from .tree import Path

__all__ = ["ColumnPresence"]

_FEW: Final = 256  # columns, which are asked one by one in less time than anything takes to look up
_NEWER_MAX: Final = 4096  # writes; each is looked through one by one


class ColumnPresence:
    """Of sparse columns which slots they had when this was asked, and what was written since.

    It is made when it is first needed, and anew when much was written. What it names may have lost its cell meanwhile;
    what it does not name has none. Dense columns, of which there are few, are named always. The owner of the columns
    guards it.
    """

    def __init__(self) -> None:
        self._paths: list[Path] = []  # of sparse columns, when this was made
        self._slots: Slots | None = None  # of all their cells, ascending; None: not made
        self._owners: NDArray[np.uint32] = np.empty(0, np.uint32)  # numbers of paths
        self._newer: list[tuple[Path, Slots]] = []
        self._dense: set[Path] = set()  # or once were, since this was made

    def wrote(self, path: Path, column: Column, slots: Slots) -> None:
        """A column has got cells for these slots, which ascend."""
        if self._slots is None:
            return
        if column.slots is None:
            self._dense.add(path)
        else:
            self._newer.append((path, slots))
            if len(self._newer) > _NEWER_MAX:
                self._slots, self._newer = None, []

    def of(self, slots: Slots, columns: Mapping[Path, Column]) -> list[Path]:
        """Paths of the columns that may have a cell of one of these slots, which ascend."""
        if len(columns) <= _FEW:
            return list(columns)
        if self._slots is None:
            self._make(columns)
        return [path for path in self._dense.union(self._sparse(slots)) if path in columns]

    def _sparse(self, slots: Slots) -> Iterator[Path]:
        assert self._slots is not None  # our caller made it
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
