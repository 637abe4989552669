"""Which slots are in which bucket of which table, for indexes that search only a few buckets."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Slots

__all__ = ["NO_BUCKET", "Buckets", "Keys"]

Keys = NDArray[np.uint32]

_NO_SLOTS: Final = np.empty(0, np.uint32)
NO_BUCKET: Final = np.uint32(0xFFFFFFFF)  # for a slot without a vector


class Buckets:
    """Posting lists of slots, one per table and key. Immutable.

    Args:
        keys: shape (slots, tables): the bucket of each slot in each table, or NO_BUCKET.
    """

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._tables: list[tuple[Keys, Slots, NDArray[np.int64]]] = []
        for column in keys.T:
            slots = np.argsort(column, kind="stable").astype(np.uint32)
            slots = slots[: int(np.count_nonzero(column != NO_BUCKET))]
            distinct, starts = np.unique(column[slots], return_index=True)
            self._tables.append((distinct, slots, np.append(starts, len(slots)).astype(np.int64)))

    def __len__(self) -> int:
        """The number of slots, including those without a vector."""
        return len(self.keys)

    def sizes(self) -> list[tuple[int, int, int]]:
        """Table, key and number of slots of each bucket that is not empty."""
        return [
            (table, int(key), int(size))
            for table, (distinct, _, starts) in enumerate(self._tables)
            for key, size in zip(distinct, np.diff(starts))
        ]

    def slots(self, tables: NDArray[np.intp], keys: Keys) -> Slots:
        """The slots in some buckets, concatenated; an empty bucket adds none."""
        found = [_NO_SLOTS]
        for table, key in zip(tables.tolist(), keys.tolist()):
            distinct, slots, starts = self._tables[table]
            at = int(distinct.searchsorted(key))
            if at < len(distinct) and distinct[at] == key:
                found.append(slots[starts[at] : starts[at + 1]])
        return np.concatenate(found)
