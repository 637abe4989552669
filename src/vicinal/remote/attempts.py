"""Decides whether and when a request is retried, and the error if it is not."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any, Final

from ..errors import Unreachable
from ..wire.requests import Request
from .server import Server

__all__ = ["Attempts"]

_FIRST_PAUSE_SECONDS: Final = 0.1
_PAUSE_SECONDS_MAX: Final = 5.0
# While a server starts or replaces a dead worker, nothing listens; this is temporary.
_REFUSED_SECONDS: Final = 4.0
_REFUSED_PAUSE_SECONDS_MAX: Final = 0.5
_NOT_BEGUN: Final = frozenset({429, 503})  # rejected before any work: always safe to retry


class Attempts:
    """The attempts of one request. It is only retried if the server cannot have begun it, or if it may run twice."""

    def __init__(self, server: Server, request: Request) -> None:
        self._server = server
        self._request = request
        self._tried = 0
        self._refused_at: float | None = None  # first refusal

    def after_error(self, error: Exception) -> float:
        """Seconds to wait before the next attempt.

        Args:
            error: an `httpx.TransportError`.

        Raises:
            Unreachable: there is no further attempt.
        """
        httpx = self._server.httpx
        not_sent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
        late = isinstance(error, httpx.TimeoutException) and not not_sent
        if _is_refused(error) and (pause := self._until_somebody_listens()) is not None:
            return pause
        if self._tried >= self._server.retries or late or not (not_sent or self._request.repeatable):
            raise self.unreachable(error, not_sent=not_sent, late=late) from error
        return self._pause(None)

    def _until_somebody_listens(self) -> float | None:
        """Seconds to wait, not counted as an attempt; None after the time limit."""
        now = time.monotonic()
        if self._refused_at is None:
            self._refused_at = now
        waited = now - self._refused_at
        if not self._server.retries or waited >= min(_REFUSED_SECONDS, self._server.timeout):
            return None
        pause = min(_REFUSED_PAUSE_SECONDS_MAX, max(_FIRST_PAUSE_SECONDS, waited))
        return pause * random.uniform(0.5, 1.0)

    def after(self, status: int, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait before the next attempt; None if this response is final."""
        asked = headers.get("retry-after")
        if self._tried >= self._server.retries or status not in _NOT_BEGUN or asked is None:
            return None
        return self._pause(asked)

    def unreachable(self, error: Exception, *, not_sent: bool, late: bool) -> Unreachable:
        server, route = self._server, self._request.route
        if late:
            what = f"did not answer within {server.timeout:g} seconds"
        elif not_sent:
            what = "cannot be reached"
        else:
            what = "closed the connection"
        remedy = "Check that it runs, and the URL."
        unknown = route.role != "read" and not not_sent
        if unknown:
            remedy = "It is unknown whether the call was executed: check before you repeat it."
        elif late:
            remedy = "Give it more time: connect(url, timeout=...)."
        detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        found = Unreachable(f"the server {what} ({detail})", name="server", place=server.url, remedy=remedy)
        found.committed = None if unknown else False
        return found

    def _pause(self, asked: str | None) -> float:
        """Grows with each attempt, with jitter; follows the server's request, within reason."""
        seconds: float = _FIRST_PAUSE_SECONDS * 2**self._tried * random.uniform(0.5, 1.5)
        self._tried += 1
        try:
            wished: Any = float(asked) if asked is not None else None
        except ValueError:  # a date
            wished = None
        return min(_PAUSE_SECONDS_MAX, wished if wished is not None and wished >= 0 else seconds)


def _is_refused(error: BaseException | None) -> bool:
    """Whether a connection was refused, however libraries have wrapped the error."""
    if isinstance(error, BaseExceptionGroup):  # one for each address of a name
        return all(map(_is_refused, error.exceptions))
    return error is not None and (
        isinstance(error, ConnectionRefusedError) or _is_refused(error.__cause__ or error.__context__)
    )
