"""`duplicates`: every pair of rows that are nearly the same, exactly, without holding a lock."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any, Final

import numpy as np

from ..contract import FloatMatrix, Metric, Slots
from ..deadline import check_deadline
from ..duplicates import Duplicates, Pair
from ..errors import InvalidArgument, LimitExceeded
from ..filters.bitmap import unpack
from ..indexes.derived import DerivedIndex, View, viewing
from ..indexes.near_pairs import Pairs, TooMany, near_pairs
from ..progress import progress
from ..query.search import at_one_moment
from ..records.context import Context, now
from ..records.selection import filter_of
from ..store.reading import Reader
from ..store.rows import user_id
from ..types import Id
from ..visible import shown
from .where import Where

__all__ = ["checked_number", "checked_pairs", "duplicates"]

_THRESHOLD: Final = 0.95  # of the cosine
_DISTANCE_AT_0: Final = {"cosine": 1.0, "ip": 0.0, "l2": 0.0, "l1": 0.0}


def duplicates(
    context: Context, threshold: Any, max_distance: Any, where: Where, max_pairs: Any, show: bool
) -> Duplicates:
    """All pairs of rows that score at least `threshold`, or are at most `max_distance` apart."""
    for name, value in (("threshold", threshold), ("max_distance", max_distance)):
        checked_number(name, value)
    if threshold is not None and max_distance is not None:
        raise InvalidArgument("threshold= and max_distance= say the same", name="max_distance", remedy="Leave one out.")
    checked_pairs(max_pairs)
    tree, moment = filter_of(where), now()
    view_of = viewing(tree, within=context.within, vectors=True)

    def take(index: DerivedIndex, reader: Reader) -> View:
        return view_of(index, reader)

    def answer(view: View, reader: Reader) -> Duplicates:
        metric = reader.state.metric
        least = _least(metric, threshold, max_distance)
        vectors = reader.matrix(len(view.slots.live))
        slots = np.flatnonzero(unpack(view.candidates(moment), len(vectors))).astype(np.uint32)
        ids = reader.ids_of(slots)  # read first: rows may be deleted during the comparison; vectors stay readable
        pairs = _compare(view, metric, vectors, slots, least, int(max_pairs), show)
        if max_distance is not None:
            near = _DISTANCE_AT_0[metric] - pairs[2].astype(np.float64) <= float(max_distance)
            pairs = pairs[0][near], pairs[1][near], pairs[2][near]
        return _named(pairs, slots, [user_id(one) for one in ids], metric)

    return at_one_moment(context.store, take, answer)


def _compare(
    view: View, metric: Metric, vectors: FloatMatrix, slots: Slots, least: float, most: int, show: bool
) -> Pairs:
    count = len(slots) * (len(slots) - 1) // 2
    with progress("Comparing rows", count) if show else nullcontext(lambda done: None) as advance:

        def done(pairs: int) -> None:
            check_deadline()
            advance(pairs)

        try:
            return near_pairs(view.kernels, metric, vectors, slots, least, most, done)
        except TooMany:
            raise LimitExceeded(
                f"more than {most:,} pairs are that near",
                name="threshold",
                value=least,
                remedy="Ask for nearer ones, a part of the rows by where=, or more by max_pairs=.",
            ) from None


def _least(metric: Metric, threshold: Any, max_distance: Any) -> float:
    """The minimum score of a pair."""
    if threshold is not None:
        return float(threshold)
    if max_distance is not None:
        # One rounding step lower; the pairs are then filtered by their distance.
        return math.nextafter(_DISTANCE_AT_0[metric] - float(max_distance), -math.inf)
    if metric != "cosine":
        raise InvalidArgument(
            f"how near is near depends on the vectors, under metric {metric!r}",
            name="max_distance",
            remedy="Pass max_distance=, or threshold= for a score.",
        )
    return _THRESHOLD


def checked_pairs(max_pairs: Any) -> int:
    """Raises InvalidArgument for a value that is not a number of pairs."""
    if isinstance(max_pairs, bool) or not isinstance(max_pairs, (int, np.integer)) or max_pairs < 1:
        raise InvalidArgument(
            f"max_pairs must be a whole number of at least 1, not {shown(max_pairs)}",
            name="max_pairs",
            value=max_pairs,
            remedy="Leave it out for a million.",
        )
    return int(max_pairs)


def checked_number(name: str, value: Any) -> Any:
    """Raises InvalidArgument for a value that is neither a finite number nor None."""
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, (bool, np.bool_))
    if value is not None and not (is_number and np.isfinite(float(value))):
        raise InvalidArgument(
            f"{name} must be a number, not {shown(value)}",
            name=name,
            value=value,
            remedy="It is compared with what hits have as score, or as distance.",
        )
    return value


def _named(pairs: Pairs, slots: Slots, ids: list[Id], metric: Metric) -> Duplicates:
    firsts = np.searchsorted(slots, pairs[0]).tolist()
    seconds = np.searchsorted(slots, pairs[1]).tolist()
    at_0 = _DISTANCE_AT_0[metric]
    found = [
        Pair(ids[first], ids[second], score, at_0 - score)
        for first, second, score in zip(firsts, seconds, pairs[2].tolist())
    ]
    groups = [[ids[place] for place in group] for group in _components(firsts, seconds)]
    return Duplicates(found, groups, metric, len(slots))


def _components(firsts: list[int], seconds: list[int]) -> list[list[int]]:
    """Connected components of positions, each group ascending; the largest first, then by their first position."""
    parent: dict[int, int] = {}

    def root(place: int) -> int:
        while (above := parent.setdefault(place, place)) != place:
            parent[place] = parent[above]  # path halving
            place = parent[place]
        return place

    for first, second in zip(firsts, seconds):
        a, b = root(first), root(second)
        parent[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = {}
    for place in sorted(parent):
        groups.setdefault(root(place), []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))
