"""Errors of the engine, as this API raises them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vicinal import VicinalError


@contextmanager
def core_call() -> Iterator[None]:
    """What fails in here becomes a RuntimeError that says what is wrong and what to do."""
    try:
        yield
    except (VicinalError, OSError) as error:
        raise RuntimeError(str(error)) from error
