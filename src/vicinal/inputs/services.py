"""Validation of the settings of a network service: URL, key, timeout and retries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

from ..errors import InvalidArgument
from ..settings import Secret

__all__ = ["ClientOptions", "checked_key", "checked_retries", "checked_seconds", "checked_url"]

_TIMEOUT_SECONDS: Final = 60.0
_RETRIES: Final = 2


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How a client calls a database over the network.

    Attributes:
        seconds: timeout of a call.
        retries: how often a call is repeated if that is harmless.
    """

    key: Secret | None
    seconds: float
    retries: int

    @classmethod
    def of(cls, api_key: Any, timeout: Any, retries: Any) -> Self:
        """Checks the arguments of `connect`; None stands for the default."""
        return cls(
            checked_key(api_key),
            _TIMEOUT_SECONDS if timeout is None else checked_seconds(timeout),
            _RETRIES if retries is None else checked_retries(retries),
        )


def checked_url(url: Any, *, example: str, name: str = "url") -> str:
    """The URL without a trailing slash.

    Raises:
        InvalidArgument: it does not begin with http:// or https://, has no host, or contains a password or a query.
    """
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise InvalidArgument(
            f"{name} must begin with http:// or https://, not {url!r:.80}",
            name=name,
            value=url,
            remedy=f"Write {example!r} or the like.",
        )
    try:
        parts = urlsplit(url)
        usable = parts.hostname and url.isprintable() and " " not in url and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise InvalidArgument(
            f"{url!r:.80} names no server", name=name, value=url, remedy=f"Write {example!r} or the like."
        )
    if parts.username is not None or parts.query or parts.fragment:  # would appear in every message and log
        raise InvalidArgument(
            f"{name} may hold a server, a port and a path only",
            name=name,
            remedy="Pass a key as api_key=, which is shown nowhere.",
        )
    return url.rstrip("/")


def checked_key(key: Any, name: str = "api_key") -> Secret | None:
    """A key, which is never displayed."""
    if key is None or isinstance(key, Secret):
        return key
    if not isinstance(key, str) or not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidArgument(
            f"{name} must be printable ASCII text without blanks, and this is not", name=name, remedy="Copy it again."
        )
    return Secret(key)


def checked_seconds(timeout: Any, name: str = "timeout") -> float:
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < math.inf:
        raise InvalidArgument(
            f"{name} must be a number of seconds above 0, not {timeout!r:.80}", name=name, value=timeout
        )
    return float(timeout)


def checked_retries(retries: Any) -> int:
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise InvalidArgument(
            f"retries must be a whole number of at least 0, not {retries!r:.80}", name="retries", value=retries
        )
    return retries
