"""How many threads a call may use."""

from __future__ import annotations

import os

__all__ = ["thread_count"]


def thread_count() -> int:
    """Threads that one call may use: VICINAL_THREADS where it is set, else the processors of this process."""
    asked = os.environ.get("VICINAL_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
