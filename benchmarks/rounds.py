"""The order of measurements, and what becomes of the times."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Sample = dict[str, Any]
"""What one contender did in one round: `seconds` per query, row or call, and what else is worth keeping."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Reports progress on a terminal; silent elsewhere."""

    title: str

    def show(self, what: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{self.title}: {what}", end="", file=sys.stderr, flush=True)

    def done(self) -> None:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def alternate(
    rounds: int, contenders: Mapping[str, Callable[[], Sample]], progress: Progress
) -> dict[str, list[Sample]]:
    """Runs each contender once per round, so that a busy machine disturbs all equally; alternates the order."""
    samples: dict[str, list[Sample]] = {name: [] for name in contenders}
    for number in range(rounds):
        order = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in order:
            progress.show(f"round {number + 1} of {rounds}, {name}")
            samples[name].append(contenders[name]())
    progress.done()
    return samples


def median(samples: list[Sample], key: str = "seconds") -> float:
    """Returns the median of the rounds."""
    return statistics.median(sample[key] for sample in samples)
