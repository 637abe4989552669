"""Signatures waiting to be sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vicinal.locks import new_lock

from ..storage.base import Storage, is_lasting, operations_of

__all__ = ["Buffer"]


class _Block(NamedTuple):
    indices: list[int]
    signatures: NDArray[np.uint8]


class Buffer:
    """Signatures in the order in which they were added. Its length counts operations, one per vector and band.

    Many threads may add and send; each operation is sent once, and again after a failure.
    """

    def __init__(self) -> None:
        self._lock = new_lock()
        self._blocks: list[_Block] = []
        self._operations = 0

    def __len__(self) -> int:
        return self._operations

    def __iter__(self) -> Iterator[tuple[int, bytes, int]]:
        with self._lock:
            blocks = list(self._blocks)
        for block in blocks:
            yield from operations_of(block.indices, block.signatures)

    def add(self, indices: Sequence[int], signatures: NDArray[np.uint8]) -> int:
        """Adds vectors and returns the number of operations waiting now."""
        with self._lock:
            self._blocks.append(_Block(list(indices), signatures))
            self._operations += len(indices) * signatures.shape[1]
            return self._operations

    def discard(self) -> None:
        """Discards all waiting operations."""
        with self._lock:
            self._blocks, self._operations = [], 0

    def send(self, storage: Storage) -> None:
        """Sends everything to the storage; does nothing if nothing is waiting.

        After a failure, the operations wait again, before those added meanwhile. The exception is a batch that the
        server has carried out except for keys of another type: it would fail forever.
        """
        with self._lock:
            blocks, self._blocks, self._operations = self._blocks, [], 0
        if not blocks:
            return
        try:
            storage.add_signatures(*_joined(blocks))
        except BaseException as error:
            if is_lasting(error):
                raise
            with self._lock:
                self._blocks[:0] = blocks
                self._operations += sum(len(block.indices) * block.signatures.shape[1] for block in blocks)
            raise


def _joined(blocks: list[_Block]) -> tuple[list[int], NDArray[np.uint8]]:
    if len(blocks) == 1:
        return blocks[0]
    return [index for block in blocks for index in block.indices], np.concatenate([b.signatures for b in blocks])
