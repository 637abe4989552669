"""Correctness of hits: recall, and agreement except for scores that differ by less than 1e-6."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .data import Data, true_best

SCORE_TOLERANCE = 1e-6


def judge(data: Data, found: dict[str, list[list[int]]], k: int, below: int | None = None) -> dict[str, dict[str, Any]]:
    """Returns for each peer its recall, and for how many queries its hits differ from the exact ones.

    Args:
        found: for each peer, the row numbers of its hits for the first queries.
        below: the filter that was used.
    """
    count = len(next(iter(found.values()), []))
    truth, last = true_best(data, count, k, below)
    return {peer: _facts(data, numbers, truth, last, below) for peer, numbers in found.items()}


def _facts(
    data: Data, found: list[list[int]], truth: list[list[int]], last: list[float], below: int | None
) -> dict[str, Any]:
    hits = wrong = 0
    for i, numbers in enumerate(found):
        scores = _scores(data, i, numbers)
        passing = [below is None or data.metadata[number]["part"] < below for number in numbers]
        good = (scores > last[i] - SCORE_TOLERANCE) & np.array(passing, np.bool_)
        hits += min(int(np.count_nonzero(good)), len(truth[i]))
        wrong += not _agree(scores, _scores(data, i, truth[i])) or not all(passing)
    wanted = sum(map(len, truth))
    return {"recall": hits / wanted if wanted else 1.0, "other_answers": wrong}


def _scores(data: Data, query: int, numbers: Sequence[int]) -> np.ndarray:
    rows = np.asarray(data.vectors[np.asarray(numbers, np.int64)], np.float64)
    return np.asarray(rows @ data.queries[query].astype(np.float64))


def _agree(scores: np.ndarray, best: np.ndarray) -> bool:
    return len(scores) == len(best) and bool((np.abs(scores - best) < SCORE_TOLERANCE).all())
