"""One `Store` per path and process, however many handles; a forked child starts afresh."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ..errors import Closed
from .housekeeping import ensure_running
from .store import Store

StoreT = TypeVar("StoreT", bound=Store[Any])


class Lease(Generic[StoreT]):
    """A handle's share in a store. A store on disk closes with its last lease.

    Args:
        key: the real path of the collection, or None in memory, where the database owns the store.
        opener: opens it.
    """

    def __init__(self, key: str | None, opener: Callable[[], StoreT]) -> None:
        self._key = key
        self._opener = opener
        self._pid = os.getpid()
        self._released = False
        self._store: StoreT = opener() if key is None else _acquire(key, opener)

    def store(self) -> StoreT:
        """The store; in a forked child a new one, and the inherited one stays untouched."""
        if self._released:
            raise Closed(
                "the handle is closed",
                name="collection",
                place=self._key or ":memory:",
                remedy="Open the collection again.",
            )
        if self._pid != os.getpid() and self._key is not None:
            self._store = _acquire(self._key, self._opener)
            self._pid = os.getpid()
        return self._store

    def release(self) -> None:
        """Gives the share back; a second call does nothing."""
        if not self._released:
            self._released = True
            if self._key is not None and self._pid == os.getpid():
                _release(self._key, self._store)


_lock = threading.RLock()  # a forgotten handle may be collected while this thread holds it
_open: dict[str, tuple[Store[Any], int]] = {}
_inherited: list[object] = []  # kept alive: closing a parent's connection in its child would drop the parent's locks


def _acquire(key: str, opener: Callable[[], StoreT]) -> StoreT:
    with _lock:
        found, users = _open.get(key, (None, 0))
        if found is not None and found.is_over:  # dropped: its handles keep it, new ones begin anew
            found, users = None, 0
        store: Any = opener() if found is None else found
        _open[key] = (store, users + 1)
        ensure_running(open_stores)
        return store  # type: ignore[no-any-return]  # a key is always opened by the same kind of opener


def _release(key: str, store: Store[Any]) -> None:
    with _lock:
        found, users = _open.get(key, (None, 0))
        if found is store:
            if users > 1:
                _open[key] = (store, users - 1)
                return
            del _open[key]
    store.close()  # outside the lock: it may publish first


def open_stores() -> list[Store[Any]]:
    with _lock:
        return [store for store, _ in _open.values()]


def close_all() -> None:
    """At exit: what nobody closed is synced and closed, so that no log stays behind."""
    with _lock:
        for store, _ in _open.values():
            store.close()


def _start_afresh() -> None:
    global _lock, _open
    _inherited.append(_open)
    _lock, _open = threading.RLock(), {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
