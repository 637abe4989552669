"""A background thread per process that adds written rows to indexes, so that searches do not have to.

It works in short steps without holding a lock. Until it is done, searches compare the remaining rows one by one.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import weakref
from typing import TYPE_CHECKING, Any, Final

from ..errors import VicinalError
from ..locks import new_lock
from .publishing import build

if TYPE_CHECKING:
    from .store import Store

__all__ = ["FEW_SLOTS", "ask", "wait"]

_log = logging.getLogger("vicinal.store")

FEW_SLOTS: Final = 64  # a search adds this few by itself
_IDLE_SECONDS: Final = 5.0

_asked: queue.SimpleQueue[weakref.ref[Store[Any]]] = queue.SimpleQueue()
_starting = new_lock()
_working = new_lock()  # held for one step
_thread: threading.Thread | None = None
_ending = False


def ask(store: Store[Any]) -> None:
    """Has this store's index built soon. Returns immediately; may be called repeatedly."""
    if store.is_indexing:
        return
    try:
        store.is_indexing = True
        _asked.put(weakref.ref(store))
        _ensure_running()
    except BaseException:  # an interrupt: the next call asks again, and asking twice is harmless
        store.is_indexing = False
        raise


def _ensure_running() -> None:
    global _thread
    with _starting:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_run, name="vicinal-indexing", daemon=True)
            _thread.start()


def wait() -> None:
    """Returns when the current step has ended; a store that is closed by now is not touched again.

    In the thread that executes the steps it returns immediately: during a step on another store, a forgotten handle may
    be garbage collected there and its store closed, which would otherwise wait for its own end.
    """
    if threading.current_thread() is _thread:
        return
    with _working:
        pass


def _run() -> None:
    global _thread
    while True:
        try:
            store = _asked.get(timeout=_IDLE_SECONDS)()
        except queue.Empty:
            with _starting:
                if _asked.empty():
                    _thread = None
                    return
            continue
        if store is not None:
            _index(store)
        del store  # a sleeping thread must not keep a forgotten store alive


def _index(store: Store[Any]) -> None:
    try:
        while _step(store):
            pass
        store.upkeep.look_again()
    except VicinalError as error:  # usually closed or dropped meanwhile: searches work without
        _log.info("indexing of %s ended: %s", store.place, error)
    except Exception:
        _log.exception("indexing of %s failed", store.place)
    finally:
        store.is_indexing = False


def _step(store: Store[Any]) -> bool:
    with _working:
        if _ending or store.is_over or not store.is_awake:
            return False
        with store.using() as opened:
            return build(opened)


def _end() -> None:
    """For the end of the interpreter: a thread in native code would be killed in the middle, aborting the process."""
    global _ending
    with _working:
        _ending = True


atexit.register(_end)


def _forget() -> None:
    global _thread, _asked
    _thread, _asked = None, queue.SimpleQueue()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
