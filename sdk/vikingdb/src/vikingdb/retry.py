"""Which failures are retried, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .exceptions import VikingException

TOO_MANY_REQUESTS = 429
SERVER_ERRORS = 500


@runtime_checkable
class RetryPolicy(Protocol):
    """The interface of the `retry=` argument of a client."""

    @property
    def max_attempts(self) -> int:
        """Attempts in total, including the first."""
        ...

    def should_retry(self, error: VikingException) -> bool:
        """Returns whether to retry after this failure. `error.status_code` is None if there was no response."""
        ...

    def delay_seconds(self, attempt: int) -> float:
        """Returns how long to wait after the attempt with this number, counted from 1."""
        ...


@dataclass(frozen=True)
class ExponentialBackoff:
    """Each wait is `factor` times the one before; jitter keeps clients that failed together from retrying together.

    Attributes:
        jitter: a wait w is drawn from [w * (1 - jitter), w * (1 + jitter)], and then capped.
    """

    max_attempts: int = 3
    initial_seconds: float = 0.5
    factor: float = 2.0
    cap_seconds: float = 8.0
    jitter: float = 0.25

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts is {self.max_attempts}; it must be at least 1, which is no retry")
        if self.initial_seconds < 0 or self.cap_seconds < 0 or self.factor < 1 or not 0 <= self.jitter <= 1:
            raise ValueError(f"{self} cannot be: waits and cap >= 0, factor >= 1, jitter in [0, 1]")

    def should_retry(self, error: VikingException) -> bool:
        """Retries after a transport error, after 429, and after any 5xx."""
        status = error.status_code
        return status is None or status == TOO_MANY_REQUESTS or status >= SERVER_ERRORS

    def delay_seconds(self, attempt: int) -> float:
        doublings = min(attempt - 1, 64)  # more would overflow a float long after the cap
        wait = min(self.initial_seconds * self.factor**doublings, self.cap_seconds)
        return min(wait * random.uniform(1 - self.jitter, 1 + self.jitter), self.cap_seconds)
