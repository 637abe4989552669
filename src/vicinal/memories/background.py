"""Sessions that a language model reads one after the other while the program continues."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from ..locks import new_lock

__all__ = ["Background"]


class Background:
    """One thread, from the first session to `close`. Work not started by then is left to the next object that opens it.

    Args:
        work: is called with a session's id.
    """

    def __init__(self, work: Callable[[str], None]) -> None:
        self._work = work
        self._lock = new_lock()
        self._executor: ThreadPoolExecutor | None = None
        self._running: set[Future[None]] = set()

    def submit(self, session_id: str) -> None:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, thread_name_prefix="vicinal-memories")
            future = self._executor.submit(self._work, session_id)
            self._running.add(future)
        future.add_done_callback(self._done)

    def wait(self, seconds: float | None) -> bool:
        """Waits until everything submitted so far is done. Returns whether it is."""
        with self._lock:
            running = list(self._running)
        left = threading.Semaphore(0)
        for future in running:
            future.add_done_callback(lambda _: left.release())
        return all(left.acquire(timeout=seconds) for _ in running)

    def close(self) -> None:
        """Waits for the session that is currently being read."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=True, cancel_futures=True)

    def _done(self, future: Future[None]) -> None:
        with self._lock:
            self._running.discard(future)
