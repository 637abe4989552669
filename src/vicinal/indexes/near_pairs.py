"""All pairs of rows that are near each other: blocks of a matrix product find candidates, scores decide.

The product is in float32 with a known maximum error: at most dim + 2 roundings, whatever the order of its sums (Higham,
Accuracy and Stability of Numerical Algorithms, 2002, section 3.1). Pairs within the error bound are scored by
`Kernels.score`, so pairs and scores are those of a search for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix, FloatVector, Kernels, Metric, Slots
from ..deadline import check_deadline

__all__ = ["Pairs", "TooMany", "near_pairs"]

_ROWS: Final = 1024  # per side of a block
_COLUMNS: Final = 4096
_EPSILON: Final = 2.0**-23
_SLACK_TERMS: Final = 8  # roundings other than those of the sum: lengths, the score itself
_TINY: Final = 2.0**-100  # allowance for products that underflow float32

Pairs = tuple[Slots, Slots, FloatVector]
BoolMatrix = NDArray[np.bool_]


class TooMany(Exception):
    """There are more pairs than should be kept."""


def near_pairs(
    kernels: Kernels,
    metric: Metric,
    vectors: FloatMatrix,
    slots: Slots,
    least: float,
    most: int,
    advance: Callable[[int], None],
) -> Pairs:
    """Every pair of different slots with a score of at least `least`.

    Args:
        vectors: float32, shape (n, dim), by slot.
        slots: the slots to compare, ascending.
        most: the maximum number of pairs.
        advance: called with the number of pairs compared.

    Returns:
        The lower and the higher slots, uint32, and scores, float32: by score, then by slots.

    Raises:
        TooMany: there are more than `most`.
    """
    find = _by_scan if metric == "l1" else _by_product
    found: list[Pairs] = []
    count = 0
    for a, b in find(kernels, metric, vectors, slots, least, advance):
        check_deadline()
        pairs = _scored(kernels, metric, vectors, a, b, least)
        count += len(pairs[0])
        if count > most:
            raise TooMany
        found.append(pairs)
    firsts = np.concatenate([np.empty(0, np.uint32), *(pairs[0] for pairs in found)])
    seconds = np.concatenate([np.empty(0, np.uint32), *(pairs[1] for pairs in found)])
    scores = np.concatenate([np.empty(0, np.float32), *(pairs[2] for pairs in found)])
    order = np.lexsort((seconds, firsts, -scores))
    return firsts[order], seconds[order], scores[order]


def _scored(kernels: Kernels, metric: Metric, vectors: FloatMatrix, a: Slots, b: Slots, least: float) -> Pairs:
    """The pairs with a high enough score. `a` is ascending."""
    scores = np.empty(len(a), dtype=np.float32)
    starts = np.flatnonzero(np.diff(a, prepend=a[:1] - 1)) if len(a) else np.empty(0, np.intp)
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(a)]):
        scores[start:end] = kernels.score(metric, vectors, b[start:end], vectors[int(a[start])])
    enough = scores >= np.float64(least)
    return a[enough], b[enough], scores[enough] + np.float32(0)


def _by_product(
    kernels: Kernels,
    metric: Metric,
    vectors: FloatMatrix,
    slots: Slots,
    least: float,
    advance: Callable[[int], None],
) -> Iterator[tuple[Slots, Slots]]:
    """Candidate pairs, block by block of the upper triangle."""
    for i in range(0, len(slots), _ROWS):
        mine = slots[i : i + _ROWS]
        left = _Side(kernels, metric, vectors, mine)
        for j in range(i, len(slots), _COLUMNS):
            theirs = slots[j : j + _COLUMNS]
            right = _Side(kernels, metric, vectors, theirs)
            may = _may_be_near(metric, left, right, least)
            if j == i:
                may = np.triu(may, 1)  # the block begins on the diagonal
            rows, columns = np.nonzero(may)
            yield mine[rows], theirs[columns]
        after = len(slots) - i - len(mine)
        advance(len(mine) * after + len(mine) * (len(mine) - 1) // 2)


class _Side:
    """Rows of one side of a block (normalized under cosine), and their lengths."""

    def __init__(self, kernels: Kernels, metric: Metric, vectors: FloatMatrix, slots: Slots) -> None:
        rows = np.ascontiguousarray(vectors[slots])
        self.squares = kernels.squared_norms(rows)
        self.lengths = np.sqrt(self.squares)
        if metric == "cosine":
            scale = np.divide(1.0, self.lengths, out=np.zeros_like(self.lengths), where=self.lengths > 0)
            rows = (rows * scale[:, np.newaxis]).astype(np.float32)
        self.rows: FloatMatrix = rows


def _may_be_near(metric: Metric, left: _Side, right: _Side, least: float) -> BoolMatrix:
    """Pairs whose product plus its maximum error is enough. An overflowed product proves nothing: the pair is kept."""
    dim = left.rows.shape[1]
    relative, absolute = (dim + _SLACK_TERMS) * _EPSILON, dim * _TINY
    with np.errstate(over="ignore", invalid="ignore"):
        products = left.rows @ right.rows.T
        if metric == "cosine":
            enough = products >= np.float32(np.nextafter(np.float32(least - relative - absolute), np.float32(-np.inf)))
        elif metric == "ip":
            slack = relative * left.lengths[:, np.newaxis] * right.lengths + absolute
            enough = products + slack >= least
        else:  # ||a - b||^2 = ||a||^2 + ||b||^2 - 2 <a, b>
            squares = left.squares[:, np.newaxis] + right.squares
            reach = max(0.0, -least) * (1.0 + _EPSILON)
            enough = 2.0 * products.astype(np.float64) + 2.0 * relative * squares + absolute >= squares - reach * reach
        found: BoolMatrix = enough | ~np.isfinite(products)
    return found


def _by_scan(
    kernels: Kernels,
    metric: Metric,
    vectors: FloatMatrix,
    slots: Slots,
    least: float,
    advance: Callable[[int], None],
) -> Iterator[tuple[Slots, Slots]]:
    """The same for metrics whose distance does not follow from a product: one native scan per row."""
    if not len(slots):
        return
    relative = (vectors.shape[1] + _SLACK_TERMS) * _EPSILON
    reach = max(0.0, -least)
    rows = np.ascontiguousarray(vectors[slots])
    raw = np.empty(len(slots), dtype=np.float32)
    for i, slot in enumerate(slots.tolist()):
        later = len(slots) - i - 1
        kernels.scan(metric, rows[i + 1 :], rows[i], raw[:later])
        with np.errstate(over="ignore", invalid="ignore"):
            near = raw[:later].astype(np.float64) * (1.0 - relative) <= reach * (1.0 + _EPSILON) + _TINY
            near |= ~np.isfinite(raw[:later])
        found = slots[i + 1 :][near]
        yield np.full(len(found), slot, dtype=np.uint32), found
        advance(later)
