"""Arguments of calls as JSON: one model per call, with fields named like the call's arguments.

`given` returns the arguments for the engine; those that a message omits keep the engine's default. The models check the
types of values, the engine checks whether they are valid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from ..arguments import AutoIds, FusionMethod, ZeroVectors
from ..contract import Durability, Metric, Mode, Part, Syntax
from ..errors import InvalidArgument
from ..indexes import text_query
from .filters import filter_from
from .needed import msgspec
from .values import (
    Matrix,
    PackedVector,
    TypedMetadata,
    WireId,
    WireTtl,
    WireVector,
    id_from,
    ids_from,
    matrix_from,
    metadata_from,
    ttl_from,
    vector_from,
)

__all__ = [
    "Alter",
    "Arguments",
    "Backup",
    "Delete",
    "Duplicates",
    "Explain",
    "Field",
    "Get",
    "Handle",
    "LogQueries",
    "Name",
    "NoteDefault",
    "NoteKey",
    "NoteReplace",
    "NoteUpdate",
    "Open",
    "Peek",
    "Purge",
    "Recommend",
    "Reembed",
    "Rows",
    "Scroll",
    "Search",
    "SearchMany",
    "SearchRange",
    "Update",
    "Wait",
    "Where",
    "WhyNot",
]

Unset = msgspec.UnsetType
UNSET = msgspec.UNSET
Filter = Annotated[
    dict[str, Any],
    msgspec.Meta(
        description='such as {"year": {"$gte": 2020}, "tags": "gold"}; '
        'a date is {"$date": "2024-05-01"}, and so are {"$datetime": ...}, {"$decimal": ...} and {"$uuid": ...}'
    ),
]
Sparse = Annotated[dict[int, float], msgspec.Meta(description='a sparse vector, {"dimension": weight}')]
# A name that opens no file: models are on the server's machine.
Reranker = Literal["lexical"]
Example = WireId | list[float]
Vectors = Matrix | list[WireVector | None]
Packing = Annotated[
    bool | Literal["base64"], msgspec.Meta(description="true for vectors as lists of numbers, base64 for float32")
]


class Arguments(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The common base."""

    def given(self) -> dict[str, Any]:
        """Returns the arguments of the engine's call."""
        return {
            name: _GIVEN[name](value) if name in _GIVEN and value is not None else value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not UNSET
        }


