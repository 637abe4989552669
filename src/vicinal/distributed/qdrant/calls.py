"""Calls of `qdrant_client`: retried if that is harmless, with errors converted to ours."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from ...errors import KeyRefused, LimitExceeded, ServerBusy, ServerFailed, StoreError
from ...locks import new_rlock
from ..attempts import Attempts, unreachable
from ..engine import NoSuchPoints

__all__ = ["Calls"]

_TOO_LONG: Final = 413
_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({401, 403})
_BUSY: Final = frozenset({429, 503})


class Calls:
    """The calls of one client.

    Args:
        local: the client holds the points itself, in structures that no two threads may use at once.
    """

    def __init__(self, client: QdrantClient, place: str, retries: int, *, local: bool) -> None:
        self._client = client
        self._turn: AbstractContextManager[object] = new_rlock() if local else nullcontext()
        self._place = place
        self._attempts = Attempts(place, retries)

    def read(self, call: str, *args: Any, **given: Any) -> Any:
        return self._try(call, args, given, writes=False)

    def write(self, call: str, *args: Any, **given: Any) -> Any:
        return self._try(call, args, given, writes=True)

    def make(self, name: str, **given: Any) -> None:
        """Creates a set of points, unless another program has."""
        try:
            self.write("create_collection", name, **given)
        except ServerFailed:
            if not self.read("collection_exists", name):
                raise

    def close(self) -> None:
        if self._attempts.end():
            self._client.close()

    def _try(self, call: str, args: Any, given: Any, *, writes: bool) -> Any:
        return self._attempts.make(lambda: self._once(call, args, given, writes=writes))

    def _once(self, call: str, args: Any, given: Any, *, writes: bool) -> Any:
        try:
            with self._turn, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about the client's local mode, that it is slow with many points
                return getattr(self._client, call)(*args, **given)
        except (ApiException, ValueError, AssertionError) as error:
            found = self._as_ours(error, writes)
            if isinstance(found, NoSuchPoints) and call == "collection_exists":  # supported by every Qdrant
                found = self._no_qdrant(error)
            raise found from error

    def _as_ours(self, error: Exception, writes: bool) -> Exception:
        if isinstance(error, ResponseHandlingException):
            return unreachable("Qdrant", self._place, error, writes=writes)
        if isinstance(error, UnexpectedResponse):
            return self._refused(error)
        return NoSuchPoints(str(error)) if "not found" in str(error) else self._no_qdrant(error)

    def _no_qdrant(self, error: Exception) -> ServerFailed:
        return ServerFailed(
            f"this is not a Qdrant response ({type(error).__name__}: {error})",
            name="server",
            place=self._place,
            remedy="Check the URL.",
        )

    def _refused(self, error: UnexpectedResponse) -> Exception:
        status = error.status_code
        if status == _NOT_FOUND:
            return NoSuchPoints(str(error))
        detail = error.content.decode(errors="replace")
        if status == _TOO_LONG:
            return LimitExceeded(
                f"Qdrant takes no request as long as this: {detail}",
                name="rows",
                place=self._place,
                remedy="Pass fewer or shorter rows, or raise its service.max_request_size_mb.",
            )
        kind: type[StoreError] = ServerFailed
        remedy = "See its log."
        if status in _REFUSED:
            kind, remedy = KeyRefused, "Pass api_key=."
        elif status in _BUSY:
            kind, remedy = ServerBusy, "Make the call again later."
        return kind(f"Qdrant answered {status}: {detail}", name="server", place=self._place, remedy=remedy)
