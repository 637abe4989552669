"""Search by the inner product of sparse vectors.

Entries are stored by row, in insertion order, and again by dimension. Rows added since the last sort are scanned; when
they are a quarter of all, everything is sorted again. Plain NumPy: a query uses only a few of very many dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap, FloatVector, Slots
from ..filters.bitmap import BoolArray, pack, unpack
from ..filters.growable import GrowableArray
from ..inputs.sparse import Dimensions
from ..inputs.sparse import unpack as unpack_vector
from ..locks import new_lock

__all__ = ["SparseIndex", "SparseQuery"]

Places = NDArray[np.int64]

_UNSORTED_MIN: Final = 4096
_UNSORTED_SHARE: Final = 4


@dataclass(frozen=True, slots=True)
class SparseQuery:
    """A sparse vector to search with.

    Attributes:
        dimensions: uint32, ascending.
        weights: float32, of the same length.
    """

    dimensions: Dimensions
    weights: FloatVector


@dataclass(frozen=True, slots=True)
class _Entries:
    """All entries at one point in time; data that a reader can see is never overwritten.

    Attributes:
        live: bool by slot: whether it has a vector and is not removed.
        ends: by slot, the end of its entries; they begin at the end of those of the preceding slot.
        owners, dimensions, weights: by entry.
        sorted_dimensions, places: for the first entries, sorted by dimension and then slot: the dimension, and the
            index of the entry.
    """

    live: BoolArray
    ends: Places
    owners: Slots
    dimensions: Dimensions
    weights: FloatVector
    sorted_dimensions: Dimensions
    places: Places

    def of(self, query: SparseQuery) -> tuple[Places, NDArray[np.float64]]:
        """Entries whose dimension is in the query, for each slot by dimension, and their contributions to the score."""
        lows = np.searchsorted(self.sorted_dimensions, query.dimensions, "left")
        highs = np.searchsorted(self.sorted_dimensions, query.dimensions, "right")
        runs = [self.places[low:high] for low, high in zip(lows.tolist(), highs.tolist(), strict=True)]
        unsorted = len(self.places) + np.flatnonzero(np.isin(self.dimensions[len(self.places) :], query.dimensions))
        found = np.concatenate([*runs, unsorted])
        return found, self._products(query, found)

    def of_slots(self, query: SparseQuery, slots: Slots) -> tuple[Places, NDArray[np.float64], NDArray[np.int64]]:
        """The same for some slots, and the position in `slots` of each entry."""
        starts = np.where(slots > 0, self.ends[slots.astype(np.int64) - 1], 0)
        counts = self.ends[slots] - starts
        positions = np.repeat(np.arange(len(slots)), counts)
        found = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(starts, counts)
        met = np.isin(self.dimensions[found], query.dimensions)
        found, positions = found[met], positions[met]
        return found, self._products(query, found), positions

    def _products(self, query: SparseQuery, places: Places) -> NDArray[np.float64]:
        by_query = query.weights[np.searchsorted(query.dimensions, self.dimensions[places])]
        return self.weights[places].astype(np.float64) * by_query.astype(np.float64)


class SparseIndex:
    """One writer at a time; searches may run meanwhile, and see the state in which they began."""

    def __init__(self) -> None:
        self._writing = new_lock()
        self._buffers = _Buffers()
        self._entries = self._buffers.entries(_NO_PLACES, np.empty(0, np.uint32), np.empty(0, np.bool_))

    @property
    def slot_count(self) -> int:
        """The number of slots processed so far."""
        return len(self._entries.live)

    def add(self, slots: Slots, vectors: Sequence[bytes | None]) -> None:
        """Adds new slots, ascending and above all known ones; vectors in the form of `inputs.sparse.pack`.

        Raises:
            ValueError: a slot that is already known.
        """
        if not len(slots):
            return
        with self._writing:
            before = self._entries
            if slots[0] < len(before.live) or (slots[1:] <= slots[:-1]).any():
                raise ValueError(f"slots must ascend from {len(before.live)} on, got {slots[:3]}")
            live = np.zeros(int(slots[-1]) + 1, dtype=np.bool_)
            live[: len(before.live)] = before.live
            live[slots] = [vector is not None for vector in vectors]
            self._buffers.append(slots, vectors)
            self._entries = self._sorted(self._buffers.entries(before.places, before.sorted_dimensions, live))

    def remove(self, slots: Slots) -> None:
        """Removes slots; those that it does not contain are ignored. Their entries are dropped at the next sort."""
        with self._writing:
            live = self._entries.live.copy()
            live[slots[slots < len(live)]] = False
            self._entries = replace(self._entries, live=live)

    def search(self, query: SparseQuery, k: int, allowed: Bitmap | None = None) -> tuple[Slots, FloatVector]:
        """The best min(k, matches) slots and their scores, best first, equal scores by slot.

        A row matches if it shares a dimension with the query. Its score is the sum of the products of the weights,
        in float64 by ascending dimension, rounded once to float32.
        """
        entries = self._entries
        places, products = entries.of(query)
        owners = entries.owners[places]
        sums = np.bincount(owners, weights=products, minlength=len(entries.live))
        matching = np.flatnonzero(_matching(entries, owners, allowed)).astype(np.uint32)
        scores = sums[matching].astype(np.float32)
        best = np.lexsort((matching, -scores))[:k]
        return matching[best], scores[best]

    def score(self, query: SparseQuery, slots: Slots) -> FloatVector:
        """Scores of given slots, bit-identical to those of `search`; 0 if they share no dimension."""
        entries = self._entries
        scores = np.zeros(len(slots), dtype=np.float32)
        known = np.flatnonzero(slots < len(entries.live))
        _, products, positions = entries.of_slots(query, slots[known])
        scores[known] = np.bincount(positions, weights=products, minlength=len(known)).astype(np.float32)
        return scores

    def matches(self, query: SparseQuery, allowed: Bitmap | None = None) -> Bitmap:
        """All rows that match."""
        entries = self._entries
        places, _ = entries.of(query)
        return pack(_matching(entries, entries.owners[places], allowed))

    def save(self) -> dict[str, NDArray[Any]]:
        """Its state as one-dimensional arrays; entries of dead slots are left out."""
        with self._writing:
            kept = _without_dead(self._entries)
        return {
            "live": kept.live,
            "ends": kept.ends,
            "dimensions": kept.dimensions,
            "weights": kept.weights,
            "places": kept.places,
        }

    @staticmethod
    def renumbered(arrays: Mapping[str, NDArray[Any]], new_slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """The result of `save`, at other slots; -1 for those that have no entries. Entries keep their order."""
        kept = new_slots >= 0
        return {**arrays, "live": arrays["live"][kept], "ends": arrays["ends"][kept]}

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Restores the result of `save`; the arrays may be mapped and read-only.

        Raises:
            KeyError: one is missing.
            ValueError: they are not valid.
        """
        live, ends, places = arrays["live"], arrays["ends"], arrays["places"]
        dimensions, weights = arrays["dimensions"], arrays["weights"]
        _check_saved(live, ends, dimensions, weights, places)
        with self._writing:
            self._buffers = _Buffers(ends, dimensions, weights)
            self._entries = self._buffers.entries(places, dimensions[places], live)

    def _sorted(self, entries: _Entries) -> _Entries:
        """The entries, sorted by dimension again if too few of them are."""
        count = len(entries.owners)
        if count - len(entries.places) <= max(_UNSORTED_MIN, count // _UNSORTED_SHARE):
            return entries
        kept = _without_dead(entries)
        self._buffers = _Buffers(kept.ends, kept.dimensions, kept.weights)
        return self._buffers.entries(kept.places, kept.sorted_dimensions, kept.live)


class _Buffers:
    """Buffers to which entries are appended; readers hold only what precedes."""

    def __init__(
        self,
        ends: Places | None = None,
        dimensions: Dimensions | None = None,
        weights: FloatVector | None = None,
    ) -> None:
        self._ends = GrowableArray(np.empty(0, np.int64) if ends is None else ends)
        self._dimensions = GrowableArray(np.empty(0, np.uint32) if dimensions is None else dimensions)
        self._weights = GrowableArray(np.empty(0, np.float32) if weights is None else weights)
        self._owners = GrowableArray(_owners_of(self._ends.array))

    def append(self, slots: Slots, vectors: Sequence[bytes | None]) -> None:
        counts = np.zeros(int(slots[-1]) + 1 - self._ends.count, dtype=np.int64)
        parts = [(slot, *unpack_vector(vector)) for slot, vector in zip(slots.tolist(), vectors, strict=True) if vector]
        for slot, dimensions, _ in parts:
            counts[slot - self._ends.count] = len(dimensions)
        ends = np.cumsum(counts) + self._dimensions.count
        self._owners.append(
            np.repeat(np.arange(self._ends.count, len(ends) + self._ends.count), counts).astype(np.uint32)
        )
        self._ends.append(ends)
        self._dimensions.append(np.concatenate([np.empty(0, np.uint32), *(part[1] for part in parts)]))
        self._weights.append(np.concatenate([np.empty(0, np.float32), *(part[2] for part in parts)]))

    def entries(self, places: Places, sorted_dimensions: Dimensions, live: BoolArray) -> _Entries:
        arrays = (self._ends.array, self._owners.array, self._dimensions.array, self._weights.array)
        return _Entries(live, *arrays, sorted_dimensions, places)


_NO_PLACES: Final = np.empty(0, dtype=np.int64)


def _check_saved(live: BoolArray, ends: Places, dimensions: Dimensions, weights: FloatVector, places: Places) -> None:
    """Checks all values that are used as indexes, and that the indexes are sorted by dimension."""
    dtypes = [array.dtype.str[1:] for array in (live, ends, dimensions, weights, places)]
    if dtypes != ["b1", "i8", "u4", "f4", "i8"] or len(live) != len(ends):
        raise ValueError("the saved sparse vectors are of other types or slots")
    count = int(ends[-1]) if len(ends) else 0
    if (np.diff(ends, prepend=np.int64(0)) < 0).any() or not len(dimensions) == len(weights) == len(places) == count:
        raise ValueError("the saved sparse vectors have impossible ends")
    if count and (places.min() < 0 or places.max() >= count or (np.bincount(places) != 1).any()):
        raise ValueError("the saved sparse vectors have impossible positions")
    if (np.diff(dimensions[places].astype(np.int64)) < 0).any() or not np.isfinite(weights).all():
        raise ValueError("the saved sparse vectors do not ascend, or have weights that are no numbers")


def _owners_of(ends: Places) -> Slots:
    counts = np.diff(ends, prepend=np.int64(0))
    return np.repeat(np.arange(len(ends)), counts).astype(np.uint32)


def _matching(entries: _Entries, owners: Slots, allowed: Bitmap | None) -> BoolArray:
    met = np.zeros(len(entries.live), dtype=np.bool_)
    met[owners] = True
    met &= entries.live
    if allowed is not None:
        met &= unpack(allowed, len(met))
    return met


def _without_dead(entries: _Entries) -> _Entries:
    """The entries of live slots, all sorted."""
    kept = entries.live[entries.owners]
    owners, dimensions = entries.owners[kept], entries.dimensions[kept]
    ends = np.cumsum(np.bincount(owners, minlength=len(entries.live)))
    places = np.argsort(dimensions, kind="stable")
    return _Entries(entries.live, ends, owners, dimensions, entries.weights[kept], dimensions[places], places)
