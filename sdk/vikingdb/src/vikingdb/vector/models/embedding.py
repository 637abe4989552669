"""Vectors of texts, images and videos, computed by the service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from .base import DataApiResponse, VikingModel


class EmbeddingInstruction(VikingModel):
    content: str | None = None


class EmbeddingModelOpt(VikingModel):
    name: str | None = None
    version: str | None = None
    dim: int | None = None
    ndim: int | None = None
    shape: Sequence[int] | None = None
    instruction: EmbeddingInstruction | None = None


class FullModalData(VikingModel):
    text: str | None = None
    image: Any = None
    video: Any = None


class EmbeddingData(FullModalData):
    full_modal_seq: Sequence[FullModalData] | None = None


class EmbeddingRequest(VikingModel):
    data: Sequence[EmbeddingData]
    dense_model: EmbeddingModelOpt | None = None
    sparse_model: EmbeddingModelOpt | None = None
    tensor_model: EmbeddingModelOpt | None = None
    project_name: str | None = None
    max_retry_time: int | None = None


class Embedding(VikingModel):
    dense: list[float] | None = None
    sparse: dict[str, float] | None = None


class EmbeddingResult(VikingModel):
    data: list[Embedding] = Field(default_factory=list)
    token_usage: dict[str, Any] = Field(default_factory=dict)


class EmbeddingResponse(DataApiResponse):
    result: EmbeddingResult | None = None
