"""Searches, aggregations and rows of an index."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from .base import DataApiResponse, VikingModel
from .collection import DataItem


class FetchDataInIndexRequest(VikingModel):
    ids: Sequence[Any]
    partition: str | None = None
    output_fields: Sequence[str] | None = None


class IndexDataItem(DataItem):
    dense_dim: int | None = None
    dense_vector: list[float] | None = None
    sparse_vector: dict[str, float] | None = None


class FetchDataInIndexResult(VikingModel):
    items: list[IndexDataItem] = Field(default_factory=list, alias="fetch")
    ids_not_exist: list[Any] = Field(default_factory=list)


class FetchDataInIndexResponse(DataApiResponse):
    result: FetchDataInIndexResult | None = None


class SearchAdvance(VikingModel):
    dense_weight: float | None = None
    ids_in: Sequence[Any] | None = None
    ids_not_in: Sequence[Any] | None = None
    post_process_ops: Sequence[Mapping[str, Any]] | None = None
    post_process_input_limit: int | None = None
    scale_k: float | None = None
    filter_pre_ann_limit: int | None = None
    filter_pre_ann_ratio: float | None = None


class RecallBase(VikingModel):
    filter: Mapping[str, Any] | None = None
    partition: str | None = None


class SearchBase(RecallBase):
    output_fields: Sequence[str] | None = None
    limit: int | None = None
    offset: int | None = None
    advance: SearchAdvance | None = None
    return_schema: bool | None = None
    return_download_url: bool | None = None
    return_analyzed_result: bool | None = None
    return_detail_info: bool | None = None
    ignore_unknown_fields: bool | None = None


class TensorRerank(VikingModel):
    tensor: Sequence[Sequence[float]] | None = None
    input_limit: int | None = None
    max_similarity_algo: str | None = None


class ModelRerank(VikingModel):
    model_name: str | None = None
    model_version: str | None = None
    instruction: str | None = None
    input_limit: int | None = None
    score_threshold: float | None = None
    fail_strategy: str | None = None
    timeout_ms: int | None = None


class Highlight(VikingModel):
    enable: bool | None = None


class Instruction(VikingModel):
    auto_fill: bool | None = None


class SearchByVectorRequest(SearchBase):
    dense_vector: Sequence[float]
    sparse_vector: Mapping[str, float] | None = None
    tensor_rerank: TensorRerank | None = None


class SearchByMultiModalRequest(SearchBase):
    text: str | None = None
    image: Any = None
    video: Any = None
    need_instruction: bool | None = None
    instruction: Instruction | None = None
    tensor_rerank: TensorRerank | None = None
    rerank: ModelRerank | None = None


class SearchByIDRequest(SearchBase):
    id: Any


class SearchByScalarRequest(SearchBase):
    field: str | None = None
    order: str | None = None


class SearchByKeywordsRequest(SearchBase):
    mode: str | None = None
    keywords: Sequence[str] | None = None
    query: str | None = None
    highlight: Highlight | None = None
    case_sensitive: bool | None = None
    fields: Sequence[str] | None = None
    fields_weights: Mapping[str, float] | None = None
    bm25_k1: float | None = None
    bm25_b: float | None = None


class SearchByRandomRequest(SearchBase):
    pass


class SearchItemResult(VikingModel):
    id: Any
    fields: dict[str, Any] = Field(default_factory=dict)
    ann_score: float | None = None
    score: float | None = None
    origin_score: float | None = None
    addition_score: float | None = None
    highlight: Mapping[str, Mapping[str, list[int]]] | None = None


with warnings.catch_warnings():
    # pydantic warns about a field that hides its old method `schema`; the JSON uses this name.
    warnings.simplefilter("ignore", UserWarning)

    class SearchResult(VikingModel):
        data: list[SearchItemResult] = Field(default_factory=list)
        total_return_count: int | None = None
        filter_matched_count: int | None = None
        real_text_query: str | None = None
        effective_keywords: dict[str, list[str]] | None = None
        token_usage: dict[str, Any] = Field(default_factory=dict)
        schema: dict[str, Any] | None = None  # type: ignore[assignment]  # hides the old method
        rerank_error: Any = None
        instruction_for_dense: str | None = None
        instruction_for_sparse: str | None = None
        instruction_for_tensor: str | None = None
        embedding_time_cost_ms: int | None = None
        recall_time_cost_ms: int | None = None
        rerank_time_cost_ms: int | None = None


class SearchResponse(DataApiResponse):
    result: SearchResult | None = None


class AggRequest(RecallBase):
    op: str
    group_by: str | None = None
    field: str | None = None
    calc_value_on: str | None = None
    ids: Sequence[Any] | None = None
    weights: Sequence[float] | None = None
    cond: Mapping[str, Any] | None = None
    order: str | None = None


class VectorWeightedSumResult(VikingModel):
    vector: list[float] = Field(default_factory=list)
    found_count: int | None = None
    found_ids: list[Any] = Field(default_factory=list)
    weight_sum: float | None = None


class AggResult(VikingModel):
    agg: dict[str, Any] = Field(default_factory=dict)
    op: str | None = None
    group_by: str | None = None
    field: str | None = None
    calc_value_on: str | None = None
    vector_weighted_sum: VectorWeightedSumResult | None = None


class AggResponse(DataApiResponse):
    result: AggResult | None = None
