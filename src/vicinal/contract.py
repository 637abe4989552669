"""What can be swapped, and what each swappable part owes the rest.

Encoder, TokenCounter, EmbeddingStore: texts to vectors, how long a text is to a model, where results may be kept.
LLM, Embedder: models of a user, asked about one text at a time.
Index: what is derived from the records. VectorIndex, VectorSearcher: the part of it that finds the nearest vectors.
Kernels: distances, native or NumPy. Checksums: likewise.
Collection: the noun that users hold, the same embedded and remote.
"""

from __future__ import annotations

from collections.abc import Collection as Collection_
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, overload, runtime_checkable

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .arguments import (
        AnyId,
        FusionMethod,
        Ids,
        Metadatas,
        OneTtl,
        Query,
        Rows,
        Sparse,
        Sparses,
        SupportsArray,
        Texts,
        Ttl,
        Vector,
        Vectors,
    )
    from .types import Hits, Id, Record, Stats

Metric = Literal["cosine", "ip", "l2", "l1"]
Durability = Literal["full", "process"]
Mode = Literal["dense", "keyword", "hybrid"]
Part = Literal["text", "metadata"]  # of a row, that a hit may have beside id and score
Syntax = Literal["plain", "operators"]  # what a text may say in keyword and hybrid search

METRICS: tuple[Metric, ...] = ("cosine", "ip", "l2", "l1")

FloatMatrix = NDArray[np.float32]
FloatVector = NDArray[np.float32]
Slots = NDArray[np.uint32]
Bitmap = NDArray[np.uint64]


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into vectors of one space.

    Two encoders with equal `fingerprint` must give vectors that may be compared. No encoder
    returns a zero vector, whatever the text.
    """

    @property
    def name(self) -> str:
        """The name under which the registry finds it, such as "minilm"."""
        ...

    @property
    def version(self) -> str:
        """Version of the model, not of this package."""
        ...

    @property
    def dim(self) -> int:
        """Components per vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identity of weights and options, cheap to compute (no weights are read for it)."""
        ...

    def encode(self, texts: Sequence[str]) -> FloatMatrix:
        """Vectors of `texts`, float32, shape (len(texts), dim), C-contiguous."""
        ...

    @property
    def query_differs(self) -> bool:
        """Whether `encode_query` gives other vectors than `encode`."""
        ...

    def encode_query(self, texts: Sequence[str]) -> FloatMatrix:
        """Vectors of the same shape, for queries: they are near those of texts that answer them."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """An encoder that says how long texts are to it. `Encoder`s may be this too.

    Words, punctuation marks and ideographs must not count more together than each alone.
    """

    @property
    def max_tokens(self) -> int:
        """Tokens of a text that are read; what comes behind them has no effect on the vector."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, those left out that the model itself puts around every text."""
        ...


@runtime_checkable
class LLM(Protocol):
    """A language model: any object with this method."""

    def generate(self, prompt: str) -> str:
        """What the model answers. An error that it raises goes through unchanged."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """A model that makes a vector of one text: any object with this method."""

    def embed(self, text: str) -> Sequence[float] | FloatVector:
        """Numbers; texts that mean the same get vectors of a high cosine."""
        ...


class EmbeddingStore(Protocol):
    """Where an encoder's results may be kept; keys are hashes, values float32 vectors of one dim."""

    def get_many(self, keys: Sequence[bytes]) -> list[FloatVector | None]: ...

    def put_many(self, keys: Sequence[bytes], vectors: FloatMatrix) -> None: ...

    def clear(self) -> None: ...


class Kernels(Protocol):
    """Distances over a matrix of stored vectors. Native code and its NumPy referee both fit here.

    `vectors` is float32, C-contiguous, shape (n, dim); `query` float32, shape (dim,).
    """

    name: str

    def scan(self, metric: Metric, vectors: FloatMatrix, query: FloatVector, out: FloatVector) -> None:
        """Fast approximate raw values of all rows into `out`, float32, shape (n,).

        cosine and ip: the dot product; l2: the *squared* distance; l1: the distance. Summed in float32
        in any order, so each value is within `(dim + 2) * 2**-23` of the true one, relative to the
        sum of the magnitudes of its terms.
        """

    def score(self, metric: Metric, vectors: FloatMatrix, slots: Slots, query: FloatVector) -> FloatVector:
        """Scores of the rows `slots`, float32, shape (len(slots),), higher is better.

        The one function behind every score that a user sees: float32 components, summed in
        float64 in eight interleaved lanes, rounded once to float32. Bit-equal on every
        implementation. cosine in [-1, 1] (0 where a vector is zero); ip: dot; l2: minus the rooted
        distance; l1: minus the distance.
        """
        ...

    def squared_norms(self, vectors: FloatMatrix) -> NDArray[np.float64]:
        """Sum of squares of each row in the lanes of `score`, float64, shape (n,)."""
        ...


class Checksums(Protocol):
    """CRC-32 over much at once. The native core and plain Python both fit here.

    Rows are tuples of the columns of the table `rows`: slot, id, change, crc, expires_at, space, sparse,
    metadata, text. A row with a space has the vector `vectors[slot - first]`; past the end it has none.
    """

    def crc32(self, data: NDArray[np.uint8], start: int = 0) -> int:
        """Of bytes, shape (n,), C-contiguous, that follow others whose checksum is `start`."""
        ...

    def sealed_rows(
        self, rows: list[tuple[Any, ...]], vectors: FloatMatrix | None, first: int
    ) -> list[tuple[Any, ...]]:
        """The rows with their checksum in place of what stood there. Raises TypeError for a column without one."""
        ...

    def first_broken(self, rows: list[tuple[Any, ...]], vectors: FloatMatrix | None) -> int:
        """Place of the first row that is not what was written, -1 for none; `vectors` from slot 0."""
        ...


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
    """

    exact: bool = False
    recall: float | None = None


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
    """The vectors of one moment, ready to be searched. It never changes; any number of threads may use it."""

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
            slots: ascending, all with a vector; those that it does not cover are passed over.
            vectors: float32, shape (len(slots), dim), C-contiguous.
        """
        ...


