"""Types of what callers pass: an editor completes by them, mypy and pyright check calls against them.

They say what is meant, no more: whether ids are of 64 bits and vectors finite is checked when a call is made.
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
    """What NumPy makes an array of: its own arrays, tensors, series."""

    def __array__(self) -> Any: ...


class ArrowStream(Protocol):
    """What speaks Arrow's C data interface: tables, data frames, readers of batches, series."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any: ...


class ArrowArray(Protocol):
    """What speaks Arrow's C data interface in one piece: arrays, record batches."""

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any: ...


class SupportsDlpack(Protocol):
    """Tensors of any library."""

    def __dlpack__(self, **options: Any) -> Any: ...


class Encodes(Protocol):
    """Any object with `encode(texts)`: an encoder of ours, one of sentence-transformers, yours."""

    def encode(self, texts: Any, /) -> Any: ...


class Embeds(Protocol):
    """Embeddings of LangChain."""

    def embed_documents(self, texts: Any, /) -> Any: ...

    def embed_query(self, text: Any, /) -> Any: ...


class Frame(Protocol):
    """A data frame of pandas or polars; columns that are no field of a row become metadata."""

    @property
    def columns(self) -> Any: ...

    @property
    def to_dict(self) -> Any: ...


class ArrowTable(Protocol):
    """A table of pyarrow; columns that are no field of a row become metadata."""

    @property
    def column_names(self) -> Any: ...

    @property
    def to_pydict(self) -> Any: ...


AnyId = str | UUID | SupportsIndex  # SupportsIndex: an int, or a whole number of NumPy
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
    """A row as `rows=` takes it; every key may be left out.

    Attributes:
        id: str, int or UUID.
        text: what is encoded, and searched by words.
        vector: of the collection's dimension.
        metadata: any JSON plus date, datetime, Decimal and UUID.
        sparse: a sparse vector, {dimension: weight}.
        ttl: seconds to live, a timedelta, or a datetime (naive means UTC).
    """

    id: AnyId | None
    text: str | None
    vector: Vector | None
    metadata: Metadata | None
    sparse: Sparse | None
    ttl: OneTtl | None


# A mapping too, as a dict that was made elsewhere has no more precise type.
Rows = Iterable[Row] | Iterable[Mapping[str, Any]] | Frame | ArrowTable | ArrowStream | ArrowArray


class RangeSettings(TypedDict, total=False):
    """How to search, beside what is searched for and how many are wanted. `Collection.search` explains."""

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
    """The same with the row whose neighbours are wanted."""

    id: AnyId | None


class Cut(TypedDict, total=False):
    """How accurately to look, and what to keep of the best rows. `Collection.search` explains."""

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
    """What `recommend` takes beside examples, `k` and `where`."""

    select: Sequence[Part] | None


class SearchSettings(RangeSettings, Cut, total=False):
    """What `search` takes beside what is searched for, `k` and `where`. `Collection.search` explains."""

    rerank: str | Reranker | None


class SearchOptions(SearchSettings, total=False):
    """The same with the row whose neighbours are wanted."""

    id: AnyId | None


# A single vector is an array, or a list in a list: a list of numbers alone would pass for ids of rows.
Examples = AnyId | SupportsArray | Iterable[AnyId | Vector]
