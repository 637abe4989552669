"""The address and options of a server, shared by the blocking and the asynchronous client."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ..errors import MissingExtra
from ..inputs.services import ClientOptions, checked_url
from ..settings import Secret
from ..version import __version__
from ..wire.requests import Request, Response

if TYPE_CHECKING:
    import httpx

__all__ = ["KEY_VARIABLE", "Server"]

KEY_VARIABLE: Final = "VICINAL_API_KEY"
_EXAMPLE: Final = "http://localhost:8321"
_LONG_SECONDS: Final = 3600.0  # backups and the like, which read and write whole collections
_CONNECT_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 4.0  # connections are dropped before a cautious server drops them
_CONNECTIONS_MAX: Final = 100


@dataclass(frozen=True)
class Server:
    """A server as a client knows it.

    Attributes:
        url: without a trailing slash.
        key: sent to this server alone, never shown.
        timeout: seconds to wait for a response.
        retries: how often a request is repeated if that is allowed.
    """

    url: str
    key: Secret | None
    timeout: float
    retries: int

    @classmethod
    def at(cls, url: Any, api_key: Any = None, timeout: float | None = None, retries: int | None = None) -> Server:
        """Raises InvalidArgument for an invalid URL, key, timeout or number of retries."""
        place = checked_url(url, example=_EXAMPLE, name="target")
        key = os.environ.get(KEY_VARIABLE) or None if api_key is None else api_key
        options = ClientOptions.of(key, timeout, retries)
        return cls(place, options.key, options.seconds, options.retries)

    def client_options(self) -> dict[str, Any]:
        """Options of httpx clients. Proxies of the environment are ignored: the key is for this server alone."""
        httpx = self.httpx
        headers = {"user-agent": f"vicinal/{__version__}", "accept-encoding": "identity"}
        if self.key is not None:
            headers["authorization"] = f"Bearer {self.key.reveal()}"
        return {
            "headers": headers,
            "follow_redirects": False,
            "trust_env": False,
            "verify": ssl.create_default_context() if self.url.startswith("https://") else False,
            "limits": httpx.Limits(
                max_connections=_CONNECTIONS_MAX,
                max_keepalive_connections=_CONNECTIONS_MAX,
                keepalive_expiry=_IDLE_SECONDS,
            ),
        }

    def asked(self, client: Any, request: Request) -> Any:
        """Builds the request for httpx, for either kind of client."""
        seconds = max(self.timeout, _LONG_SECONDS) if request.route.role == "admin" else self.timeout
        headers = {"content-type": "application/json"} if request.body else {}
        return client.build_request(
            request.route.verb,
            self.url + request.path,
            params=request.query or None,
            content=request.body or None,
            headers=headers,
            timeout=self.httpx.Timeout(seconds, connect=min(self.timeout, _CONNECT_SECONDS), pool=None),
        )

    @cached_property
    def httpx(self) -> Any:
        """The httpx module; imported when the first server is connected to."""
        try:
            import httpx
        except ImportError:
            raise MissingExtra("httpx", "client", "a database behind a server") from None
        return httpx


def response_of(answer: httpx.Response) -> Response:
    headers: Mapping[str, str] = answer.headers  # httpx looks names up case-insensitively
    return Response(answer.status_code, headers, answer.content)
