"""Projection of vectors to points in the plane or in space."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidArgument, MissingExtra
from ..inputs.names import nearest
from ..visible import shown

__all__ = ["METHODS", "Projection", "project"]

METHODS: Final = ("pca", "tsne", "umap")

_PERPLEXITY: Final = 30.0
_NEIGHBOURS: Final = 15
_REDUCED_TO: Final = 50  # before t-SNE, as its authors did: the rest is mostly noise, and distances are cheaper

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Projected points, and the meaning of their axes.

    Attributes:
        points: float64, shape (rows, dimensions).
        method: "pca", "tsne" or "umap".
        axes: a name for each dimension.
        explained: for PCA the share of the variance along each axis; else None.
    """

    points: FloatArray
    method: str
    axes: tuple[str, ...]
    explained: tuple[float, ...] | None = None


def project(vectors: Any, method: str = "pca", *, dimensions: int = 2, seed: int = 0) -> Projection:
    """Returns points for vectors: the same for the same vectors and seed.

    Args:
        vectors: shape (rows, dim), at least two rows.
        method: "pca" keeps the directions of greatest variance (principal components); "tsne" (van der Maaten and
            Hinton, 2008) and "umap" (McInnes, Healy and Melville, 2018) keep neighbours together, but distances
            between groups mean little.
        dimensions: 2 or 3.
        seed: of t-SNE and UMAP.

    Raises:
        InvalidArgument: an argument is invalid.
        MissingExtra: scikit-learn (t-SNE) or umap-learn is not installed.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    if rows.ndim != 2 or len(rows) < 2 or not np.isfinite(rows).all():
        raise InvalidArgument(
            f"a projection needs at least two finite vectors of one dimension, not shape {rows.shape}",
            name="vectors",
            remedy="Pass an array of shape (rows, dim).",
        )
    if dimensions not in (2, 3) or isinstance(dimensions, bool):
        raise InvalidArgument(
            f"dimensions must be 2 or 3, not {shown(dimensions)}", name="dimensions", value=dimensions
        )
    if method == "pca":
        return _pca(rows, dimensions)
    if method == "tsne":
        return Projection(_tsne(rows, dimensions, seed), method, _numbered("t-SNE", dimensions))
    if method == "umap":
        return Projection(_umap(rows, dimensions, seed), method, _numbered("UMAP", dimensions))
    raise InvalidArgument(
        f"there is no projection {shown(method)}",
        name="method",
        value=method,
        remedy=f"{nearest(str(method), METHODS)}Methods are {', '.join(METHODS)}.",
    )


def _pca(rows: FloatArray, dimensions: int) -> Projection:
    """Projects to eigenvectors of the covariance, each with the sign that makes its largest component positive."""
    centred = rows - rows.mean(axis=0)
    _, lengths, components = np.linalg.svd(centred, full_matrices=False)
    variances = np.zeros(dimensions)
    points = np.zeros((len(rows), dimensions))
    for i in range(min(dimensions, len(components))):
        component = components[i]
        sign = 1.0 if component[np.argmax(np.abs(component))] >= 0 else -1.0
        points[:, i] = centred @ (component * sign)
        variances[i] = lengths[i] ** 2
    whole = float(np.sum(lengths**2))
    explained = tuple((variances / whole if whole > 0 else variances).tolist())
    axes = tuple(f"PC {i + 1} ({share:.1%} of variance)" for i, share in enumerate(explained))
    return Projection(points, "pca", axes, explained)


def _tsne(rows: FloatArray, dimensions: int, seed: int) -> FloatArray:
    try:
        manifold = import_module("sklearn.manifold")  # it has no types
    except ImportError:
        raise MissingExtra("scikit-learn", "viz", "t-SNE") from None
    reduced = _reduced(rows)
    perplexity = min(_PERPLEXITY, max(1.0, (len(rows) - 1) / 3))
    start = "pca" if min(reduced.shape) >= dimensions else "random"
    model = manifold.TSNE(n_components=dimensions, perplexity=perplexity, init=start, random_state=seed)
    return np.asarray(model.fit_transform(reduced), dtype=np.float64)


def _reduced(rows: FloatArray) -> FloatArray:
    if rows.shape[1] <= _REDUCED_TO:
        return rows
    centred = rows - rows.mean(axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    return np.asarray(centred @ components[:_REDUCED_TO].T)


def _umap(rows: FloatArray, dimensions: int, seed: int) -> FloatArray:
    try:
        umap = import_module("umap")  # it has no types
    except ImportError:
        raise MissingExtra("umap-learn", "umap", "UMAP") from None
    neighbours = max(2, min(_NEIGHBOURS, len(rows) - 1))
    start = "spectral" if len(rows) > dimensions + 2 else "random"
    model = umap.UMAP(n_components=dimensions, n_neighbors=neighbours, init=start, random_state=seed, n_jobs=1)
    return np.asarray(model.fit_transform(rows), dtype=np.float64)


def _numbered(name: str, dimensions: int) -> tuple[str, ...]:
    return tuple(f"{name} {i + 1}" for i in range(dimensions))
