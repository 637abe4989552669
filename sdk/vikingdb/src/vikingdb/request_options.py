"""Settings of a single call that override those of its client."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field


@dataclass
class RequestOptions:
    """Options of one call.

    Attributes:
        headers: override the defaults; `Content-Type` stays `application/json`.
        query: added to the URL, and signed; strings and numbers.
        request_id: sent as `X-Tt-Logid`, the same on every attempt. None: the client creates one.
        max_attempts: attempts in total. None, 0 or less: according to the client's retry policy.
        timeout: seconds to connect, and to wait for a response. None: that of the client.
    """

    headers: MutableMapping[str, str] = field(default_factory=dict)
    query: MutableMapping[str, str] = field(default_factory=dict)
    request_id: str | None = None
    max_attempts: int | None = None
    timeout: float | None = None


def ensure_request_options(options: RequestOptions | None) -> RequestOptions:
    return RequestOptions() if options is None else options
