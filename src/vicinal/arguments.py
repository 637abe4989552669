"""Types of arguments: editors complete by them, mypy and pyright check calls against them.

They express the intent only: whether ids have at most 64 bits and vectors are finite is checked when a call is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol, SupportsFloat, SupportsIndex, TypedDict
from uuid import UUID

if TYPE_CHECKING:
    from .contract import Mode, Part, Reranker, Syntax

FusionMethod = Literal["weighted", "rrf", "combsum", "combmnz", "borda"]
AutoIds = Literal["uuid", "integer"]
ZeroVectors = Literal["refuse", "allow"]
CacheKind = Literal["memory", "disk"]


class SupportsArray(Protocol):
    """Anything that NumPy can convert to an array: its own arrays, tensors, series."""

    def __array__(self) -> Any: ...


class ArrowStream(Protocol):
    """Anything that supports Arrow's C stream interface: tables, data frames, readers of batches, series."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


class ArrowArray(Protocol):
    """Anything that supports Arrow's C array interface: arrays, record batches."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any: ...


class SupportsDlpack(Protocol):
    """A tensor of any library."""

    def __dlpack__(self, **options: Any) -> Any: ...


class Encodes(Protocol):
    """Any object with `encode(texts)`: an encoder of Vicinal, one of sentence-transformers, your own."""

    def encode(self, texts: Any, /) -> Any: ...


class Embeds(Protocol):
    """An embeddings object of LangChain."""

    def embed_documents(self, texts: Any, /) -> Any: ...

    def embed_query(self, text: Any, /) -> Any: ...


class Frame(Protocol):
    """A data frame of pandas or polars; columns that are not fields of a row become metadata."""

    @property
    def columns(self) -> Any: ...

    @property
    def to_dict(self) -> Any: ...


class ArrowTable(Protocol):
    """A table of pyarrow; columns that are not fields of a row become metadata."""

    @property
    def column_names(self) -> Any: ...

    @property
    def to_pydict(self) -> Any: ...


AnyId = str | UUID | SupportsIndex  # SupportsIndex: an int or a NumPy integer
Ids = AnyId | Iterable[AnyId]
Texts = str | Iterable[str | None]
Vector = SupportsArray | SupportsDlpack | ArrowStream | ArrowArray | memoryview | Sequence[SupportsFloat]
Vectors = Vector | Sequence[Vector | None] | Iterator[Vector | None]
Metadata = Mapping[str, Any]
Metadatas = Metadata | Iterable[Metadata | None]
Sparse = Mapping[Any, SupportsFloat] | tuple[Sequence[Any] | SupportsArray, Sequence[Any] | SupportsArray]
Sparses = Sparse | Iterable[Sparse | None]
OneTtl = SupportsFloat | timedelta | datetime
Ttl = OneTtl | Iterable[OneTtl | None]
Query = str | Vector
EncoderLike = str | Encodes | Embeds


class Row(TypedDict, total=False):
    """A row as `rows=` accepts it; every key is optional.

    Attributes:
        id: str, int or UUID.
        text: encoded into the vector, and searched by keywords.
        vector: has the collection's dimension.
        metadata: any JSON plus date, datetime, Decimal and UUID.
        sparse: a sparse vector, {dimension: weight}.
        ttl: time to live: seconds, a timedelta, or a datetime (naive means UTC).
    """

    id: AnyId | None
    text: str | None
    vector: Vector | None
    metadata: Metadata | None
    sparse: Sparse | None
    ttl: OneTtl | None


# Mapping as well, since a dict that was built elsewhere has no more precise type.
Rows = Iterable[Row] | Iterable[Mapping[str, Any]] | Frame | ArrowTable | ArrowStream | ArrowArray


class RangeSettings(TypedDict, total=False):
    """How to search, apart from the query and the number of hits. See `Collection.search`."""

    vector: Vector | None
    sparse: Sparse | None
    mode: Mode
    alpha: float | None
    fusion: FusionMethod | None
    weights: Mapping[str, float] | None
    scorer: Any
    syntax: Syntax | None
    select: Sequence[Part] | None


class RangeOptions(RangeSettings, total=False):
    """The same, plus the row whose neighbours to search for."""

    id: AnyId | None


class Cut(TypedDict, total=False):
    """How exact a search is, and which of the best rows it returns. See `Collection.search`."""

    exact: bool
    recall: float | None
    effort: int | None
    offset: int
    min_score: float | None
    mmr: float | None
    group_by: str | None
    group_size: int | None
    fetch_k: int | None


class RecommendOptions(Cut, total=False):
    """The arguments of `recommend` apart from examples, `k` and `where`."""

    select: Sequence[Part] | None


class SearchSettings(RangeSettings, Cut, total=False):
    """The arguments of `search` apart from the query, `k` and `where`. See `Collection.search`."""

    rerank: str | Reranker | None


class SearchOptions(SearchSettings, total=False):
    """The same, plus the row whose neighbours to search for."""

    id: AnyId | None


# A single vector must be an array, or a list in a list: a plain list of numbers would be taken for row ids.
Examples = AnyId | SupportsArray | Iterable[AnyId | Vector]
