"""How many threads a call may use."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["search_threads", "thread_count"]

_SHARED_FROM: Final = 8_192  # rows, from which sharing among threads is possible at all
_SHARED_UNASKED: Final = 262_144  # rows, from which a faster result is worth using the other processors


def search_threads(queries: int, rows: int) -> int:
    """The number of threads for one vector search.

    Many queries use all threads that a call may use. A single one leaves the processors to the program's other
    searches, unless it compares very many rows or VICINAL_THREADS sets the number of threads.
    """
    if queries > 1:
        return thread_count()
    if rows < _SHARED_FROM or (rows < _SHARED_UNASKED and "VICINAL_THREADS" not in os.environ):
        return 1
    return thread_count()


def thread_count() -> int:
    """The number of threads that one call may use: VICINAL_THREADS if set, otherwise the processors of this process."""
    asked = os.environ.get("VICINAL_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
