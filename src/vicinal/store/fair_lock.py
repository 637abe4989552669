"""A lock that work in parts does not take again before those who already wait for it."""

from __future__ import annotations

import threading

from ..locks import new_rlock


class FairLock:
    """Two locks, so that each is taken by a `with` in C, which no interrupt can leave half done.

    Short work holds both:      `with lock.turn, lock.held:`
    Work in parts, each part:   `with lock.turn: pass`, then `with lock.held:`

    Whoever waits for `held` has the turn, which the next part waits for; with one lock the worker mostly wins again.
    Short work may take it again inside; a part may not.

    Args:
        lock: one that stands for both, where nobody works in parts.
    """

    __slots__ = ("held", "turn")

    def __init__(self, lock: threading.RLock | None = None) -> None:
        self.held = new_rlock() if lock is None else lock
        self.turn = new_rlock() if lock is None else lock
