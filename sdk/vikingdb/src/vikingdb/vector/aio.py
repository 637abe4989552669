"""The vector data plane with awaitable calls: the same names, arguments and responses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from .._client import AsyncClient
from ..auth import Auth
from ..request_options import RequestOptions
from ..retry import RetryPolicy
from . import base
from .exceptions import VikingConnectionException, VikingVectorException
from .models import (
    AggRequest,
    AggResponse,
    CollectionMeta,
    DeleteDataRequest,
    DeleteDataResponse,
    EmbeddingRequest,
    EmbeddingResponse,
    FetchDataInCollectionRequest,
    FetchDataInCollectionResponse,
    FetchDataInIndexRequest,
    FetchDataInIndexResponse,
    IndexMeta,
    RerankRequest,
    RerankResponse,
    SearchByIDRequest,
    SearchByKeywordsRequest,
    SearchByMultiModalRequest,
    SearchByRandomRequest,
    SearchByScalarRequest,
    SearchByVectorRequest,
    SearchResponse,
    UpdateDataRequest,
    UpdateDataResponse,
    UpsertDataRequest,
    UpsertDataResponse,
)


class AsyncVikingDB(AsyncClient):
    """A connection to the vector data plane for asyncio. Nothing is sent before the first call.

    `await aclose()` or `async with` ends its connections.
    """

    error_class = VikingVectorException

    def __init__(
        self,
        *,
        host: str,
        region: str,
        auth: Auth,
        scheme: str = "https",
        sts_token: str = "",
        timeout: float = 30,
        pool_connections: int = 10,
        pool_maxsize: int = 10,
        retry: RetryPolicy | None = None,
    ) -> None:
        super().__init__(
            host=host,
            region=region,
            auth=auth,
            scheme=scheme,
            sts_token=sts_token,
            timeout=timeout,
            pool_connections=pool_connections,
            pool_maxsize=pool_maxsize,
            retry=retry,
        )

    def collection(
        self, *, resource_id: str | None = None, collection_name: str | None = None, project_name: str | None = None
    ) -> AsyncCollectionClient:
        meta = CollectionMeta(resource_id=resource_id, collection_name=collection_name, project_name=project_name)
        return AsyncCollectionClient(self, meta)

    def index(
        self,
        *,
        resource_id: str | None = None,
        collection_name: str | None = None,
        project_name: str | None = None,
        index_name: str | None = None,
    ) -> AsyncIndexClient:
        meta = IndexMeta(
            resource_id=resource_id, collection_name=collection_name, project_name=project_name, index_name=index_name
        )
        return AsyncIndexClient(self, meta)

    def embedding(self) -> AsyncEmbeddingClient:
        return AsyncEmbeddingClient(self)

    def rerank(self) -> AsyncRerankClient:
        return AsyncRerankClient(self)

    async def ping(self) -> None:
        """Checks that the server responds, without credentials. Raises VikingConnectionException."""
        url = f"{self.scheme}://{self.host}{base.PING}"
        try:
            response = await self._http.get(url, timeout=self.timeout)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise VikingConnectionException(f"{url} does not answer as VikingDB: {error}", error) from error

    async def request(
        self, api: str, payload: Mapping[str, Any], *, options: RequestOptions | None = None
    ) -> dict[str, Any]:
        """Calls an API by its name and returns the response unchanged."""
        answer: dict[str, Any] = await self._call("POST", base.path_of(api), payload, options)
        return answer


class AsyncCollectionClient:
    """Rows of one collection."""

    def __init__(self, service: AsyncVikingDB, meta: CollectionMeta) -> None:
        self._service = service
        self.meta = meta

    async def upsert(
        self, request: UpsertDataRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> UpsertDataResponse:
        """Writes rows; existing rows with the same key are replaced."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_DATA_UPSERT, payload, options=request_options)
        return UpsertDataResponse.model_validate(answer)

    async def update(
        self, request: UpdateDataRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> UpdateDataResponse:
        """Changes the given fields of existing rows."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_DATA_UPDATE, payload, options=request_options)
        return UpdateDataResponse.model_validate(answer)

    async def delete(
        self, request: DeleteDataRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> DeleteDataResponse:
        """Deletes rows by their keys, or all of them."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_DATA_DELETE, payload, options=request_options)
        return DeleteDataResponse.model_validate(answer)

    async def fetch(
        self,
        request: FetchDataInCollectionRequest | Mapping[str, Any],
        *,
        request_options: RequestOptions | None = None,
    ) -> FetchDataInCollectionResponse:
        """Returns rows by their keys, and which keys do not exist."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_DATA_FETCH_IN_COLLECTION, payload, options=request_options)
        return FetchDataInCollectionResponse.model_validate(answer)


class AsyncIndexClient:
    """Searches and aggregations in one index."""

    def __init__(self, service: AsyncVikingDB, meta: IndexMeta) -> None:
        self._service = service
        self.meta = meta

    async def fetch(
        self, request: FetchDataInIndexRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> FetchDataInIndexResponse:
        """Returns rows by their keys, with their vectors."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_DATA_FETCH_IN_INDEX, payload, options=request_options)
        return FetchDataInIndexResponse.model_validate(answer)

    async def search_by_vector(
        self, request: SearchByVectorRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns the rows nearest to a vector."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_SEARCH_BY_VECTOR, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    async def search_by_multi_modal(
        self, request: SearchByMultiModalRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns the rows nearest to a text, an image or a video."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_SEARCH_BY_MULTI_MODAL, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    async def search_by_id(
        self, request: SearchByIDRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns the rows nearest to a row, including that row."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_SEARCH_BY_ID, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    async def search_by_scalar(
        self, request: SearchByScalarRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns rows sorted by a number."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_SEARCH_BY_SCALAR, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    async def search_by_keywords(
        self, request: SearchByKeywordsRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> SearchResponse:
        """Returns rows that contain keywords."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_SEARCH_BY_KEYWORDS, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    async def search_by_random(
        self,
        request: SearchByRandomRequest | Mapping[str, Any] | None = None,
        *,
        request_options: RequestOptions | None = None,
    ) -> SearchResponse:
        """Returns random rows; ten without a request."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_SEARCH_BY_RANDOM, payload, options=request_options)
        return SearchResponse.model_validate(answer)

    async def aggregate(
        self, request: AggRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> AggResponse:
        """Counts rows by the values of a field."""
        payload = base.body(request, self.meta)
        answer = await self._service.request(base.API_VECTOR_DATA_AGGREGATE, payload, options=request_options)
        return AggResponse.model_validate(answer)


class AsyncEmbeddingClient:
    """Vectors of texts, images and videos."""

    def __init__(self, service: AsyncVikingDB) -> None:
        self._service = service

    async def embedding(
        self, request: EmbeddingRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> EmbeddingResponse:
        """Returns one vector for each input, in the same order."""
        payload = base.body(request)
        answer = await self._service.request(base.API_VECTOR_EMBEDDING, payload, options=request_options)
        return EmbeddingResponse.model_validate(answer)


class AsyncRerankClient:
    """Scores documents with a model that reads each together with the query."""

    def __init__(self, service: AsyncVikingDB) -> None:
        self._service = service

    async def rerank(
        self, request: RerankRequest | Mapping[str, Any], *, request_options: RequestOptions | None = None
    ) -> RerankResponse:
        """Returns a score for each document, in the same order."""
        payload = base.body(request)
        answer = await self._service.request(base.API_VECTOR_RERANK, payload, options=request_options)
        return RerankResponse.model_validate(answer)
