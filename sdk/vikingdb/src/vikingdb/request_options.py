"""What one call does otherwise than its client."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field


@dataclass
class RequestOptions:
    """Options of one call.

    Attributes:
        headers: put over the defaults; `Content-Type` stays `application/json`.
        query: put into the URL, and signed; strings and numbers.
        request_id: sent as `X-Tt-Logid`, the same on every attempt. None: the client makes one.
        max_attempts: tries in total. None, 0 or less: as the client's retry policy says.
        timeout: seconds to connect, and to wait for an answer. None: as the client says.
    """

    headers: MutableMapping[str, str] = field(default_factory=dict)
    query: MutableMapping[str, str] = field(default_factory=dict)
    request_id: str | None = None
    max_attempts: int | None = None
    timeout: float | None = None


def ensure_request_options(options: RequestOptions | None) -> RequestOptions:
    return RequestOptions() if options is None else options
