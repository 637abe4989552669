"""Modules that NumPy imports when a call first needs them are imported ahead, by a thread that no signal interrupts.

Python's import lock is taken by code in Python: an import that an interrupt ends may leave it held, and then every
other thread that needs the module waits for ever. The same lock is why a fork waits until the thread has ended.
"""

from __future__ import annotations

import importlib
import os
import threading

_MODULES = ("numpy.ma",)  # np.unique asks whether an array is masked

_threads: list[threading.Thread] = []


def import_ahead() -> None:
    """Begins in the background, once a process; a thread that needs a module meanwhile waits for it as usual."""
    if not _threads:
        _threads.append(threading.Thread(target=_import, name="vicinal-imports", daemon=True))
        _threads[0].start()


def _import() -> None:
    for module in _MODULES:
        importlib.import_module(module)


def _finish() -> None:
    """A child forked in the midst of an import inherits the module's lock, and nobody who would give it back."""
    for thread in _threads:
        if thread.ident is not None and thread is not threading.current_thread():
            thread.join()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_finish)
