"""How many threads the matrix library of NumPy uses: few for a short text, where they would wait for one another longer
than they work, on a busy machine above all.

The library has one number for the whole process, so calls that run at the same time share the largest that one of them
wants. The usual number comes back when the last has ended.
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
    """Matrix products use at most so many threads meanwhile; without threadpoolctl as many as they like."""
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
            _wanted.pop(call, None)  # not there where an interrupt came first
            _set(libraries)


def _set(libraries: list[Any]) -> None:
    for library, usual in zip(libraries, _usual, strict=True):
        library.set_num_threads(min(usual, max(_wanted.values())) if _wanted else usual)


@lru_cache(maxsize=1)
def _libraries() -> list[Any]:
    """Those for linear algebra that this process has loaded; looked for once, after NumPy is there."""
    try:
        controller = import_module("threadpoolctl").ThreadpoolController()
    except ImportError:
        return []
    found: list[Any] = controller.select(user_api="blas").lib_controllers
    return found
