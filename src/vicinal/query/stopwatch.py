"""The duration of each step of an explained search. Other searches have no stopwatch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..contract import FloatVector, Slots
from .threshold import FloatArray, Leg

__all__ = ["Stopwatch", "TimedLeg"]


class Stopwatch:
    """Seconds by name of the step, in the order in which steps began."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Attributes the time of the block to this step, and not to an enclosing one."""
        before = sum(self.seconds.values())
        self.seconds.setdefault(name, 0.0)
        start = time.perf_counter()
        try:
            yield
        finally:
            inside = sum(self.seconds.values()) - before
            self.seconds[name] += max(0.0, time.perf_counter() - start - inside)

    def forget(self, *names: str) -> None:
        """Discards the times of steps that will be repeated."""
        for name in names:
            self.seconds.pop(name, None)


class TimedLeg:
    """A leg that records its time and the number of rows requested from it. See `threshold.Leg`."""

    def __init__(self, leg: Leg, watch: Stopwatch) -> None:
        self._leg = leg
        self._watch = watch
        self.depth = 0

    @property
    def name(self) -> str:
        return self._leg.name

    def best(self, m: int) -> tuple[Slots, FloatVector]:
        """See `Leg.best`."""
        self.depth = max(self.depth, m)
        with self._watch.step(self.name):
            return self._leg.best(m)

    def score(self, slots: Slots) -> FloatVector:
        """See `Leg.score`."""
        with self._watch.step(self.name):
            return self._leg.score(slots)

    def similarity(self, scores: FloatVector) -> FloatArray:
        """See `Leg.similarity`."""
        return self._leg.similarity(scores)
