"""All that is derived from the records of one collection, with one life: applied, saved, loaded and viewed together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, Delta, FloatMatrix, Kernels, Metric, Slots
from ..filters.bitmap import BoolArray, unpack
from ..filters.columns import Columns
from ..filters.tree import Node
from ..filters.where import check_fields
from ..metadata import loads
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import stored_id
from ..types import Id
from .flat import FlatIndex, FlatView

_FLAT, _COLUMNS = "flat.", "columns."


@dataclass(frozen=True, slots=True)
class View:
    """The collection at one moment, as one call needs it.

    Attributes:
        flat: rows, vectors and expiry.
        matching: rows that pass the call's filter; None where it has none.
    """

    flat: FlatView
    matching: Bitmap | None

    @property
    def change(self) -> int:
        return self.flat.change

    def visible(self, now: int) -> BoolArray:
        """Rows that exist, have not expired and pass the filter."""
        rows = self.flat.visible(now)
        return rows if self.matching is None else rows & unpack(self.matching, len(rows))

    def candidates(self, now: int) -> Bitmap:
        """Those of them that a dense search may return."""
        rows = self.flat.candidates(now)
        return rows if self.matching is None else rows & self.matching


class DerivedIndex:
    """Flat index and columns. The store's lock guards it."""

    def __init__(self, kernels: Kernels, metric: Metric) -> None:
        self._kernels = kernels
        self._metric: Metric = metric
        self.flat = FlatIndex(kernels, metric)
        self.columns = Columns()

    @property
    def change(self) -> int:
        return self.flat.change

    def apply(self, delta: Delta) -> None:
        self.flat.apply(delta)
        self.columns.apply(
            delta.slot_count, delta.dead, delta.added, delta.metadata, delta.touched, delta.touched_metadata
        )

    def live_count(self) -> int:
        return self.flat.live_count()

    def prepare(self, vectors: FloatMatrix) -> None:
        """See `Index.prepare`."""
        self.flat.exact.prepare(vectors)

    def save(self, vectors: FloatMatrix) -> dict[str, NDArray[Any]]:
        """See `Index.save`."""
        flat = {_FLAT + name: array for name, array in self.flat.save(vectors).items()}
        return flat | {_COLUMNS + name: array for name, array in self.columns.save().items()}

    def load(self, change: int, slot_count: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `Index.load`."""
        flat, columns = FlatIndex(self._kernels, self._metric), Columns()
        flat.load(change, slot_count, _part(arrays, _FLAT))
        columns.load(_part(arrays, _COLUMNS))
        self.flat, self.columns = flat, columns  # all or nothing: an array may be missing


def viewing(tree: Node | None) -> Callable[[DerivedIndex, Reader], View]:
    """What a store is to take off its index for a call with this filter.

    The function raises InvalidArgument where the filter asks for a field that no row has.
    """

    def view(index: DerivedIndex, reader: Reader) -> View:
        flat = index.flat.view()
        if tree is None:
            return View(flat, None)
        check_fields(tree, index.columns.known_paths())
        count = len(flat.live)
        return View(flat, index.columns.evaluate(tree, count, RowsAt(reader, flat.change)))

    return view


class RowsAt:
    """What columns do not hold, read from the records at the index's commit; see `filters.select.Records`."""

    def __init__(self, reader: Reader, change: int) -> None:
        self._reader = reader
        self._change = change

    def metadata(self, slots: Slots) -> Sequence[Mapping[str, Any]]:
        wanted: list[int] = slots.tolist()
        rows = self._reader.rows_by_slot(wanted)
        if any(slot not in rows or rows[slot].change > self._change for slot in wanted):
            raise ChangedMeanwhile
        return [loads(rows[slot].metadata or "{}") for slot in wanted]

    def slots_of(self, ids: Collection[Id]) -> Slots:
        found = self._reader.slots_of([stored_id(id_) for id_ in ids])
        return np.array([slot for slot, _ in found.values()], dtype=np.uint32)


def _part(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}
