"""Errors of the engine, as this API raises them: a ValueError that begins with what was being done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vicinal import VicinalError


@contextmanager
def doing(what: str) -> Iterator[None]:
    """What fails in here becomes a ValueError: `what`, a colon, and the cause with its remedy."""
    try:
        yield
    except (VicinalError, OSError) as error:
        raise ValueError(f"{what}: {error}") from error
