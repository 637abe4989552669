"""The vector data plane, with blocking calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from .._client import Client
from ..auth import Auth
from ..request_options import RequestOptions
from ..retry import RetryPolicy
from . import base
from .base import (
    API_VECTOR_DATA_AGGREGATE,
    API_VECTOR_DATA_DELETE,
    API_VECTOR_DATA_FETCH_IN_COLLECTION,
    API_VECTOR_DATA_FETCH_IN_INDEX,
    API_VECTOR_DATA_UPDATE,
    API_VECTOR_DATA_UPSERT,
    API_VECTOR_EMBEDDING,
    API_VECTOR_RERANK,
    API_VECTOR_SEARCH_BY_ID,
    API_VECTOR_SEARCH_BY_KEYWORDS,
    API_VECTOR_SEARCH_BY_MULTI_MODAL,
    API_VECTOR_SEARCH_BY_RANDOM,
    API_VECTOR_SEARCH_BY_SCALAR,
    API_VECTOR_SEARCH_BY_VECTOR,
)
from .collection import CollectionClient
from .embedding import EmbeddingClient
from .exceptions import VikingConnectionException, VikingVectorException
from .index import IndexClient
from .models import CollectionMeta, IndexMeta
from .rerank import RerankClient

__all__ = [
    "API_VECTOR_DATA_AGGREGATE",
    "API_VECTOR_DATA_DELETE",
    "API_VECTOR_DATA_FETCH_IN_COLLECTION",
    "API_VECTOR_DATA_FETCH_IN_INDEX",
    "API_VECTOR_DATA_UPDATE",
    "API_VECTOR_DATA_UPSERT",
    "API_VECTOR_EMBEDDING",
    "API_VECTOR_RERANK",
    "API_VECTOR_SEARCH_BY_ID",
    "API_VECTOR_SEARCH_BY_KEYWORDS",
    "API_VECTOR_SEARCH_BY_MULTI_MODAL",
    "API_VECTOR_SEARCH_BY_RANDOM",
    "API_VECTOR_SEARCH_BY_SCALAR",
    "API_VECTOR_SEARCH_BY_VECTOR",
    "VikingDB",
    "VikingVector",
]


class VikingDB(Client):
    """A connection to the vector data plane; the server must answer a ping when it is created.

    Threads may share it. `close()` or `with` ends its connections.
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
        try:
            self.ping()
        except BaseException:
            self.close()
            raise

    def collection(
        self, *, resource_id: str | None = None, collection_name: str | None = None, project_name: str | None = None
    ) -> CollectionClient:
        meta = CollectionMeta(resource_id=resource_id, collection_name=collection_name, project_name=project_name)
        return CollectionClient(self, meta)

    def index(
        self,
        *,
        resource_id: str | None = None,
        collection_name: str | None = None,
        project_name: str | None = None,
        index_name: str | None = None,
    ) -> IndexClient:
        meta = IndexMeta(
            resource_id=resource_id, collection_name=collection_name, project_name=project_name, index_name=index_name
        )
        return IndexClient(self, meta)

    def embedding(self) -> EmbeddingClient:
        return EmbeddingClient(self)

    def rerank(self) -> RerankClient:
        return RerankClient(self)

    def ping(self) -> None:
        """Checks that the server responds, without credentials. Raises VikingConnectionException."""
        url = f"{self.scheme}://{self.host}{base.PING}"
        try:
            response = self._http.get(url, timeout=self.timeout)
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise VikingConnectionException(f"{url} does not answer as VikingDB: {error}", error) from error

    def request(self, api: str, payload: Mapping[str, Any], *, options: RequestOptions | None = None) -> dict[str, Any]:
        """Calls an API by its name and returns the response unchanged."""
        answer: dict[str, Any] = self._call("POST", base.path_of(api), payload, options)
        return answer

    def json_exception(
        self,
        api: str,
        params: Mapping[str, str] | None,
        body: str | bytes,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """The same for a body that is already JSON, without retries."""
        options = RequestOptions(dict(headers or {}), dict(params or {}), max_attempts=1, timeout=timeout)
        answer: dict[str, Any] = self._call("POST", base.path_of(api), body, options)
        return answer


class VikingVector(VikingDB):
    """The name of VikingDB in earlier versions."""
