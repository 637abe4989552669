"""The choice of bands and rows: the rule of the original package, and a better one.

A pair of vectors whose bits agree with probability s is found with probability P(s) = 1 - (1 - s^r)^b. That curve rises
around the nominal threshold (1/b)^(1/r).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Final, Literal

import numpy as np

from vicinal.indexes import sign_hashing

from ..numbers import checked_integer, checked_number, checked_size, checked_threshold
from ..spelling import also_spelt

__all__ = [
    "PRECOMPUTED_CONFIGS",
    "Strategy",
    "compute_collision_probability",
    "compute_false_rates",
    "compute_lsh_threshold",
    "cosine_to_agreement",
    "find_optimal_br",
    "get_optimal_config",
    "print_config_analysis",
]

Strategy = Literal["document", "least_error"]

_TOLERANCE: Final = 0.05

# Bands and rows by number of bits and threshold.
PRECOMPUTED_CONFIGS: Final[dict[int, dict[float, tuple[int, int]]]] = {
    4096: {0.5: (512, 8), 0.7: (256, 16), 0.85: (128, 32), 0.9: (64, 64), 0.95: (32, 128)},
    8192: {0.4: (1024, 8), 0.7: (512, 16), 0.8: (256, 32), 0.85: (256, 32), 0.9: (128, 64), 0.95: (64, 128)},
    16384: {0.4: (2048, 8), 0.6: (1024, 16), 0.8: (512, 32), 0.85: (512, 32), 0.9: (256, 64), 0.95: (128, 128)},
    32768: {0.4: (4096, 8), 0.6: (2048, 16), 0.8: (1024, 32), 0.85: (1024, 32), 0.9: (512, 64), 0.95: (256, 128)},
    65536: {0.3: (8192, 8), 0.6: (4096, 16), 0.8: (2048, 32), 0.85: (1024, 64), 0.9: (1024, 64), 0.95: (512, 128)},
}


@also_spelt(b="num_bands", r="rows_per_band")
def compute_collision_probability(similarity: float, num_bands: int, rows_per_band: int) -> float:
    """Returns the probability that two vectors share at least one bucket.

    Args:
        similarity: the probability that one bit agrees. This is not the cosine: `cosine_to_agreement` converts it.
        num_bands: tables.
        rows_per_band: bits of a table's key.

    Raises:
        ValueError: the similarity is outside [0, 1], or a number is below 1.
        TypeError: an argument is not a number.
    """
    if not 0 <= checked_number("similarity", similarity) <= 1:
        raise ValueError(
            f"similarity must be within [0, 1], got {similarity}; for a cosine: cosine_to_agreement(cosine)"
        )
    _check_bands(num_bands, rows_per_band)
    return float(sign_hashing.collision_probability(similarity, num_bands, rows_per_band))


def cosine_to_agreement(cosine: float) -> float:
    """Returns the probability that one bit agrees for two vectors of this cosine: 1 - arccos(cosine) / pi.

    Raises:
        ValueError: the cosine is outside [-1, 1].
        TypeError: it is not a number.
    """
    if not -1 <= checked_number("cosine", cosine) <= 1:
        raise ValueError(f"cosine must be within [-1, 1], got {cosine}")
    return float(sign_hashing.cosine_to_agreement(cosine))


def compute_lsh_threshold(b: int, r: int) -> float:
    """Returns the nominal threshold (1/b)^(1/r), around which the probability of a collision rises."""
    _check_bands(b, r)
    return float((1 / b) ** (1 / r))


def compute_false_rates(b: int, r: int, threshold: float) -> tuple[float, float]:
    """Integrates P below the threshold and 1 - P above it, over equally likely similarities.

    Returns:
        False positives and false negatives, neither divided by the length of its interval.
    """
    _check_bands(b, r)
    threshold = checked_number("threshold", threshold)
    below = _integral(threshold, b, r)
    return below, (1 - threshold) - (_integral(1.0, b, r) - below)


def _integral(end: float, bands: int, rows: int) -> float:
    """Integrates P from 0 to `end`, by Gauss-Legendre quadrature on pieces around the rise of the curve."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    edges = np.linspace(0.0, end, 65)
    half = np.diff(edges) / 2
    points = (edges[:-1] + half)[:, np.newaxis] + half[:, np.newaxis] * nodes
    values = sign_hashing.collision_probability(points, bands, rows)
    return float((half[:, np.newaxis] * weights * values).sum())


