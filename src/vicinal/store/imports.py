"""Imports in advance the modules that NumPy imports on first use, in a thread that no signal interrupts.

Python's import lock is implemented in Python: an import ended by an interrupt may leave it held, and then every other
thread that needs the module waits forever. For the same reason, a fork waits until the thread has ended.
"""

from __future__ import annotations

import importlib
import os
import threading

_MODULES = ("numpy.ma",)  # np.unique checks for masked arrays

_threads: list[threading.Thread] = []


def import_ahead() -> None:
    """Starts the imports in the background, once per process; a thread that needs a module meanwhile waits as usual."""
    if not _threads:
        _threads.append(threading.Thread(target=_import, name="vicinal-imports", daemon=True))
        _threads[0].start()


def _import() -> None:
    for module in _MODULES:
        importlib.import_module(module)


def _finish() -> None:
    """A child forked during an import inherits the module's lock, which nothing would release."""
    for thread in _threads:
        if thread.ident is not None and thread is not threading.current_thread():
            thread.join()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish)
