"""Locks that are usable after a fork: other threads of the parent may have held them, and do not exist in the child."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

# Weak references, each of which removes itself: entirely in C, so that no interrupt can come in between.
_known: set[weakref.ref[Any]] = set()


def new_lock() -> threading.Lock:
    """Acquire it with `with lock:` only: that is a single step in C, so no exception of a signal handler can come in
    between."""
    lock = threading.Lock()
    _known.add(weakref.ref(lock, _known.discard))
    return lock


def new_rlock() -> threading.RLock:
    """The same for a reentrant lock."""
    lock = threading.RLock()
    _known.add(weakref.ref(lock, _known.discard))
    return lock


def _renew() -> None:
    for known in list(_known):
        lock = known()
        if lock is not None:
            lock._at_fork_reinit()  # as the standard library does with its own locks


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
