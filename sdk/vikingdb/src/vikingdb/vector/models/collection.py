"""Rows of a collection: writing, deleting, and reading them by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from .base import DataApiResponse, VikingModel


class WriteDataBase(VikingModel):
    data: Sequence[Mapping[str, Any]]
    ttl: int | None = None
    ignore_unknown_fields: bool | None = None


class UpsertDataRequest(WriteDataBase):
    async_write: bool | None = Field(default=None, alias="async")


class UpdateDataRequest(WriteDataBase):
    pass


class UpsertDataResult(VikingModel):
    token_usage: dict[str, Any] = Field(default_factory=dict)


class UpdateDataResult(VikingModel):
    token_usage: dict[str, Any] = Field(default_factory=dict)


class UpsertDataResponse(DataApiResponse):
    result: UpsertDataResult | None = None


class UpdateDataResponse(DataApiResponse):
    result: UpdateDataResult | None = None


class DeleteDataRequest(VikingModel):
    ids: Sequence[Any] | None = None
    delete_all: bool | None = Field(default=None, alias="del_all")
    async_write: bool | None = Field(default=None, alias="async")


class DeleteDataResponse(DataApiResponse):
    pass


class DataItem(VikingModel):
    id: Any
    fields: dict[str, Any] = Field(default_factory=dict)


class FetchDataInCollectionRequest(VikingModel):
    ids: Sequence[Any]
    return_download_url: bool | None = None
    return_analyzed_result: bool | None = None


class FetchDataInCollectionResult(VikingModel):
    items: list[DataItem] = Field(default_factory=list, alias="fetch")
    ids_not_exist: list[Any] = Field(default_factory=list)


class FetchDataInCollectionResponse(DataApiResponse):
    result: FetchDataInCollectionResult | None = None
