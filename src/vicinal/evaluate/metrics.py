"""Ranking metrics: plain functions of ids and judgements.

A ranking is a list of row ids, best first; an id that occurs twice counts at its first position. Judgements are the
grades of rows: a grade of 0 or less, or none, means not relevant. If no row is relevant every metric is 0. Binary
metrics treat every grade above 0 as relevant. All agree with trec_eval (P, recall, recip_rank, map, ndcg); tests verify
this.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ..errors import InvalidArgument
from ..inputs.names import nearest
from ..types import Id
from .grades import check_grades

__all__ = [
    "Gain",
    "Metric",
    "average_precision",
    "gain_of",
    "metric_of",
    "ndcg",
    "precision",
    "recall",
    "reciprocal_rank",
]

Judgements = Mapping[Id, float]
# A name, the gain of each grade, or a function of the grade.
Gain = str | Mapping[float, float] | Callable[[float], float]
Metric = Callable[[Sequence[Id], Judgements], float]

_GAINS: dict[str, Callable[[float], float]] = {
    "linear": lambda grade: grade,
    "exponential": lambda grade: math.pow(2.0, grade) - 1.0,
}


def recall(ranking: Sequence[Id], judgements: Judgements, k: int | None = None) -> float:
    """The share of the relevant rows that are among the best `k`; None uses the whole ranking."""
    relevant = _relevant(judgements)
    return sum(_hits(ranking, relevant, k)) / len(relevant) if relevant else 0.0


def precision(ranking: Sequence[Id], judgements: Judgements, k: int | None = None) -> float:
    """The share of the best `k` that is relevant. Ranks missing from a short ranking count as not relevant."""
    cut = len(ranking) if k is None else k
    return sum(_hits(ranking, _relevant(judgements), k)) / cut if cut else 0.0


def reciprocal_rank(ranking: Sequence[Id], judgements: Judgements, k: int | None = None) -> float:
    """1 / the rank of the first relevant row among the best `k`, else 0; its mean over queries is called MRR.

    Source: E. Voorhees, "The TREC-8 question answering track report", 1999.
    """
    hits = _hits(ranking, _relevant(judgements), k)
    return 1.0 / (hits.index(True) + 1) if True in hits else 0.0


def average_precision(ranking: Sequence[Id], judgements: Judgements, k: int | None = None) -> float:
    """The mean of the precision at the rank of each relevant row, 0 for rows not found; its mean over queries is MAP.

    Source: C. Buckley and E. Voorhees, "Evaluating evaluation measure stability", SIGIR 2000.
    """
    relevant = _relevant(judgements)
    found, total = 0, 0.0
    for place, hit in enumerate(_hits(ranking, relevant, k), 1):
        if hit:
            found += 1
            total += found / place
    return total / len(relevant) if relevant else 0.0


def ndcg(ranking: Sequence[Id], judgements: Judgements, k: int | None = None, *, gain: Gain = "linear") -> float:
    """The discounted cumulative gain of the best `k`, divided by that of the best ranking that the judgements allow.

    The gain of the row at rank r is multiplied by 1 / log2(r + 1).

    Source: K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002;
    exponential gain: C. Burges and others, "Learning to rank using gradient descent", ICML 2005.

    Args:
        gain: gain of a grade: "linear" (the grade), "exponential" (2**grade - 1), a dict from grade to gain, or a
            function. If judgements are gains already, use "linear".
    """
    worth = gain_of(gain)
    check_grades(judgements)
    gains = {row: value for row, grade in judgements.items() if grade > 0 and (value := _gain(worth, grade)) > 0}
    largest = max(gains.values(), default=0.0)
    if largest > _SUM_MAX:  # their sum could be infinite; only ratios count
        gains = {row: value / largest for row, value in gains.items()}
    best = _discounted(sorted(gains.values(), reverse=True)[:k])
    return _discounted([gains.get(row, 0.0) for row in _distinct(ranking)[:k]]) / best if best > 0 else 0.0


def gain_of(gain: Gain) -> Callable[[float], float]:
    """Returns the function from grade to gain.

    Raises:
        InvalidArgument: no such gain; when called, a grade that the dict lacks.
    """
    if isinstance(gain, str):
        if gain not in _GAINS:
            raise InvalidArgument(
                f"there is no gain {gain!r}",
                name="gain",
                value=gain,
                remedy=f"{nearest(gain, _GAINS)}Use 'linear', 'exponential', or a dict from grade to gain.",
            )
        return _GAINS[gain]
    if isinstance(gain, Mapping):
        return partial(_looked_up, gain)
    if not callable(gain):
        raise InvalidArgument(
            f"gain must be a name, a dict or a function, not {type(gain).__name__}",
            name="gain",
            value=gain,
            remedy="Use 'linear' or 'exponential'.",
        )
    return gain


_METRICS: dict[str, Callable[..., float]] = {
    "ndcg": ndcg,
    "recall": recall,
    "precision": precision,
    "mrr": reciprocal_rank,
    "map": average_precision,
}
_SUM_MAX = 1e300
_NAME = re.compile(r"([a-z]+)(?:@([1-9][0-9]*))?")


def metric_of(name: str, k: int, gain: Gain = "linear") -> tuple[str, Metric]:
    """Returns the metric named "recall", "ndcg@5" and so on, and its full name; without a number the depth is `k`.

    Raises:
        InvalidArgument: no such metric, or its depth exceeds `k`.
    """
    parts = _NAME.fullmatch(name) if isinstance(name, str) else None
    if parts is None or parts[1] not in _METRICS:
        raise InvalidArgument(
            f"there is no metric {name!r}",
            name="metrics",
            value=name,
            remedy=f"{nearest(str(name), _METRICS)}Metrics are {', '.join(_METRICS)}, also with a depth: ndcg@5.",
        )
    cut = int(parts[2]) if parts[2] else k
    if cut > k:
        raise InvalidArgument(
            f"the metric {name!r} looks at {cut} hits, but k is {k}",
            name="k",
            value=k,
            remedy=f"Pass k={cut}, or leave k out.",
        )
    more = {"gain": gain} if parts[1] == "ndcg" else {}
    return f"{parts[1]}@{cut}", partial(_METRICS[parts[1]], k=cut, **more)


def depth_of(names: Sequence[str], default: int) -> int:
    """The greatest depth in the names of metrics, and at least `default`."""
    found = [_NAME.fullmatch(name) for name in names if isinstance(name, str)]
    return max([default, *(int(parts[2]) for parts in found if parts and parts[2])])


def _relevant(judgements: Judgements) -> set[Id]:
    check_grades(judgements)
    return {row for row, grade in judgements.items() if grade > 0}


def _distinct(ranking: Sequence[Id]) -> list[Id]:
    if isinstance(ranking, (str, bytes)):
        raise InvalidArgument(
            f"a ranking is a list of ids, not the text {ranking!r:.80}",
            name="ranking",
            value=ranking,
            remedy="Put the id into a list.",
        )
    return list(dict.fromkeys(ranking))


def _hits(ranking: Sequence[Id], relevant: set[Id], k: int | None) -> list[bool]:
    return [row in relevant for row in _distinct(ranking)[:k]]


def _discounted(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))


def _gain(worth: Callable[[float], float], grade: float) -> float:
    try:
        value: float = worth(grade)
        if math.isfinite(value):
            return float(value)
    except OverflowError:
        value = math.inf
    raise InvalidArgument(
        f"the gain of the grade {grade!r} is {value!r}, not a finite number",
        name="gain",
        value=grade,
        remedy="Use smaller grades, or gain='linear' where grades are gains already.",
    )


def _looked_up(gains: Mapping[float, float], grade: float) -> float:
    if grade not in gains:
        raise InvalidArgument(
            f"gain has no value for the grade {grade!r}",
            name="gain",
            value=grade,
            remedy=f"It has {', '.join(map(repr, gains))}: add this one.",
        )
    return gains[grade]
