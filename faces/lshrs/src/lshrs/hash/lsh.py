"""Random projections, and the signatures formed by their signs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vicinal.indexes.sign_hashing import SignHasher

from .._config.config import HashSignatures
from ..numbers import checked_seed, checked_size

__all__ = ["LSHHasher"]


class LSHHasher:
    """Computes signatures of vectors from the signs of random projections, bit for bit those of the original package.

    Args:
        num_bands: independent tables.
        rows_per_band: bits of a table's key.
        dim: components of a vector.
        seed: of the projections, for NumPy's default generator.

    Raises:
        ValueError: a number is not greater than zero, or the seed is negative.
        TypeError: an argument is not an integer.
    """

    def __init__(self, num_bands: int, rows_per_band: int, dim: int, seed: int = 42) -> None:
        bands = checked_size("num_bands", num_bands)
        rows = checked_size("rows_per_band", rows_per_band)
        self._use(SignHasher.seeded(bands, rows, checked_size("dim", dim), checked_seed(seed)))

    @classmethod
    def from_projections(cls, projections: Sequence[ArrayLike]) -> LSHHasher:
        """Returns a hasher with the given matrices, one per band, each of shape (rows_per_band, dim).

        Raises:
            ValueError: there is no matrix, or their shapes differ.
        """
        matrices = [np.asarray(matrix, np.float32) for matrix in projections]
        shapes = {matrix.shape for matrix in matrices}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2 or 0 in next(iter(shapes)):
            raise ValueError(f"projections must be matrices of one shape (rows_per_band, dim), got {sorted(shapes)}")
        hasher = cls.__new__(cls)
        hasher._use(SignHasher(np.stack(matrices)))
        return hasher

    def _use(self, hasher: SignHasher) -> None:
        self._hasher = hasher
        self.num_bands, self.rows_per_band, self.dim = hasher.bands, hasher.rows_per_band, hasher.dim
        self.projections = list(hasher.projections)

    def hash_vector(self, vector: ArrayLike) -> HashSignatures:
        """Returns the signatures of one vector, converted to float32 and flattened; a zero vector has no bit set.

        Raises:
            ValueError: the dimension is not `dim`, or a component is not finite.
        """
        flat = np.asarray(vector, np.float32).ravel()
        if len(flat) != self.dim:
            raise ValueError(f"vector has dimension {len(flat)}, expected {self.dim}")
        return self._wrapped(flat[np.newaxis])[0]

    def hash_batch(self, vectors: ArrayLike) -> list[HashSignatures]:
        """Returns the signatures of each row of a matrix (n, dim).

        Raises:
            ValueError: the array is not two-dimensional, has another dimension, or has a component that is not finite.
        """
        matrix = np.asarray(vectors, np.float32)
        if matrix.ndim != 2 or matrix.shape[1] != self.dim:
            raise ValueError(f"vectors must have the shape (n, {self.dim}), got {matrix.shape}")
        return self._wrapped(matrix)

    def signatures(self, vectors: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Returns the same as one array: uint8 of shape (n, num_bands, bytes per band)."""
        return self._hasher.signatures(vectors)

    def _wrapped(self, matrix: NDArray[np.float32]) -> list[HashSignatures]:
        if not np.isfinite(matrix).all():
            row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
            raise ValueError(f"vector {row} has a component that is not finite")
        return [HashSignatures(band.tobytes() for band in row) for row in self.signatures(matrix)]

    def __repr__(self) -> str:
        return f"LSHHasher(num_bands={self.num_bands}, rows_per_band={self.rows_per_band}, dim={self.dim})"
