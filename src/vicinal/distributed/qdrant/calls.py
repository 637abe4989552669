"""Calls of `qdrant_client`: made again where that can do no harm, and errors as ours."""

from __future__ import annotations

import random
import time
import warnings
from typing import Any, Final

from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from ...errors import Closed, KeyRefused, LimitExceeded, ServerBusy, ServerFailed, StoreError, Unreachable
from ..engine import NoSuchPoints

__all__ = ["Calls"]

_FIRST_PAUSE_SECONDS: Final = 0.1
_TOO_LONG: Final = 413
_NOT_FOUND: Final = 404
_REFUSED: Final = frozenset({401, 403})
_BUSY: Final = frozenset({429, 503})


class Calls:
    """The calls of one client. Each may be repeated: writes name the points that they are about, and their content."""

    def __init__(self, client: QdrantClient, place: str, retries: int) -> None:
        self._client = client
        self._place = place
        self._retries = retries
        self._closed = False

    def read(self, call: str, *args: Any, **given: Any) -> Any:
        return self._try(call, args, given, writes=False)

    def write(self, call: str, *args: Any, **given: Any) -> Any:
        return self._try(call, args, given, writes=True)

    def make(self, name: str, **given: Any) -> None:
        """Makes a collection of points, unless somebody else has."""
        try:
            self.write("create_collection", name, **given)
        except ServerFailed:
            if not self.read("collection_exists", name):
                raise

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._client.close()

    def _try(self, call: str, args: Any, given: Any, *, writes: bool) -> Any:
        for tried in range(self._retries + 1):
            try:
                return self._once(call, args, given, writes=writes)
            except (Unreachable, ServerBusy):
                if tried == self._retries:
                    raise
                time.sleep(_FIRST_PAUSE_SECONDS * 2**tried * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    def _once(self, call: str, args: Any, given: Any, *, writes: bool) -> Any:
        if self._closed:
            raise Closed("the database is closed", name="database", place=self._place, remedy="Connect again.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the client's local mode, that it is slow with many points
                return getattr(self._client, call)(*args, **given)
        except (ApiException, ValueError, AssertionError) as error:
            found = self._as_ours(error, writes)
            if isinstance(found, NoSuchPoints) and call == "collection_exists":  # which every Qdrant answers
                found = self._no_qdrant(error)
            raise found from error

    def _as_ours(self, error: Exception, writes: bool) -> Exception:
        if isinstance(error, ResponseHandlingException):
            remedy = "Check that it runs, and the URL."
            if writes:
                remedy = "Nobody knows whether the call was carried out. It is safe to make it again."
            found = Unreachable(
                f"Qdrant cannot be reached, or did not answer ({error})",
                name="server",
                place=self._place,
                remedy=remedy,
            )
            found.committed = None if writes else False
            return found
        if isinstance(error, UnexpectedResponse):
            return self._refused(error)
        return NoSuchPoints(str(error)) if "not found" in str(error) else self._no_qdrant(error)

    def _no_qdrant(self, error: Exception) -> ServerFailed:
        return ServerFailed(
            f"this is no answer of a Qdrant ({type(error).__name__}: {error})",
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
        remedy = "Its log has more."
        if status in _REFUSED:
            kind, remedy = KeyRefused, "Pass api_key=."
        elif status in _BUSY:
            kind, remedy = ServerBusy, "Make the call again later."
        return kind(f"Qdrant answered {status}: {detail}", name="server", place=self._place, remedy=remedy)
