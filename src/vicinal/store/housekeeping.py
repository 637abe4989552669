"""One background thread a process: every open store gets its upkeep, and too many open ones are put to sleep."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Any

from ..errors import VicinalError
from .store import Store

_log = logging.getLogger("vicinal.store")

AWAKE_MAX = 256  # stores with open files: three descriptors and some 200 KB each
_TICK_SECONDS = 0.5

_start_lock = threading.Lock()
_thread: threading.Thread | None = None


def ensure_running(open_stores: Callable[[], list[Store[Any]]]) -> None:
    """Starts the thread where it does not run; it ends when no store is open."""
    global _thread
    with _start_lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_run, args=(open_stores,), name="vicinal-housekeeping", daemon=True)
            _thread.start()


def _run(open_stores: Callable[[], list[Store[Any]]]) -> None:
    tick = threading.Event()
    while stores := open_stores():
        for store in stores:
            _keep_up(store)
        for store in _too_many(stores):
            store.sleep()
        del store, stores  # a sleeping thread must not keep a forgotten store alive
        tick.wait(_TICK_SECONDS)


def _keep_up(store: Store[Any]) -> None:
    try:
        store.upkeep.keep_up()
    except VicinalError as error:  # upkeep is never worth a failure: it is tried again
        _log.info("upkeep of %s postponed: %s", store.place, error)
    except Exception:
        _log.exception("upkeep of %s failed", store.place)


def _too_many(stores: list[Store[Any]]) -> list[Store[Any]]:
    """The least recently used beyond the limit."""
    awake = sorted((store for store in stores if store.is_awake), key=lambda store: store.used_at)
    return awake[: max(0, len(awake) - AWAKE_MAX)]


def _forget() -> None:
    global _thread, _start_lock
    _thread, _start_lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
