"""A lock that work done in parts does not reacquire before the threads already waiting for it."""

from __future__ import annotations

import threading

from ..locks import new_rlock


class FairLock:
    """Two locks, so that each is acquired by a `with` in C, which an interrupt cannot leave half done.

    Short work holds both:      `with lock.turn, lock.held:`
    Work in parts, each part:   `with lock.turn: pass`, then `with lock.held:`

    A thread that waits for `held` has `turn`, for which the next part waits; with a single lock, the worker would
    mostly win again. Short work may reacquire them inside; a part may not.

    Args:
        lock: a single lock to use for both, if there is no work in parts.
    """

    __slots__ = ("held", "turn")

    def __init__(self, lock: threading.RLock | None = None) -> None:
        self.held = new_rlock() if lock is None else lock
        self.turn = new_rlock() if lock is None else lock
