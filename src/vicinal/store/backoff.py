"""Failed upkeep is retried, at increasing intervals."""

from __future__ import annotations

import time
from typing import Final

_FIRST_SECONDS: Final = 5.0
_LONGEST_SECONDS: Final = 3600.0


class Backoff:
    """When to retry, and why the work is not done yet.

    Args:
        what: the work, for the report.

    Attributes:
        report: a sentence, or "" if nothing failed.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._failures = 0
        self._next_at = 0.0
        self.report = ""

    def is_due(self) -> bool:
        return time.monotonic() >= self._next_at

    def failed(self, error: Exception) -> None:
        wait = min(_LONGEST_SECONDS, _FIRST_SECONDS * 2.0**self._failures)
        self._failures += 1
        self._next_at = time.monotonic() + wait
        times = "once" if self._failures == 1 else f"{self._failures} times in a row"
        self.report = f"{self._what} failed {times}, and is tried again after {wait:g} s: {error}"

    def succeeded(self) -> None:
        self._failures, self._next_at, self.report = 0, 0.0, ""
