"""Everything derived from the records of a collection, as one unit: updated, saved, loaded and viewed together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import and_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analyzers import analyzer_of
from ..contract import Bitmap, Contents, Delta, FloatMatrix, Kernels, SavedIndex, Slots, VectorSearcher
from ..filters.bitmap import BoolArray, unpack
from ..filters.columns import Columns
from ..filters.tree import Node, Path
from ..filters.where import check_path
from ..metadata import loads
from ..store.reading import ChangedMeanwhile, Reader
from ..store.rows import Row, stored_id, user_id
from ..store.state import State
from ..types import Id
from ..warn import warn_user
from .lazy import LazyIndex
from .slots import SlotTable, SlotView, saved_slots
from .sparse import SparseIndex
from .text import TextIndex
from .vector_index import DEFAULT_INDEX, make_vector_index

_SLOTS, _VECTORS, _COLUMNS, _WORDS, _SPARSE = _PARTS = "slots", "vectors", "columns", "words", "sparse"
_EAGER = (_SLOTS, _COLUMNS)
_NO_VECTORS = np.empty((0, 0), dtype=np.float32)


@dataclass(slots=True)  # every search creates one, and creating a frozen one takes longer
class View:
    """The collection at one point in time, as needed by one call.

    Attributes:
        slots: which slots are rows, which have a vector, and when they expire.
        kernels: for scoring vectors.
        filters: evaluate to the rows that match the call's filter, and those that match the handle's.
        vectors, words, sparse: indexes at this moment, if the call requested them.
        vector_count: slots below it are in the file of vectors, if the call requested `vectors`.
        grouping: evaluates to the group numbers of the rows that match, if the call groups by a field.
        passing: the rows that match all filters, once evaluated.
        numbers: the group numbers, once evaluated.
    """

    slots: SlotView
    kernels: Kernels
    filters: Sequence[Callable[[], Bitmap]] = ()
    vectors: VectorSearcher | None = None
    words: LazyIndex[TextIndex] | None = None
    sparse: LazyIndex[SparseIndex] | None = None
    grouping: Callable[[Bitmap | None], NDArray[np.int64]] | None = None
    passing: Bitmap | None = None
    numbers: NDArray[np.int64] | None = None
    vector_count: int = 0

    @property
    def change(self) -> int:
        return self.slots.change

    @property
    def matching(self) -> Bitmap | None:
        """Rows that match the filters of call and handle; None if there are no filters.

        Raises:
            InvalidArgument: the filter uses a field that no row has.
            ChangedMeanwhile: a row that had to be read has changed since this view was taken.
        """
        if self.passing is None and self.filters:
            self.passing = reduce(and_, (passing() for passing in self.filters))
        return self.passing

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """By slot, a number that rows with equal values of the field share; None if the call does not group."""
        if self.numbers is None and self.grouping is not None:
            self.numbers = self.grouping(self.matching)
        return self.numbers

    def rows(self, now: int) -> Bitmap:
        """Rows that exist, have not expired and match the filter."""
        rows, matching = self.slots.visible(now), self.matching
        return rows if matching is None else rows & matching

    def visible(self, now: int) -> BoolArray:
        """The same as one bool per slot."""
        return unpack(self.rows(now), len(self.slots.live))

    def candidates(self, now: int) -> Bitmap:
        """The same rows, if they have a vector."""
        candidates, matching = self.slots.candidates(now), self.matching
        return candidates if matching is None else candidates & matching

    def catch_up(self, rows: Contents) -> None:
        """Brings text index and sparse index to this moment, which may take long if they were never used.

        Raises:
            ChangedMeanwhile: they have moved past it.
        """
        for lagging in (self.words, self.sparse):
            if lagging is not None:
                lagging.sync(rows, self.slots.live, self.change)

    def check_unmoved(self) -> None:
        """Call after all results are computed: text index and sparse index are not frozen, and may have moved on.

        Raises:
            ChangedMeanwhile: they have.
        """
        for lagging in (self.words, self.sparse):
            if lagging is not None and lagging.change != self.change:
                raise ChangedMeanwhile


class DerivedIndex:
    """Slots, vectors, columns, words and sparse vectors. Guarded by the store's lock. See `contract.Index`."""

    parts = _PARTS
    eager = _EAGER
    lagging = (_WORDS, _SPARSE)
    comparable = (_VECTORS,)

    def __init__(self, kernels: Kernels, state: State) -> None:
        self.kernels = kernels
        self._state = state
        self.slots = SlotTable()
        self.vectors = make_vector_index(state.setting.get("index", DEFAULT_INDEX), kernels, state.metric)
        self.columns = Columns()
        self.words: LazyIndex[TextIndex] = LazyIndex(self._make_text, lambda rows, *slots: rows.texts(*slots))
        self.sparse: LazyIndex[SparseIndex] = LazyIndex(self._make_sparse, lambda rows, *slots: rows.sparse(*slots))
        self._vectors_view: tuple[View | None, FloatMatrix] = None, _NO_VECTORS  # the last one returned

    @property
    def change(self) -> int:
        """See `Index.change`."""
        return self.slots.change

    def apply(self, delta: Delta, parts: Collection[str] | None = None) -> None:
        """See `Index.apply`."""
        self._vectors_view = None, _NO_VECTORS
        for part in _PARTS if parts is None else parts:
            if part == _SLOTS:
                self.slots.apply(delta)
            elif part == _VECTORS:
                self.vectors.apply(delta)
            elif part == _COLUMNS:
                self.columns.apply(
                    delta.slot_count, delta.dead, delta.added, delta.metadata, delta.touched, delta.touched_metadata
                )
            else:
                self._lagging(part).note(delta.change, delta.dead)

    def vectors_view(self, reader: Reader) -> View:
        """The view for an unfiltered search by vectors alone: the same object if nothing has changed."""
        known, matrix = self._vectors_view
        if known is None:
            matrix = reader.matrix(self.slots.slot_count)
        searcher = self.vectors.searcher(matrix)
        if known is None or known.vectors is not searcher:
            known = View(self.slots.view(), self.kernels, vectors=searcher, vector_count=len(matrix))
            self._vectors_view = known, matrix
        return known

    def live_count(self, now: int | None = None) -> int:
        """See `Index.live_count`."""
        return self.slots.live_count(now)

    def pending(self) -> int:
        """See `Index.pending`."""
        return max(0, self.slots.vector_end - self.vectors.covered)

    def is_behind(self) -> bool:
        """See `Index.is_behind`."""
        return self.pending() > self.vectors.tail_max

    def unsaved(self, part: str) -> int:
        """See `Index.unsaved`."""
        return self.vectors.unsaved if part == _VECTORS else 0

    def snapshot(self, saving: Collection[str] = ()) -> DerivedSnapshot:
        """See `Index.snapshot`."""
        return DerivedSnapshot(self, self.columns.snapshot() if _COLUMNS in saving else None)

    def load(self, part: str, saved: SavedIndex) -> None:
        """See `Index.load`."""
        if part == _SLOTS:
            self.slots.load(saved)
        elif part == _VECTORS:
            if self._state.dimension is not None:  # otherwise there were no vectors to save anything of
                self.vectors.load(saved, self._state.dimension)
        elif part == _COLUMNS:
            columns = Columns()
            columns.load(saved.arrays, saved.slot_count)
            self.columns = columns
        else:
            self._lagging(part).load(saved)

    def is_ready(self, part: str) -> bool:
        """See `Index.is_ready`."""
        return part not in self.lagging or self._lagging(part).is_ready(self.slots.slot_count)

    def taken_along(self) -> dict[str, SavedIndex]:
        """See `Index.taken_along`."""
        found = ((part, self._lagging(part).taken_along()) for part in self.lagging)
        return {part: saved for part, saved in found if saved is not None}

    def load_moved(self, part: str, saved: SavedIndex, new_slots: NDArray[np.int64]) -> None:
        """See `Index.load_moved`."""
        self._lagging(part).load_moved(saved, new_slots[: saved.slot_count], self.change)

    def differing(self, part: str, slots: Slots, vectors: FloatMatrix) -> Slots:
        """See `Index.differing`."""
        return self.vectors.differing(slots, vectors) if part == _VECTORS else slots[:0]

    def _lagging(self, part: str) -> LazyIndex[Any]:
        return self.words if part == _WORDS else self.sparse

    def _make_text(self) -> TextIndex:
        settings = self._state.setting
        chosen = analyzer_of(settings["analyzer"], settings["language"])
        if settings.get("analysis", chosen.fingerprint) != chosen.fingerprint:
            warn_user(
                f"collection {self._state.name!r} was made when its analyzer was {settings['analysis']!r}, now it is "
                f"{chosen.fingerprint!r}: keyword search is rebuilt, and may find and score a little differently",
                RuntimeWarning,
            )
        return TextIndex(chosen, self.kernels)

    def _make_sparse(self) -> SparseIndex:
        return SparseIndex()


