"""Rows of one collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..request_options import RequestOptions
from . import base
from .models import (
    CollectionMeta,
    DeleteDataRequest,
    DeleteDataResponse,
    FetchDataInCollectionRequest,
    FetchDataInCollectionResponse,
    UpdateDataRequest,
    UpdateDataResponse,
    UpsertDataRequest,
    UpsertDataResponse,
)

if TYPE_CHECKING:
    from .client import VikingDB


class CollectionClient:
    """Rows of one collection."""

    def __init__(self, service: VikingDB, meta: CollectionMeta) -> None:
        self._service = service
        self.meta = meta

    def upsert(
        self, request: UpsertDataRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> UpsertDataResponse:
        """Writes rows; existing rows with the same key are replaced."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_DATA_UPSERT, payload, options=request_options)
        return UpsertDataResponse.model_validate(answer)

    def update(
        self, request: UpdateDataRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> UpdateDataResponse:
        """Changes the given fields of existing rows."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_DATA_UPDATE, payload, options=request_options)
        return UpdateDataResponse.model_validate(answer)

    def delete(
        self, request: DeleteDataRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> DeleteDataResponse:
        """Deletes rows by their keys, or all of them."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_DATA_DELETE, payload, options=request_options)
        return DeleteDataResponse.model_validate(answer)

    def fetch(
        self,
        request: FetchDataInCollectionRequest | Mapping[str, Any],
        *,
        request_options: RequestOptions | None = None,
    ) -> FetchDataInCollectionResponse:
        """Returns rows by their keys, and which keys do not exist."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_DATA_FETCH_IN_COLLECTION, payload, options=request_options)
        return FetchDataInCollectionResponse.model_validate(answer)
