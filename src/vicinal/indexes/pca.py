"""PCA projection: the principal directions of the vectors, learned from the vectors themselves.

Embeddings fill only a part of their space. From the projection of a row onto 128 directions of that part, and the
length of the rest, a search can exclude most rows from being among the best; 128 more directions exclude most of the
others.
native/vectors/leading.hpp has the bounds; they hold for any orthonormal directions, and good ones make them narrow.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ..contract import FloatMatrix, FloatVector, Metric

__all__ = ["DIRECTIONS", "LEARNED_FROM", "SPAN", "are_orthonormal", "leading_directions"]

SPAN: Final = 128  # directions that a search uses together
DIRECTIONS: Final = 2 * SPAN
LEARNED_FROM: Final = 8192  # rows; scanning fewer takes no time
_SAMPLED: Final = 2048
_DIM_MIN: Final = DIRECTIONS + 1  # with fewer components, halves of the codes take no more bytes
_FEW_DIMENSIONS: Final = 384  # up to here, computing all components takes less time
_EXTRA: Final = 16
_PASSES: Final = 2
_ASKED: Final = 64
_RANK: Final = 1  # among so few rows, about what the tenth is among ten times as many
_WORTH: Final = 0.05  # maximum share of rows not excluded: more would cost what the smaller codes save
_CODE_ERROR: Final = 0.4  # of a span's code, relative to its largest component
_DEPARTURE_MAX: Final = 2.0**-17  # half of what native/vectors/leading.hpp allows


def leading_directions(vectors: FloatMatrix, metric: Metric) -> FloatMatrix | None:
    """Orthonormal directions that contain most of the length of these rows, or None if none are useful.

    They span the space of the largest principal components of a sample, not centred. The first `SPAN` directions span
    the larger half of the components, the others the rest; each of these two spaces is rotated at random, so that all
    components of a row are of similar size and a few bits encode them well.

    Args:
        vectors: float32, shape (n, dim).

    Returns:
        float32, shape (`DIRECTIONS`, dim).
    """
    dim = vectors.shape[1]
    if metric == "l1" or dim < _DIM_MIN:
        return None
    sample = _sample(vectors, metric)
    if len(sample) <= 2 * max(_ASKED, DIRECTIONS):
        return None
    random = np.random.default_rng(0)
    leading = np.linalg.qr(_components(sample, random)[:, :DIRECTIONS].astype(np.float64))[0]
    spans = [leading[:, :SPAN], leading[:, SPAN:]]
    turned = [span @ np.linalg.qr(random.standard_normal((SPAN, SPAN)))[0] for span in spans]
    directions = np.ascontiguousarray(np.hstack(turned).T, dtype=np.float32)
    return directions if _kept(sample, directions, metric) <= _WORTH and are_orthonormal(directions) else None


def _components(sample: FloatMatrix, random: np.random.Generator) -> FloatMatrix:
    """Principal components as columns, largest first; for many dimensions only the largest, approximately.

    The latter by subspace iteration (Halko, Martinsson and Tropp, Finding structure with randomness, SIAM Review 53,
    2011, algorithm 4.4).
    """
    dim = sample.shape[1]
    if dim <= _FEW_DIMENSIONS:
        return np.asarray(np.linalg.eigh(sample.T @ sample)[1][:, ::-1])
    basis = random.standard_normal((dim, DIRECTIONS + _EXTRA), dtype=np.float32)
    for _ in range(_PASSES):
        basis = np.linalg.qr(sample.T @ (sample @ basis))[0]
    inside = sample @ basis
    return np.asarray(basis @ np.linalg.eigh(inside.T @ inside)[1][:, ::-1])  # eigh returns them in ascending order


def are_orthonormal(directions: FloatMatrix) -> bool:
    """Whether the directions are orthonormal, so that the bounds are valid."""
    wide = directions.astype(np.float64)
    return float(np.linalg.norm(wide @ wide.T - np.eye(len(wide)))) <= _DEPARTURE_MAX


def _sample(vectors: FloatMatrix, metric: Metric) -> FloatMatrix:
    """A sample of rows from the whole collection, without zero rows; normalized if only the angle counts."""
    rows = vectors[np.linspace(0, len(vectors) - 1, min(len(vectors), _SAMPLED)).astype(np.int64)].astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1)
    rows, lengths = rows[lengths > 0], lengths[lengths > 0]
    if metric == "cosine":
        return np.asarray(rows / lengths[:, np.newaxis], np.float32)
    return np.asarray(rows / lengths.max(initial=np.finfo(np.float64).tiny), np.float32)


def _kept(sample: FloatMatrix, directions: FloatMatrix, metric: Metric) -> float:
    """The approximate share of rows not excluded when sampled rows are the queries, assuming no duplicates of these."""
    queries, rows = sample[:: len(sample) // _ASKED][:_ASKED], sample
    inside, asked = rows @ directions.T, queries @ directions.T
    rest, asked_rest = _rest(rows, inside), _rest(queries, asked)
    largest = np.abs(inside.reshape(len(rows), -1, SPAN)).max(axis=2)
    error = _CODE_ERROR * np.linalg.norm(largest, axis=1)
    scores, products = rows @ queries.T, inside @ asked.T
    if metric != "l2":
        best = np.partition(scores, -_RANK - 1, axis=0)[-_RANK - 1]
        bounds = products + np.outer(error, np.linalg.norm(asked, axis=1)) + np.outer(rest, asked_rest)
        return float(np.mean(bounds >= best))
    lengths = np.square(rows).sum(axis=1)[:, np.newaxis] + np.square(queries).sum(axis=1)
    best = np.partition(lengths - 2 * scores, _RANK, axis=0)[_RANK]
    apart = np.square(inside).sum(axis=1)[:, np.newaxis] + np.square(asked).sum(axis=1) - 2 * products
    near = np.maximum(np.sqrt(np.maximum(apart, 0)) - error[:, np.newaxis], 0)
    return float(np.mean(np.square(near) + np.square(rest[:, np.newaxis] - asked_rest) <= best))


def _rest(rows: FloatMatrix, inside: FloatMatrix) -> FloatVector:
    """The lengths of the components outside the directions."""
    return np.asarray(np.sqrt(np.maximum(np.square(rows).sum(axis=1) - np.square(inside).sum(axis=1), 0)))
