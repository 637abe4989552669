"""Calls of `pymilvus`: retried if that is harmless, with errors converted to ours."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import grpc
from pymilvus import MilvusClient, MilvusException
from pymilvus.client.types import LoadState

from ...errors import KeyRefused, LimitExceeded, ServerBusy, ServerFailed, StoreError
from ...locks import new_lock
from ..attempts import Attempts, unreachable
from ..engine import NoSuchPoints

__all__ = ["Calls", "TooLong"]

_NO_COLLECTION: Final = 100
_NOT_LOADED: Final = frozenset({101, 103})  # the latter while it is being loaded
_REFUSED: Final = frozenset({1400, 1401})
_UNAVAILABLE: Final = 2  # pymilvus also uses it if reconnecting failed
_BUSY: Final = frozenset({1, 3, 4, 7, 8, 9, 503})  # starting, out of space, over quota, a shard that is moving
_LOST: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}
)
_NO_ACCESS: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})
_OUTPUT_LIMIT: Final = "maxOutputSize"
_PAUSE_SECONDS: Final = 0.02


class TooLong(Exception):
    """The request or the response exceeds the size limit of a message. Never raised to users."""


class _NotLoaded(Exception):
    """The points are not loaded on the engine's machines. Never raised to users."""


class _Quiet(logging.Filter):
    """Keeps pymilvus from printing tracebacks of errors that we raise or handle."""

    def __init__(self) -> None:
        super().__init__()
        self.calling = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.calling, "now", False)

    @contextmanager
    def during(self) -> Iterator[None]:
        self.calling.now = True
        try:
            yield
        finally:
            self.calling.now = False


_quiet: Final = _Quiet()
logging.getLogger("pymilvus.decorators").addFilter(_quiet)


class Calls:
    """The calls of one client, which is created by the first call.

    Args:
        connect: creates the client.
        release: cleanup after the client is closed.
        seconds: timeout of a call.
    """

    def __init__(
        self,
        connect: Callable[[], MilvusClient],
        release: Callable[[], None],
        place: str,
        seconds: float,
        retries: int,
        *,
        local: bool,
    ) -> None:
        self._connect = connect
        self._release = release
        self._place = place
        self._seconds = seconds
        self._attempts = Attempts(place, retries)
        self._local = local
        self._lock = new_lock()
        self._client: MilvusClient | None = None

    def read(self, call: str, points: str, **given: Any) -> Any:
        """Makes a call that needs the points in memory: loads them first if necessary."""
        try:
            return self._try(call, points, given, writes=False)
        except _NotLoaded:
            self.load(points)
        return self._try(call, points, given, writes=False)

    def ask(self, call: str, points: str, **given: Any) -> Any:
        return self._try(call, points, given, writes=False)

    def write(self, call: str, points: str, **given: Any) -> Any:
        return self._try(call, points, given, writes=True)

    def load(self, points: str) -> None:
        """Has the engine load points, and waits for it.

        Raises:
            ServerBusy: it takes too long.
        """
        self.write("load_collection", points, _async=True)
        deadline = time.monotonic() + self._seconds
        while self.ask("get_load_state", points)["state"] != LoadState.Loaded:
            if time.monotonic() > deadline:
                raise self._error(ServerBusy, f"Milvus is still loading {points}", "Make the call again later.")
            time.sleep(_PAUSE_SECONDS)

    def make(self, points: str, **given: Any) -> None:
        """Creates a collection, unless it exists or another program creates it at the same time."""
        if self.ask("has_collection", points):
            return
        try:
            self.write("create_collection", points, **given)
        except ServerFailed:
            if not self.ask("has_collection", points):
                raise

    def close(self) -> None:
        if self._attempts.end():
            with self._lock:
                client, self._client = self._client, None
            if client is not None:
                client.close()
            self._release()

    def _try(self, call: str, points: str, given: Any, *, writes: bool) -> Any:
        return self._attempts.make(lambda: self._once(call, points, given, writes=writes))

    def _once(self, call: str, points: str, given: Any, *, writes: bool) -> Any:
        client = self._connected()
        try:
            with _quiet.during(), warnings.catch_warnings():
                if self._local:
                    warnings.simplefilter("ignore")  # about distances beyond float32
                # Retries are ours: pymilvus would retry until the timeout, which is only set on the channel.
                return getattr(client, call)(points, timeout=None, retry_times=1, **given)
        except grpc.RpcError as error:
            raise self._of_status(error.code(), error, writes=writes) from error
        except MilvusException as error:
            if isinstance(error.code, grpc.StatusCode):
                raise self._of_status(error.code, error, writes=writes) from error
            raise self._refused(error, writes=writes) from error

    def _connected(self) -> MilvusClient:
        with self._lock:
            if self._client is None:
                try:
                    with _quiet.during():
                        self._client = self._connect()
                except grpc.RpcError as error:
                    raise self._of_status(error.code(), error, writes=False) from error
                except MilvusException as error:
                    if error.code in _REFUSED or "auth" in error.message:
                        raise self._refused(error, writes=False) from error
                    raise unreachable("Milvus", self._place, error.message, writes=False) from error
            return self._client

    def _of_status(self, status: grpc.StatusCode, error: Exception, *, writes: bool) -> Exception:
        if status in _LOST:
            return unreachable("Milvus", self._place, error, writes=writes)
        if status in _NO_ACCESS:
            return self._error(KeyRefused, f"Milvus does not let in: {error}", "Pass token= to connect().")
        if status is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return TooLong(str(error))
        return self._error(ServerFailed, f"Milvus answered {error}", "Its log has more.")

    def _refused(self, error: MilvusException, *, writes: bool) -> Exception:
        code, detail = error.code, error.message
        if code == _NO_COLLECTION:
            return NoSuchPoints(detail)
        if code in _NOT_LOADED:
            return _NotLoaded(detail)
        if _OUTPUT_LIMIT in detail:
            return TooLong(detail)
        if code in _REFUSED:
            return self._error(KeyRefused, f"Milvus does not let in: {detail}", "Pass token= to connect().")
        if code == _UNAVAILABLE:
            return unreachable("Milvus", self._place, detail, writes=writes)
        if code in _BUSY and not self._local:  # these are also codes of old servers
            return self._error(ServerBusy, f"Milvus cannot take the call now: {detail}", "Make the call again later.")
        return self._error(ServerFailed, f"Milvus answered {code}: {detail}", "Its log has more.")

    def _error(self, kind: type[StoreError], message: str, remedy: str) -> StoreError:
        return kind(message, name="server", place=self._place, remedy=remedy)

    def too_long(self, error: TooLong) -> LimitExceeded:
        """Returns the error of a row that is too long for a message."""
        return LimitExceeded(
            f"Milvus takes no message as long as this: {error}",
            name="rows",
            place=self._place,
            remedy="Pass shorter rows, or raise its proxy.grpc limits.",
        )
