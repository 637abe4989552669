"""HTTP requests and responses, shared by all services; sync and async in one file, for their common decisions."""

from __future__ import annotations

import asyncio
import json
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from .auth import Auth, SignableRequest
from .exceptions import DEFAULT_UNKNOWN_ERROR_CODE, VikingAPIException, VikingException
from .request_options import RequestOptions, ensure_request_options
from .retry import ExponentialBackoff, RetryPolicy
from .version import __version__

OK = 200
REQUEST_ID = "X-Tt-Logid"
PROTECTED = {"content-type"}
# Types that are valid as values in a URL; a list would be signed differently from how it is sent.
QUERY_TYPES = (str, int, float)


@dataclass(frozen=True)
class Prepared:
    """A call with its final arguments; each attempt signs it again."""

    method: str
    path: str
    body: bytes
    query: list[tuple[str, str]]
    headers: dict[str, str]
    timeout: float
    attempts: int

    @property
    def request_id(self) -> str:
        return self.headers[REQUEST_ID]


class BaseClient:
    """What is known of a server before there is a connection."""

    service = "vikingdb"
    error_class: type[VikingException] = VikingException

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
        pool_sizes = {"pool_connections": pool_connections, "pool_maxsize": pool_maxsize}
        check_client(host, auth, scheme, sts_token, timeout, pool_sizes)
        self.host = host
        self.region = region
        self.scheme = scheme
        self.timeout = timeout
        self.auth_provider = auth
        self.retry = ExponentialBackoff() if retry is None else retry
        self._sts_token = sts_token
        self._limits = httpx.Limits(max_connections=pool_maxsize, max_keepalive_connections=pool_connections)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.scheme}://{self.host}, region={self.region!r}, {self.auth_provider!r})"

    def _prepared(self, method: str, path: str, payload: Any, options: RequestOptions | None) -> Prepared:
        options = ensure_request_options(options)
        body = b"" if payload is None else encoded(payload)
        return Prepared(
            method, path, body, checked_query(options.query), self._headers(options),
            self.timeout if options.timeout is None else checked_timeout(options.timeout),
            options.max_attempts if options.max_attempts and options.max_attempts > 0 else self.retry.max_attempts,
        )  # fmt: skip

    def _headers(self, options: RequestOptions) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": f"vicinal-vikingdb/{__version__}",
        }
        by_lower = {name.lower(): name for name in headers}
        for name, value in options.headers.items():
            if name.lower() not in PROTECTED:
                headers.pop(by_lower.get(name.lower(), ""), None)
                headers[name] = value
        given = [name for name in headers if name.lower() == REQUEST_ID.lower()]
        id_of_header = [headers.pop(name) for name in given]
        # A server recognizes the second attempt of a write by its id, so a call without an id is assigned one.
        headers[REQUEST_ID] = options.request_id or (id_of_header[0] if id_of_header else uuid.uuid4().hex)
        for name, value in headers.items():
            check_header(name, value)
        return headers

    def _request(self, prepared: Prepared) -> httpx.Request:
        """Returns the request of one attempt, signed now."""
        signable = SignableRequest(
            prepared.method, prepared.path, prepared.body, self.region, self.service,
            dict(prepared.headers), prepared.query, self._sts_token,
        )  # fmt: skip
        self.auth_provider.sign_request(signable)
        target = f"{prepared.path}?{urlencode(prepared.query)}" if prepared.query else prepared.path
        return httpx.Request(
            prepared.method,
            f"{self.scheme}://{self.host}{target}",
            headers=signable.headers,
            content=prepared.body,
            extensions={"timeout": httpx.Timeout(prepared.timeout).as_dict()},
        )

    def _failure_of_transport(self, error: Exception, prepared: Prepared) -> VikingException:
        reason = str(error) or type(error).__name__
        message = f"{self.scheme}://{self.host} cannot be reached: {reason}"
        return VikingException(DEFAULT_UNKNOWN_ERROR_CODE, prepared.request_id, message).promote(self.error_class)

    def _decoded(self, response: httpx.Response, prepared: Prepared) -> Any:
        """Returns the body of a successful response; for any other, raises the error that its body describes."""
        try:
            content: Any = json.loads(response.content)
        except ValueError:
            content = response.text
        if response.status_code == OK and isinstance(content, dict):
            return content
        failure = VikingAPIException.from_response(
            content, request_id=prepared.request_id, status_code=response.status_code
        )
        raise failure.promote(self.error_class)

    def _wait(self, error: VikingException, attempt: int, prepared: Prepared) -> float:
        """Returns the seconds until the next attempt; raises the error if there is none."""
        if attempt >= prepared.attempts or not self.retry.should_retry(error):
            raise error
        return self.retry.delay_seconds(attempt)


