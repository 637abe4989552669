"""The end of the interpreter, when every store is closed although daemon threads may still make calls."""

from __future__ import annotations

import threading

_ender: threading.Thread | None = None


def begin() -> None:
    """Called by the thread that ends the interpreter, before it closes the stores."""
    global _ender
    _ender = threading.current_thread()


def wait_if_begun() -> None:
    """For a daemon thread that finds its collection closed at the end: waits until the thread itself is ended.

    No code could handle an error then, and Python would print it although the program ends normally. Call this
    only while the thread holds none of our locks, or the shutdown would wait for them.
    """
    if _ender not in (None, threading.current_thread()):
        threading.Event().wait()
