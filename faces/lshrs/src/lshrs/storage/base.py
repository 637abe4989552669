"""The contract of a storage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BucketOperation", "Storage", "is_lasting"]


class BucketOperation(NamedTuple):
    """Index `index` belongs in the bucket `signature` of band `band_id`."""

    band_id: int
    signature: bytes
    index: int  # type: ignore[assignment]  # the name that the document gives it hides tuple.index


class Storage(ABC):
    """Buckets of indices by band and signature.

    Adding is idempotent: a batch that failed halfway can be sent again. The two methods that are not abstract exist
    because some storages do them faster; the versions here define the correct result.

    Attributes:
        index_max: the largest index that can be kept; None for no limit.
    """

    index_max: int | None = None

    @abstractmethod
    def add_to_bucket(self, band_id: int, signature: bytes, index: int) -> None:
        """Adds an index to a bucket, immediately."""

    @abstractmethod
    def get_bucket(self, band_id: int, signature: bytes) -> set[int]:
        """Returns the indices in a bucket; empty if it does not exist."""

    @abstractmethod
    def batch_add(self, operations: Sequence[tuple[int, bytes, int]]) -> None:
        """Adds many indices to buckets; all have been added when it returns."""

    @abstractmethod
    def remove_indices(self, indices: Sequence[int]) -> None:
        """Removes indices from every bucket; unknown ones are ignored."""

    @abstractmethod
    def clear(self) -> None:
        """Deletes all buckets."""

    @abstractmethod
    def close(self) -> None:
        """Closes connections and files; may be called more than once."""

    def get_buckets(self, places: Iterable[tuple[int, bytes]]) -> list[set[int]]:
        """Returns several buckets, in the order of `places`."""
        return [self.get_bucket(band_id, signature) for band_id, signature in places]

    def add_signatures(self, indices: Sequence[int], signatures: NDArray[np.uint8]) -> None:
        """Adds each index to a bucket of each band.

        Args:
            indices: n of them.
            signatures: uint8 of shape (n, bands, bytes per band).
        """
        self.batch_add(operations_of(indices, signatures))


def is_lasting(error: BaseException) -> bool:
    """Returns whether an error of Redis recurs whenever the batch is sent again: a key has another type than a set.

    The rest of the batch has been carried out in that case.
    """
    return str(error).startswith("WRONGTYPE")


def operations_of(indices: Sequence[int], signatures: NDArray[np.uint8]) -> list[tuple[int, bytes, int]]:
    """Returns one operation per index and band, vector by vector."""
    width = signatures.shape[2]
    operations: list[tuple[int, bytes, int]] = []
    for index, row in zip(indices, signatures):
        data = row.tobytes()
        operations += [
            BucketOperation(band, data[start : start + width], index)
            for band, start in enumerate(range(0, len(data), width))
        ]
    return operations