class Client(BaseClient):
    """Blocking calls."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._http = httpx.Client(limits=self._limits)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: str, path: str, payload: Any = None, options: RequestOptions | None = None) -> Any:
        prepared = self._prepared(method, path, payload, options)
        attempt = 1
        while True:
            try:
                return self._attempt(prepared)
            except VikingException as error:
                seconds = self._wait(error, attempt, prepared)
            time.sleep(seconds)
            attempt += 1

    def _attempt(self, prepared: Prepared) -> Any:
        request = self._request(prepared)
        try:
            response = self._http.send(request)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._failure_of_transport(error, prepared) from error
        return self._decoded(response, prepared)


class AsyncClient(BaseClient):
    """Awaitable calls, on asyncio."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._http = httpx.AsyncClient(limits=self._limits)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _call(self, method: str, path: str, payload: Any = None, options: RequestOptions | None = None) -> Any:
        prepared = self._prepared(method, path, payload, options)
        attempt = 1
        while True:
            try:
                return await self._attempt(prepared)
            except VikingException as error:
                seconds = self._wait(error, attempt, prepared)
            await asyncio.sleep(seconds)
            attempt += 1

    async def _attempt(self, prepared: Prepared) -> Any:
        request = self._request(prepared)
        try:
            response = await self._http.send(request)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._failure_of_transport(error, prepared) from error
        return self._decoded(response, prepared)


def encoded(payload: Mapping[str, Any] | str | bytes) -> bytes:
    """Returns compact JSON in UTF-8; a str or bytes is assumed to be JSON. NaN and infinity are rejected."""
    if isinstance(payload, str | bytes):
        return payload.encode() if isinstance(payload, str) else payload
    try:
        return json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise type(error)(f"the request cannot be written as JSON: {error}") from None


def check_client(
    host: str, auth: object, scheme: str, sts_token: str, timeout: float, pool_sizes: Mapping[str, int]
) -> None:
    if not host or "/" in host:
        raise ValueError(f"host is {host!r}; it is a name with or without a port, as in '127.0.0.1:8000'")
    if scheme not in {"http", "https"}:
        raise ValueError(f"scheme is {scheme!r}; it is 'http' or 'https'")
    if auth is None:
        raise ValueError("auth is None; give IAM(ak=..., sk=...), APIKey(api_key=...) or HeaderAuth({...})")
    if not isinstance(auth, Auth):
        raise TypeError(f"auth is a {type(auth).__name__}; it must be IAM, APIKey, HeaderAuth or an Auth of yours")
    if sts_token and not auth.accepts_sts_token:
        raise ValueError(f"sts_token goes with IAM, not with {type(auth).__name__}")
    checked_timeout(timeout)
    for name, size in pool_sizes.items():
        if size <= 0:
            raise ValueError(f"{name} is {size}; it must be at least 1")


def checked_timeout(timeout: float) -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float):
        raise TypeError(f"timeout is {timeout!r}; it is a number of seconds")
    if not math.isfinite(timeout) or timeout <= 0:
        raise ValueError(f"timeout is {timeout!r}; it is a number of seconds above 0")
    return timeout


def checked_query(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    for name, value in query.items():
        if not isinstance(value, QUERY_TYPES):
            raise TypeError(f"query[{name!r}] is {value!r}; give a string or a number")
    return [(name, str(value)) for name, value in query.items()]


def check_header(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"the header {name} is {value!r}; give a string")
    if any(ord(letter) > 255 or letter in "\r\n\0" for letter in value):
        raise ValueError(f"the header {name} is {value!r}; HTTP takes one line of Latin-1 letters there")
