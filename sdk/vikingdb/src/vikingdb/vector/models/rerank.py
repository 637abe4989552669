"""Documents, ranked by a model that reads each together with the query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from .base import DataApiResponse, VikingModel
from .embedding import FullModalData


class RerankRequest(VikingModel):
    model_name: str | None
    data: Sequence[Sequence[FullModalData]]
    query: Sequence[FullModalData]
    project_name: str | None = None
    model_version: str | None = None
    instruction: str | None = None
    return_origin_data: bool | None = None
    max_retry_time: int | None = None


class Rerank(VikingModel):
    id: int | None = None
    score: float | None = None
    origin_data: Sequence[FullModalData] | None = None


class RerankResult(VikingModel):
    data: list[Rerank] = Field(default_factory=list)
    token_usage: dict[str, Any] = Field(default_factory=dict)


class RerankResponse(DataApiResponse):
    result: RerankResult | None = None
