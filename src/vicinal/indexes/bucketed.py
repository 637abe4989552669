"""The common part of indexes that search the buckets nearest to a query: `ivf` and `lsh`.

A partition determines the buckets of a vector, and which buckets to search for a query, the most promising first. The
candidates in these are compared as `flat` compares all of them, so scores and their order are exact; only neighbours in
buckets that were not searched may be missed. Their share is measured on stored vectors when the partition is trained.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ..contract import (
    AS_USUAL,
    Accuracy,
    Approach,
    Bitmap,
    Delta,
    FloatMatrix,
    FloatVector,
    Kernels,
    Metric,
    SavedIndex,
    Slots,
    VectorIndex,
    VectorSearcher,
)
from ..filters.bitmap import BoolArray, pack, popcount, unpack
from .buckets import NO_BUCKET, Buckets, Keys
from .flat import flat_index, merged
from .listed import ListCodes

__all__ = ["BucketedIndex", "Partition", "State", "Training"]

RECALL: Final = 0.95  # the default share of the ten nearest that a search finds
_TRAIN_FROM: Final = 2_000  # with fewer vectors, all are compared
_TRAIN_FROM_MAX: Final = 1 << 32
_TRAINED_AGAIN: Final = 4  # times as many
_EXACT_BELOW: Final = 2_000  # comparing this few candidates is faster than looking up buckets
_ASSIGNED_AT_ONCE: Final = 16_384
_MEASURED: Final = 64  # vectors
_NEIGHBOURS: Final = 10
_SEED: Final = 20_011
_THINNED: Final = 2
_WORD_BITS: Final = 64
_PROBES_MAX: Final = 1 << 20


class Partition(Protocol):
    """Fixed once it is trained."""

    @property
    def tables(self) -> int:
        """The number of buckets of each vector."""
        ...

    @property
    def key_limit(self) -> int:
        """Greater than every key."""
        ...

    def keys(self, vectors: FloatMatrix) -> Keys:
        """The bucket of each vector in each table, shape (n, tables)."""
        ...

    def probes(self, query: FloatVector) -> tuple[NDArray[np.intp], Keys]:
        """Tables and keys of buckets, the most promising first; not necessarily all buckets."""
        ...

    def misplaced(self, vectors: FloatMatrix, keys: Keys) -> BoolArray:
        """Which vectors are in a wrong bucket, beyond rounding differences; `keys` shaped as `keys()` returns them."""
        ...

    def save(self) -> dict[str, NDArray[np.float32]]:
        """Its state as one-dimensional arrays."""
        ...


class Training(Protocol):
    """A partition that is being trained."""

    def step(self) -> Partition | None:
        """Does a fraction of a second of work; returns the partition once it is done."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """Everything that searches read; replaced, never changed.

    Attributes:
        partition: assigns vectors to buckets.
        buckets: of the slots that were assigned.
        trained_from: the number of vectors when it was trained.
        recall: the share of neighbours found by searching the first 1, 2, 4, 8, ... buckets; empty until measured.
    """

    partition: Partition
    buckets: Buckets
    trained_from: int
    recall: FloatVector

    def probes_for(self, recall: float) -> int:
        """The number of buckets to search for this recall; slightly more, since it was measured on a sample."""
        enough = np.flatnonzero(self.recall >= min(recall + 0.01, 1.0))
        return 1 << int(enough[0]) if len(enough) else 1 << max(len(self.recall), 1)


class BucketedIndex(ABC):
    """See `contract.VectorIndex`. A subclass trains partitions and restores saved ones."""

    name = ""

    def __init__(
        self,
        kernels: Kernels,
        metric: Metric,
        probes: int | None,
        train_from: int | None = None,
        *,
        exact_below: int = _EXACT_BELOW,
    ) -> None:
        if train_from is not None and (type(train_from) is not int or not 1 <= train_from <= _TRAIN_FROM_MAX):
            raise ValueError(f"train_from must be a whole number from 1 to {_TRAIN_FROM_MAX}, not {train_from!r}")
        self._flat: VectorIndex = flat_index(kernels, metric)
        self._metric: Metric = metric
        self._probes = probes
        self._train_from = _TRAIN_FROM if train_from is None else train_from
        self._exact_below = exact_below
        self._state: State | None = None
        self._training: Training | None = None
        self._training_from = 0
        self._due_from = self._train_from  # slots: with fewer, there are too few vectors to train on
        self._assigned: list[Keys] = []  # of the slots after those in the buckets

    # For subclasses

    @abstractmethod
    def _train(self, vectors: FloatMatrix, count: int) -> Training:
        """Begins to train a partition.

        Args:
            vectors: a sample, or all vectors, at least one.
            count: the number of all vectors.
        """

    @abstractmethod
    def _restore(self, arrays: dict[str, NDArray[np.float32]], dim: int) -> Partition:
        """The inverse of `Partition.save`; ValueError or KeyError if the arrays are not valid."""

    @abstractmethod
    def _sample_size(self, count: int) -> int:
        """How many vectors to train on, for this number of vectors."""

    def _listed(self, state: State, vectors: FloatMatrix) -> ListCodes | None:
        """Codes in the order of buckets, for kinds that keep them; the last slots may be missing."""
        return None

    def bucket_sizes(self) -> list[tuple[int, int, int]]:
        """Table, key and number of slots of each bucket that is not empty; none before training.

        Slots of deleted rows count until the collection is compacted.
        """
        state = self._state
        return [] if state is None else state.buckets.sizes()

    # The contract

    @property
    def change(self) -> int:
        """See `VectorIndex.change`."""
        return self._flat.change

    @property
    def covered(self) -> int:
        """See `VectorIndex.covered`. If a partition is due, codes alone do not count as covering."""
        state, coded = self._state, self._flat.covered
        if state is not None and len(state.recall):  # including the measurement: until then, searches do not use it
            return min(coded, len(state.buckets))
        return coded if state is None and coded < self._due_from else 0

    def apply(self, delta: Delta) -> None:
        """See `VectorIndex.apply`."""
        self._flat.apply(delta)

    def searcher(self, vectors: FloatMatrix) -> VectorSearcher:
        """See `VectorIndex.searcher`."""
        flat = self._flat.searcher(vectors)
        state = self._state
        if state is None or not len(state.recall):
            return flat
        return _BucketedSearcher(flat, vectors, state, self._listed, self._probes, self._exact_below)

    def build(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        """See `VectorIndex.build`: codes, then the partition, then each vector's buckets, then the recall."""
        if self._flat.build(vectors, candidates):
            return True
        if self._training is not None:
            self._continue_training(vectors)
            return True
        state = self._state
        if state is None or len(vectors) >= _TRAINED_AGAIN * state.trained_from:
            return self._begin_training(vectors, candidates)
        if len(state.buckets) < len(vectors):
            self._assign(state, vectors, candidates)
            return True
        if not len(state.recall):
            measured = self._measure(state, vectors, candidates)
            self._state = State(state.partition, state.buckets, state.trained_from, measured)
        return False

    def refine(self, vectors: FloatMatrix, candidates: Bitmap, *, awaited: bool = False) -> bool:
        """See `VectorIndex.refine`: nothing to do."""
        return False

    @property
    def tail_max(self) -> float:
        """See `VectorIndex.tail_max`."""
        return math.inf

    @property
    def unsaved(self) -> int:
        """See `VectorIndex.unsaved`."""
        return 0

    def save(self) -> SavedIndex:
        """See `VectorIndex.save`."""
        saved, state = self._flat.save(), self._state
        if state is None or not len(state.recall):
            return saved
        arrays = {
            **saved.arrays,
            f"{self.name}.keys": state.buckets.keys[: saved.slot_count].ravel(),
            f"{self.name}.trained_from": np.array([state.trained_from], np.uint64),
            f"{self.name}.recall": state.recall,
            **{f"{self.name}.{name}": array for name, array in state.partition.save().items()},
        }
        return SavedIndex(saved.change, saved.slot_count, arrays)

    def load(self, saved: SavedIndex, dim: int) -> None:
        """See `VectorIndex.load`."""
        state = self._loaded(saved, dim)
        self._flat.load(saved, dim)
        self._state, self._training, self._assigned = state, None, []

    def differing(self, slots: Slots, vectors: FloatMatrix) -> Slots:
        """See `VectorIndex.differing`: compares codes and buckets."""
        found, state = self._flat.differing(slots, vectors), self._state
        if state is None:
            return found
        covered = slots[slots < len(state.buckets)]
        keys = state.buckets.keys[covered]
        is_missing = (keys == NO_BUCKET).any(axis=1)
        misplaced = is_missing.copy()
        misplaced[~is_missing] = state.partition.misplaced(vectors[: len(covered)][~is_missing], keys[~is_missing])
        return np.union1d(found, covered[misplaced])

    def _loaded(self, saved: SavedIndex, dim: int) -> State | None:
        prefix = f"{self.name}."
        arrays = {name.removeprefix(prefix): array for name, array in saved.arrays.items() if name.startswith(prefix)}
        if not arrays:
            return None
        partition = self._restore(arrays, dim)
        keys, trained_from, recall = arrays["keys"], arrays["trained_from"], arrays["recall"]
        if keys.dtype != np.uint32 or len(keys) % partition.tables or len(keys) > saved.slot_count * partition.tables:
            raise ValueError("keys of another shape")
        if not ((keys < partition.key_limit) | (keys == NO_BUCKET)).all():
            raise ValueError("keys of buckets that are not there")
        if trained_from.dtype != np.uint64 or len(trained_from) != 1 or not 0 < int(trained_from[0]) <= 1 << 32:
            raise ValueError("no number of vectors")
        if recall.dtype != np.float32 or not 0 < len(recall) <= 64 or not ((recall >= 0) & (recall <= 1)).all():
            raise ValueError("recall must be shares")
        return State(partition, Buckets(keys.reshape(-1, partition.tables)), int(trained_from[0]), recall)

    # Building

    def _begin_training(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        known = np.flatnonzero(unpack(candidates, len(vectors)))
        if len(known) < self._train_from:
            self._due_from = len(vectors) + self._train_from - len(known)
            return False
        sample = _drawn(known, self._sample_size(len(known)))
        self._training, self._training_from = self._train(vectors[sample], len(known)), len(vectors)
        return True

    def _continue_training(self, vectors: FloatMatrix) -> None:
        assert self._training is not None  # checked by the caller
        partition = self._training.step()
        if partition is None:
            return
        self._training, self._assigned = None, []
        keys = np.empty((0, partition.tables), np.uint32)
        # Until all slots are assigned and recall is measured, searches compare every candidate.
        self._state = State(partition, Buckets(keys), self._training_from, np.empty(0, np.float32))

    def _assign(self, state: State, vectors: FloatMatrix, candidates: Bitmap) -> None:
        """Assigns the next slots. Posting lists are built once all are assigned, since that sorts every slot."""
        start = len(state.buckets) + sum(map(len, self._assigned))
        end = min(len(vectors), start + _ASSIGNED_AT_ONCE)
        if start < end:
            has_vector = unpack(candidates, len(vectors))[start:end]
            keys = np.full((end - start, state.partition.tables), NO_BUCKET)
            keys[has_vector] = state.partition.keys(vectors[start:end][has_vector])
            self._assigned.append(keys)
        if end >= len(vectors):
            buckets = Buckets(np.concatenate([state.buckets.keys, *self._assigned]))
            self._state, self._assigned = State(state.partition, buckets, state.trained_from, state.recall), []

    def _measure(self, state: State, vectors: FloatMatrix, candidates: Bitmap) -> FloatVector:
        """Searches for the neighbours of stored vectors: which bucket has to be searched to find each of them?"""
        known = np.flatnonzero(unpack(candidates, len(vectors)))
        chosen = _drawn(known, _MEASURED)
        answers = self._flat.searcher(vectors).search(vectors[chosen], _NEIGHBOURS + 1, candidates)
        ranks = [
            _first_probe(state, query, slots[slots != own])
            for own, query, (slots, _) in zip(chosen.tolist(), vectors[chosen], answers)
        ]
        found = np.concatenate(ranks)
        if not len(found):  # a single vector has no neighbours to miss
            return np.ones(1, np.float32)
        last = int(found[found < _NEVER].max(initial=0))
        steps = (1 << np.arange(last.bit_length() + 1)).tolist()
        return np.array([np.mean(found < step) for step in steps], np.float32)


def _drawn(slots: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """A random sample of `count` slots, ascending; the same in every call."""
    if len(slots) <= count:
        return slots
    return np.sort(np.random.default_rng(_SEED).choice(slots, count, replace=False))


_NEVER: Final = np.iinfo(np.int32).max // 2


def _first_probe(state: State, query: FloatVector, neighbours: Slots) -> NDArray[np.int64]:
    """For each neighbour, how many buckets precede its own; a very large number if it is in none of them."""
    tables, keys = state.partition.probes(query)
    theirs = state.buckets.keys[neighbours]  # (neighbours, tables)
    hit = theirs[:, tables] == keys  # (neighbours, probes)
    return np.where(hit.any(axis=1), hit.argmax(axis=1), _NEVER)


class _BucketedSearcher:
    """See `contract.VectorSearcher`."""

    __slots__ = ("_exact_below", "_flat", "_listed", "_probes", "_state", "_vectors")

    def __init__(
        self,
        flat: VectorSearcher,
        vectors: FloatMatrix,
        state: State,
        listed: Callable[[State, FloatMatrix], ListCodes | None],
        probes: int | None,
        exact_below: int,
    ) -> None:
        self._flat = flat
        self._vectors = vectors
        self._state = state
        self._listed = listed
        self._probes = probes
        self._exact_below = exact_below

    def search(
        self, queries: FloatMatrix, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """See `VectorSearcher.search`."""
        count = popcount(candidates)
        if self._reason_for_all(k, count, accuracy):
            return self._flat.search(queries, k, candidates, threads=threads)
        listed = self._listed(self._state, self._vectors)
        if listed is not None and listed.count <= len(self._vectors):
            return [self._search_lists(listed, query, k, candidates, count, accuracy) for query in queries]
        return [
            self._flat.search(query[np.newaxis], k, self._narrowed(query, k, candidates, count, accuracy))[0]
            for query in queries
        ]

    def approach(self, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL) -> Approach:
        """See `VectorSearcher.approach`."""
        reason = self._reason_for_all(k, popcount(candidates), accuracy)
        if reason:
            return Approach(True, reason)
        probes = self._wanted_probes(accuracy)
        return Approach(False, f"the candidates in the {probes} most promising buckets are compared")

    def _reason_for_all(self, k: int, count: int, accuracy: Accuracy) -> str:
        if accuracy.exact or (accuracy.recall or 0) >= 1:
            return "every candidate is compared, as requested"
        if count <= max(self._exact_below, k):
            return "every candidate is compared: there are few"
        return ""

    def _wanted_probes(self, accuracy: Accuracy) -> int:
        if accuracy.effort is not None:
            return min(accuracy.effort, _PROBES_MAX)
        if accuracy.recall is not None:
            return self._state.probes_for(accuracy.recall)
        return self._probes if self._probes is not None else self._state.probes_for(RECALL)

    def _search_lists(
        self, listed: ListCodes, query: FloatVector, k: int, candidates: Bitmap, count: int, accuracy: Accuracy
    ) -> tuple[Slots, FloatVector]:
        """The same if codes are in the order of lists; slots not in a list yet are compared in addition."""
        probes = min(self._wanted_probes(accuracy), listed.lists)
        wanted = max(k, listed.count * probes // (_THINNED * listed.lists))
        slots, scores = listed.search(self._vectors, query, k, candidates, probes, wanted)
        if listed.count < len(self._vectors):
            newer = candidates & pack(np.arange(len(candidates) * _WORD_BITS) >= listed.count)
            slots, scores = merged([(slots, scores), self._flat.search(query[np.newaxis], k, newer)[0]], k)
        if len(slots) < min(k, count):
            return self._flat.search(query[np.newaxis], k, candidates)[0]
        return slots, scores

    def _narrowed(self, query: FloatVector, k: int, candidates: Bitmap, count: int, accuracy: Accuracy) -> Bitmap:
        """Candidates in the first buckets, and all that are in no bucket yet.

        If a filter or deletions remove more than half of the rows in the buckets, more buckets are searched, until as
        many candidates are found: the nearest of them are further away.
        """
        buckets, size = self._state.buckets, len(self._vectors)
        tables, keys = self._state.partition.probes(query)
        probes = min(self._wanted_probes(accuracy), len(keys))
        flags = np.zeros(size, np.bool_)
        flags[len(buckets) :] = True
        looked, goal = 0, k
        while True:
            slots = buckets.slots(tables[looked:probes], keys[looked:probes])
            flags[slots[slots < size] if len(buckets) > size else slots] = True
            narrowed: Bitmap = pack(flags)
            if looked == 0:
                goal = max(k, popcount(narrowed) // _THINNED)
            narrowed &= candidates[: len(narrowed)]
            if popcount(narrowed) >= goal:
                return narrowed
            if probes == len(keys):
                return narrowed if popcount(narrowed) >= min(k, count) else candidates
            looked, probes = probes, min(2 * probes, len(keys))
