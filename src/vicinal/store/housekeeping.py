"""Two background threads per process: one keeps every open store synced, the other builds; no build delays a sync."""

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
from .upkeep import not_resting

_log = logging.getLogger("vicinal.store")

_TICK_SECONDS = {"sync": 0.5, "build": 1.0}
# Ticks between checks of a store that has not been used for a while, of which there may be a thousand. Detecting that
# another process has switched is fast, and the old files remain until then; there is rarely anything worth building.
_RESTING_TICKS = {"sync": 40, "build": 40}
_UNUSED_TICKS = 2

OpenStores = Callable[[], list[Store[Any]]]

_start_lock = new_lock()
_threads: dict[str, threading.Thread] = {}


def ensure_running(open_stores: OpenStores, close_unused: Callable[[], None]) -> None:
    """Starts the threads if they are not running; they end when no store is open. Call it after opening one."""
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
        stores = open_stores()
        for store in stores if number % _RESTING_TICKS[name] == 0 else not_resting(stores, time.monotonic()):
            _guarded(store, keep_up)
        store = stores = None  # type: ignore[assignment]  # a thread that sleeps must not keep a store alive
        if name == "build" and number % _UNUSED_TICKS == 0:
            close_unused()
        with _start_lock:  # a thread that opens a store meanwhile starts a new thread after this one
            if _threads.get(name) is not threading.current_thread():
                return  # an interrupt came while this one was started, and another was started instead
            if not open_stores():
                del _threads[name]
                return
        tick.wait(_TICK_SECONDS[name])


def _keep_synced(store: Store[Any]) -> None:
    store.open_files.close_retired()
    store.query_log.flush()
    store.upkeep.keep_synced()


def _keep_built(store: Store[Any]) -> None:
    store.upkeep.keep_built()


def _guarded(store: Store[Any], keep_up: Callable[[Store[Any]], None]) -> None:
    try:
        keep_up(store)
    except VicinalError as error:  # upkeep must not fail a program: it is retried
        _log.info("upkeep of %s postponed: %s", store.place, error)
    except Exception:
        _log.exception("upkeep of %s failed", store.place)


def _forget() -> None:
    _threads.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
