"""Errors of the engine, as raised by this API: a ValueError that begins with what was being done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vicinal import VicinalError
from vicinal.visible import LINE_CHARS_MAX, shortened, visible


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Converts an error in the block to a ValueError: `what`, a colon, and the cause with its remedy."""
    try:
        yield
    except (VicinalError, OSError) as error:
        raise ValueError(f"{what}: {error}") from error


def written(name: str) -> str:
    """Returns an id or a name for a message, with control characters escaped and a long one shortened in the middle."""
    return shortened(visible(name), LINE_CHARS_MAX)
