"""A fork waits until SQLite is not in use, then closes its connections, which are reopened when needed.

SQLite keeps the locks of this process in tables in its memory, which a child inherits, while the locks themselves
remain with the parent. A child forked in the middle of another thread's transaction would wait forever for a lock in
its tables; one forked while a connection was merely open would believe that it holds the shared lock, invisible to
all others, and commit into a log that the last of them has deleted.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable

# After this, fork anyway: a child that finds the collection busy is better than a parent that hangs.
_SQLITE_WAIT_SECONDS = 10.0
_BUILDER_WAIT_SECONDS = 2.0  # enough for a publication; after a long compaction, the child may be unable to build


class _Own(threading.local):
    """A lock per thread.

    Attributes:
        lock: `with gate.own.lock:` is a single step in C, so an interrupt leaves nothing behind.
    """

    def __init__(self, register: Callable[[threading.RLock], None]) -> None:
        self.lock = threading.RLock()
        register(self.lock)


class Gate:
    """Knows the threads inside `with gate.own.lock:` blocks, nested at will, and lets a fork wait for them."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._registering = threading.Lock()
        self._threads: set[weakref.ref[threading.RLock]] = set()
        self._taken: list[threading.RLock] = []
        self._actions: list[Callable[[bool], None]] = []
        self.own = _Own(self._register)

    def _register(self, lock: threading.RLock) -> None:
        with self._registering:  # a fork also keeps out new threads
            self._threads.add(weakref.ref(lock, self._threads.discard))

    def when_at_rest(self, action: Callable[[bool], None]) -> None:
        """Runs `action` before each fork, once no other thread is inside; it must not enter the gate.

        Its argument says whether that is the case: a fork does not wait forever.
        """
        self._actions.append(action)

    def before_fork(self) -> None:
        mine = self.own.lock
        deadline = time.monotonic() + self._wait_seconds
        self._registering.acquire()
        self._taken = []
        at_rest = True
        for known in list(self._threads):
            lock = known()
            if lock is not None and lock is not mine:
                self._taken.append(lock)  # before acquiring it: releasing one that was not acquired is harmless
                at_rest = lock.acquire(timeout=max(0.0, deadline - time.monotonic())) and at_rest
        for action in self._actions:
            action(at_rest)

    def after_in_parent(self) -> None:
        for lock in self._taken:
            with contextlib.suppress(RuntimeError):  # its thread did not leave in time
                lock.release()
        self._taken = []
        self._registering.release()

    def after_in_child(self) -> None:
        """Only the forking thread exists here, and the locks of the others are meaningless."""
        mine = self.own.lock
        self._registering, self._taken, self._threads = threading.Lock(), [], set()
        self._threads.add(weakref.ref(mine, self._threads.discard))


sqlite_in_use = Gate(_SQLITE_WAIT_SECONDS)
building = Gate(_BUILDER_WAIT_SECONDS)

if hasattr(os, "register_at_fork"):
    for _gate in (sqlite_in_use, building):  # "before" hooks run in reverse: builders still need SQLite to finish
        os.register_at_fork(
            before=_gate.before_fork, after_in_parent=_gate.after_in_parent, after_in_child=_gate.after_in_child
        )
