"""The functions that create clients."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from .aio import AsyncClientAPI
from .client import ClientAPI
from .config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from .systems import System

__all__ = ["AsyncHttpClient", "Client", "EphemeralClient", "HttpClient", "PersistentClient", "server_of"]

_TOKEN_HEADERS: Final = ("authorization", "x-chroma-token")


def Client(
    settings: Settings | None = None, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE
) -> ClientAPI:
    """Returns a client according to the settings: in memory, in `persist_directory`, or at `chroma_server_host`."""
    settings = settings or Settings()
    if settings.chroma_server_host is not None:
        port = int(settings.chroma_server_http_port or 8000)
        return HttpClient(
            settings.chroma_server_host,
            port,
            bool(settings.chroma_server_ssl_enabled),
            settings.chroma_server_headers,
            settings,
            tenant,
            database,
        )
    if settings.is_persistent:
        return PersistentClient(settings.persist_directory, settings, tenant, database)
    return EphemeralClient(settings, tenant, database)


def EphemeralClient(
    settings: Settings | None = None, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE
) -> ClientAPI:
    """Returns a client in memory; all such clients of a process share one database."""
    return _client(System.in_memory(settings or Settings()), tenant, database)


def PersistentClient(
    path: str | os.PathLike[str] = "./chroma",
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
) -> ClientAPI:
    """Returns a client in a folder. Completed writes survive power loss; several processes may use it at once.

    Raises:
        ValueError: the folder contains files written by Chroma itself, which must be imported rather than opened.
    """
    return _client(System.in_folder(path, settings or Settings()), tenant, database)


def HttpClient(
    host: str = "localhost",
    port: int = 8000,
    ssl: bool = False,
    headers: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
) -> ClientAPI:
    """Returns a client of a server started by `vicinal serve`.

    Args:
        host: a name, an address, or a URL, whose port takes precedence.
        headers: `Authorization: Bearer KEY` or `X-Chroma-Token: KEY` is the key for the server.
        settings: `chroma_client_auth_credentials` is the key if no header has it.

    Raises:
        ValueError: there is no response, or it is not a Vicinal server.
    """
    settings = settings or Settings()
    client = _client(System.behind(_url(host, port, ssl), settings, _key(headers, settings)), tenant, database)
    try:
        client.heartbeat()
    except BaseException:
        client.close()
        raise
    return client


async def AsyncHttpClient(
    host: str = "localhost",
    port: int = 8000,
    ssl: bool = False,
    headers: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
) -> AsyncClientAPI:
    """Like `HttpClient`, awaited."""
    return await AsyncClientAPI.made(lambda: HttpClient(host, port, ssl, headers, settings, tenant, database))


def server_of(settings: Settings) -> tuple[str, str | None] | None:
    """URL and key of the server in the settings, if they have one."""
    host = settings.chroma_server_host
    if host is None:
        return None
    port = int(settings.chroma_server_http_port or 8000)
    url = _url(host, port, bool(settings.chroma_server_ssl_enabled))
    return url, _key(settings.chroma_server_headers, settings)


def _client(system: System, tenant: str, database: str) -> ClientAPI:
    try:
        return ClientAPI(system, tenant, database)
    except BaseException:
        system.close()
        raise


def _url(host: str, port: int, ssl: bool) -> str:
    if host.startswith(("http://", "https://")):
        return host.rstrip("/")
    return f"{'https' if ssl else 'http'}://{host}:{port}"


def _key(headers: Mapping[str, str] | None, settings: Settings) -> str | None:
    """The server's key, from a header or the settings."""
    given: dict[str, Any] = {name.lower(): value for name, value in (headers or {}).items()}
    for name in _TOKEN_HEADERS:
        if name in given:
            return str(given[name]).removeprefix("Bearer ").strip()
    credentials = settings.chroma_client_auth_credentials
    return None if credentials is None else str(credentials)
