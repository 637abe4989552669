"""The client of the memory service, with blocking and awaitable calls."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx

from .._client import AsyncClient, BaseClient, Client, Prepared
from ..auth import Auth
from ..exceptions import VikingException, promote_exception
from ..request_options import RequestOptions
from ..retry import ExponentialBackoff, RetryPolicy
from .collection import Collection
from .exceptions import EXCEPTION_MAP, VikingMemException
from .types import EnumEncoder

PREFIX = "/api/memory"
PING = f"{PREFIX}/ping"
PATHS = {
    "AddSession": f"{PREFIX}/session/add",
    "GetSessionInfo": f"{PREFIX}/session/info",
    "AddEvent": f"{PREFIX}/event/add",
    "UpdateEvent": f"{PREFIX}/event/update",
    "DeleteEvent": f"{PREFIX}/event/delete",
    "BatchDeleteEvent": f"{PREFIX}/event/batch_delete",
    "SearchEventMemory": f"{PREFIX}/event/search",
    "AddProfile": f"{PREFIX}/profile/add",
    "UpdateProfile": f"{PREFIX}/profile/update",
    "DeleteProfile": f"{PREFIX}/profile/delete",
    "BatchDeleteProfile": f"{PREFIX}/profile/batch_delete",
    "TriggerUpdateProfile": f"{PREFIX}/profile/trigger_update",
    "SearchProfileMemory": f"{PREFIX}/profile/search",
    "SearchMemory": f"{PREFIX}/search",
}


class _Errors(BaseClient):
    """Gives each error code its own class."""

    service = "air"
    error_class = VikingMemException

    def _decoded(self, response: httpx.Response, prepared: Prepared) -> Any:
        try:
            return super()._decoded(response, prepared)
        except VikingException as error:
            raise _promoted(error) from None

    def _failure_of_transport(self, error: Exception, prepared: Prepared) -> VikingException:
        return _promoted(super()._failure_of_transport(error, prepared))


class _Awaited(_Errors, AsyncClient):
    """One call: connections belong to an event loop, and one client may be used from several."""

    def __init__(self, of: VikingMem, verify: ssl.SSLContext | bool) -> None:
        BaseClient.__init__(
            self, host=of.host, region=of.region, auth=of.auth_provider, scheme=of.scheme, sts_token=of._sts_token,
            timeout=of.timeout, retry=of.retry,
        )  # fmt: skip
        self._http = httpx.AsyncClient(verify=verify)


class VikingMem(_Errors, Client):
    """A connection to the memory service. Creating it sends nothing, and no call is retried by default.

    Threads may share it. `close()` or `with` ends its connections; awaitable calls leave none open.

    Args:
        retry: a policy, for calls that should be retried after all.
    """

    def __init__(
        self,
        *,
        host: str = "api-knowledgebase.mlp.cn-beijing.volces.com",
        region: str = "cn-beijing",
        auth: Auth,
        sts_token: str = "",
        scheme: str = "http",
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
            retry=retry or ExponentialBackoff(max_attempts=1),
        )
        self._verify: ssl.SSLContext | bool | None = None

    def ping(self) -> bool:
        """Returns True, or raises an error: the server cannot be reached, or does not accept the credentials."""
        self._call("GET", PING)
        return True

    def get_collection(
        self, collection_name: str | None = None, project_name: str = "default", resource_id: str | None = None
    ) -> Collection:
        if not collection_name and not resource_id:
            raise ValueError("give collection_name or resource_id")
        return Collection(self, collection_name, project_name, resource_id)

    def json_exception(
        self,
        api: str,
        params: Mapping[str, Any] | None,
        body: Any,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """Calls an API by its name and returns the response unchanged.

        Args:
            params: the query of the URL.
            body: a JSON text, or a value to be encoded as JSON.
        """
        answer: dict[str, Any] = self._call("POST", _path(api), _plain(body), _options(params, headers, timeout))
        return answer

    async def async_json_exception(
        self,
        api: str,
        params: Mapping[str, Any] | None,
        body: Any,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """The same as `json_exception`, awaitable."""
        path, payload, options = _path(api), _plain(body), _options(params, headers, timeout)
        if self._verify is None:
            self._verify = self.scheme == "https" and ssl.create_default_context()
        async with _Awaited(self, self._verify) as client:
            answer: dict[str, Any] = await client._call("POST", path, payload, options)
        return answer


def _path(api: str) -> str:
    if api not in PATHS:
        raise ValueError(f"there is no call {api!r}; there are {', '.join(sorted(PATHS))}")
    return PATHS[api]


def _plain(body: Any) -> Any:
    """Returns only JSON values: members of an Enum become their values."""
    return json.loads(body if isinstance(body, str | bytes) else json.dumps(body, cls=EnumEncoder))


def _options(
    params: Mapping[str, Any] | None, headers: Mapping[str, str] | None, timeout: float | None
) -> RequestOptions:
    given: dict[str, Any] = {"headers": dict(headers or {}), "query": dict(params or {}), "timeout": timeout}
    return RequestOptions(**given)


def _promoted(error: VikingException) -> VikingException:
    return promote_exception(error, exception_map=EXCEPTION_MAP, default_cls=VikingMemException)
