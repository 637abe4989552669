"""Exact search over all vectors: a quick float32 scan, then the true scores of what the error bound lets through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..contract import Delta, FloatMatrix, FloatVector, Kernels, Metric, Slots

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

_Item = TypeVar("_Item", bound=np.generic)

_NEVER = np.iinfo(np.int64).max
_EPSILON = 2.0**-23
_TINY = 2.0**-126  # below it a product may vanish
_SCORE_MAX = float(np.finfo(np.float32).max)  # beyond it scores are infinite
_SCORE_STEP = 2.0**-149  # between the smallest scores
_SLACK_TERMS = 8  # roundings besides the sum's: the query, the row's norm, the score itself
_SLOTS_MIN = 64


class Norms:
    """Squared norms by slot, computed when first needed; a slot's vector never changes."""

    def __init__(self, kernels: Kernels, squared: FloatArray | None = None) -> None:
        self.kernels = kernels
        self._squared: FloatArray = np.empty(0, dtype=np.float64) if squared is None else squared

    def squared(self, vectors: FloatMatrix) -> FloatArray:
        """float64, shape (len(vectors),). Threads may compute the same norms twice; the results are equal."""
        known = self._squared
        if len(known) < len(vectors):
            known = np.concatenate([known, self.kernels.squared_norms(vectors[len(known) :])])
            self._squared = known
        return known[: len(vectors)]


@dataclass(frozen=True, slots=True)
class FlatView:
    """The index at one moment. Arrays are shared and never written again.

    Attributes:
        change: the commit it stands at.
        live: bool, shape (slots,): rows that exist.
        searchable: bool, shape (slots,): those that have a vector.
        expires: int64 microseconds since 1970, shape (slots,), or None where no row ever expires.
        norms: of the vectors by slot.
    """

    change: int
    live: BoolArray
    searchable: BoolArray
    expires: NDArray[np.int64] | None
    norms: Norms

    def visible(self, now: int) -> BoolArray:
        """Rows that exist and have not expired."""
        return self.live if self.expires is None else self.live & (self.expires > now)

    def candidates(self, now: int) -> BoolArray:
        """Rows that a dense search may return."""
        return self.searchable if self.expires is None else self.searchable & (self.expires > now)


class FlatIndex:
    """Live bits, vector bits and expiry by slot, fed by deltas. The store's lock guards it."""

    def __init__(self, kernels: Kernels) -> None:
        self.kernels = kernels
        self.change = 0
        self._norms = Norms(kernels)
        self._slot_count = 0
        self._live = np.zeros(_SLOTS_MIN, dtype=np.bool_)
        self._searchable = np.zeros(_SLOTS_MIN, dtype=np.bool_)
        self._expires: NDArray[np.int64] | None = None
        self._shared = False  # a view holds the arrays: copy before the next write

    def apply(self, delta: Delta) -> None:
        """Takes in the next delta."""
        self._reserve(delta.slot_count)
        self._live[delta.dead] = False
        self._searchable[delta.dead] = False
        self._live[delta.added] = True
        self._searchable[delta.added] = delta.has_vector
        self._set_expiry(delta.added, delta.expires)
        self._set_expiry(delta.touched, delta.touched_expires)
        self._slot_count = delta.slot_count
        self.change = delta.change

    def live_count(self) -> int:
        return int(np.count_nonzero(self._live[: self._slot_count]))

    def save(self, vectors: FloatMatrix) -> dict[str, NDArray[Any]]:
        """See `Index.save`."""
        self._shared = True  # the arrays are written to a file after the lock is gone
        count = self._slot_count
        arrays: dict[str, NDArray[Any]] = {
            "live": self._live[:count],
            "searchable": self._searchable[:count],
            "norms": self._norms.squared(vectors),
        }
        if self._expires is not None:
            arrays["expires"] = self._expires[:count]
        return arrays

    def load(self, change: int, slot_count: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """See `Index.load`."""
        self._live, self._searchable = arrays["live"], arrays["searchable"]
        self._expires = arrays.get("expires")
        self._norms = Norms(self._norms.kernels, arrays["norms"])
        self._slot_count, self.change = slot_count, change
        self._shared = True  # mapped: copied before the first write

    def view(self) -> FlatView:
        self._shared = True
        count = self._slot_count
        expires = None if self._expires is None else self._expires[:count]
        return FlatView(self.change, self._live[:count], self._searchable[:count], expires, self._norms)

    def _reserve(self, slot_count: int) -> None:
        """Room for `slot_count` slots in arrays that no view holds."""
        room = len(self._live)
        if slot_count <= room and not self._shared:
            return
        room = max(2 * room, slot_count) if slot_count > room else room
        self._live = _resized(self._live, room, False)
        self._searchable = _resized(self._searchable, room, False)
        if self._expires is not None:
            self._expires = _resized(self._expires, room, _NEVER)
        self._shared = False

    def _set_expiry(self, slots: Slots, expires: NDArray[np.int64]) -> None:
        if self._expires is None:
            if not (expires >= 0).any():
                return
            self._expires = np.full(len(self._live), _NEVER, dtype=np.int64)
        self._expires[slots] = np.where(expires >= 0, expires, _NEVER)


def search_flat(
    metric: Metric,
    vectors: FloatMatrix,
    norms: Norms,
    query: FloatVector,
    allowed: BoolArray,
    k: int,
) -> tuple[Slots, FloatVector]:
    """The best min(k, allowed) slots and their scores, best first, ties by slot.

    Args:
        vectors: shape (n, dim); slots past n have no vector.
        norms: of these vectors; its kernels do the work.
        query: shape (dim,).
        allowed: bool, shape (>= n,).
    """
    allowed = allowed[: len(vectors)]
    count = int(np.count_nonzero(allowed))
    if count == 0 or k <= 0:
        return np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.float32)
    if k < count:
        value, bound = _bounded(metric, vectors, norms, query)
        allowed = _survivors(value, bound, allowed, k)
    slots = np.flatnonzero(allowed).astype(np.uint32)
    scores = norms.kernels.score(metric, vectors, slots, query)
    best = np.lexsort((slots, -scores))[:k]
    return slots[best], scores[best]


