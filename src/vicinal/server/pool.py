"""Threads beside the event loop that call the engine, with a bounded queue."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..deadline import Deadline, within
from ..errors import ServerBusy

__all__ = ["Pool"]

T = TypeVar("T")

_STOP_SECONDS = 5.0


class Pool:
    """The threads of one worker. Used from its event loop.

    Args:
        threads: concurrent calls.
        waiting_max: calls that may wait for a thread.
    """

    def __init__(self, threads: int, waiting_max: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="vicinal-call")
        self._threads = threads
        self._most = threads + waiting_max
        self._under_way: set[Deadline] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def under_way(self) -> int:
        """The number of running and waiting calls."""
        return len(self._under_way)

    @property
    def is_full(self) -> bool:
        """Whether calls are waiting for a thread. Thread-safe."""
        return len(self._under_way) > self._threads

    async def run(self, deadline: Deadline, call: Callable[[], T]) -> T:
        """Returns the result of `call`, run in a thread unless the deadline expires before it can begin.

        It only returns when the thread is done: a deadline stops the work itself, at its next step, so the caller
        always learns the result.

        Raises:
            ServerBusy: too many calls are waiting already; the call was not executed.
        """
        self.check_room()
        self._under_way.add(deadline)
        self._idle.clear()
        try:
            context = contextvars.copy_context()
            return await asyncio.get_running_loop().run_in_executor(
                self._executor, lambda: context.run(_in_time, deadline, call)
            )
        finally:
            self._under_way.discard(deadline)
            if not self._under_way:
                self._idle.set()

    def check_room(self, waiting: int = 0) -> None:
        """Raises ServerBusy if one more would be too many.

        Args:
            waiting: others that wait, but not for their own thread.
        """
        if len(self._under_way) + waiting >= self._most:
            raise ServerBusy(
                f"{self._most:,} requests wait already",
                name="waiting_max",
                value=self._most,
                remedy="Try again in a second, or raise waiting_max, threads or workers of the server.",
            )

    async def stop(self) -> bool:
        """Ends running calls at their next step. False if one does not end."""
        for deadline in self._under_way:
            deadline.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True


def _in_time(deadline: Deadline, call: Callable[[], T]) -> T:
    deadline.check()
    with within(deadline):
        return call()
