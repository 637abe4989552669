"""Limits the threads of NumPy's BLAS library: few for a short text.

There, threads would wait for one another longer than they work, above all on a busy machine.

The library has one setting for the whole process, so concurrent calls share the largest number that one of them wants.
The usual number is restored when the last call has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from typing import Any

from ..locks import new_lock

_lock = new_lock()
_wanted: dict[object, int] = {}  # by call
_usual: list[int] = []


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Limits matrix products to this many threads inside the block; has no effect without threadpoolctl."""
    libraries = _libraries()
    if not libraries:
        yield
        return
    call = object()
    try:
        with _lock:
            if not _wanted:
                _usual[:] = [library.num_threads for library in libraries]
            _wanted[call] = threads
            _set(libraries)
        yield
    finally:
        with _lock:
            _wanted.pop(call, None)  # absent if an interrupt came first
            _set(libraries)


def _set(libraries: list[Any]) -> None:
    for library, usual in zip(libraries, _usual, strict=True):
        library.set_num_threads(min(usual, max(_wanted.values())) if _wanted else usual)


@lru_cache(maxsize=1)
def _libraries() -> list[Any]:
    """Returns the BLAS libraries loaded in this process; determined once, after NumPy has been imported."""
    try:
        controller = import_module("threadpoolctl").ThreadpoolController()
    except ImportError:
        return []
    found: list[Any] = controller.select(user_api="blas").lib_controllers
    return found
