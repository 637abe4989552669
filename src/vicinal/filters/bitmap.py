"""Bitmaps of slots: bit i of word i // 64 is slot i. Bits past the last slot are off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contract import Bitmap

BoolArray = NDArray[np.bool_]

_WORD_BITS = 64


def pack(flags: BoolArray) -> Bitmap:
    """One bit per flag, uint64, shape (ceil(len(flags) / 64),)."""
    words = np.zeros(-(-len(flags) // _WORD_BITS), dtype="<u8")
    packed = np.packbits(flags, bitorder="little")
    words.view(np.uint8)[: len(packed)] = packed
    return words.astype(np.uint64, copy=False)


def unpack(words: Bitmap, count: int) -> BoolArray:
    """The first `count` bits as flags; missing bits are off."""
    octets = words.astype("<u8", copy=False).view(np.uint8)
    return np.unpackbits(octets, count=count, bitorder="little").view(np.bool_)


def popcount(words: Bitmap) -> int:
    """The number of bits that are on."""
    return int(np.bitwise_count(words).sum())
