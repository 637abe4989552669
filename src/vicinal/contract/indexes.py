"""What is derived from the records of a collection, and the part of it that finds the nearest vectors."""

from __future__ import annotations

from collections.abc import Collection as Collection_
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .words import Bitmap, FloatMatrix, FloatVector, Slots


@dataclass(frozen=True, slots=True)
class Delta:
    """What one or more commits changed, as an index needs it.

    Attributes:
        change: the last commit contained.
        slot_count: slots handed out up to that commit, holes included.
        dead: slots that stopped being rows.
        added: slots that became rows, ascending.
        expires: for each added slot the instant of expiry in microseconds since 1970, or -1.
        has_vector: for each added slot whether its vector counts.
        touched: slots whose metadata or expiry changed in place.
        touched_expires: like `expires`, for `touched`.
        metadata: for each added slot its metadata as the records hold it: typed JSON, None for none.
        touched_metadata: like `metadata`, for `touched`.
    """

    change: int
    slot_count: int
    dead: Slots
    added: Slots
    expires: NDArray[np.int64]
    has_vector: NDArray[np.bool_]
    touched: Slots
    touched_expires: NDArray[np.int64]
    metadata: Sequence[str | None]
    touched_metadata: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How good an answer a search asks for.

    Attributes:
        exact: the true answer, whatever it costs.
        recall: the share of the true answer that is wanted, above 0 and at most 1; None leaves it to the index.
        effort: how far to look instead, in the unit of the index: lists, buckets, or vectors kept in mind on a walk.
        filtered: candidates are what a filter left, who knows where: they may be far from where the query leads.
    """

    exact: bool = False
    recall: float | None = None
    effort: int | None = None
    filtered: bool = False


AS_USUAL: Final = Accuracy()


@dataclass(frozen=True, slots=True)
class Approach:
    """How a searcher goes about a search, for who wants to know.

    Attributes:
        exact: whether the answer is certain to be the true one.
        why: one clause, such as "every candidate is compared".
    """

    exact: bool
    why: str


class VectorSearcher(Protocol):
    """The vectors of one point in time, ready to be searched. It never changes; any number of threads may use it."""

    def search(
        self, queries: FloatMatrix, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL, threads: int = 1
    ) -> list[tuple[Slots, FloatVector]]:
        """For each query min(k, candidates) slots and their scores, best first, equal scores by slot.

        So many always, however inaccurate: an index that finds too few looks on. Scores are those of `Kernels.score`,
        to the bit.

        Args:
            queries: float32, shape (m, dim).
            k: 0 or more.
            candidates: a bit for each slot that may be found; bits at and after the searcher's vectors are ignored.
            threads: at most so many, the calling one included.
        """
        ...

    def approach(self, k: int, candidates: Bitmap, accuracy: Accuracy = AS_USUAL) -> Approach:
        """How `search` would answer this."""
        ...


@dataclass(frozen=True, slots=True)
class SavedIndex:
    """What an index keeps, to be written to a file.

    Attributes:
        change: the commit at which it is right.
        slot_count: slots that it covers, none of them newer than that commit.
        arrays: of one dimension; nobody writes to them any more.
    """

    change: int
    slot_count: int
    arrays: Mapping[str, NDArray[Any]]


class VectorIndex(Protocol):
    """Finds the nearest among vectors by slot; `indexes/vector_index.py` has the names under which users choose one.

    A slot's vector never changes, and each search says which slots are candidates. So an index may lag: slots that it
    does not cover yet are compared one by one. Metric and kernels are given when it is made.

    `apply`, `searcher` and `load` are called under a lock that every search needs, and must return at once. `build` and
    `save` may take long: one thread at a time calls them, without that lock, while rows are written and searched.
    """

    @property
    def name(self) -> str:
        """By which users choose it."""
        ...

    @property
    def change(self) -> int:
        """The last commit that it has applied."""
        ...

    @property
    def covered(self) -> int:
        """Slots below it are built in."""
        ...

    def apply(self, delta: Delta) -> None:
        """Takes note of the next commits: of what died, and how many slots there are."""

    def searcher(self, vectors: FloatMatrix) -> VectorSearcher:
        """Ready for the moment of the last `apply`.

        Args:
            vectors: float32, shape (n, dim), C-contiguous, by slot; they stay as they are. Shorter than the slots where
                the last ones have no vector.
        """
        ...

    def build(self, vectors: FloatMatrix, candidates: Bitmap) -> bool:
        """Takes in some of the slots that it lacks, a fraction of a second's work; False where none is left.

        Args:
            vectors: as for `searcher`.
            candidates: slots that have a vector; what the others hold is undefined.
        """
        ...

    def refine(self, vectors: FloatMatrix, candidates: Bitmap, *, awaited: bool = False) -> bool:
        """Makes searches faster by what may as well come later, a fraction of a second's work; False where all is done.

        Like `build`, which has come to its end before. Nobody waits for it who saves or closes.

        Args:
            awaited: somebody waits for it, who gets all processors; else it gives way to all others of this machine.
        """
        ...

    @property
    def tail_max(self) -> float:
        """So many slots may wait to be covered; beyond that searches get slow, and whoever writes has to wait."""
        ...

    @property
    def unsaved(self) -> int:
        """Slots that `refine` has taken in since this was saved or loaded; 0 until it has come to its end."""
        ...

    def save(self) -> SavedIndex:
        """What it has built."""
        ...

    def load(self, saved: SavedIndex, dim: int) -> None:
        """Goes on from what `save` gave for vectors of `dim` components; the arrays may be mapped and read-only.

        The checksums were right, but the file may be of another version, or made to harm: nothing in it may be used as
        an index or a size unchecked.

        Raises:
            KeyError, ValueError: it is of no use; nothing has changed.
        """

    def differing(self, slots: Slots, vectors: FloatMatrix) -> Slots:
        """Those of the slots of which it holds something else than it would make of their vectors now.

        By this `verify` sees what checksums cannot: a file that was written wrong. What roundings of another machine
        explain is no difference.

        Args:
            slots: ascending, all with a vector; those that it does not cover are ignored.
            vectors: float32, shape (len(slots), dim), C-contiguous.
        """
        ...


class Contents(Protocol):
    """What an index may read of the records, at one point in time or later."""

    def matrix(self, slot_count: int) -> FloatMatrix:
        """Vectors by slot; shorter where the last rows have none."""
        ...

    def texts(self, first: int, end: int) -> list[tuple[int, str | None]]:
        """Rows of the slots from `first` up to and without `end`, and their texts."""
        ...

    def sparse(self, first: int, end: int) -> list[tuple[int, bytes | None]]:
        """The same with their sparse vectors, as `inputs.sparse` packs them."""
        ...


class Index(Protocol):
    """All that is derived from the records of a collection, in parts, each saved in a file of its own.

    Deltas are applied strictly in order. A part may be lost at any time; then it starts from the records again. All of
    this is called under a lock that every search needs, and returns soon; what takes long is done on a snapshot.
    """

    @property
    def parts(self) -> Sequence[str]:
        """Their names, of lower-case letters."""
        ...

    @property
    def eager(self) -> Collection_[str]:
        """Parts that must be given every row before they are asked. The others take in what they lack by themselves."""
        ...

    @property
    def lagging(self) -> Collection_[str]:
        """Parts that take in rows when somebody asks them, or when there is nothing else to do."""
        ...

    @property
    def change(self) -> int:
        """The last commit that it has applied."""
        ...

    def apply(self, delta: Delta, parts: Collection_[str] | None = None) -> None:
        """Takes in the next delta; only in some parts, where these have been loaded as of an earlier commit."""

    def live_count(self, now: int | None = None) -> int:
        """Slots that are rows: expired ones included, or without those that have expired by `now`."""
        ...

    def pending(self) -> int:
        """Slots that searches look at one by one until they are built in."""
        ...

    def is_behind(self) -> bool:
        """Whether so much is pending that whoever writes has to wait."""
        ...

    def unsaved(self, part: str) -> int:
        """Slots that a part was refined by since it was saved or loaded, beside what commits brought."""
        ...

    def is_ready(self, part: str) -> bool:
        """Whether little has to be built before a part can be saved. Nobody who waits is made to wait for more."""
        ...

    def taken_along(self) -> Mapping[str, SavedIndex]:
        """What the lagging parts hold that somebody has asked, for `load_moved`; at no commit in particular."""
        ...

    def load_moved(self, part: str, saved: SavedIndex, new_slots: NDArray[np.int64]) -> None:
        """Takes over what `taken_along` gave of the same rows at other slots, which spares building it.

        Args:
            new_slots: by old slot, in the same order; -1 for rows that are gone.

        Raises:
            Exception: it cannot use them; the part is as it was.
        """

    def snapshot(self, saving: Collection_[str] = ()) -> IndexSnapshot:
        """As it stands, for building, and for saving these parts."""
        ...

    def load(self, part: str, saved: SavedIndex) -> None:
        """Takes over what `IndexSnapshot.save` gave. The arrays are read-only and may be mapped.

        They come from a file that anybody may have written: every length and every value that is used as a place is
        looked at first.

        Raises:
            Exception: it cannot use them; the part is as it was.
        """

    @property
    def comparable(self) -> Collection_[str]:
        """Parts that `differing` compares with vectors."""
        ...

    def differing(self, part: str, slots: Slots, vectors: FloatMatrix) -> Slots:
        """See `VectorIndex.differing`."""
        ...


class IndexSnapshot(Protocol):
    """An index at one commit. One thread at a time works on it, without a lock, while others write and search."""

    def build(self, rows: Contents, *, urgent: bool = False) -> bool:
        """Builds some of what is missing, a fraction of a second's work; False where nothing is left.

        Args:
            urgent: only what makes searches quick that have nothing to wait for.
        """
        ...

    def refine(self, rows: Contents, *, awaited: bool = False) -> bool:
        """See `VectorIndex.refine`."""
        ...

    def save(self, part: str, rows: Contents) -> SavedIndex:
        """The state of a part at this commit or a later one.

        Raises:
            ChangedMeanwhile: it has moved on: take a new snapshot.
        """
        ...
