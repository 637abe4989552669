"""How many threads a call may use."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["search_threads", "thread_count"]

_SHARED_FROM: Final = 8_192  # rows that threads can share at all
_SHARED_UNASKED: Final = 262_144  # rows whose search takes so long that an answer sooner is worth the other processors


def search_threads(queries: int, rows: int) -> int:
    """Threads for one search of vectors.

    Many queries take all that a call may use. A single one leaves the processors to the program's other searches,
    unless it compares very many rows or VICINAL_THREADS says how many threads to take.
    """
    if queries > 1:
        return thread_count()
    if rows < _SHARED_FROM or (rows < _SHARED_UNASKED and "VICINAL_THREADS" not in os.environ):
        return 1
    return thread_count()


def thread_count() -> int:
    """Threads that one call may use: VICINAL_THREADS where it is set, else the processors of this process."""
    asked = os.environ.get("VICINAL_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
