"""Projection of vectors to another dimension that preserves neighbours.

To more dimensions, zeros are appended: an isometry, so cosines, dot products and distances stay bit-identical.

To fewer dimensions, signs are flipped by a fixed pattern, the orthonormal cosine transform (DCT-II) is taken, and a
fixed choice of its coefficients is kept: the subsampled randomised trigonometric transform (Ailon and Chazelle, "The
fast Johnson-Lindenstrauss transform", 2009; Tropp, "Improved analysis of the subsampled randomized Hadamard transform",
2011). Cosines change by about 1 / sqrt(dimensions kept). Its rows are exactly orthogonal for every size, and it needs
neither a random generator nor a factorisation, whose results change between versions of libraries: signs and choice are
bits of BLAKE2b.
"""

from __future__ import annotations

import math
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ..contract import FloatMatrix
from ..errors import DimensionMismatch, InvalidArgument

# Changes whenever vectors would: it is part of every fingerprint.
VERSION = "1"


class Projection:
    """A fixed linear map from vectors of `source` components to `dim`; the same in every process.

    Args:
        source: components of the input, at least 1.
        dim: components of the output, at least 1.
    """

    def __init__(self, source: int, dim: int) -> None:
        self.source = _checked(source, "source")
        self.dim = _checked(dim, "dim")

    @property
    def isometric(self) -> bool:
        """Whether distances are preserved exactly."""
        return self.dim >= self.source

    def apply(self, vectors: FloatMatrix) -> FloatMatrix:
        """Projects `vectors`: float32, shape (n, dim), C-contiguous; each keeps its length.

        Args:
            vectors: float32, shape (n, source), finite. Zero vectors, and only these, become zero vectors.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.source:
            raise DimensionMismatch(
                f"vectors of shape {vectors.shape} cannot be projected from {self.source} dimensions",
                name="vectors",
                value=vectors.shape,
            )
        return self._padded(vectors) if self.isometric else _shortened(vectors, self.dim)

    def _padded(self, vectors: FloatMatrix) -> FloatMatrix:
        result = np.zeros((len(vectors), self.dim), dtype=np.float32)
        result[:, : self.source] = vectors
        return result


def _shortened(vectors: FloatMatrix, dim: int) -> FloatMatrix:
    """Projects to fewer dimensions and restores the lengths: unit vectors stay unit vectors."""
    lengths = _lengths(vectors)
    lengths[lengths == 0] = 1.0
    units = vectors / lengths[:, None]
    projected = units @ _matrix(vectors.shape[1], dim).T
    shrunk = _lengths(projected)
    # What remains of a vector orthogonal to all rows is rounding error, not a direction worth keeping.
    lost = (shrunk < 1e-6) & vectors.any(axis=1)
    projected[lost] = 1.0
    shrunk[lost] = math.sqrt(dim)
    shrunk[shrunk == 0] = 1.0
    projected *= (lengths / shrunk)[:, None]
    return np.ascontiguousarray(projected, dtype=np.float32)


def _lengths(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", wide, wide)
    return np.sqrt(squares)


@lru_cache(maxsize=8)
def _matrix(source: int, dim: int) -> FloatMatrix:
    """`dim` orthonormal rows of `source` components, float32; the first rows do not depend on `dim`.

    The cosines are those of 4 * source angles, each computed once: products of large numbers are reduced as integers,
    which is exact.
    """
    circle = np.array([math.cos(math.pi * step / (2 * source)) for step in range(4 * source)])
    rows = np.array(sorted(range(source), key=lambda row: _bits("row", row))[:dim])
    columns = 2 * np.arange(source) + 1
    matrix = circle[rows[:, None] * columns % (4 * source)] * math.sqrt(2 / source)
    matrix[rows == 0] = math.sqrt(1 / source)
    matrix *= [1 - 2 * (_bits("sign", column) & 1) for column in range(source)]
    result: FloatMatrix = matrix.astype(np.float32)
    result.flags.writeable = False
    return result


def _bits(purpose: str, number: int) -> int:
    """64 pseudorandom bits that are the same everywhere."""
    return int.from_bytes(blake2b(f"{purpose} {number}".encode(), digest_size=8).digest(), "little")


def _checked(value: int, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidArgument(f"{name} must be a whole number of at least 1", name=name, value=value)
    return value
