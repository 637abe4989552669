"""Searches for memories, using the searches of the collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from ..contract import Collection
from ..errors import InvalidArgument
from ..types import Hit
from .conversation import milliseconds
from .memory import Memory
from .rows import memory_of

__all__ = ["Decay", "latest", "most_similar"]

_HALF_LIFE_DAYS: Final = 30.0
_DAY_MS: Final = 86_400_000.0
_FIRST_LOOK: Final = 4  # this many times k rows are examined first if age counts too


@dataclass(frozen=True, slots=True)
class Decay:
    """How age counts: score = (1 - weight) * similarity + weight * freshness.

    Attributes:
        weight: from 0 up to, not including, 1.
        fresh_for: days, or a timedelta, in which a memory stays fresh; after that its freshness halves every 30 days.
        now: the time from which age is counted; by default the present.
    """

    weight: float
    fresh_for: float | timedelta = 0.0
    now: datetime | int | None = None

    def __post_init__(self) -> None:
        weight = self.weight
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1:
            raise InvalidArgument("weight is from 0 up to, not including, 1", name="weight", value=weight)
        days = self.days
        if isinstance(days, bool) or not isinstance(days, int | float) or not 0 <= days < float("inf"):
            raise InvalidArgument("fresh_for is a number of days, at least 0", name="fresh_for", value=self.fresh_for)
        self.now_ms()

    @property
    def days(self) -> float:
        return self.fresh_for / timedelta(days=1) if isinstance(self.fresh_for, timedelta) else self.fresh_for

    def now_ms(self) -> int:
        return milliseconds(datetime.now(UTC) if self.now is None else self.now, "now")

    def freshness(self, time: int, now: int) -> float:
        """Freshness of a memory from `time`, in milliseconds; from 0 to 1."""
        age = max(0.0, (now - time) / _DAY_MS - self.days)
        return float(0.5 ** (age / _HALF_LIFE_DAYS))


def latest(docs: Collection, where: Mapping[str, Any], k: int) -> list[Memory]:
    """Returns the newest memories first."""
    return [memory_of(row) for row in islice(docs.scroll(where, "time", descending=True), k)]


def most_similar(docs: Collection, query: str, k: int, where: Mapping[str, Any], decay: Decay | None) -> list[Memory]:
    if decay is None or decay.weight == 0:
        return [memory_of(hit, similarity=hit.score) for hit in docs.search(query, k, where)]
    return _decayed(docs, query, k, where, decay)


def _decayed(docs: Collection, query: str, k: int, where: Mapping[str, Any], decay: Decay) -> list[Memory]:
    """Examines more and more of the most similar, until no other can be among the best: freshness is at most 1."""
    now, looked = decay.now_ms(), max(_FIRST_LOOK * k, 64)
    while True:
        hits = docs.search(query, looked, where)
        ranked = sorted(((_score(hit, decay, now), hit) for hit in hits), key=lambda pair: -pair[0])[:k]
        if len(hits) < looked or ranked[-1][0] >= _blend(decay, hits[-1].score, 1.0):
            return [
                memory_of(hit, similarity=hit.score, score=score, fresh=decay.freshness(hit.metadata["time"], now))
                for score, hit in ranked
            ]
        looked *= 4


def _score(hit: Hit, decay: Decay, now: int) -> float:
    return _blend(decay, hit.score, decay.freshness(hit.metadata["time"], now))


def _blend(decay: Decay, similarity: float, freshness: float) -> float:
    return (1 - decay.weight) * similarity + decay.weight * freshness