def _error(pair: tuple[int, int], threshold: float) -> float:
    false_positives, false_negatives = compute_false_rates(*pair, threshold)
    return false_positives + false_negatives


def find_optimal_br(num_perm: int, target: float, tolerance: float = _TOLERANCE) -> tuple[int, int] | None:
    """Returns the factorization with the smallest error whose nominal threshold is within `tolerance`, or None."""
    num_perm, target = checked_size("num_perm", num_perm, largest=None), checked_number("target", target)
    near = ((b, r) for b, r in _factorisations(num_perm) if abs(compute_lsh_threshold(b, r) - target) <= tolerance)
    return min(near, key=lambda pair: _error(pair, target), default=None)


@also_spelt(target_threshold="similarity_threshold")
def get_optimal_config(
    num_perm: int, similarity_threshold: float = 0.5, strategy: Strategy = "document"
) -> tuple[int, int]:
    """Returns bands and rows whose product is `num_perm`, for a threshold.

    By default this is the rule of the original package, so that buckets are compatible: a table for five sizes, else
    the factorization with the smallest error among those whose nominal threshold is within 0.05, else the one nearest
    to a square, which does not depend on the threshold; a warning says so. `strategy="least_error"` always uses the
    factorization with the smallest error.

    Args:
        num_perm: total number of bits.
        similarity_threshold: the agreement of bits above which vectors should share a bucket, between 0 and 1.
        strategy: "document" or "least_error".

    Raises:
        ValueError: a number is out of range, or the strategy is unknown.
        TypeError: an argument is not a number.
    """
    num_perm = checked_size("num_perm", num_perm, largest=None)
    similarity_threshold = checked_threshold("similarity_threshold", similarity_threshold)
    if strategy == "least_error":
        return min(_factorisations(num_perm), key=lambda pair: _error(pair, similarity_threshold))
    if strategy != "document":
        raise ValueError(f"strategy must be 'document' or 'least_error', got {strategy!r}")
    found = _precomputed(num_perm, similarity_threshold) or find_optimal_br(num_perm, similarity_threshold)
    return found or _near_square(num_perm, similarity_threshold)


def _precomputed(num_perm: int, target: float) -> tuple[int, int] | None:
    table = PRECOMPUTED_CONFIGS.get(num_perm, {})
    nearest = min(table, key=lambda threshold: abs(threshold - target), default=None)
    if nearest is None or abs(nearest - target) > _TOLERANCE:
        return None
    return table[nearest]


def _near_square(num_perm: int, target: float) -> tuple[int, int]:
    bands = next(b for b in range(math.isqrt(num_perm), 0, -1) if num_perm % b == 0)
    rows = num_perm // bands
    better = get_optimal_config(num_perm, target, "least_error")
    warnings.warn(
        f"no bands and rows of num_perm={num_perm} come near the threshold {target}: {bands} bands of {rows} rows are "
        f"used, as the original package does, whose threshold is {compute_lsh_threshold(bands, rows):.2f}. "
        f"strategy='least_error' takes {better[0]} bands of {better[1]} rows; their buckets are not compatible",
        UserWarning,
        stacklevel=4,
    )
    return bands, rows


def _factorisations(num_perm: int) -> Iterator[tuple[int, int]]:
    """Yields each (bands, rows), in the order of the original: rows up to the square root, then bands up to it."""
    small = [n for n in range(1, math.isqrt(num_perm) + 1) if num_perm % n == 0]
    yield from ((num_perm // r, r) for r in small)
    yield from ((b, num_perm // b) for b in small)


def _check_bands(bands: int, rows: int) -> None:
    if checked_integer("num_bands", bands) < 1 or checked_integer("rows_per_band", rows) < 1:
        raise ValueError(f"bands and rows must be at least 1, got {bands} and {rows}")


def print_config_analysis(num_perm: int, threshold: float = 0.5) -> None:
    """Prints the bands and rows chosen, their errors, and what they find at some similarities."""
    bands, rows = get_optimal_config(num_perm, threshold)
    false_positives, false_negatives = compute_false_rates(bands, rows, threshold)
    print(f"num_perm {num_perm}: {bands} bands of {rows} rows")
    print(f"threshold asked for {threshold:.3f}, nominal {compute_lsh_threshold(bands, rows):.3f}")
    print(f"false positives {false_positives:.6f}, false negatives {false_negatives:.6f}")
    for similarity in (0.3, 0.5, 0.7, 0.9):
        print(f"agreement {similarity:.1f}: found with {compute_collision_probability(similarity, bands, rows):.6f}")
