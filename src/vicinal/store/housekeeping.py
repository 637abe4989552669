"""Two background threads a process: one keeps every open store synced, the other builds; so no build delays a sync."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import VicinalError
from ..locks import new_lock
from .store import Store

_log = logging.getLogger("vicinal.store")

_TICK_SECONDS = 0.5
_RESTING_TICKS = 20  # between looks at a store of which nothing was asked for a while: there may be a thousand

OpenStores = Callable[[], list[Store[Any]]]

_start_lock = new_lock()
_threads: dict[str, threading.Thread] = {}


def ensure_running(open_stores: OpenStores, close_unused: Callable[[], None]) -> None:
    """Starts the threads where they do not run; they end when no store is open. Call it after opening one."""
    with _start_lock:
        for name, target in (("sync", _keep_synced), ("build", _keep_built)):
            if name not in _threads or not _threads[name].is_alive():
                thread = threading.Thread(
                    target=_run, args=(name, target, open_stores, close_unused), name=f"vicinal-{name}", daemon=True
                )
                _threads[name] = thread
                thread.start()


def _run(
    name: str, keep_up: Callable[[Store[Any]], None], open_stores: OpenStores, close_unused: Callable[[], None]
) -> None:
    tick = threading.Event()
    for number in itertools.count():
        looks_at_all = number % _RESTING_TICKS == 0
        now = time.monotonic()
        for store in open_stores():
            if looks_at_all or not store.upkeep.is_resting(now):
                _guarded(store, keep_up)
        store = None  # type: ignore[assignment]  # a thread that sleeps must not keep a store alive
        if name == "build":
            close_unused()
        with _start_lock:  # whoever opens a store meanwhile starts a new thread after this one
            if _threads.get(name) is not threading.current_thread():
                return  # an interrupt came while this one was started, and another was started in its place
            if not open_stores():
                del _threads[name]
                return
        tick.wait(_TICK_SECONDS)


def _keep_synced(store: Store[Any]) -> None:
    store.close_retired()
    store.query_log.flush()
    store.upkeep.keep_synced()


def _keep_built(store: Store[Any]) -> None:
    store.upkeep.keep_built()


def _guarded(store: Store[Any], keep_up: Callable[[Store[Any]], None]) -> None:
    try:
        keep_up(store)
    except VicinalError as error:  # upkeep is never worth a failure: it is tried again
        _log.info("upkeep of %s postponed: %s", store.place, error)
    except Exception:
        _log.exception("upkeep of %s failed", store.place)


def _forget() -> None:
    _threads.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
