"""Raw vectors by slot: mapped from a file, or in anonymous memory. Each slot is written once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from ..contract import FloatMatrix
from .files import ByteArray, File

_COMPONENT_BYTES = 4
_MAP_BYTES_MIN = 64 << 20  # address space, not memory


class Vectors(Protocol):
    """float32 vectors of one dimension, which the first vector may set."""

    @property
    def dimension(self) -> int | None: ...

    def fix_dimension(self, dimension: int | None) -> None:
        """None if the write that would have set it was rolled back."""

    def end(self) -> int:
        """The first slot past all bytes written, by any process."""
        ...

    def write(self, first: int, block: FloatMatrix) -> None:
        """Writes `block`, shape (n, dim), to the slots from `first`."""

    def give_back(self, end: int) -> None:
        """Undoes a write that no commit refers to; the caller holds the write lock."""

    def sync(self) -> None: ...

    def matrix(self, slot_count: int) -> FloatMatrix:
        """Slots 0 to at most `slot_count`, shape (n, dim): fewer if the last ones were never written."""
        ...

    def raw(self, slot: int) -> memoryview | bytes:
        """The bytes of one vector; fewer if some are missing."""
        ...

    def close(self) -> None: ...


class FileVectors:
    """`vectors.f32` through a shared map.

    Args:
        dimension: None if no vector was written yet, as far as the caller knows.
        find_dimension: reads it from the records, since another process may have written the first vector.
    """

    def __init__(
        self,
        file: File,
        dimension: int | None,
        maps_past_end: bool,
        find_dimension: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._file = file
        self._find_dimension = find_dimension
        self._row_bytes = 0 if dimension is None else dimension * _COMPONENT_BYTES
        self._maps_past_end = maps_past_end
        # (bytes of the file known to exist, map): a single tuple, so that threads always see a matching pair
        self._mapped: tuple[int, ByteArray] = (0, np.empty(0, dtype=np.uint8))
        self._whole: FloatMatrix = np.empty((0, 0), dtype=np.float32)  # the last matrix returned, if it was complete

    @property
    def dimension(self) -> int | None:
        return self._row_bytes // _COMPONENT_BYTES or None

    def fix_dimension(self, dimension: int | None) -> None:
        self._row_bytes = 0 if dimension is None else dimension * _COMPONENT_BYTES

    def _knows_dimension(self) -> bool:
        if not self._row_bytes:
            self.fix_dimension(self._find_dimension())
        return self._row_bytes > 0

    def end(self) -> int:
        return -(-self._file.size() // self._row_bytes) if self._row_bytes else 0

    def write(self, first: int, block: FloatMatrix) -> None:
        self._file.write_at(first * self._row_bytes, block.data)

    def give_back(self, end: int) -> None:
        self._file.truncate(end * self._row_bytes)

    def sync(self) -> None:
        self._file.sync()

    def matrix(self, slot_count: int) -> FloatMatrix:
        if not self._row_bytes and not self._knows_dimension():
            return np.empty((0, 0), dtype=np.float32)
        shape = slot_count, self._row_bytes // _COMPONENT_BYTES
        whole = self._whole
        if whole.shape == shape:  # the usual case of repeated searches
            return whole
        there, mapped = self._reach(slot_count * self._row_bytes)
        rows = min(slot_count, there // self._row_bytes)
        flat = mapped[: rows * self._row_bytes].view(np.float32)
        matrix = flat.reshape(rows, shape[1])
        if matrix.shape == shape:
            self._whole = matrix
        return matrix

    def raw(self, slot: int) -> memoryview | bytes:
        if not self._row_bytes and not self._knows_dimension():
            return b""
        start, end = slot * self._row_bytes, (slot + 1) * self._row_bytes
        there, mapped = self._reach(end)
        return mapped[start:end].data if end <= there else b""

    def _reach(self, wanted: int) -> tuple[int, ByteArray]:
        """A map that covers the first `wanted` bytes, or as many as exist."""
        there, mapped = self._mapped
        if wanted <= there:
            return there, mapped
        # Touching a page past the end would be a bus error, and another writer may truncate what is past `wanted`.
        there = min(self._file.size(), wanted)
        if there > len(mapped):
            room = max(_MAP_BYTES_MIN, 2 * there) if self._maps_past_end else there
            mapped = self._file.map(room)
        self._mapped = (there, mapped)
        return self._mapped

    def close(self) -> None:
        self._mapped = (0, np.empty(0, dtype=np.uint8))
        self._whole = np.empty((0, 0), dtype=np.float32)
        self._file.close()


class MemoryVectors:
    """The same in an array that grows by doubling; older, smaller arrays stay valid for callers that hold them."""

    def __init__(self, dimension: int | None) -> None:
        self._array: FloatMatrix = np.empty((0, dimension or 0), dtype=np.float32)
        self._end = 0
        self._whole = self._array  # the last matrix returned, if it was complete

    @property
    def dimension(self) -> int | None:
        return self._array.shape[1] or None

    def fix_dimension(self, dimension: int | None) -> None:
        if self._array.shape[1] != (dimension or 0):
            self._array, self._end = np.empty((0, dimension or 0), dtype=np.float32), 0
            self._whole = self._array

    def end(self) -> int:
        return self._end

    def write(self, first: int, block: FloatMatrix) -> None:
        end = first + len(block)
        if end > len(self._array):
            grown = np.zeros((max(end, 2 * len(self._array), 64), block.shape[1]), dtype=np.float32)
            grown[: self._end] = self._array[: self._end]
            self._array = grown
        self._array[first:end] = block
        self._end, self._whole = end, self._array[:0]

    def give_back(self, end: int) -> None:
        self._end, self._whole = min(self._end, end), self._array[:0]

    def sync(self) -> None:
        pass

    def matrix(self, slot_count: int) -> FloatMatrix:
        array, whole = self._array, self._whole
        if whole.shape != (slot_count, array.shape[1]):
            whole = array[: min(slot_count, self._end)]
            if len(whole) == slot_count:
                self._whole = whole
        return whole

    def raw(self, slot: int) -> memoryview | bytes:
        return self._array[slot].data.cast("B") if slot < self._end else b""

    def close(self) -> None:
        self._array = self._whole = self._array[:0].copy()
        self._end = 0