def _bounded(metric: Metric, vectors: FloatMatrix, norms: Norms, query: FloatVector) -> tuple[FloatArray, FloatArray]:
    """Per row a value that orders like the score, and how far it may be off.

    The bound is the standard one for sums (Higham, Accuracy and Stability of Numerical Algorithms, 2002,
    section 3.1), with `dim` terms though the kernels sum in lanes, so it is generous.
    """
    dim = vectors.shape[1]
    relative = (dim + _SLACK_TERMS) * _EPSILON
    raw = np.empty(len(vectors), dtype=np.float32)
    if metric in ("l2", "l1"):
        norms.kernels.scan(metric, vectors, query, raw)
        far = raw.astype(np.float64)
        return -far, relative * far + dim * _TINY
    length = float(np.sqrt(np.dot(query.astype(np.float64), query.astype(np.float64))))
    unit = (query.astype(np.float64) / length).astype(np.float32) if length > 0 else query
    norms.kernels.scan(metric, vectors, unit, raw)
    value = raw.astype(np.float64)
    row_length = np.sqrt(norms.squared(vectors))
    bound = relative * row_length + dim * _TINY
    if metric == "ip":
        if length > 0:  # rows whose scores are infinite tie, and so do those that round to one tiny score
            most = _SCORE_MAX / length
            np.clip(value, -most, most, out=value, where=np.isfinite(value))
            bound += _SCORE_STEP / length
        return value, bound
    with np.errstate(divide="ignore", invalid="ignore"):  # a zero row scores 0: not a number here, always kept
        return value / row_length, bound / row_length


def _survivors(value: FloatArray, bound: FloatArray, allowed: BoolArray, k: int) -> BoolArray:
    """Rows whose true score may reach the k-th best. A value that overflowed says nothing: its row stays."""
    with np.errstate(invalid="ignore"):
        known = np.isfinite(value) & np.isfinite(bound) & allowed
        low = np.where(known, value - bound, -np.inf)
        kth = np.partition(low, len(low) - k)[len(low) - k]
        survives: BoolArray = allowed & (~known | (value + bound >= kth))
    return survives


def _resized(array: NDArray[_Item], room: int, fill: object) -> NDArray[_Item]:
    """A copy with room for `room` slots."""
    grown = np.full(room, fill, dtype=array.dtype)
    grown[: len(array)] = array
    return grown
