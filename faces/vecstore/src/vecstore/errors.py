"""Errors of the engine, as this API raises them: a ValueError that begins with what was being done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vicinal import VicinalError
from vicinal.visible import LINE_CHARS_MAX, shortened, visible


@contextmanager
def doing(what: str) -> Iterator[None]:
    """What fails in here becomes a ValueError: `what`, a colon, and the cause with its remedy."""
    try:
        yield
    except (VicinalError, OSError) as error:
        raise ValueError(f"{what}: {error}") from error


def written(name: str) -> str:
    """An id or a name for a message: nothing in it acts on a terminal, and a long one lacks its middle."""
    return shortened(visible(name), LINE_CHARS_MAX)
