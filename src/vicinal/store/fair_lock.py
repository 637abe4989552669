"""A lock that its holder cannot take again before those who already wait for it."""

from __future__ import annotations

import threading


class FairLock:
    """Reentrant. For work in parts between which others are to come in: with `RLock` the worker mostly wins again.

    Whoever waits for the lock holds the place behind its holder, and everybody else queues for that place.
    """

    __slots__ = ("_depth", "_lock", "_owner", "_place")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._place = threading.Lock()
        self._owner: int | None = None  # equal to a thread's own number only while that thread holds the lock
        self._depth = 0

    def __enter__(self) -> None:
        me = threading.get_ident()
        if self._owner != me:
            with self._place:
                self._lock.acquire()
            self._owner = me
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
            self._lock.release()
