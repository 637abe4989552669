"""Detects clients that disconnect during a request. One timer per worker serves all requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from types import TracebackType
from typing import Any, Final

__all__ = ["Watch", "Watched"]

_EVERY_SECONDS: Final = 0.05


class Watch:
    """The watch of one worker; used from its event loop.

    A request is watched from the second tick on, 50 to 100 ms after it began: most are answered by then, and cost
    neither a timer nor a task.
    """

    def __init__(self) -> None:
        self._new: set[Watched] = set()
        self._older: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def over(self, receive: Callable[[], Awaitable[MutableMapping[str, Any]]], leave: Callable[[], None]) -> Watched:
        """Watches a request in a `with` block.

        Args:
            receive: of ASGI.
            leave: called when the client has disconnected.
        """
        return Watched(self, receive, leave)

    def begin(self, one: Watched) -> None:
        self._new.add(one)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY_SECONDS, self._look)

    def end(self, one: Watched) -> None:
        self._new.discard(one)
        self._older.discard(one)

    def _look(self) -> None:
        for one in self._older:
            one.start()
        self._older, self._new = self._new, set()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_EVERY_SECONDS, self._look) if self._older else None


class Watched:
    """See `Watch.over`."""

    __slots__ = ("_leave", "_receive", "_task", "_watch")

    def __init__(
        self,
        watch: Watch,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        leave: Callable[[], None],
    ) -> None:
        self._watch, self._receive, self._leave = watch, receive, leave
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self._watch.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._watch.end(self)
        if self._task is not None:
            self._task.cancel()

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._notice())

    async def _notice(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._leave()
