"""Rows grouped by the value of a field, evaluated without a lock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap
from . import summaries
from .bitmap import BoolArray, unpack
from .column import Column
from .select import Records
from .tree import Path

__all__ = ["PendingGroups"]


@dataclass(slots=True)
class PendingGroups:
    """The values of one field at one point in time.

    Attributes:
        path: the field.
        column: its values, which never change; None if no row has the field.
        rows: bool, one per slot: which slots are rows.
    """

    path: Path
    column: Column | None
    rows: BoolArray

    def numbers(self, allowed: Bitmap | None, records: Records) -> NDArray[np.int64]:
        """By slot, a number that rows with equal values share; -1 for no value, a list or a dict.

        Args:
            allowed: the rows to look at; None for all.
        """
        among = self.rows if allowed is None else self.rows & unpack(allowed, len(self.rows))
        found = np.full(len(self.rows), -1, dtype=np.int64)
        slots, numbers = summaries.groups(self.column, self.path, among, records)
        found[slots] = numbers
        return found
