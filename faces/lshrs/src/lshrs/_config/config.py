"""The hash of a vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

__all__ = ["HashSignatures"]


class HashSignatures(tuple[bytes, ...]):
    """The signatures of one vector, one `bytes` per band. A tuple: it compares, hashes, iterates and indexes like one.

    Args:
        bands: any iterable of bytes-like objects.
    """

    __slots__ = ()

    def __new__(cls, bands: Iterable[bytes | bytearray | memoryview] = ()) -> HashSignatures:
        made = []
        for number, band in enumerate(bands):
            if not isinstance(band, (bytes, bytearray, memoryview)):
                raise TypeError(f"band {number} must be bytes, got {type(band).__name__}")
            made.append(bytes(band))
        return super().__new__(cls, made)

    @property
    def bands(self) -> tuple[bytes, ...]:
        """The signatures, in the order of the bands."""
        return tuple(self)

    def as_tuple(self) -> tuple[bytes, ...]:
        """The same as `bands`."""
        return tuple(self)

    def __getnewargs__(self) -> tuple[tuple[bytes, ...]]:
        return (tuple(self),)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"HashSignatures cannot be changed: {name}")

    def __repr__(self) -> str:
        return f"HashSignatures(bands=[{', '.join(band.hex() for band in self)}])"
