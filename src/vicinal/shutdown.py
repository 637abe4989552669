"""The end of the interpreter, at which every store is closed while daemon threads may go on calling."""

from __future__ import annotations

import threading

_ender: threading.Thread | None = None


def begin() -> None:
    """Called by the thread in which the interpreter ends, before it closes the stores."""
    global _ender
    _ender = threading.current_thread()


def wait_if_begun() -> None:
    """For a daemon thread that finds its collection closed by the end: it waits for its own, which comes next.

    An error would reach nobody who can act on it, and Python would print it while the program ends well. Call it where
    the thread holds none of our locks, or the end would wait for them.
    """
    if _ender not in (None, threading.current_thread()):
        threading.Event().wait()
