"""Warnings that point at the line of the user's program, however deep in Vicinal the cause was found."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_OURS = __name__.partition(".")[0]
_collected: ContextVar[list[str] | None] = ContextVar("vicinal_warnings", default=None)


@contextmanager
def collected(messages: list[str]) -> Iterator[None]:
    """Adds warnings from the block to `messages` instead of issuing them: a server passes them to its client."""
    token = _collected.set(messages)
    try:
        yield
    finally:
        _collected.reset(token)


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Issues a warning that points at the nearest caller outside this package."""
    messages = _collected.get()
    if messages is not None:
        messages.append(message)
        return
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module == _OURS or module.startswith(f"{_OURS}.")
