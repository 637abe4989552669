"""How long a call may take: the waiting caller sets a deadline, and long-running code checks it from time to time.

    with within(Deadline(2.5)):
        docs.search_many(queries)  # raises DeadlineExceeded, and stops working, soon after 2.5 s

A deadline belongs to a context (a context variable), so it does not have to be passed through the calls in between.
Without a deadline, a check costs one read of a variable.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from .errors import DeadlineExceeded

__all__ = ["Deadline", "check_deadline", "in_a_hurry", "time_left", "within"]


class Deadline:
    """The time by which a call must be finished. Thread-safe.

    Args:
        seconds: from now.
    """

    __slots__ = ("_cancelled", "at", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds
        self._cancelled = False

    def cancel(self) -> None:
        """Ends the deadline now, because the caller no longer waits."""
        self._cancelled = True

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled

    def left(self) -> float:
        """The remaining seconds, 0 once it has passed."""
        return 0.0 if self._cancelled else max(0.0, self.at - time.monotonic())

    def check(self) -> None:
        """Raises DeadlineExceeded once it has passed."""
        if self._cancelled or time.monotonic() > self.at:
            raise DeadlineExceeded(
                f"the call was stopped after its {self.seconds:g} s",
                name="timeout",
                value=self.seconds,
                remedy="Request less, or allow more time.",
            )


_current: Final[ContextVar[Deadline | None]] = ContextVar("vicinal_deadline", default=None)


@contextmanager
def within(deadline: Deadline) -> Iterator[None]:
    """Runs the block under the deadline."""
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)


def check_deadline() -> None:
    """Raises DeadlineExceeded if the deadline has passed; call it between steps, when nothing is half done."""
    deadline = _current.get()
    if deadline is not None:
        deadline.check()


def in_a_hurry() -> bool:
    """Whether there is a deadline, so that long work should be cut into steps."""
    return _current.get() is not None


def time_left(seconds: float) -> float:
    """`seconds`, or the time until the deadline if that is shorter."""
    deadline = _current.get()
    return seconds if deadline is None else min(seconds, deadline.left())
