"""Waiting until the vector index covers everything written."""

from __future__ import annotations

from typing import Any, cast

from ..errors import InvalidArgument
from .context import Context

__all__ = ["checked_seconds", "wait_indexed"]


def wait_indexed(context: Context, seconds: float | None) -> bool:
    """See `Collection.wait_indexed`.

    Raises:
        InvalidArgument: a value that is not a number of seconds.
    """
    return context.store.wait_indexed(None if seconds is None else checked_seconds(seconds))


def checked_seconds(seconds: Any) -> float:
    """Raises InvalidArgument for a value that is not a time to wait."""
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not (is_number and seconds >= 0):
        raise InvalidArgument(
            f"seconds must be a number of at least 0, not {seconds!r}",
            name="seconds",
            value=seconds,
            remedy="Leave it out to wait as long as it takes.",
        )
    return cast(float, seconds)
