"""All that is derived from the records of one collection, with one life: applied, saved, loaded and viewed together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analyzers import analyzer_of
from ..contract import Bitmap, Contents, Delta, Kernels, SavedVectors, Slots, VectorSearcher
from ..filters.bitmap import BoolArray, unpack
from ..filters.columns import Columns
from ..filters.tree import Node
from ..filters.where import check_fields
from ..metadata import loads
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import stored_id
from ..store.state import State
from ..types import Id
from .lagging import Lagging
from .slots import SlotTable, SlotView
from .sparse import SparseIndex
from .text import TextIndex
from .vector_index import DEFAULT_INDEX, make_vector_index

_FLAT, _COLUMNS, _WORDS, _SPARSE = "flat.", "columns.", "words.", "sparse."


@dataclass(slots=True)  # every search makes one, and a frozen one takes longer
class View:
    """The collection at one moment, as one call needs it.

    Attributes:
        slots: which are rows, which have a vector, when they expire.
        matching: rows that pass the call's filter; None where it has none.
        vectors, words, sparse: indexes at this moment, where the call asked for them.
        kernels: score vectors.
    """

    slots: SlotView
    matching: Bitmap | None
    kernels: Kernels
    vectors: VectorSearcher | None = None
    words: Lagging[TextIndex] | None = None
    sparse: Lagging[SparseIndex] | None = None

    @property
    def change(self) -> int:
        return self.slots.change

    def rows(self, now: int) -> Bitmap:
        """Rows that exist, have not expired and pass the filter."""
        rows = self.slots.visible(now)
        return rows if self.matching is None else rows & self.matching

    def visible(self, now: int) -> BoolArray:
        """The same, a bool for each slot."""
        return unpack(self.rows(now), len(self.slots.live))

    def candidates(self, now: int) -> Bitmap:
        """Those of them that have a vector."""
        candidates = self.slots.candidates(now)
        return candidates if self.matching is None else candidates & self.matching

    def check_unmoved(self) -> None:
        """Call when all answers are there: words and sparse vectors are not frozen, and others may have moved them on.

        Raises:
            ChangedMeanwhile: they did.
        """
        for lagging in (self.words, self.sparse):
            if lagging is not None and lagging.change != self.change:
                raise ChangedMeanwhile


class DerivedIndex:
    """Vectors, columns, words and sparse vectors. The store's lock guards it."""

    def __init__(self, kernels: Kernels, state: State) -> None:
        self.kernels = kernels
        self._state = state
        self.slots = SlotTable()
        self.vectors = make_vector_index(state.setting.get("index", DEFAULT_INDEX), kernels, state.metric)
        self.columns = Columns()
        self.words: Lagging[TextIndex] = Lagging(self._make_text, lambda rows, *slots: rows.texts(*slots))
        self.sparse: Lagging[SparseIndex] = Lagging(self._make_sparse, lambda rows, *slots: rows.sparse(*slots))

    @property
    def change(self) -> int:
        return self.slots.change

    def apply(self, delta: Delta) -> None:
        self.slots.apply(delta)
        self.vectors.apply(delta)
        self.columns.apply(
            delta.slot_count, delta.dead, delta.added, delta.metadata, delta.touched, delta.touched_metadata
        )
        for lagging in self._lagging().values():
            lagging.died(delta.dead)

    def live_count(self, now: int | None = None) -> int:
        return self.slots.live_count(now)

    def prepare(self, rows: Contents) -> bool:
        """See `Index.prepare`."""
        view = self.slots.view()
        return self.vectors.build(rows.matrix(len(view.live)), view.packed_searchable) or self.step(
            rows, words=True, sparse=True
        )

    def step(self, rows: Contents, *, words: bool, sparse: bool) -> bool:
        """Takes in a part of what these indexes lack; False where little is left. The lock is free between parts."""
        live = self.slots.view().live
        return (words and self.words.step(rows, live)) or (sparse and self.sparse.step(rows, live))

    def save(self, rows: Contents) -> dict[str, NDArray[Any]]:
        """See `Index.save`."""
        view = self.slots.view()
        live, vectors = view.live, rows.matrix(len(view.live))
        while self.vectors.build(vectors, view.packed_searchable):
            pass
        parts: dict[str, Mapping[str, NDArray[Any]]] = {
            _FLAT: {**self.slots.save(), **self.vectors.save().arrays},
            _COLUMNS: self.columns.save(),
        }
        for prefix, lagging in self._lagging().items():
            lagging.sync(rows, live, self.change)
            parts[prefix] = lagging.save()
        return {prefix + name: array for prefix, arrays in parts.items() for name, array in arrays.items()}

    def load(self, change: int, slot_count: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `Index.load`."""
        loaded = DerivedIndex(self.kernels, self._state)
        flat = _part(arrays, _FLAT)
        loaded.slots.load(change, slot_count, flat)
        if self._state.dimension is not None:
            loaded.vectors.load(SavedVectors(change, slot_count, flat), self._state.dimension)
        loaded.columns.load(_part(arrays, _COLUMNS), slot_count)
        for prefix, lagging in loaded._lagging().items():
            lagging.load(_part(arrays, prefix), change, slot_count)
        # All or nothing: an array may be missing.
        self.slots, self.vectors, self.columns = loaded.slots, loaded.vectors, loaded.columns
        self.words, self.sparse = loaded.words, loaded.sparse

    def _lagging(self) -> dict[str, Lagging[Any]]:
        return {_WORDS: self.words, _SPARSE: self.sparse}

    def _make_text(self) -> TextIndex:
        settings = self._state.setting
        chosen = analyzer_of(settings["analyzer"], settings["language"])
        if settings.get("analysis", chosen.fingerprint) != chosen.fingerprint:
            warnings.warn(
                f"collection {self._state.name!r} was made when its analyzer was {settings['analysis']!r}, now it is "
                f"{chosen.fingerprint!r}: keyword search is built anew, and may find and score a little differently",
                RuntimeWarning,
                stacklevel=2,
            )
        return TextIndex(chosen, self.kernels)

    def _make_sparse(self) -> SparseIndex:
        return SparseIndex()


def viewing(
    tree: Node | None, *, vectors: bool = False, words: bool = False, sparse: bool = False
) -> Callable[[DerivedIndex, Reader], View]:
    """What a store is to take off its index for a call with this filter.

    The function raises InvalidArgument where the filter asks for a field that no row has.

    Args:
        vectors, words, sparse: whether these indexes are needed too.
    """

    def view(index: DerivedIndex, reader: Reader) -> View:
        slots, matching = index.slots.view(), None
        if tree is not None:
            check_fields(tree, index.columns.known_paths())
            matching = index.columns.evaluate(tree, len(slots.live), RowsAt(reader, slots.change))
        wanted = (index.words if words else None, index.sparse if sparse else None)
        for lagging in wanted:
            if lagging is not None:
                lagging.sync(reader, slots.live, slots.change)
        searcher = index.vectors.searcher(reader.matrix(len(slots.live))) if vectors else None
        return View(slots, matching, index.kernels, searcher, *wanted)

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