class Contents(Protocol):
    """What an index may read of the records, at one moment or later."""

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

    def save(self, part: str, rows: Contents) -> SavedIndex:
        """The state of a part at this commit or a later one.

        Raises:
            ChangedMeanwhile: it has moved on: take a new snapshot.
        """
        ...


class Collection(Protocol):
    """Rows of id, text, vector and metadata, searchable as soon as a write returns.

    The same contract embedded and over HTTP. Names are binding.
    """

    @property
    def name(self) -> str: ...

    @overload
    def add(
        self,
        ids: Ids | None = None,
        *,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        progress: bool = False,
    ) -> list[Id]: ...
    @overload
    def add(self, *, rows: Rows, ttl: OneTtl | None = None, progress: bool = False) -> list[Id]: ...
    def add(
        self,
        ids: Any = None,
        *,
        texts: Any = None,
        vectors: Any = None,
        metadata: Any = None,
        sparse: Any = None,
        ttl: Any = None,
        rows: Any = None,
        progress: bool = False,
    ) -> list[Id]:
        """Stores new rows; an id that exists is an error that changes nothing."""
        ...

    @overload
    def upsert(
        self,
        ids: Ids | None = None,
        *,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        progress: bool = False,
    ) -> list[Id]: ...
    @overload
    def upsert(self, *, rows: Rows, ttl: OneTtl | None = None, progress: bool = False) -> list[Id]: ...
    def upsert(
        self,
        ids: Any = None,
        *,
        texts: Any = None,
        vectors: Any = None,
        metadata: Any = None,
        sparse: Any = None,
        ttl: Any = None,
        rows: Any = None,
        progress: bool = False,
    ) -> list[Id]:
        """Stores rows, replacing whole rows of the same id; the last of equal ids wins."""
        ...

    def update(
        self,
        ids: Ids | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        texts: Texts | None = None,
        vectors: Vectors | None = None,
        metadata: Metadatas | None = None,
        sparse: Sparses | None = None,
        ttl: Ttl | None = None,
        rows: Rows | None = None,
        merge: bool = True,
        remove: Sequence[str] = (),
    ) -> int:
        """Changes existing rows, merging top-level metadata keys unless told not to; an unknown id changes nothing."""
        ...

    def delete(self, ids: Ids | None = None, *, where: Mapping[str, Any] | None = None) -> int:
        """Deletes rows and returns how many; unknown ids are passed over."""
        ...

    def get(
        self,
        ids: Ids | None = None,
        *,
        where: Mapping[str, Any] | None = None,
        limit: int | None = None,
        offset: int = 0,
        vectors: bool = False,
    ) -> list[Record]:
        """Rows in the order asked, or in insertion order."""
        ...

    def ids(self, where: Mapping[str, Any] | None = None) -> list[Id]:
        """Ids of rows in insertion order; the rows themselves are not read."""
        ...

    def search(
        self,
        query: Query | None = None,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        *,
        id: AnyId | None = None,
        vector: Vector | None = None,
        sparse: Sparse | None = None,
        mode: Mode = "dense",
        alpha: float | None = None,
        fusion: FusionMethod | None = None,
        weights: Mapping[str, float] | None = None,
        scorer: Any = None,
        syntax: Syntax | None = None,
        exact: bool = False,
        recall: float | None = None,
        offset: int = 0,
        min_score: float | None = None,
        select: Sequence[Part] | None = None,
    ) -> Hits:
        """Exactly min(k, matches) hits, best first, ties by insertion order."""
        ...

    def search_many(
        self,
        queries: Sequence[Query] | Iterator[Query] | SupportsArray,
        k: int = 10,
        where: Mapping[str, Any] | None = None,
        *,
        vectors: Vectors | None = None,
        sparse: Iterable[Sparse] | None = None,
        mode: Mode = "dense",
        alpha: float | None = None,
        fusion: FusionMethod | None = None,
        weights: Mapping[str, float] | None = None,
        scorer: Any = None,
        syntax: Syntax | None = None,
        offset: int = 0,
        min_score: float | None = None,
        select: Sequence[Part] | None = None,
    ) -> list[Hits]:
        """One `Hits` per query."""
        ...

    def count(self, where: Mapping[str, Any] | None = None) -> int: ...

    def facets(self, field: str, where: Mapping[str, Any] | None = None) -> list[tuple[Any, int]]: ...

    def distinct(self, field: str, where: Mapping[str, Any] | None = None) -> list[Any]: ...

    def min_max(self, field: str, where: Mapping[str, Any] | None = None) -> tuple[Any, Any] | None: ...

    def scroll(
        self,
        where: Mapping[str, Any] | None = None,
        order_by: str | None = None,
        *,
        descending: bool = False,
        vectors: bool = False,
    ) -> Iterator[Record]:
        """Every row that is there throughout, exactly once."""
        ...

    def peek(self, n: int = 10) -> list[Record]: ...

    def stats(self) -> Stats: ...

    def sync(self) -> None:
        """Makes all earlier writes survive power loss."""

    def close(self) -> None: ...
