"""How many stores may have their files open, and which of them go to sleep when another wakes."""

from __future__ import annotations

import logging
import os
import sys
import weakref
from typing import TYPE_CHECKING, Any

from ..errors import VicinalError
from ..locks import new_lock

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from .store import Store

_log = logging.getLogger("vicinal.store")

AWAKE_MAX = 256  # about 200 KB each, plus the index
_AWAKE_MIN = 4
_DESCRIPTORS_EACH = 8  # the writer's records, log and log index; vectors; records and log of two readers
_DESCRIPTORS_OF_OTHERS = 128  # files and sockets of the program

_lock = new_lock()
_awake: weakref.WeakSet[Store[Any]] = weakref.WeakSet()


def awake_max() -> int:
    """The limit by the number of descriptors that the system allows this process."""
    if sys.platform == "win32":
        return AWAKE_MAX
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return AWAKE_MAX
    return min(AWAKE_MAX, max(_AWAKE_MIN, (allowed - _DESCRIPTORS_OF_OTHERS) // _DESCRIPTORS_EACH))


def woke(store: Store[Any]) -> None:
    """Called by a store that has just opened its files, under its own lock, so it must not wait for other stores'."""
    with _lock:
        _awake.add(store)
        others = [other for other in _awake if other is not store and other.is_awake]
    others.sort(key=lambda other: other.used_at)
    excess = len(others) + 1 - awake_max()
    for other in others:
        if excess <= 0:
            return
        if _sleep(other):
            excess -= 1


def _sleep(store: Store[Any]) -> bool:
    try:
        return store.sleep(wait=False)
    except VicinalError as error:
        _log.info("%s stays awake: %s", store.place, error)
        return False


def _start_afresh() -> None:
    global _awake
    _awake = weakref.WeakSet()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
