"""What is native or plain: distances, and checksums."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .words import FloatMatrix, FloatVector, Metric, Slots


class Kernels(Protocol):
    """Distances over a matrix of stored vectors. Native code and its NumPy reference both fit here.

    `vectors` is float32, C-contiguous, shape (n, dim); `query` float32, shape (dim,).
    """

    name: str

    def scan(self, metric: Metric, vectors: FloatMatrix, query: FloatVector, out: FloatVector) -> None:
        """Fast approximate raw values of all rows into `out`, float32, shape (n,).

        cosine and ip: the dot product; l2: the *squared* distance; l1: the distance. Summed in float32
        in any order, so each value is within `(dim + 2) * 2**-23` of the true one, relative to the
        sum of the magnitudes of its terms.
        """

    def score(self, metric: Metric, vectors: FloatMatrix, slots: Slots, query: FloatVector) -> FloatVector:
        """Scores of the rows `slots`, float32, shape (len(slots),), higher is better.

        The one function behind every score that a user sees: float32 components, summed in
        float64 in eight interleaved lanes, rounded once to float32. Bit-equal on every
        implementation. cosine in [-1, 1] (0 where a vector is zero); ip: dot; l2: minus the rooted
        distance; l1: minus the distance.
        """
        ...

    def squared_norms(self, vectors: FloatMatrix) -> NDArray[np.float64]:
        """Sum of squares of each row in the lanes of `score`, float64, shape (n,)."""
        ...


class Checksums(Protocol):
    """CRC-32 over much at once. The native core and plain Python both fit here.

    Rows are tuples of the columns of the table `rows`: slot, id, change, crc, expires_at, space, sparse,
    metadata, text. A row with a space has the vector `vectors[slot - first]`; past the end it has none.
    """

    def crc32(self, data: NDArray[np.uint8], start: int = 0) -> int:
        """Of bytes, shape (n,), C-contiguous, that follow others whose checksum is `start`."""
        ...

    def sealed_rows(
        self, rows: list[tuple[Any, ...]], vectors: FloatMatrix | None, first: int
    ) -> list[tuple[Any, ...]]:
        """The rows with their checksum in place of what stood there. Raises TypeError for a column without one."""
        ...

    def first_broken(self, rows: list[tuple[Any, ...]], vectors: FloatMatrix | None) -> int:
        """Place of the first row that is not what was written, -1 for none; `vectors` from slot 0."""
        ...
