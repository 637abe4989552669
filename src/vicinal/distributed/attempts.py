"""Calls to an engine: retried if that is harmless, and rejected once the database is closed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from ..errors import Closed, ServerBusy, Unreachable

__all__ = ["Attempts", "unreachable"]

T = TypeVar("T")

_FIRST_PAUSE_SECONDS: Final = 0.1


class Attempts:
    """How often a call is made. Every call may be repeated: writes name their points and their content.

    Args:
        place: of the engine, for errors.
        retries: how often a call is repeated.
    """

    def __init__(self, place: str, retries: int) -> None:
        self._place = place
        self._retries = retries
        self._closed = False

    def make(self, call: Callable[[], T]) -> T:
        """Returns the result of the call, which raises errors of ours.

        Raises:
            Closed: the database is closed.
        """
        for tried in range(self._retries + 1):
            if self._closed:
                raise Closed("the database is closed", name="database", place=self._place, remedy="Connect again.")
            try:
                return call()
            except (Unreachable, ServerBusy):
                if tried == self._retries:
                    raise
                time.sleep(_FIRST_PAUSE_SECONDS * 2**tried * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    def end(self) -> bool:
        """Rejects all further calls; returns whether this is the first time."""
        first, self._closed = not self._closed, True
        return first


def unreachable(engine: str, place: str, reason: object, *, writes: bool) -> Unreachable:
    """Returns the error of a call without a response."""
    remedy = "Check that it runs, and the URL."
    if writes:
        remedy = "It is unknown whether the call was executed. It is safe to repeat it."
    error = Unreachable(
        f"{engine} cannot be reached, or did not answer ({reason})", name="server", place=place, remedy=remedy
    )
    error.committed = None if writes else False
    return error
