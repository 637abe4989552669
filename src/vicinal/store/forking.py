"""A fork waits until SQLite is not in use, then closes its connections: they open again when needed.

SQLite keeps what this process has locked in tables of its own memory, which a child inherits, while the locks
themselves stay with the parent. A child forked in the middle of another thread's transaction would wait for
ever for a lock that its tables show; one forked while a connection was merely open would believe that it
holds the shared lock, unseen by all others, and commit into a log that the last of them has deleted.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

# Then fork all the same: a child that finds the collection busy beats a parent that hangs.
_SQLITE_WAIT_SECONDS = 10.0
_BUILDER_WAIT_SECONDS = 2.0  # a publication ends in time; a long compaction leaves a child that cannot build


class _Own(threading.local):
    """How many blocks of a gate this thread is inside."""

    depth = 0


class Gate:
    """Counts the threads inside `with gate:` blocks, nested as you like, and lets a fork wait for them."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._lock = threading.RLock()  # the condition's own; taken directly, which costs each call less
        self._condition = threading.Condition(self._lock)
        self._threads = 0
        self._forking = False
        self._own = _Own()
        self._actions: list[Callable[[], None]] = []

    def __enter__(self) -> None:
        if self._own.depth == 0:
            with self._lock:
                while self._forking:
                    self._condition.wait()
                self._threads += 1
        self._own.depth += 1

    def __exit__(self, *_: object) -> None:
        self._own.depth -= 1
        if self._own.depth == 0:
            with self._lock:
                self._threads -= 1
                if self._forking:
                    self._condition.notify_all()

    def when_at_rest(self, action: Callable[[], None]) -> None:
        """Has `action` run before each fork, once no thread is inside; it must not enter the gate."""
        self._actions.append(action)

    def before_fork(self) -> None:
        with self._condition:
            self._forking = True
            mine = 1 if self._own.depth else 0
            self._condition.wait_for(lambda: self._threads <= mine, timeout=self._wait_seconds)
        for action in self._actions:
            action()

    def after_in_parent(self) -> None:
        with self._condition:
            self._forking = False
            self._condition.notify_all()

    def after_in_child(self) -> None:
        """Only the forking thread is here, and no lock of the others means anything any more."""
        depth = self._own.depth
        self._lock = threading.RLock()
        self._condition, self._forking, self._own = threading.Condition(self._lock), False, _Own()
        self._own.depth, self._threads = depth, 1 if depth else 0


sqlite_in_use = Gate(_SQLITE_WAIT_SECONDS)
building = Gate(_BUILDER_WAIT_SECONDS)

if hasattr(os, "register_at_fork"):
    for _gate in (sqlite_in_use, building):  # "before" runs backwards: builders still need SQLite to come to an end
        os.register_at_fork(
            before=_gate.before_fork, after_in_parent=_gate.after_in_parent, after_in_child=_gate.after_in_child
        )
