"""Signs of random projections: the locality-sensitive hash for cosine, its bands, and their collision probability.

A bit is 1 if a projection of the vector is positive. Two vectors agree in a bit with probability 1 - angle / pi
(Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002, section 3). Bits are split into
bands, each the key of a bucket in its own table; vectors are candidates of each other if any band is equal.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..contract import FloatMatrix

__all__ = ["SignHasher", "collision_probability", "cosine_to_agreement", "signature_bytes"]

_EPSILON: Final = float(np.finfo(np.float32).eps)
_CHUNK_BYTES: Final = 8 << 20  # projections of this many rows at a time stay in the cache


def signature_bytes(rows_per_band: int) -> int:
    """Bytes of one band's signature: eight bits per byte, the last one padded with zeros."""
    return -(-rows_per_band // 8)


class SignHasher:
    """Signatures of vectors under fixed projections.

    A bit is the sign of the exact inner product of float32 components, independent of the machine, the linear algebra
    library and the number of vectors hashed together: values within the rounding error of a float32 product are
    recomputed exactly.

    Args:
        projections: float32, shape (bands, rows_per_band, dim).
    """

    def __init__(self, projections: NDArray[np.float32]) -> None:
        self.projections = projections
        self.bands, self.rows_per_band, self.dim = projections.shape
        flat = projections.reshape(-1, self.dim)
        self._columns = np.ascontiguousarray(flat.T)
        # |float32 product - exact| <= dim * eps * |a| |b| / (1 - dim * eps), in any order of summation
        # (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1); twice that, as norms are rounded.
        norms = np.linalg.norm(flat.astype(np.float64), axis=1)
        self._doubt = (2 * (self.dim + 2) * _EPSILON * norms).astype(np.float32)
        # In addition, each product of tiny numbers may lose half of the smallest float32.
        self._underflow = np.float32(self.dim * float(np.finfo(np.float32).smallest_subnormal))

    @classmethod
    def seeded(cls, bands: int, rows_per_band: int, dim: int, seed: int) -> SignHasher:
        """Projections drawn band by band from NumPy's default generator: float64 normals, converted to float32.

        The first bands do not depend on the number of bands.
        """
        random = np.random.default_rng(seed)
        drawn = [random.standard_normal((rows_per_band, dim)).astype(np.float32) for _ in range(bands)]
        return cls(np.stack(drawn))

    def signatures(self, vectors: FloatMatrix) -> NDArray[np.uint8]:
        """Signatures of vectors, float32 of shape (n, dim), finite.

        Returns:
            uint8, shape (n, bands, signature_bytes(rows_per_band)); bit i of a band is in byte i // 8, least
            significant bit first.
        """
        out = np.empty((len(vectors), self.bands, signature_bytes(self.rows_per_band)), np.uint8)
        step = max(1, _CHUNK_BYTES // max(1, 4 * len(self._doubt)))
        for start in range(0, len(vectors), step):
            chunk = np.ascontiguousarray(vectors[start : start + step])
            bits = self._bits(chunk).reshape(len(chunk), self.bands, self.rows_per_band)
            out[start : start + step] = np.packbits(bits, axis=2, bitorder="little")
        return out

    def _bits(self, vectors: FloatMatrix) -> NDArray[np.bool_]:
        with np.errstate(over="ignore", invalid="ignore"):  # infinite products are recomputed, like all doubtful ones
            products = vectors @ self._columns
            norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)).astype(np.float32)
            sure = np.abs(products) > norms[:, np.newaxis] * self._doubt + self._underflow
        bits = products > 0
        sure &= np.isfinite(products)
        if not sure.all():
            for row, column in np.argwhere(~sure):
                bits[row, column] = _is_positive(vectors[row], self._columns[:, column])
        return bits


def _is_positive(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Whether the exact inner product is positive: float32 products are exact in float64, and fsum rounds once."""
    return math.fsum((a.astype(np.float64) * b.astype(np.float64)).tolist()) > 0


def collision_probability(agreement: ArrayLike, bands: int, rows_per_band: int) -> NDArray[np.float64]:
    """The probability that any band of two vectors is equal: 1 - (1 - s^rows)^bands.

    Args:
        agreement: probability s that one bit agrees, from 0 to 1; see `cosine_to_agreement`.
        bands: tables.
        rows_per_band: bits of a table's key.
    """
    return np.asarray(1 - (1 - np.asarray(agreement, np.float64) ** rows_per_band) ** bands)


def cosine_to_agreement(cosine: ArrayLike) -> NDArray[np.float64]:
    """The probability that one bit of two vectors with this cosine agrees: 1 - arccos(cosine) / pi."""
    return np.asarray(1 - np.arccos(np.clip(np.asarray(cosine, np.float64), -1, 1)) / np.pi)