class DerivedSnapshot:
    """The derived index at one commit. See `contract.IndexSnapshot`."""

    def __init__(self, index: DerivedIndex, columns: Callable[[], dict[str, NDArray[Any]]] | None) -> None:
        self._slots = index.slots.view()
        self._vectors, self._words, self._sparse = index.vectors, index.words, index.sparse
        self._columns = columns

    def build(self, rows: Contents, *, urgent: bool = False) -> bool:
        """See `IndexSnapshot.build`: vectors first, since fewer searches need words."""
        slots = self._slots
        if self._vectors.build(rows.matrix(len(slots.live)), slots.packed_searchable):
            return True
        return not urgent and (
            self._words.step(rows, slots.live, slots.change) or self._sparse.step(rows, slots.live, slots.change)
        )

    def refine(self, rows: Contents, *, awaited: bool = False) -> bool:
        """See `IndexSnapshot.refine`."""
        slots = self._slots
        vectors, candidates = rows.matrix(len(slots.live)), slots.packed_searchable
        return self._vectors.refine(vectors, candidates, awaited=awaited)

    def save(self, part: str, rows: Contents) -> SavedIndex:
        """See `IndexSnapshot.save`."""
        slots = self._slots
        if part == _SLOTS:
            return saved_slots(slots)
        if part == _VECTORS:
            return self._vectors.save()
        if part == _COLUMNS:
            assert self._columns is not None  # it was taken for this purpose
            return SavedIndex(slots.change, len(slots.live), self._columns())
        lagging: LazyIndex[Any] = self._words if part == _WORDS else self._sparse
        return lagging.save(rows, slots.live, slots.change)


