"""Bodies of the data plane.

Required members are checked where they are used, because that error has its own code; unknown members are ignored,
because clients may be newer. A value of null means the same as a missing one.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from .answers import missing

__all__ = [
    "Advance",
    "Aggregate",
    "Delete",
    "Embedding",
    "FetchInCollection",
    "FetchInIndex",
    "ModelOption",
    "OfCollection",
    "OfIndex",
    "Rerank",
    "Search",
    "SearchById",
    "SearchByKeywords",
    "SearchByMultiModal",
    "SearchByRandom",
    "SearchByScalar",
    "SearchByVector",
    "Write",
    "needed",
]

T = TypeVar("T")

Key = int | str
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Text = Annotated[str, Meta(max_length=1_000_000)]


def needed(value: T | None, name: str) -> T:
    """Raises Refusal if the value is missing."""
    if value is None:
        raise missing(name)
    return value


class OfCollection(Struct, kw_only=True):
    """Identifies a collection."""

    collection_name: str | None = None
    resource_id: str | None = None
    project_name: str | None = None
    project: str | None = None


class OfIndex(OfCollection, kw_only=True):
    """Identifies an index of a collection."""

    index_name: str | None = None


class Write(OfCollection, kw_only=True):
    """Rows. `ttl` is in seconds, 0 means forever."""

    data: list[dict[str, Any]] | None = None
    ttl: Annotated[int, Meta(ge=0, le=10**10)] | None = None
    is_async: bool | None = msgspec.field(default=None, name="async")
    ignore_unknown_fields: bool | None = None


class Delete(OfCollection, kw_only=True):
    ids: list[Key] | None = None
    del_all: bool | None = None
    is_async: bool | None = msgspec.field(default=None, name="async")


class FetchInCollection(OfCollection, kw_only=True):
    ids: list[Key] | None = None


class FetchInIndex(OfIndex, kw_only=True):
    ids: list[Key] | None = None
    partition: Any = None
    output_fields: list[str] | None = None


class Advance(Struct, kw_only=True):
    """Advanced settings of a search."""

    dense_weight: float | None = None
    ids_in: list[Key] | None = None
    ids_not_in: list[Key] | None = None
    post_process_ops: list[dict[str, Any]] | None = None
    post_process_input_limit: Count | None = None
    scale_k: Annotated[float, Meta(ge=0.1, le=100)] | None = None


class Search(OfIndex, kw_only=True):
    """The members that all searches accept."""

    filter: dict[str, Any] | None = None
    partition: Any = None
    output_fields: list[str] | None = None
    limit: Count | None = None
    offset: Count | None = None
    advance: Advance | None = None
    ignore_unknown_fields: bool | None = None


class TensorRerank(Struct, kw_only=True):
    tensor: Any = None


class ModelRerank(Struct, kw_only=True):
    """Reranks hits by a model."""

    model_name: str | None = None
    model_version: str | None = None
    instruction: str | None = None
    input_limit: Annotated[int, Meta(ge=1, le=100)] | None = None
    score_threshold: float | None = None
    fail_strategy: str | None = None


class SearchByVector(Search, kw_only=True):
    dense_vector: list[float] | None = None
    sparse_vector: dict[str, float] | None = None
    tensor_rerank: TensorRerank | None = None


class SearchByMultiModal(Search, kw_only=True):
    text: Text | None = None
    image: Any = None
    video: Any = None
    tensor_rerank: TensorRerank | None = None
    rerank: ModelRerank | None = None


class SearchById(Search, kw_only=True):
    id: Key | None = None


class SearchByScalar(Search, kw_only=True):
    field: str | None = None
    order: str | None = None


class Highlight(Struct, kw_only=True):
    enable: bool | None = None


class SearchByKeywords(Search, kw_only=True):
    mode: str | None = None
    keywords: list[str] | None = None
    query: str | None = None
    case_sensitive: bool | None = None
    fields: list[str] | None = None
    fields_weights: dict[str, float] | None = None
    highlight: Highlight | None = None
    bm25_k1: float | None = None
    bm25_b: float | None = None


class SearchByRandom(Search, kw_only=True):
    pass


class Aggregate(OfIndex, kw_only=True):
    op: str | None = None
    group_by: str | None = None
    field: str | None = None
    cond: dict[str, Any] | None = None
    order: str | None = None
    calc_value_on: str | None = None
    ids: list[Key] | None = None
    weights: list[float] | None = None
    filter: dict[str, Any] | None = None
    partition: Any = None


class ModelOption(Struct, kw_only=True):
    """A model by name."""

    name: str | None = None
    version: str | None = None
    dim: int | None = None


class Part(Struct, kw_only=True):
    """A text, a picture or a video."""

    text: Text | None = None
    image: Any = None
    video: Any = None


class EmbeddingItem(Part, kw_only=True):
    full_modal_seq: list[Part] | None = None


class Embedding(Struct, kw_only=True):
    data: list[EmbeddingItem] | None = None
    dense_model: ModelOption | None = None
    sparse_model: ModelOption | None = None
    tensor_model: ModelOption | None = None


class Rerank(Struct, kw_only=True):
    model_name: str | None = None
    model_version: str | None = None
    query: list[Part] | None = None
    data: list[list[Part]] | None = None
    instruction: str | None = None
    return_origin_data: bool | None = None