class Handle(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a collection is opened, as query parameters: the arguments of `Database.collection`, for one call.

    Attributes:
        uuid: the collection's identity, so that a collection recreated under the same name is not mistaken for it.
        within: a JSON list of filters that visible rows match, see `Collection.within`.
    """

    durability: Durability = "full"
    timeout: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    uuid: str | None = None
    within: str | None = None

    def filters(self) -> list[Any]:
        """The filters of `within`."""
        return [filter_from(one) for one in self.filters_as_json()]

    def filters_as_json(self) -> list[dict[str, Any]]:
        """The filters as received.

        Raises:
            InvalidArgument: they are invalid.
        """
        if self.within is None:
            return []
        try:
            return msgspec.json.decode(self.within, type=list[dict[str, Any]])
        except (msgspec.DecodeError, RecursionError):
            raise InvalidArgument(
                "within must be a JSON list of filters", name="within", value=self.within, remedy="Such as [{}]."
            ) from None


# -- the database


class Open(Arguments):
    """Opens or creates a collection. Omitted settings are those of the collection, or the defaults if it is created."""

    encoder: str | Unset | None = UNSET
    dimension: int | Unset | None = UNSET
    metric: Metric | Unset = UNSET
    language: str | Unset = UNSET
    analyzer: str | dict[str, Any] | Unset = UNSET
    auto_ids: AutoIds | Unset = UNSET
    zero_vectors: ZeroVectors | Unset = UNSET
    index: str | dict[str, Any] | Unset | None = UNSET
    create: bool | Unset = UNSET


# -- rows that are written


class Row(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row."""

    id: WireId | Unset | None = UNSET
    text: str | Unset | None = UNSET
    vector: WireVector | Unset | None = UNSET
    metadata: TypedMetadata | Unset = UNSET
    sparse: Sparse | Unset | None = UNSET
    ttl: WireTtl | Unset | None = UNSET

    def given(self, row: int) -> dict[str, Any]:
        place = f"row {row}"
        read: Mapping[str, Any] = {
            "id": lambda id_: id_from(id_, place),
            "vector": lambda vector: vector_from(vector, place),
            "metadata": lambda metadata: metadata_from(metadata, place),
            "ttl": lambda ttl: ttl_from(ttl, place),
        }
        return {
            name: read[name](value) if name in read and value is not None else value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not UNSET
        }


class Rows(Arguments):
    """Rows: lists with one entry per row, or `rows`."""

    ids: list[WireId] | Unset | None = UNSET
    texts: list[str | None] | Unset | None = UNSET
    vectors: Vectors | Unset | None = UNSET
    metadata: list[TypedMetadata] | Unset | None = UNSET
    sparse: list[Sparse | None] | Unset | None = UNSET
    ttl: WireTtl | list[WireTtl | None] | Unset | None = UNSET
    rows: list[Row] | Unset | None = UNSET


class Update(Arguments):
    """Changes to rows by id, or to those that match `where`."""

    ids: list[WireId] | Unset | None = UNSET
    where: Filter | Unset | None = UNSET
    texts: list[str | None] | Unset | None = UNSET
    vectors: Vectors | Unset | None = UNSET
    metadata: (
        Annotated[msgspec.Raw, msgspec.Meta(description="one object per row in a list, or one for all")] | Unset
    ) = UNSET
    sparse: list[Sparse | None] | Unset | None = UNSET
    ttl: WireTtl | list[WireTtl | None] | Unset | None = UNSET
    rows: list[Row] | Unset | None = UNSET
    merge: bool | Unset = UNSET
    remove: list[str] | Unset = UNSET


class Delete(Arguments):
    """Which rows to delete."""

    ids: list[WireId] | Unset | None = UNSET
    where: Filter | Unset | None = UNSET


# -- rows that are read


class Get(Arguments):
    """Which rows to read."""

    ids: list[WireId] | Unset | None = UNSET
    where: Filter | Unset | None = UNSET
    limit: int | Unset | None = UNSET
    offset: int | Unset = UNSET
    vectors: Packing | Unset = UNSET


class Scroll(Arguments):
    """All rows that match, in some order."""

    where: Filter | Unset | None = UNSET
    order_by: str | Unset | None = UNSET
    descending: bool | Unset = UNSET
    vectors: Packing | Unset = UNSET


class Peek(Arguments):
    """How many of the first rows."""

    n: int | Unset = UNSET


class Wait(Arguments):
    """How long to wait."""

    seconds: float | Unset | None = UNSET


class Where(Arguments):
    """Which rows."""

    where: Filter | Unset | None = UNSET


class Field(Arguments):
    """The field whose values are requested, and the rows."""

    field: str
    where: Filter | Unset | None = UNSET


# -- search


class Bm25(msgspec.Struct, tag="bm25", tag_field="name", forbid_unknown_fields=True, omit_defaults=True):
    """See `vicinal.Bm25`."""

    k1: float = 1.2
    b: float = 0.75
    idf: text_query.Idf = "plus_one"

    def given(self) -> text_query.Bm25:
        return text_query.Bm25(self.k1, self.b, self.idf)


class TfIdf(msgspec.Struct, tag="tfidf", tag_field="name", forbid_unknown_fields=True, omit_defaults=True):
    """See `vicinal.TfIdf`."""

    tf: Literal["raw", "log", "sqrt"] = "log"
    norm: Literal["none", "length", "sqrt"] = "none"
    idf: text_query.Idf = "smooth"

    def given(self) -> text_query.TfIdf:
        return text_query.TfIdf(self.tf, self.norm, self.idf)


class Search(Arguments):
    """A search. `query` is a text, or a vector."""

    query: str | list[float] | PackedVector | Unset | None = UNSET
    k: int | Unset = UNSET
    where: Filter | Unset | None = UNSET
    id: WireId | Unset | None = UNSET
    vector: WireVector | Unset | None = UNSET
    sparse: Sparse | Unset | None = UNSET
    mode: Mode | Unset = UNSET
    alpha: float | Unset | None = UNSET
    fusion: FusionMethod | Unset | None = UNSET
    weights: dict[str, float] | Unset | None = UNSET
    scorer: Bm25 | TfIdf | Unset | None = UNSET
    syntax: Syntax | Unset | None = UNSET
    exact: bool | Unset = UNSET
    recall: float | Unset | None = UNSET
    effort: int | Unset | None = UNSET
    offset: int | Unset = UNSET
    min_score: float | Unset | None = UNSET
    select: list[Part] | Unset | None = UNSET
    mmr: float | Unset | None = UNSET
    group_by: str | Unset | None = UNSET
    group_size: int | Unset | None = UNSET
    rerank: Reranker | Unset | None = UNSET
    fetch_k: int | Unset | None = UNSET


class SearchRange(Arguments):
    """A range search: the query, and the limits of its range."""

    query: str | list[float] | PackedVector | Unset | None = UNSET
    where: Filter | Unset | None = UNSET
    min_score: float | Unset | None = UNSET
    max_distance: float | Unset | None = UNSET
    id: WireId | Unset | None = UNSET
    vector: WireVector | Unset | None = UNSET
    sparse: Sparse | Unset | None = UNSET
    mode: Mode | Unset = UNSET
    alpha: float | Unset | None = UNSET
    fusion: FusionMethod | Unset | None = UNSET
    weights: dict[str, float] | Unset | None = UNSET
    scorer: Bm25 | TfIdf | Unset | None = UNSET
    syntax: Syntax | Unset | None = UNSET
    select: list[Part] | Unset | None = UNSET


class Recommend(Arguments):
    """Examples that hits should and should not resemble: ids of rows, and vectors as lists of numbers."""

    positive: list[Example]
    negative: list[Example] | Unset | None = UNSET
    k: int | Unset = UNSET
    where: Filter | Unset | None = UNSET
    exact: bool | Unset = UNSET
    recall: float | Unset | None = UNSET
    effort: int | Unset | None = UNSET
    offset: int | Unset = UNSET
    min_score: float | Unset | None = UNSET
    select: list[Part] | Unset | None = UNSET
    mmr: float | Unset | None = UNSET
    group_by: str | Unset | None = UNSET
    group_size: int | Unset | None = UNSET
    fetch_k: int | Unset | None = UNSET


class Duplicates(Arguments):
    """How similar near-duplicates are, and which rows are compared."""

    threshold: float | Unset | None = UNSET
    where: Filter | Unset | None = UNSET
    max_distance: float | Unset | None = UNSET
    max_pairs: int | Unset = UNSET


class LogQueries(Arguments):
    """Whether searches are logged, and which."""

    on: bool | Unset = UNSET
    keep: int | Unset = UNSET
    slower_than: float | Unset = UNSET


class Explain(Search):
    """The search to explain."""


class WhyNot(Arguments):
    """The row that is missing, and the search."""

    id: WireId
    query: str | list[float] | PackedVector | Unset | None = UNSET
    k: int | Unset = UNSET
    where: Filter | Unset | None = UNSET
    vector: WireVector | Unset | None = UNSET
    sparse: Sparse | Unset | None = UNSET
    mode: Mode | Unset = UNSET
    alpha: float | Unset | None = UNSET
    fusion: FusionMethod | Unset | None = UNSET
    weights: dict[str, float] | Unset | None = UNSET
    scorer: Bm25 | TfIdf | Unset | None = UNSET
    syntax: Syntax | Unset | None = UNSET
    exact: bool | Unset = UNSET
    recall: float | Unset | None = UNSET
    effort: int | Unset | None = UNSET
    offset: int | Unset = UNSET
    min_score: float | Unset | None = UNSET
    select: list[Part] | Unset | None = UNSET
    mmr: float | Unset | None = UNSET
    group_by: str | Unset | None = UNSET
    group_size: int | Unset | None = UNSET
    rerank: Reranker | Unset | None = UNSET
    fetch_k: int | Unset | None = UNSET


class SearchMany(Arguments):
    """The same for many queries: texts and vectors."""

    queries: Matrix | list[str | list[float] | PackedVector | None]
    k: int | Unset = UNSET
    where: Filter | Unset | None = UNSET
    vectors: Vectors | Unset | None = UNSET
    sparse: list[Sparse | None] | Unset | None = UNSET
    mode: Mode | Unset = UNSET
    alpha: float | Unset | None = UNSET
    fusion: FusionMethod | Unset | None = UNSET
    weights: dict[str, float] | Unset | None = UNSET
    scorer: Bm25 | TfIdf | Unset | None = UNSET
    syntax: Syntax | Unset | None = UNSET
    exact: bool | Unset = UNSET
    recall: float | Unset | None = UNSET
    effort: int | Unset | None = UNSET
    offset: int | Unset = UNSET
    min_score: float | Unset | None = UNSET
    select: list[Part] | Unset | None = UNSET


# -- the rest of a collection's life


class Purge(Arguments):
    """Whether to drop snapshots too."""

    drop_snapshots: bool | Unset = UNSET


class Backup(Arguments):
    """A folder of databases on the server's machine."""

    path: str


class Name(Arguments):
    """The name of a snapshot."""

    name: str


class Reembed(Arguments):
    """The name of an encoder that the server knows."""

    encoder: str


class Alter(Arguments):
    """What changes."""

    metric: Metric | Unset | None = UNSET
    index: str | dict[str, Any] | Unset | None = UNSET


# -- notes


class NoteUpdate(Arguments):
    """Notes, in base64, by key."""

    notes: dict[str, bytes]


class NoteDefault(Arguments):
    """A note that is written unless its key exists."""

    key: str
    default: bytes


class NoteReplace(Arguments):
    """A note that is written if its current value is as given; null for a missing one."""

    key: str
    before: bytes | None
    value: bytes


class NoteKey(Arguments):
    """Which note."""

    key: str


# -- how a field becomes what the engine takes


def _vectors(vectors: Any) -> Any:
    if isinstance(vectors, Matrix):
        return matrix_from(vectors)
    if not isinstance(vectors, list):
        return bool(vectors)  # whether vectors are wanted
    return [None if one is None else vector_from(one, f"row {i}") for i, one in enumerate(vectors)]


def _query(query: Any, place: str = "query") -> Any:
    return vector_from(query, place) if isinstance(query, PackedVector) else query


def _queries(queries: Any) -> Any:
    if isinstance(queries, Matrix):
        return matrix_from(queries)
    return [_query(query, f"query {i}") for i, query in enumerate(queries)]


def _metadata(metadata: Any) -> Any:
    if not isinstance(metadata, list):
        parsed = bytes(metadata).lstrip()
        if not parsed.startswith(b"["):
            return metadata_from(metadata)
        metadata = msgspec.json.decode(metadata, type=list[msgspec.Raw])
    return [metadata_from(one, f"row {i}") for i, one in enumerate(metadata)]


def _ttl(ttl: Any) -> Any:
    return [ttl_from(one, f"row {i}") for i, one in enumerate(ttl)] if isinstance(ttl, list) else ttl_from(ttl)


def _rows(rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [row.given(i) for i, row in enumerate(rows)]


def _examples(examples: Iterable[Any]) -> list[Any]:
    return [one if isinstance(one, list) else id_from(one, f"example {i}") for i, one in enumerate(examples)]


_GIVEN: Mapping[str, Any] = {
    "positive": _examples,
    "negative": _examples,
    "ids": ids_from,
    "id": id_from,
    "where": filter_from,
    "vectors": _vectors,
    "vector": vector_from,
    "query": _query,
    "queries": _queries,
    "metadata": _metadata,
    "ttl": _ttl,
    "rows": _rows,
    "scorer": lambda scorer: scorer.given(),
}