def viewing(
    tree: Node | None,
    *,
    within: Node | None = None,
    vectors: bool = False,
    words: bool = False,
    sparse: bool = False,
    group_by: Path | None = None,
) -> Callable[[DerivedIndex, Reader], View]:
    """A function that takes what a call with this filter needs from a store's index, without expensive work.

    Args:
        within: the filter of the handle, not of the call: it may match no row, and its fields may be missing.
        vectors, words, sparse: whether these indexes are needed too.
        group_by: a field whose values are needed.
    """

    def view(index: DerivedIndex, reader: Reader) -> View:
        slots = index.slots.view()
        filters: list[Callable[[], Bitmap]] = []
        count, records = len(slots.live), RowsAt(reader, slots.change)
        if tree is not None:
            filters.append(partial(index.columns.pending(tree, count).told, records))
        if within is not None:
            filters.append(partial(index.columns.pending(within, count).bitmap, records))
        wanted = (index.words if words else None, index.sparse if sparse else None)
        taken = View(slots, index.kernels, filters, None, *wanted)
        if vectors:
            matrix = reader.matrix(count)
            taken.vectors, taken.vector_count = index.vectors.searcher(matrix), len(matrix)
        if group_by is not None:
            check_path(group_by, index.columns.known_paths(), "group_by", index.columns.was_known)
            pending = index.columns.pending_groups(group_by, count)
            taken.grouping = lambda allowed: pending.numbers(allowed, records)
        return taken

    return view


class RowsAt:
    """Access to what columns do not store, as of the index's commit; see `filters.select.Records`."""

    def __init__(self, reader: Reader, change: int) -> None:
        self._reader = reader
        self._change = change

    def metadata(self, slots: Slots) -> Sequence[Mapping[str, Any]]:
        return [loads(row.metadata or "{}") for row in self._rows(slots)]

    def ids_and_texts(self, slots: Slots) -> Sequence[tuple[Id, str | None]]:
        return [(user_id(row.id), row.text) for row in self._rows(slots)]

    def _rows(self, slots: Slots) -> list[Row]:
        wanted: list[int] = slots.tolist()
        rows = self._reader.rows_by_slot(wanted)
        if any(slot not in rows or rows[slot].change > self._change for slot in wanted):
            raise ChangedMeanwhile
        return [rows[slot] for slot in wanted]

    def slots_of(self, ids: Collection[Id]) -> Slots:
        found = self._reader.slots_of([stored_id(id_) for id_ in ids])
        return np.array([slot for slot, _ in found.values()], dtype=np.uint32)
