"""Buckets in this process: for tests, and for data that need not outlive it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vicinal.locks import new_lock

from .base import Storage

__all__ = ["MemoryStorage"]


class MemoryStorage(Storage):
    """Buckets in dictionaries; many threads may use one."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._buckets: dict[tuple[int, bytes], set[int]] = defaultdict(set)
        self._places: dict[int, set[tuple[int, bytes]]] = defaultdict(set)

    def add_to_bucket(self, band_id: int, signature: bytes, index: int) -> None:
        self.batch_add([(band_id, signature, index)])

    def get_bucket(self, band_id: int, signature: bytes) -> set[int]:
        with self._lock:
            return set(self._buckets.get((band_id, signature), ()))

    def batch_add(self, operations: Sequence[tuple[int, bytes, int]]) -> None:
        with self._lock:
            for band_id, signature, index in operations:
                place = (band_id, bytes(signature))
                self._buckets[place].add(index)
                self._places[index].add(place)

    def remove_indices(self, indices: Sequence[int]) -> None:
        with self._lock:
            for index in indices:
                for place in self._places.pop(index, ()):
                    bucket = self._buckets[place]
                    bucket.discard(index)
                    if not bucket:
                        del self._buckets[place]

    def clear(self) -> None:
        with self._lock:
            self._buckets.clear()
            self._places.clear()

    def close(self) -> None:
        """Does nothing; the buckets stay as long as the object."""

    def __repr__(self) -> str:
        return f"MemoryStorage({len(self._places)} indices in {len(self._buckets)} buckets)"
