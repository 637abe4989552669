"""Where the engine is called: threads beside the event loop, as many as the settings say, and a queue that ends."""

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
    """Threads of one worker. Used from its event loop.

    Args:
        threads: calls at a time.
        waiting_max: calls that wait for one of them.
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
        """Calls that run or wait."""
        return len(self._under_way)

    @property
    def is_full(self) -> bool:
        """Whether calls are waiting for a thread. Thread-safe."""
        return len(self._under_way) > self._threads

    async def run(self, deadline: Deadline, call: Callable[[], T]) -> T:
        """What `call` gives, in a thread, unless the deadline is over before it can begin.

        The answer comes when the thread is done: a deadline stops the work itself, at its next step, and whoever waits
        learns what became of it.

        Raises:
            ServerBusy: too many wait already; the call was not executed.
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
        """Raises ServerBusy where one more would be too many.

        Args:
            waiting: others that wait, not for a thread of their own.
        """
        if len(self._under_way) + waiting >= self._most:
            raise ServerBusy(
                f"{self._most:,} requests wait already",
                name="waiting_max",
                value=self._most,
                remedy="Try again in a second, or raise waiting_max, threads or workers of the server.",
            )

    async def stop(self) -> bool:
        """Ends what is under way at its next step. False where something does not end."""
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
