"""Locks that a forked child can take: its parent's other threads may have held them, and will never give them back."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Any

# Weak references, each of which takes itself out: entirely in C, so that no interrupt comes in between.
_known: set[weakref.ref[Any]] = set()


def new_lock() -> threading.Lock:
    """Take it by `with lock:` only: that is one step in C, and no exception of a signal handler comes in between."""
    lock = threading.Lock()
    _known.add(weakref.ref(lock, _known.discard))
    return lock


def new_rlock() -> threading.RLock:
    """The same for a lock that its holder may take again."""
    lock = threading.RLock()
    _known.add(weakref.ref(lock, _known.discard))
    return lock


def _renew() -> None:
    for known in list(_known):
        lock = known()
        if lock is not None:
            lock._at_fork_reinit()  # as the standard library does with its own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
