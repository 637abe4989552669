"""One `Store` per collection and process, for any number of handles; a forked child starts with none."""

from __future__ import annotations

import logging
import os
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from ..errors import Closed, VicinalError
from ..locks import new_rlock
from .housekeeping import ensure_running
from .store import Store

_log = logging.getLogger("vicinal.store")

StoreT = TypeVar("StoreT", bound=Store[Any])

_WARM_SECONDS = 60.0  # for a collection whose last handle was forgotten: some programs open one for each call


class Lease(Generic[StoreT]):
    """A handle's lease on a store. A store on disk closes with its last lease, or later if that was forgotten.

    Args:
        key: the real path of the collection, or None in memory, where the database owns the store.
        opener: opens the store.
    """

    def __init__(self, key: str | None, opener: Callable[[], StoreT]) -> None:
        self._key = key
        self._opener = opener
        self._pid = os.getpid()
        self._released = False
        self._store: StoreT = opener() if key is None else _acquire(key, opener, self)

    def store(self) -> StoreT:
        """The store; in a forked child a new one, without touching the inherited one."""
        if self._released:
            raise Closed(
                "the handle is closed",
                name="collection",
                place=self._key or ":memory:",
                remedy="Open the collection again.",
            )
        if self._pid != os.getpid() and self._key is not None:
            self._store = _acquire(self._key, self._opener, self)
            self._pid = os.getpid()
        self._store.used_at = time.monotonic()
        return self._store

    @property
    def logs_queries(self) -> bool:
        """Whether searches are logged; called before each search, so it must be fast."""
        return self._store.query_log.settings is not None

    def release(self, *, forgotten: bool = False) -> None:
        """Releases the lease; a second call does nothing.

        Args:
            forgotten: the handle was not closed explicitly, so the next one may come soon: the store stays open for a
                while.
        """
        if not self._released:
            self._released = True
            if self._key is not None and self._pid == os.getpid():
                _release(self._key, self._store, self, forgotten=forgotten and not self._store.files.exclusive)


class _Shared:
    """A store and its leases. A lease whose release was interrupted counts until it is garbage collected."""

    def __init__(self, store: Store[Any]) -> None:
        self.store = store
        self.leases: set[weakref.ref[Lease[Any]]] = set()


_lock = new_rlock()  # reentrant: a forgotten handle may be garbage collected while this thread holds it
_open: dict[str, _Shared] = {}
_inherited: list[object] = []  # kept alive: closing a parent's connection in its child would release the parent's locks


def _acquire(key: str, opener: Callable[[], StoreT], lease: Lease[StoreT]) -> StoreT:
    with _lock:
        shared = _open.get(key)
        # If it was dropped or its files are gone, its handles keep it, and new ones get a new store.
        if shared is None or shared.store.is_over or not shared.store.is_in_place():
            shared = _open[key] = _Shared(opener())
        shared.leases.add(weakref.ref(lease, shared.leases.discard))
        store: Any = shared.store
    ensure_running(open_stores, close_unused)
    return store  # type: ignore[no-any-return]  # a key is always opened by the same kind of opener


def _release(key: str, store: Store[Any], lease: Lease[Any], *, forgotten: bool) -> None:
    with _lock:
        shared = _open.get(key)
        if shared is not None and shared.store is store:
            shared.leases.discard(weakref.ref(lease))
            if shared.leases or (forgotten and not store.is_over):
                return
            del _open[key]
    store.close()  # outside the lock, since it may publish first


def open_stores() -> list[Store[Any]]:
    with _lock:
        return [shared.store for shared in _open.values()]


def close_unused(below: str | None = None) -> None:
    """Closes the stores that have no handles left.

    Args:
        below: only those in this folder, even if recently used; None for all that were not used for a while.
    """
    now = time.monotonic()
    with _lock:
        unused = [
            (key, shared.store)
            for key, shared in _open.items()
            if not shared.leases
            and (now - shared.store.used_at >= _WARM_SECONDS if below is None else _is_in(key, below))
        ]
        for key, _ in unused:
            del _open[key]
    _close(store for _, store in unused)


def _is_in(key: str, folder: str) -> bool:
    return key.startswith(os.path.join(folder, ""))


def close_all() -> None:
    """At exit: syncs and closes all open stores, so that no log is left behind."""
    _close(open_stores())


def _close(stores: Iterable[Store[Any]]) -> None:
    """Closes each store, even if closing another one fails."""
    for store in stores:
        try:
            store.close()
        except VicinalError as error:
            _log.warning("closing %s: %s", store.place, error)
        except Exception:
            _log.exception("closing %s failed", store.place)


def _start_afresh() -> None:
    global _open
    _inherited.append(_open)
    _open = {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
