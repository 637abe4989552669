"""Searches and aggregations in one index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..request_options import RequestOptions
from . import base
from .models import (
    AggRequest,
    AggResponse,
    FetchDataInIndexRequest,
    FetchDataInIndexResponse,
    IndexMeta,
    SearchByIDRequest,
    SearchByKeywordsRequest,
    SearchByMultiModalRequest,
    SearchByRandomRequest,
    SearchByScalarRequest,
    SearchByVectorRequest,
    SearchResponse,
)

if TYPE_CHECKING:
    from .client import VikingDB


class IndexClient:
    """Searches and aggregations in one index."""

    def __init__(self, service: VikingDB, meta: IndexMeta) -> None:
        self._service = service
        self.meta = meta

    def fetch(
        self, request: FetchDataInIndexRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> FetchDataInIndexResponse:
        """Returns rows by their keys, with their vectors."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_DATA_FETCH_IN_INDEX, payload, options=request_options)
        return FetchDataInIndexResponse.model_validate(answer)

    def search_by_vector(
        self, request: SearchByVectorRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns the rows nearest to a vector."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_SEARCH_BY_VECTOR, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    def search_by_multi_modal(
        self, request: SearchByMultiModalRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns the rows nearest to a text, an image or a video."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_SEARCH_BY_MULTI_MODAL, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    def search_by_id(
        self, request: SearchByIDRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns the rows nearest to a row, including that row."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_SEARCH_BY_ID, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    def search_by_scalar(
        self, request: SearchByScalarRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns rows sorted by a number."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_SEARCH_BY_SCALAR, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    def search_by_keywords(
        self, request: SearchByKeywordsRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns rows that contain keywords."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_SEARCH_BY_KEYWORDS, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    def search_by_random(
        self,
        request: SearchByRandomRequest | Mapping[str, Any] | None = None,
        *,
        request_options: RequestOptions | None = None,
    ) -> SearchResponse:
        """Returns random rows; ten without a request."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_SEARCH_BY_RANDOM, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    def aggregate(
        self, request: AggRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> AggResponse:
        """Counts rows by the values of a field."""
        payload = base.body(request, self.meta)
        answer = self._service.request(base.API_VECTOR_DATA_AGGREGATE, payload, options=request_options)
        return AggResponse.model_validate(answer)
