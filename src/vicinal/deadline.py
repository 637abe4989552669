"""How long a call may go on: whoever waits for it says so, and whatever takes long asks now and then.

    with within(Deadline(2.5)):
        docs.search_many(queries)  # raises DeadlineExceeded, and does no more, soon after 2.5 s

A deadline belongs to a thread of work (a context variable), so nothing between the two has to hand it on. Code that
there is no deadline, it costs one read of a variable.
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
    """An instant by which a call is to be over. Thread-safe.

    Args:
        seconds: from now.
    """

    __slots__ = ("_cancelled", "at", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.at = time.monotonic() + seconds
        self._cancelled = False

    def cancel(self) -> None:
        """Nobody waits any more."""
        self._cancelled = True

    @property
    def is_cancelled(self) -> bool:
        return self._cancelled

    def left(self) -> float:
        """Seconds that are left, 0 when it is over."""
        return 0.0 if self._cancelled else max(0.0, self.at - time.monotonic())

    def check(self) -> None:
        """Raises DeadlineExceeded when it is over."""
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
    """What runs in the block ends when the deadline is over."""
    token = _current.set(deadline)
    try:
        yield
    finally:
        _current.reset(token)


def check_deadline() -> None:
    """Called between the steps of what may take long, at moments when stopping leaves nothing half done."""
    deadline = _current.get()
    if deadline is not None:
        deadline.check()


def in_a_hurry() -> bool:
    """Whether there is a deadline, so that long work is to be cut into steps."""
    return _current.get() is not None


def time_left(seconds: float) -> float:
    """`seconds`, or what the deadline leaves of them."""
    deadline = _current.get()
    return seconds if deadline is None else min(seconds, deadline.left())
